//! `ork runs pause`.

use anyhow::Result;
use ork_core::state::{RunStatus, TaskStatus};
use ork_core::store::TaskFilter;
use serde_json::json;

use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::history::{History, Outputs};
use crate::ids;
use crate::output::Output;

/// Options of `ork runs pause`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Nothing of it starts until `ork runs resume`. What is at work goes on to its end.

Examples:
  ork runs pause last
  ork runs resume last")]
pub struct Args {
    /// A run.
    #[arg(value_name = "RUN")]
    pub run: String,
}

/// Carries out `ork runs pause`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let history = History::find(out, config).await?;
    let id = ids::run(&history, &args.run).await?;
    let asked = history.pause_run(id).await?;
    let found = history.row(id).await?;
    if !asked && found.status != RunStatus::Paused {
        return Err(Refusal::usage(format!("`{id}` is over with `{}`", found.status)).into());
    }
    if out.json {
        out.value(&json!({"run_id": id.to_string(), "asked": asked, "status": found.status.word()}))?;
        return Ok(Exit::Success);
    }
    out.data(format!("paused: {id}{}", if asked { "" } else { " was so already" }))?;
    let statuses = vec![TaskStatus::Dispatched, TaskStatus::Running];
    let filter = TaskFilter { statuses, limit: 1, ..TaskFilter::default() };
    if !history.tasks(id, &filter, Outputs::Without).await?.is_empty() {
        out.talk("what is at work goes on to its end");
    }
    out.talk(format!("go on with: ork runs resume {id}{}", history.flags()));
    Ok(Exit::Success)
}
