//! `ork budgets delete`.

use anyhow::Result;
use ork_core::store::BudgetPeriod;
use serde_json::json;

use super::periods;
use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::history::History;
use crate::output::Output;

/// Options of `ork budgets delete`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  ork budgets delete day")]
pub struct Args {
    /// How long it lasts.
    #[arg(value_name = "PERIOD", value_parser = periods())]
    pub period: BudgetPeriod,
}

/// Carries out `ork budgets delete`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let (history, word) = (History::find(out, config).await?, args.period.word());
    if !history.delete_budget(args.period).await? {
        return Err(Refusal::no_match(format!("there is no budget `{word}`")).hint("ork budgets list").into());
    }
    if out.json {
        out.value(&json!({"period": word, "deleted": true}))?;
    } else {
        out.data(format!("deleted: {word}"))?;
    }
    Ok(Exit::Success)
}
