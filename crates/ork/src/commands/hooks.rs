//! `ork hooks`: messages of others that start runs.

mod create;
mod delete;
mod list;

use anyhow::Result;
use clap::Subcommand;

use crate::config::Config;
use crate::exit_code::Exit;
use crate::output::Output;

/// What there is to do with hooks.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a hook, and print its path and its secret, once.
    Create(create::Args),
    /// List hooks.
    List(list::Args),
    /// Delete a hook; its address leads nowhere from now on.
    Delete(delete::Args),
}

/// Carries out `ork hooks`.
pub async fn run(command: Command, out: Output, config: &Config) -> Result<Exit> {
    match command {
        Command::Create(args) => create::run(args, out, config).await,
        Command::List(args) => list::run(args, out, config).await,
        Command::Delete(args) => delete::run(args, out, config).await,
    }
}
