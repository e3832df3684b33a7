//! `ork prompts`: texts that models are asked with, one file each.

mod get;
mod history;
mod list;
mod put;

use anyhow::Result;
use clap::Subcommand;

use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::output::Output;

/// What there is to do with prompts.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Store a prompt: another text is a new version.
    Put(put::Args),
    /// Print the text of a prompt.
    Get(get::Args),
    /// List prompts.
    List(list::Args),
    /// List the versions of a prompt, newest first.
    History(history::Args),
}

/// Carries out `ork prompts`.
pub async fn run(command: Command, out: Output, config: &Config) -> Result<Exit> {
    match command {
        Command::Put(args) => put::run(args, out, config).await,
        Command::Get(args) => get::run(args, out, config).await,
        Command::List(_) => list::run(out, config).await,
        Command::History(args) => history::run(args, out, config).await,
    }
}

fn missing(id: &str) -> Refusal {
    Refusal::no_match(format!("there is no prompt `{id}`")).hint("ork prompts list")
}
