//! `ork schedules show`.

use anyhow::Result;

use crate::config::Config;
use crate::exit_code::Exit;
use crate::history::History;
use crate::output::{Output, faint};
use crate::view;
use crate::when::{ago, moment};

/// Options of `ork schedules show`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  ork schedules show nightly
  ork schedules show nightly --json")]
pub struct Args {
    /// A stored workflow that has a schedule.
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// Carries out `ork schedules show`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let history = History::find(out, config).await?;
    let Some(schedule) = history.schedule(&args.name).await? else {
        return Err(super::missing(&history, &args.name).into());
    };
    if out.json {
        out.value(&view::value(&schedule))?;
        return Ok(Exit::Success);
    }
    let of = &schedule.summary;
    let state = if of.enabled { "enabled" } else { "disabled" };
    out.data(format!("{}  {} {}  {state}", of.name, of.cron, of.timezone))?;
    out.data(format!("overlap {}, catch_up {}", of.overlap, of.catch_up))?;
    if schedule.input.as_object().is_some_and(|input| !input.is_empty()) {
        out.data(format!("input {}", schedule.input))?;
    }
    if let (Some(at), Some(run)) = (&of.last_at, &of.last_run_id) {
        out.data(format!("last {at}, {}: {run}", ago(moment(at), history.now())))?;
    }
    for at in &schedule.upcoming {
        out.data(if of.enabled { format!("next {at}") } else { faint(&format!("next {at}, were it enabled")) })?;
    }
    Ok(Exit::Success)
}
