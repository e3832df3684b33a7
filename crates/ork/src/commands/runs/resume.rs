//! `ork runs resume`.

use anyhow::Result;
use ork_core::store::RunRow;
use serde_json::json;

use crate::carrier;
use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::history::History;
use crate::ids;
use crate::output::Output;

/// Options of `ork runs resume`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
For a run that was paused. One whose process died goes on with `ork run --resume`, and one that is over is repeated \
with `ork runs retry`.

Examples:
  ork runs resume last")]
pub struct Args {
    /// A run.
    #[arg(value_name = "RUN")]
    pub run: String,
}

/// Carries out `ork runs resume`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let history = History::find(out, config).await?;
    let id = ids::run(&history, &args.run).await?;
    let asked = history.resume_run(id).await?;
    let found = history.row(id).await?;
    let is_orphan = carrier::is_orphan(&history, &found).await?;
    if !asked {
        return Err(refusal(&history, &found, is_orphan).into());
    }
    if out.json {
        out.value(&json!({"run_id": id.to_string(), "asked": asked, "status": found.status.word()}))?;
        return Ok(Exit::Success);
    }
    out.data(format!("resumed: {id}"))?;
    if is_orphan {
        out.talk(carrier::gone(&history, id));
    }
    Ok(Exit::Success)
}

fn refusal(history: &History, run: &RunRow, is_orphan: bool) -> Refusal {
    let (id, flags) = (run.id, history.flags());
    if run.status.is_terminal() {
        let message = format!("`{id}` is not paused: it is over with `{}`", run.status);
        return Refusal::usage(message).hint(format!("ork runs retry {id}{flags}"));
    }
    if is_orphan {
        let message = format!("`{id}` is not paused: the process that carried it is gone");
        return Refusal::usage(message).hint(format!("ork run --resume {id}{flags}"));
    }
    Refusal::usage(format!("`{id}` is not paused: it is {}", run.status)).hint(format!("ork why {id}{flags}"))
}
