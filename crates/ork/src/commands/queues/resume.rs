//! `ork queues resume`.

use anyhow::Result;
use serde_json::json;

use super::pause::check;
use crate::config::Config;
use crate::exit_code::Exit;
use crate::history::History;
use crate::output::Output;

/// Options of `ork queues resume`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  ork queues resume video")]
pub struct Args {
    /// A queue.
    #[arg(value_name = "QUEUE")]
    pub queue: String,
}

/// Carries out `ork queues resume`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    check(&args.queue)?;
    let history = History::find(out, config).await?;
    let asked = history.resume_queue(&args.queue).await?;
    if out.json {
        out.value(&json!({"queue": args.queue, "asked": asked}))?;
    } else {
        out.data(format!("resumed: {}{}", args.queue, if asked { "" } else { " was not paused" }))?;
    }
    Ok(Exit::Success)
}
