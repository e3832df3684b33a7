//! Tokens of an expression, as minijinja cuts them.

use super::{EXPRESSION_BYTES_MAX, Flaw, TOKENS_MAX};
use crate::codes;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    Name,
    Number,
    Text,
    Sign,
}

/// A token, with the bytes that it covers.
#[derive(Debug, Clone, Copy)]
pub struct Token<'e> {
    pub sort: Sort,
    pub text: &'e str,
    pub start: usize,
}

impl Token<'_> {
    pub const fn end(&self) -> usize {
        self.start + self.text.len()
    }

    pub fn is_sign(&self, sign: &str) -> bool {
        self.sort == Sort::Sign && self.text == sign
    }

    pub fn is_name(&self, name: &str) -> bool {
        self.sort == Sort::Name && self.text == name
    }
}

const SIGNS_OF_TWO: [&str; 6] = ["//", "**", "==", "!=", ">=", "<="];
const SIGNS_OF_ONE: &str = "+-*/%.,:~|=<>()[]{}";

/// Cuts an expression into tokens.
pub fn tokens(expression: &str) -> Result<Vec<Token<'_>>, Flaw> {
    if expression.len() > EXPRESSION_BYTES_MAX {
        let message = format!("this expression is longer than {EXPRESSION_BYTES_MAX} bytes");
        return Err(Flaw::new(codes::EXPRESSION_LONG, 0, expression.len(), message).hint("compute the value in a task"));
    }
    let mut found = Vec::new();
    let mut at = 0;
    loop {
        at += expression[at..].len() - expression[at..].trim_start_matches(|c: char| c.is_ascii_whitespace()).len();
        let rest = &expression[at..];
        let Some(first) = rest.chars().next() else { return Ok(found) };
        if found.len() >= TOKENS_MAX {
            let message = format!("this expression has more than {TOKENS_MAX} parts");
            return Err(Flaw::new(codes::EXPRESSION_LONG, at, at + 1, message).hint("compute the value in a task"));
        }
        // `list.1.0` is `list[1][0]`: a number after a dot has no fraction.
        let after_dot = found.last().is_some_and(|token: &Token<'_>| token.is_sign("."));
        let (sort, length) = match measure(rest, first).map_err(|flaw| flaw.shifted(at))? {
            (Sort::Number, length) if after_dot => (Sort::Number, rest[..length].find('.').unwrap_or(length)),
            measured => measured,
        };
        found.push(Token { sort, text: &rest[..length], start: at });
        at += length;
    }
}

fn measure(rest: &str, first: char) -> Result<(Sort, usize), Flaw> {
    let syntax = |length: usize, message: &str| Flaw::new(codes::EXPRESSION_SYNTAX, 0, length, message);
    if first == '"' || first == '\'' {
        let length = text_length(rest)
            .ok_or_else(|| syntax(rest.len(), "this text is never closed").hint("add the closing quote"))?;
        return Ok((Sort::Text, length));
    }
    if first.is_ascii_digit() {
        return Ok((Sort::Number, number_length(rest)));
    }
    if first == '_' || first.is_ascii_alphabetic() {
        let length = rest.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        return Ok((Sort::Name, length));
    }
    if SIGNS_OF_TWO.iter().any(|sign| rest.starts_with(sign)) {
        return Ok((Sort::Sign, 2));
    }
    if SIGNS_OF_ONE.contains(first) {
        return Ok((Sort::Sign, 1));
    }
    let sign = if rest.starts_with("&&") { &rest[..2] } else { &rest[..first.len_utf8()] };
    let flaw = syntax(sign.len(), &format!("`{sign}` has no meaning in an expression"));
    Err(match first {
        '&' => flaw.hint("write `and`"),
        '!' => flaw.hint("write `not`"),
        '$' => flaw.hint("names stand as they are: `inputs.name`; a shell's variables are not known here"),
        '?' => flaw.hint("write `a if condition else b`, or `value | default(other)`"),
        '`' | '“' | '”' | '‘' | '’' => flaw.hint("text stands in straight quotes: 'text'"),
        _ => flaw,
    })
}

/// Bytes of a quoted text, its quotes included.
fn text_length(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let quote = bytes.first()?;
    let mut at = 1;
    while let Some(b) = bytes.get(at) {
        match b {
            b'\\' => at += 2,
            b if b == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

fn number_length(rest: &str) -> usize {
    let digits = |from: usize| {
        rest[from..].find(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(rest.len(), |length| from + length)
    };
    let mut end = digits(0);
    let bytes = rest.as_bytes();
    if bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
        end = digits(end + 1);
    }
    let is_hex = rest.starts_with("0x") || rest.starts_with("0X");
    if rest[..end].ends_with(['e', 'E']) && !is_hex && matches!(bytes.get(end), Some(b'+' | b'-')) {
        end = digits(end + 1);
    }
    end
}

/// The text that a quoted token stands for, where it holds no escape.
pub fn plain_text<'e>(token: &Token<'e>) -> Option<&'e str> {
    let inner = token.text.get(1..token.text.len().checked_sub(1)?)?;
    (token.sort == Sort::Text && !inner.contains('\\')).then_some(inner)
}
