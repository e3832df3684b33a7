//! `ork tasks retry`.

use anyhow::Result;
use ork_core::id::TaskRef;
use ork_core::state::TaskStatus;
use serde_json::json;

use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::history::History;
use crate::ids;
use crate::output::Output;

/// Options of `ork tasks retry`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Ends the wait of a task that is `retrying`; its attempts are counted as before. A run that is over is repeated with \
`ork runs retry`.

Examples:
  ork tasks retry last/upload")]
pub struct Args {
    /// A task: RUN/KEY, RUN/KEY/INDEX, or its id.
    #[arg(value_name = "TASK")]
    pub task: String,
}

/// Carries out `ork tasks retry`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let history = History::find(out, config).await?;
    let task = ids::task(&history, &args.task).await?;
    if !history.retry_task(task).await? {
        return Err(refusal(&history, task).await?.into());
    }
    if out.json {
        out.value(&json!({"task_id": task.id().to_string(), "asked": true}))?;
    } else {
        out.data(format!("queued: {}", task.id()))?;
    }
    Ok(Exit::Success)
}

/// Why there is no wait to end.
async fn refusal(history: &History, task: TaskRef) -> Result<Refusal> {
    let (run, flags) = (history.row(task.run).await?, history.flags());
    let names = history.names(task.run).await?;
    let Some(found) = history.task(task).await? else {
        return Ok(Refusal::no_match(format!("`{}` does not exist any more", task.id())));
    };
    let name = format!("{}/{}", task.run, names.of_task(&found));
    let hint = match found.status {
        TaskStatus::Paused => format!("ork runs resume {}{flags}", task.run),
        _ if run.status.is_terminal() => format!("ork runs retry {}{flags}", task.run),
        _ => format!("ork why {name}{flags}"),
    };
    Ok(Refusal::usage(format!("`{name}` does not wait for a retry: it is {}", found.status)).hint(hint))
}
