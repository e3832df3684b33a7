//! `ork secrets delete`.

use anyhow::Result;
use serde_json::json;

use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::output::Output;
use crate::world::World;

/// Options of `ork secrets delete`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
A task that reads it fails when it begins; one that is at work keeps what it has.

Examples:
  ork secrets delete deploy-token")]
pub struct Args {
    /// A secret.
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// Carries out `ork secrets delete`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let world = World::find(out, config).await?;
    if !world.store.delete_secret(world.workspace, &args.name).await? {
        return Err(Refusal::no_match(format!("there is no secret `{}`", args.name))
            .hint(format!("ork secrets list{}", world.flags()))
            .into());
    }
    if out.json {
        out.value(&json!({"name": args.name, "deleted": true}))?;
    } else {
        out.data(format!("deleted: {}", args.name))?;
    }
    Ok(Exit::Success)
}
