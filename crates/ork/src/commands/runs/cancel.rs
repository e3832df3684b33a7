//! `ork runs cancel`.

use anyhow::Result;
use ork_core::id::RunId;
use serde_json::json;

use crate::carrier::is_orphan;
use crate::carry::How;
use crate::commands::run::take_over;
use crate::commands::tasks::cancel::cancel_task;
use crate::config::Config;
use crate::exit_code::Exit;
use crate::history::History;
use crate::ids::Target;
use crate::output::Output;
use crate::progress::tasks;

/// Options of `ork runs cancel`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
What has not begun is cancelled at once. What is at work is told to stop by its worker, and is `cancelled` once it has.

Examples:
  ork runs cancel last
  ork runs cancel last/encode")]
pub struct Args {
    /// A run or a task.
    #[arg(value_name = "RUN|TASK")]
    pub target: String,
}

/// Carries out `ork runs cancel`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let history = History::find(out, config).await?;
    match history.resolve(&args.target).await? {
        Target::Run(run) => cancel_run(&history, run).await,
        Target::Task(task) => cancel_task(&history, task).await,
    }
}

async fn cancel_run(history: &History, id: RunId) -> Result<Exit> {
    let asked = history.cancel_run(id).await?;
    let run = history.row(id).await?;
    if history.out.json {
        history.out.value(&json!({"run_id": id.to_string(), "asked": asked, "status": run.status.word()}))?;
    } else if run.status.is_terminal() {
        history.out.data(format!("{}: {id}{}", run.status, if asked { "" } else { " was over already" }))?;
    } else if asked {
        history.out.data(format!("cancelling: {id}, {} left", tasks(u64::from(run.tasks_left))))?;
    } else {
        history.out.data(format!("cancelling: {id} was told so already"))?;
    }
    // What a dead process left would wait for the next one that looks after this database, and there may be none.
    if let Some(world) = history.here()
        && is_orphan(history, &run).await?
    {
        take_over(world, &run, How::to_end()).await?;
    }
    Ok(Exit::Success)
}
