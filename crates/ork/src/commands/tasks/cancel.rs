//! `ork tasks cancel`, and what `ork runs cancel` does with a task.

use anyhow::Result;
use ork_core::id::TaskRef;
use serde_json::json;

use crate::config::Config;
use crate::exit_code::Exit;
use crate::history::History;
use crate::ids;
use crate::output::Output;

/// Options of `ork tasks cancel`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
A task that is at work is told to stop by its worker, and is `cancelled` once it has. What needs it is skipped.

Examples:
  ork tasks cancel last/encode
  ork tasks cancel last/cut/3")]
pub struct Args {
    /// A task: RUN/KEY, RUN/KEY/INDEX, or its id.
    #[arg(value_name = "TASK")]
    pub task: String,
}

/// Carries out `ork tasks cancel`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let history = History::find(out, config).await?;
    let task = ids::task(&history, &args.task).await?;
    cancel_task(&history, task).await
}

/// Asks for the end of a task.
pub async fn cancel_task(history: &History, task: TaskRef) -> Result<Exit> {
    let asked = history.cancel_task(task).await?;
    if history.out.json {
        history.out.value(&json!({"task_id": task.id().to_string(), "asked": asked}))?;
    } else {
        let text = if asked { "cancelling" } else { "over, or told so already" };
        history.out.data(format!("{text}: {}", task.id()))?;
    }
    Ok(Exit::Success)
}
