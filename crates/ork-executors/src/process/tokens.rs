//! What a command says that models have used, in `$ORK_TOKENS`: a JSON object a line.

use std::path::Path;

use ork_core::attempt::{Failure, FailureKind};
use ork_core::executor::TokenNote;
use ork_core::step::Tokens;
use serde::Deserialize;

use super::answer;

const BYTES_MAX: usize = 64 << 10;
const LINES_MAX: usize = 1_000;
const MODEL_BYTES_MAX: usize = 256;
/// Tokens of one line: the sum of many runs is still a number that a database holds.
const TOKENS_MAX: u64 = 1_000_000_000_000;
/// US dollars of one line.
const USD_MAX: f64 = 1_000_000.0;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    model: Option<String>,
    input_tokens: u64,
    output_tokens: u64,
    #[serde(default)]
    cached_tokens: u64,
    cost_usd: Option<f64>,
}

/// All that can be read, and why the rest cannot: what was used is used, whatever becomes of the command.
pub fn read(path: &Path) -> (Vec<TokenNote>, Option<Failure>) {
    let mut notes = Vec::new();
    let problem = read_into(&mut notes, path).err();
    (notes, problem.map(|problem| Failure::new(FailureKind::Output, format!("`$ORK_TOKENS`{problem}"))))
}

fn read_into(notes: &mut Vec<TokenNote>, path: &Path) -> Result<(), String> {
    let bytes = answer::read(path, BYTES_MAX).map_err(|error| format!(": {error}"))?.unwrap_or_default();
    let is_cut = bytes.len() > BYTES_MAX;
    let whole = if is_cut { bytes.iter().rposition(|&byte| byte == b'\n').unwrap_or(0) } else { bytes.len() };
    let mut problem = None;
    for (at, line) in bytes[..whole].split(|&byte| byte == b'\n').enumerate() {
        if at >= LINES_MAX && !line.is_empty() {
            return Err(problem.unwrap_or_else(|| format!(" has more than {LINES_MAX} lines")));
        }
        match note(line) {
            Ok(note) => notes.extend(note),
            Err(reason) => _ = problem.get_or_insert_with(|| format!(", line {}: {reason}", at + 1)),
        }
    }
    let too_large = || is_cut.then(|| format!(" is larger than {BYTES_MAX} bytes"));
    problem.or_else(too_large).map_or(Ok(()), Err)
}

fn note(line: &[u8]) -> Result<Option<TokenNote>, String> {
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    let line: Line = serde_json::from_slice(line).map_err(|error| {
        let text = error.to_string();
        // Each line is a text of its own to the parser: its `line 1` would mislead.
        text.rsplit_once(" at line ").map_or_else(|| text.clone(), |(text, _)| text.to_owned())
    })?;
    if line.model.as_ref().is_some_and(|model| model.len() > MODEL_BYTES_MAX || model.contains(char::is_control)) {
        return Err(format!("`model` is more than {MODEL_BYTES_MAX} bytes, or holds a control character"));
    }
    let tokens = Tokens { input: line.input_tokens, output: line.output_tokens, cached: line.cached_tokens };
    if [tokens.input, tokens.output, tokens.cached].into_iter().any(|count| count > TOKENS_MAX) {
        return Err(format!("more than {TOKENS_MAX} tokens"));
    }
    if line.cost_usd.is_some_and(|usd| !(0.0..=USD_MAX).contains(&usd)) {
        return Err(format!("`cost_usd` is not between 0 and {USD_MAX}"));
    }
    let cost_micros = line.cost_usd.map(|usd| (usd * 1e6).round() as u64);
    Ok(Some(TokenNote { model: line.model, tokens, cost_micros }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let check = |line: &str| match note(line.as_bytes()) {
            Ok(None) => "nothing".into(),
            Ok(Some(TokenNote { model, tokens: Tokens { input, output, cached }, cost_micros })) => {
                format!("{model:?} {input} {output} {cached} {cost_micros:?}")
            }
            Err(reason) => reason,
        };
        assert_eq!(check(" \r"), "nothing");
        assert_eq!(check(r#"{"input_tokens": 3, "output_tokens": 0}"#), "None 3 0 0 None");
        assert_eq!(
            check(r#"{"model":"m/1:x","input_tokens":3,"output_tokens":4,"cached_tokens":2,"cost_usd":0.0021}"#),
            r#"Some("m/1:x") 3 4 2 Some(2100)"#
        );
        assert_eq!(check("{}"), "missing field `input_tokens`");
        assert_eq!(
            check(r#"{"input_tokens":1,"output_tokens":1,"usd":1}"#).split(',').next(),
            Some("unknown field `usd`")
        );
        for (bad, part) in [
            ("7", "invalid type"),
            ("{", "EOF"),
            (r#"{"input_tokens":-1,"output_tokens":1}"#, "invalid value"),
            (r#"{"input_tokens":1e3,"output_tokens":1}"#, "invalid type"),
            (r#"{"input_tokens":1,"output_tokens":9999999999999}"#, "more than"),
            (r#"{"input_tokens":1,"output_tokens":1,"cost_usd":-0.1}"#, "`cost_usd`"),
            (r#"{"input_tokens":1,"output_tokens":1,"cost_usd":1e300}"#, "`cost_usd`"),
            (r#"{"input_tokens":1,"output_tokens":1,"model":"\u0000"}"#, "control character"),
        ] {
            assert!(check(bad).contains(part), "{bad}: {}", check(bad));
        }
    }
}
