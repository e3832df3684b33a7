//! `ork schedules enable` and `ork schedules disable`.

use anyhow::Result;

use crate::config::Config;
use crate::exit_code::Exit;
use crate::history::History;
use crate::output::Output;
use crate::view;

/// Options of `ork schedules enable`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
It creates no run at once, and none for the times that passed while it was disabled.

Examples:
  ork schedules enable nightly")]
pub struct Enable {
    /// A stored workflow that has a schedule.
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// Options of `ork schedules disable`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Runs that there are go on. It stays disabled whatever is applied, until `ork schedules enable`.

Examples:
  ork schedules disable nightly")]
pub struct Disable {
    /// A stored workflow that has a schedule.
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// Carries out both.
pub async fn run(name: &str, enabled: bool, out: Output, config: &Config) -> Result<Exit> {
    let history = History::find(out, config).await?;
    let Some(done) = history.set_schedule(name, enabled).await? else {
        return Err(super::missing(&history, name).into());
    };
    if out.json {
        out.value(&view::value(done))?;
        return Ok(Exit::Success);
    }
    let (word, already) =
        (if enabled { "enabled" } else { "disabled" }, if done.asked { "" } else { " was so already" });
    out.data(format!("{word}: {name}{already}"))?;
    if let Some(at) = done.schedule.next_at.as_ref() {
        out.talk(format!("its next run begins at {at}"));
    }
    Ok(Exit::Success)
}
