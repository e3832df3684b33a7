//! `ork schedules next`.

use anyhow::Result;
use serde_json::json;

use crate::config::Config;
use crate::exit_code::Exit;
use crate::history::History;
use crate::output::Output;

/// Options of `ork schedules next`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
In UTC, one a line, whether or not the schedule is enabled.

Examples:
  ork schedules next nightly")]
pub struct Args {
    /// A stored workflow that has a schedule.
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// Carries out `ork schedules next`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let history = History::find(out, config).await?;
    let Some(schedule) = history.schedule(&args.name).await? else {
        return Err(super::missing(&history, &args.name).into());
    };
    for at in &schedule.upcoming {
        if out.json {
            out.value(&json!({"name": args.name, "at": at}))?;
        } else {
            out.data(at)?;
        }
    }
    Ok(Exit::Success)
}
