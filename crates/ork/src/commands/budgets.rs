//! `ork budgets`: what the models of a workspace may use, one file each.

mod delete;
pub mod list;
mod set;

use anyhow::Result;
use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use ork_core::store::BudgetPeriod;

use crate::config::Config;
use crate::exit_code::Exit;
use crate::output::Output;

/// What there is to do with budgets.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the budgets of the workspace, and how they stand.
    List(list::Args),
    /// Say how much may be used in a period.
    Set(set::Args),
    /// Take a budget away.
    Delete(delete::Args),
}

/// Carries out `ork budgets`.
pub async fn run(command: Command, out: Output, config: &Config) -> Result<Exit> {
    match command {
        Command::List(_) => list::run(out, config).await,
        Command::Set(args) => set::run(args, out, config).await,
        Command::Delete(args) => delete::run(args, out, config).await,
    }
}

fn periods() -> impl TypedValueParser<Value = BudgetPeriod> {
    let words = PossibleValuesParser::new(BudgetPeriod::ALL.iter().map(|period| period.word()));
    words.try_map(|word| BudgetPeriod::from_word(&word).ok_or("no period"))
}
