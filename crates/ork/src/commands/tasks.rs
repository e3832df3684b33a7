//! `ork tasks`: what there is to do with tasks, one file each.

pub mod cancel;
pub mod list;
mod retry;
pub mod show;
mod steps;

use anyhow::Result;
use clap::Subcommand;

use crate::config::Config;
use crate::exit_code::Exit;
use crate::output::Output;

/// What there is to do with tasks.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the tasks of a run.
    List(list::Args),
    /// Show a task with its attempts.
    Show(show::Args),
    /// List the steps of a task, with what they used.
    Steps(steps::Args),
    /// Try a task that waits for its next attempt now.
    Retry(retry::Args),
    /// Cancel a task.
    Cancel(cancel::Args),
}

/// Carries out `ork tasks`.
pub async fn run(command: Command, out: Output, config: &Config) -> Result<Exit> {
    match command {
        Command::List(args) => list::run(args, out, config).await,
        Command::Show(args) => show::run(args, out, config).await,
        Command::Steps(args) => steps::run(args, out, config).await,
        Command::Retry(args) => retry::run(args, out, config).await,
        Command::Cancel(args) => cancel::run(args, out, config).await,
    }
}
