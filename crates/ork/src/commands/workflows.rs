//! `ork workflows`: what there is to do with stored workflows, one file each.

mod apply;
mod delete;
mod list;
mod show;

use anyhow::Result;
use clap::Subcommand;

use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::history::History;
use crate::output::Output;

/// What there is to do with stored workflows.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Store workflow files under the names that they have.
    Apply(apply::Args),
    /// List stored workflows.
    List(list::Args),
    /// Show a stored workflow with its text, or list its revisions.
    Show(show::Args),
    /// Delete a stored workflow; its runs stay.
    Delete(delete::Args),
}

/// Carries out `ork workflows`.
pub async fn run(command: Command, out: Output, config: &Config) -> Result<Exit> {
    match command {
        Command::Apply(args) => apply::run(args, out, config).await,
        Command::List(_) => list::run(out, config).await,
        Command::Show(args) => show::run(args, out, config).await,
        Command::Delete(args) => delete::run(args, out, config).await,
    }
}

fn missing(history: &History, name: &str) -> Refusal {
    Refusal::no_match(format!("there is no stored workflow `{name}`"))
        .hint(format!("ork workflows list{}", history.flags()))
}
