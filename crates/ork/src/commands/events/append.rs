//! `ork events append`.

use std::io::Read;

use anyhow::Result;
use ork_api::{AppendEvents, NewEvent};
use ork_core::limits::EVENT_BYTES_MAX;
use serde_json::Value;

use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::history::History;
use crate::ids;
use crate::output::Output;

/// Options of `ork events append`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Events of your own stand among those of the run, in order and for good, with your name. A run that is over takes them as well.

Examples:
  ork events append last bot.reviewed
  ork events append last bot.score --task render --payload '{\"score\": 0.93}'
  ork events append last bot.report --payload @report.json")]
pub struct Args {
    /// A run.
    #[arg(value_name = "RUN")]
    pub run: String,
    /// What happened: `bot.`, and 1 to 120 of a-z, 0-9, `.`, `_`, `-`.
    #[arg(value_name = "TYPE")]
    pub event_type: String,
    /// What else there is to say: JSON, or @FILE with it; @- is stdin.
    #[arg(long, value_name = "JSON")]
    pub payload: Option<String>,
    /// The task that it is about: KEY, or KEY/INDEX.
    #[arg(long, value_name = "KEY")]
    pub task: Option<String>,
}

/// Carries out `ork events append`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let payload = args.payload.as_deref().map(payload).transpose()?;
    let history = History::find(out, config).await?;
    let id = ids::run(&history, &args.run).await?;
    let event = NewEvent { event_type: args.event_type, task: args.task, payload };
    let appended = history.append_events(id, &AppendEvents { events: vec![event] }).await?;
    if out.json {
        out.value(&serde_json::to_value(&appended)?)?;
    } else {
        out.data(format!("event {} of {}", appended.seq, appended.run_id))?;
    }
    Ok(Exit::Success)
}

/// What was given as JSON, or as a file of it.
fn payload(text: &str) -> Result<Value> {
    let text = match text.strip_prefix('@') {
        None => text.to_owned(),
        Some("-") => read("stdin", std::io::stdin())?,
        Some(path) => {
            let file = std::fs::File::open(path).map_err(|error| Refusal::usage(format!("`{path}`: {error}")))?;
            read(path, file)?
        }
    };
    Ok(serde_json::from_str(&text).map_err(|error| Refusal::usage(format!("the payload is not JSON: {error}")))?)
}

fn read(name: &str, from: impl Read) -> Result<String> {
    // White space is not kept, so that there may be more of it than of what is.
    let limit = 4 * EVENT_BYTES_MAX as u64;
    let mut text = String::new();
    let wrong = |why: String| Refusal::usage(format!("`{name}`: {why}"));
    from.take(limit + 1).read_to_string(&mut text).map_err(|error| wrong(error.to_string()))?;
    if text.len() as u64 > limit {
        return Err(wrong(format!("a payload has at most {EVENT_BYTES_MAX} bytes")).into());
    }
    Ok(text)
}
