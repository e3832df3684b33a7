//! `ork schedules`: when runs of stored workflows begin by themselves, one file each.

mod list;
mod next;
mod set;
mod show;

use anyhow::Result;
use clap::Subcommand;

use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::history::History;
use crate::output::Output;

/// What there is to do with schedules.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the schedules of stored workflows.
    List(list::Args),
    /// Show a schedule, with its next times.
    Show(show::Args),
    /// Print the next ten times of a schedule.
    Next(next::Args),
    /// Enable a schedule; it goes on at its next time.
    Enable(set::Enable),
    /// Disable a schedule: it creates no runs until it is enabled again.
    Disable(set::Disable),
}

/// Carries out `ork schedules`.
pub async fn run(command: Command, out: Output, config: &Config) -> Result<Exit> {
    match command {
        Command::List(_) => list::run(out, config).await,
        Command::Show(args) => show::run(args, out, config).await,
        Command::Next(args) => next::run(args, out, config).await,
        Command::Enable(args) => set::run(&args.name, true, out, config).await,
        Command::Disable(args) => set::run(&args.name, false, out, config).await,
    }
}

fn missing(history: &History, name: &str) -> Refusal {
    Refusal::no_match(format!("there is no stored workflow `{name}` with a schedule"))
        .hint(format!("ork schedules list{}", history.flags()))
}
