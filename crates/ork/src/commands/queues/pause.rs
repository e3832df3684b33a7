//! `ork queues pause`.

use anyhow::Result;
use ork_core::limits::is_name;
use serde_json::json;

use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::history::History;
use crate::output::Output;

/// Options of `ork queues pause`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
No worker gets a task of it any more, of whatever host, until `ork queues resume`. What is at work goes on to its end, and \
so does what `ork run` carries itself: that is in no queue.

Examples:
  ork queues pause video
  ork queues resume video")]
pub struct Args {
    /// A queue; it need not hold anything.
    #[arg(value_name = "QUEUE")]
    pub queue: String,
}

/// Carries out `ork queues pause`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    check(&args.queue)?;
    let history = History::open(out, config).await?;
    let asked = history.pause_queue(&args.queue).await?;
    if out.json {
        out.value(&json!({"queue": args.queue, "asked": asked}))?;
        return Ok(Exit::Success);
    }
    out.data(format!("paused: {}{}", args.queue, if asked { "" } else { " was so already" }))?;
    out.talk(format!("go on with: ork queues resume {}{}", args.queue, history.flags()));
    Ok(Exit::Success)
}

/// Whether a queue can be called so.
///
/// # Errors
/// When it cannot.
pub fn check(queue: &str) -> Result<(), Refusal> {
    if is_name(queue) {
        return Ok(());
    }
    Err(Refusal::usage(format!("no queue can be called `{queue}`"))
        .hint("1 to 128 letters, digits, `.`, `_`, `-`; the parts of hosts are paused with their queue"))
}
