//! `ork hooks delete`.

use anyhow::Result;
use serde_json::json;

use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::output::Output;
use crate::world::World;

/// Options of `ork hooks delete`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  ork hooks delete ci")]
pub struct Args {
    /// A hook.
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// Carries out `ork hooks delete`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let world = World::find(out, config).await?;
    let deleted = world.store.delete_hook(world.workspace, &args.name).await?;
    if !deleted {
        return Err(Refusal::no_match(format!("there is no hook `{}`", args.name)).into());
    }
    if out.json {
        out.value(&json!({"name": args.name, "deleted": true}))?;
    } else {
        out.data(format!("deleted: {}", args.name))?;
    }
    Ok(Exit::Success)
}
