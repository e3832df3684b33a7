//! `ork webhooks test`.

use anyhow::Result;
use ork_core::id::DeliveryId;
use ork_core::store::{Addressee, DeliveryRow};
use ork_engine::{Letter, Post, Sent};
use serde_json::json;

use super::desk;
use crate::config::Config;
use crate::entropy::OsEntropy;
use crate::exit_code::{Exit, Refusal};
use crate::output::Output;
use crate::post::Courier;
use crate::world::World;

/// Options of `ork webhooks test`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
It is sent from here, once, signed like any other message, and is not in the list of messages. It ends with 1 when nobody heard \
it.

Examples:
  ork webhooks test ci")]
pub struct Args {
    /// An endpoint, by its name or its id.
    #[arg(value_name = "ENDPOINT")]
    pub endpoint: String,
}

/// Carries out `ork webhooks test`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let world = World::find(out, config).await?;
    let endpoint = desk(&world).endpoint(&args.endpoint).await?;
    let (now, url) = (world.now(), endpoint.url.clone());
    let delivery = DeliveryRow::test(&endpoint, DeliveryId::new(now, &mut OsEntropy), now);
    let id = delivery.id;
    let Some(addressee) = Addressee::of_endpoint(endpoint, now) else {
        let message = format!("`{}` is disabled", args.endpoint);
        let hint = format!("ork webhooks endpoints change {} --enable{}", args.endpoint, world.flags());
        return Err(Refusal::usage(message).hint(hint).into());
    };
    let post = Courier::new(&world);
    let Sent { status_code, error, response, .. } =
        post.send(&Letter { delivery, addressee, run: None, task: None, now }).await;
    if out.json {
        let value =
            json!({"id": id.to_string(), "url": url, "status_code": status_code, "error": error, "response": response});
        out.value(&value)?;
    } else {
        let said = error.clone().unwrap_or_else(|| format!("heard, with {}", status_code.unwrap_or_default()));
        out.data(format!("{url}: {}", said.escape_debug()))?;
    }
    Ok(if error.is_none() { Exit::Success } else { Exit::Failed })
}
