//! `ork workflows delete`.

use anyhow::Result;
use ork_core::id::WorkspaceId;
use ork_core::store::{Deleted, Expected};
use serde_json::json;

use super::missing;
use crate::config::Config;
use crate::exit_code::Exit;
use crate::output::Output;
use crate::world::World;

/// Options of `ork workflows delete`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Runs of it stay, go on, and can be repeated. `ork workflows apply` brings it back with all of its revisions.

Examples:
  ork workflows delete nightly")]
pub struct Args {
    /// A stored workflow.
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// Carries out `ork workflows delete`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let world = World::find(out, config).await?;
    let (store, name) = (&world.store, args.name.as_str());
    let deleted = store.delete_workflow(WorkspaceId::DEFAULT, name, Expected::Anything, world.now()).await?;
    if deleted != Deleted::Done {
        return Err(missing(&world, name).into());
    }
    if out.json {
        out.value(&json!({"name": name, "deleted": true}))?;
    } else {
        out.data(format!("deleted: {name}"))?;
    }
    Ok(Exit::Success)
}
