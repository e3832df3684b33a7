//! `ork budgets list`.

use anyhow::Result;
use ork_api::{Allowance, Amount};

use crate::config::Config;
use crate::exit_code::Exit;
use crate::history::History;
use crate::output::Output;
use crate::progress::thousands;
use crate::table;
use crate::view;

/// Options of `ork budgets list`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  ork budgets list
  ork budgets list --json")]
pub struct Args;

/// Carries out `ork budgets list`.
pub async fn run(out: Output, config: &Config) -> Result<Exit> {
    let none = "the workspace has no budget; set one with: ork budgets set PERIOD --usd AMOUNT";
    let Some(history) = History::open_existing(out, config).await? else {
        out.talk(none);
        return Ok(Exit::Success);
    };
    let rows = history.budgets().await?;
    if out.json {
        for row in &rows {
            out.value(&view::value(row))?;
        }
        return Ok(Exit::Success);
    }
    if rows.is_empty() {
        out.talk(format!("{none}{}", history.flags()));
    }
    let cells: Vec<Vec<String>> =
        rows.iter().map(|row| vec![row.period.clone(), standing(row.limit, row.used, row.reserved)]).collect();
    for line in table::lines(&cells, |_, cell| cell.to_owned()) {
        out.data(line)?;
    }
    Ok(Exit::Success)
}

/// `1,200 of 5,000 tokens, 0.12 of 2.5 USD, 300 tokens and 0.01 USD reserved`
pub fn standing(limit: Allowance, used: Amount, reserved: Amount) -> String {
    let of =
        |used: String, limit: Option<String>| limit.map_or_else(|| used.clone(), |limit| format!("{used} of {limit}"));
    let tokens = of(thousands(used.tokens), limit.tokens.map(thousands));
    let usd = of(used.usd.to_string(), limit.usd.map(|usd| usd.to_string()));
    let mut words = format!("{tokens} tokens, {usd} USD");
    if reserved != Amount::default() {
        words += &format!(", {} tokens and {} USD reserved", thousands(reserved.tokens), reserved.usd);
    }
    words
}

#[cfg(test)]
mod tests {
    use ork_api::Usd;

    use super::*;

    #[test]
    fn a_budget_says_what_is_left() {
        let limit = Allowance { tokens: Some(5_000), usd: None };
        let used = Amount { tokens: 1_200, usd: Usd(120_000) };
        assert_eq!(standing(limit, used, Amount::default()), "1,200 of 5,000 tokens, 0.12 USD");
        let reserved = Amount { tokens: 300, usd: Usd(0) };
        assert!(standing(limit, used, reserved).ends_with(", 300 tokens and 0 USD reserved"));
    }
}
