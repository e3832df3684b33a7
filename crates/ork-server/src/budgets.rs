//! Budgets and prices: what one may be, and how it is shown.

use ork_api::{Allowance, Amount, Budget, Price, RunBudget, SetPrice, Usd};
use ork_core::clock::Timestamp;
use ork_core::event::Actor;
use ork_core::id::RunId;
use ork_core::limits::NAME_BYTES_MAX;
use ork_core::step::{self, Cost, Rates};
use ork_core::store::{BudgetPeriod, BudgetRow, PriceRow};
use ork_core::suggest::nearest;

use crate::look::Look;
use crate::refused::{Answer, Code, Refused};
use crate::view::moment;

/// The largest number that both databases keep.
const MOST: u64 = i64::MAX.unsigned_abs();

/// The period of a word.
///
/// # Errors
/// When there is no such period.
pub fn period(word: &str) -> Answer<BudgetPeriod> {
    BudgetPeriod::from_word(word).ok_or_else(|| {
        let words: Vec<&str> = BudgetPeriod::ALL.iter().map(|period| period.word()).collect();
        let missing =
            Refused::missing(format_args!("period `{}`: there are {}", word.escape_debug(), words.join(", ")));
        match nearest(word, words) {
            Some(near) => missing.hint(format!("did you mean `{near}`?")),
            None => missing,
        }
    })
}

/// How much may be used, as the store has it.
///
/// # Errors
/// When it says nothing, or more than can be stored.
pub fn allowance(sent: &Allowance) -> Answer<step::Allowance> {
    let found = step::Allowance { tokens: sent.tokens, micros: sent.usd.map(|usd| usd.0) };
    if found == step::Allowance::default() {
        let missing = Refused::new(Code::InvalidBody, "neither `tokens` nor `usd` is given");
        return Err(missing.hint("send at least one of them"));
    }
    if found.tokens.max(found.micros).is_some_and(|most| most > MOST) {
        return Err(Refused::new(Code::OverLimit, format!("at most {MOST} tokens, or millionths of a US dollar")));
    }
    Ok(found)
}

/// A budget of the workspace as the wire has it.
#[must_use]
pub fn shape(row: &BudgetRow) -> Budget {
    let RunBudget { limit, used, reserved } = of_run(row);
    let since = (row.period != BudgetPeriod::Total).then(|| moment(row.since));
    Budget { period: row.period.word().to_owned(), since, limit, used, reserved }
}

/// How a budget stands.
#[must_use]
pub fn of_run(row: &BudgetRow) -> RunBudget {
    let amount = |cost: Cost| Amount { tokens: cost.tokens, usd: Usd(cost.micros) };
    let limit = Allowance { tokens: row.allowance.tokens, usd: row.allowance.micros.map(Usd) };
    RunBudget { limit, used: amount(row.used), reserved: amount(row.reserved) }
}

/// How the budget of a run stands, if it has one.
///
/// # Errors
/// When the store cannot be read.
pub async fn run_budget(look: Look<'_>, run: RunId) -> Answer<Option<RunBudget>> {
    Ok(look.store.run_budget(look.scope, run).await?.as_ref().map(of_run))
}

/// A price to be stored.
///
/// # Errors
/// When no model can be called that, or it is more than can be stored.
pub fn price(model: &str, sent: &SetPrice, (actor, now): (&Actor, Timestamp)) -> Answer<PriceRow> {
    if !is_model(model) {
        let detail = format!("no model can be called `{}`", model.escape_debug());
        let rule = format!("1 to {NAME_BYTES_MAX} bytes without blanks and control characters");
        return Err(Refused::new(Code::NotFound, detail).hint(rule));
    }
    let SetPrice { input, output, cached } = *sent;
    let cached = cached.unwrap_or(input);
    if input.max(output).max(cached).0 > MOST {
        return Err(Refused::new(Code::OverLimit, format!("at most {} US dollars", Usd(MOST))));
    }
    let rates = Rates { input: input.0, output: output.0, cached: cached.0 };
    Ok(PriceRow { model: model.to_owned(), rates, updated_by: actor.id.clone(), updated_at: now })
}

fn is_model(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && !name.chars().any(|sign| sign.is_whitespace() || sign.is_control())
}

/// A price as the wire has it.
#[must_use]
pub fn price_shape(row: &PriceRow) -> Price {
    Price {
        model: row.model.clone(),
        input: Usd(row.rates.input),
        output: Usd(row.rates.output),
        cached: Usd(row.rates.cached),
        updated_by: row.updated_by.clone(),
        updated_at: moment(row.updated_at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_called_as_their_providers_call_them() {
        for model in ["gpt-5", "meta/llama-4:free", "models/x@2026-01", "a", "ü"] {
            assert!(is_model(model), "{model}");
        }
        for wrong in ["", " ", "a b", "a\n", &"x".repeat(129)] {
            assert!(!is_model(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn an_allowance_says_something() {
        let check =
            |tokens, usd: Option<u64>| allowance(&Allowance { tokens, usd: usd.map(Usd) }).map_err(|no| no.code);
        assert_eq!(check(None, None), Err(Code::InvalidBody));
        assert_eq!(check(Some(u64::MAX), None), Err(Code::OverLimit));
        assert_eq!(check(Some(0), None), Ok(step::Allowance { tokens: Some(0), micros: None }));
        assert_eq!(check(None, Some(5)), Ok(step::Allowance { tokens: None, micros: Some(5) }));
        assert_eq!(period("weak").map_err(|no| no.hint), Err(Some("did you mean `week`?".to_owned())));
    }
}
