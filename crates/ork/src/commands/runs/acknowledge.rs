//! `ork runs acknowledge`.

use anyhow::Result;
use serde_json::json;

use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::history::History;
use crate::ids;
use crate::output::Output;

/// Options of `ork runs acknowledge`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Says that you have seen how a run ended. It changes nothing of the run; lists can leave it out.

Examples:
  ork runs list is:unacknowledged status:failed
  ork runs acknowledge last")]
pub struct Args {
    /// Runs that are over.
    #[arg(value_name = "RUN", required = true)]
    pub run: Vec<String>,
}

/// Carries out `ork runs acknowledge`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let history = History::find(out, config).await?;
    let mut runs = Vec::new();
    for text in &args.run {
        runs.push(ids::run(&history, text).await?);
    }
    for id in runs {
        let row = history.row(id).await?;
        if !row.status.is_terminal() {
            let message = format!("`{id}` is {}: only the end of a run is acknowledged", row.status);
            return Err(Refusal::usage(message).hint(format!("ork runs watch {id}{}", history.flags())).into());
        }
        let asked = history.acknowledge_run(id).await?;
        if out.json {
            out.value(&json!({"run_id": id.to_string(), "asked": asked}))?;
        } else {
            out.data(format!("acknowledged: {id}{}", if asked { "" } else { " was so already" }))?;
        }
    }
    Ok(Exit::Success)
}
