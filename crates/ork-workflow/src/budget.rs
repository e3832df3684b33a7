//! `budget`: what models may use, in a whole run or in one step.

use ork_core::step::{Allowance, PlanBudget};

use crate::diagnostic::Report;
use crate::fields::{self, Fields};
use crate::source::Span;
use crate::tree::{Kind, Located};
use crate::{codes, keys};

/// Tokens of one budget at the most: all that a number of JSON holds for certain.
pub const TOKENS_MAX: i64 = 1_000_000_000_000_000;
/// US dollars of one budget at the most.
pub const USD_MAX: u32 = 1_000_000_000;

/// Reads the `budget` of a file.
pub fn of_plan(node: &Located, report: &mut Report) -> Option<PlanBudget> {
    let fields = Fields::open(node, "`budget`", &keys::BUDGET, report)?;
    let exceeded = fields.get("on_exceeded");
    let exceeded = exceeded.and_then(|node| fields::word(node, "`on_exceeded`", &keys::ON_EXCEEDED, report));
    let allowance = allowance(&fields, report)?;
    Some(PlanBudget { allowance, asks: exceeded == Some(1) })
}

/// Reads the `budget` of a step.
pub fn of_step(node: &Located, report: &mut Report) -> Option<Allowance> {
    let fields = Fields::open(node, "`budget`", &keys::ALLOWANCE, report)?;
    allowance(&fields, report)
}

fn allowance(fields: &Fields<'_>, report: &mut Report) -> Option<Allowance> {
    let (tokens, usd) = (fields.get("tokens"), fields.get("usd"));
    if tokens.is_none() && usd.is_none() {
        if !fields.is_suggested("tokens") && !fields.is_suggested("usd") {
            let at = Span::new(fields.at.start, fields.at.start + 1);
            let hint = "say how much may be used: `budget: {tokens: 200000, usd: 2.50}`, or one of them";
            report.hinted(codes::KEY_MISSING, at, "`budget` has neither `tokens` nor `usd`", hint);
        }
        return None;
    }
    let tokens = tokens.and_then(|node| fields::integer(node, "`tokens`", (1, TOKENS_MAX), report));
    let micros = usd.and_then(|node| money(node, report));
    Some(Allowance { tokens: tokens.and_then(|tokens| u64::try_from(tokens).ok()), micros })
}

/// Millionths of a US dollar.
fn money(node: &Located, report: &mut Report) -> Option<u64> {
    fields::number(node, "`usd`", (0.0, f64::from(USD_MAX)), report)?;
    let Kind::Number(number) = &node.kind else { return None };
    let micros = micros(&number.to_string());
    if micros.is_none() {
        let hint = "six decimals at the most: `usd: 0.000001` is the least";
        report.hinted(codes::MONEY_FINE, node.at, "`usd` is finer than a millionth of a dollar", hint);
    }
    micros
}

/// Millionths of a number as it is written, if they are whole: a float would lose some.
fn micros(text: &str) -> Option<u64> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
    let places = i64::try_from(fraction.len()).ok()?;
    let shift = exponent.parse::<i64>().ok()?.checked_add(6 - places)?;
    let factor = 10_u128.checked_pow(u32::try_from(shift.unsigned_abs()).ok()?)?;
    let micros = match shift {
        0.. => digits.checked_mul(factor)?,
        _ => Some(digits / factor).filter(|_| digits.is_multiple_of(factor))?,
    };
    u64::try_from(micros).ok()
}

#[cfg(test)]
mod tests {
    use super::micros;

    #[test]
    fn money_is_counted_exactly() {
        for (text, wanted) in [
            ("0", Some(0)),
            ("2.50", Some(2_500_000)),
            ("0.000001", Some(1)),
            ("0.1234560", Some(123_456)),
            ("1e-06", Some(1)),
            ("2.5E+3", Some(2_500_000_000)),
            ("1000000000", Some(1_000_000_000_000_000)),
            ("0.0000001", None),
            ("1e-7", None),
            ("1e999999999999", None),
            ("-1", None),
        ] {
            assert_eq!(micros(text), wanted, "{text}");
        }
    }
}
