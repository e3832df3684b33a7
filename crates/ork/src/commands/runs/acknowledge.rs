//! `ork runs acknowledge`.

use anyhow::Result;
use ork_core::error::StoreError;
use serde_json::json;

use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::ids;
use crate::output::Output;
use crate::world::{SCOPE, World};

/// Options of `ork runs acknowledge`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Says that you have seen how a run ended. It changes nothing of the run; lists can leave it out.

Examples:
  ork runs list is:unacknowledged status:failed
  ork runs acknowledge last")]
pub struct Args {
    /// Runs that are over.
    #[arg(value_name = "RUN", required = true)]
    pub run: Vec<String>,
}

/// Carries out `ork runs acknowledge`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let world = World::find(out, config).await?;
    let mut runs = Vec::new();
    for text in &args.run {
        runs.push(ids::run(world.store.as_ref(), SCOPE, text).await?);
    }
    for id in runs {
        let asked = match world.store.acknowledge_run(SCOPE, id, &world.actor(), world.now()).await {
            Err(StoreError::Conflict(message)) => {
                return Err(Refusal::usage(message).hint(format!("ork runs watch {id}{}", world.flags())).into());
            }
            answer => answer?,
        };
        if out.json {
            out.value(&json!({"run_id": id.to_string(), "asked": asked}))?;
        } else {
            out.data(format!("acknowledged: {id}{}", if asked { "" } else { " was so already" }))?;
        }
    }
    Ok(Exit::Success)
}
