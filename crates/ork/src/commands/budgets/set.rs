//! `ork budgets set`.

use anyhow::Result;
use ork_api::{Allowance, Usd};
use ork_core::store::BudgetPeriod;
use serde_json::json;

use super::periods;
use crate::config::Config;
use crate::exit_code::Exit;
use crate::history::History;
use crate::output::Output;
use crate::view;

/// Options of `ork budgets set`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Budgets are those of the workspace, in UTC; `week` begins on Monday, and `total` never ends. What is used already stays. A call of \
a model that does not fit does not begin: its step fails, or asks.

Examples:
  ork budgets set month --usd 50
  ork budgets set day --tokens 1000000 --usd 5")]
pub struct Args {
    /// How long it lasts.
    #[arg(value_name = "PERIOD", value_parser = periods())]
    pub period: BudgetPeriod,
    /// Tokens, read and written.
    #[arg(long, value_name = "N", required_unless_present = "usd")]
    pub tokens: Option<u64>,
    /// US dollars.
    #[arg(long, value_name = "AMOUNT")]
    pub usd: Option<Usd>,
}

/// Carries out `ork budgets set`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let limit = Allowance { tokens: args.tokens, usd: args.usd };
    let history = History::open(out, config).await?;
    history.set_budget(args.period, &limit).await?;
    if out.json {
        out.value(&json!({"period": args.period.word(), "limit": view::value(limit)}))?;
    } else {
        out.data(format!("set: {}", args.period.word()))?;
    }
    Ok(Exit::Success)
}
