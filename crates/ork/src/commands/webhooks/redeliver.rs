//! `ork webhooks redeliver`.

use anyhow::Result;
use serde_json::json;

use super::{deliveries, desk};
use crate::config::Config;
use crate::exit_code::Exit;
use crate::output::Output;
use crate::world::World;

/// Options of `ork webhooks redeliver`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
A message keeps its id, so that whoever heard it before can tell, and is tried as often as a new one. It is sent by `ork serve` \
or `ork worker`.

Examples:
  ork webhooks redeliver msg_019f3c2e-7a54-7d1c-b0f1-c1ca20000000
  ork webhooks redeliver --failed
  ork webhooks redeliver --failed --endpoint ci")]
pub struct Args {
    /// The message.
    #[arg(value_name = "MESSAGE", required_unless_present = "failed", conflicts_with = "failed")]
    pub message: Option<String>,
    /// All messages that failed.
    #[arg(long)]
    pub failed: bool,
    /// Of them only those for this endpoint.
    #[arg(long, value_name = "ENDPOINT", requires = "failed")]
    pub endpoint: Option<String>,
}

/// Carries out `ork webhooks redeliver`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let world = World::find(out, config).await?;
    let Some(text) = &args.message else {
        let endpoint = match &args.endpoint {
            Some(text) => Some(desk(&world).endpoint(text).await?.id),
            None => None,
        };
        let asked = world.store.redeliver_failed(world.scope(), endpoint, world.now()).await?;
        if out.json {
            out.value(&json!({"asked": asked}))?;
        } else {
            out.data(format!("sent again: {asked}"))?;
        }
        return Ok(Exit::Success);
    };
    let row = deliveries::find(&world, text).await?;
    world.store.redeliver(world.scope(), row.id, world.now()).await?;
    if out.json {
        out.value(&json!({"asked": 1}))?;
    } else {
        out.data(format!("{} is sent again", row.id))?;
    }
    Ok(Exit::Success)
}
