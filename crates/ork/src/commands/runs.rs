//! `ork runs`: what there is to do with runs, one file each.

mod acknowledge;
mod cancel;
mod diff;
mod list;
mod logs;
mod pause;
mod resume;
pub mod retry;
mod show;
mod submit;
mod watch;

use anyhow::Result;
use clap::Subcommand;

use crate::config::Config;
use crate::exit_code::Exit;
use crate::output::Output;

/// What there is to do with runs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List runs, the newest first.
    List(list::Args),
    /// Show a run with its tasks, or one task with its attempts.
    Show(show::Args),
    /// Follow a run to its end, and exit with its verdict.
    Watch(watch::Args),
    /// Print what tasks wrote.
    Logs(logs::Args),
    /// Cancel a run, or one of its tasks.
    Cancel(cancel::Args),
    /// Start nothing more of a run until it is resumed.
    Pause(pause::Args),
    /// Go on with a paused run.
    Resume(resume::Args),
    /// Run a run again, taking over what succeeded.
    Retry(retry::Args),
    /// Take note of the end of runs, so that they are no longer `is:unacknowledged`.
    Acknowledge(acknowledge::Args),
    /// Put a run into the database for workers.
    Submit(submit::Args),
    /// Compare two runs: inputs, plans, tasks and outputs.
    Diff(diff::Args),
}

/// Carries out `ork runs`.
pub async fn run(command: Command, out: Output, config: &Config) -> Result<Exit> {
    match command {
        Command::List(args) => list::run(args, out, config).await,
        Command::Show(args) => show::run(args, out, config).await,
        Command::Watch(args) => watch::run(args, out, config).await,
        Command::Logs(args) => logs::run(args, out, config).await,
        Command::Cancel(args) => cancel::run(args, out, config).await,
        Command::Retry(args) => retry::run(args, out, config).await,
        Command::Acknowledge(args) => acknowledge::run(args, out, config).await,
        Command::Submit(args) => submit::run(args, out, config).await,
        Command::Pause(args) => pause::run(args, out, config).await,
        Command::Resume(args) => resume::run(args, out, config).await,
        Command::Diff(args) => diff::run(args, out, config).await,
    }
}
