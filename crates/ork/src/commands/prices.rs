//! `ork prices`: what models cost, one file each.

mod delete;
mod list;
mod set;

use anyhow::Result;
use clap::Subcommand;

use crate::config::Config;
use crate::exit_code::Exit;
use crate::output::Output;

/// What there is to do with prices.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List what models cost, in US dollars for a million tokens.
    List(list::Args),
    /// Say what a model costs.
    Set(set::Args),
    /// Forget what a model costs.
    Delete(delete::Args),
}

/// Carries out `ork prices`.
pub async fn run(command: Command, out: Output, config: &Config) -> Result<Exit> {
    match command {
        Command::List(_) => list::run(out, config).await,
        Command::Set(args) => set::run(args, out, config).await,
        Command::Delete(args) => delete::run(args, out, config).await,
    }
}
