//! A string with `{{ … }}` in it, cut into text and expressions.

use super::Flaw;
use crate::codes;

/// A piece of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'t> {
    /// Text as it is.
    Text(&'t str),
    /// An expression and the byte of the template at which it begins.
    Expression { source: &'t str, start: usize },
}

/// A string cut into its parts.
#[derive(Debug, Clone)]
pub struct Template<'t> {
    pub parts: Vec<Part<'t>>,
}

impl<'t> Template<'t> {
    /// Cuts a string. Everything in it that is not `{{ … }}` is text.
    pub fn cut(text: &'t str) -> Result<Self, Flaw> {
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some(found) = text[at..].find("{{") {
            push_text(&mut parts, text, at, at + found)?;
            let start = at + found + 2;
            let Some(length) = expression_length(&text[start..]) else {
                let flaw = Flaw::new(codes::TEMPLATE_OPEN, start - 2, text.len(), "this `{{` is never closed");
                return Err(flaw.hint("close it with `}}`; for two braces as text write {{ \"{{\" }}"));
            };
            let raw = &text[start..start + length];
            let source = raw.trim();
            let lead = raw.len() - raw.trim_start().len();
            if source.is_empty() {
                let flaw = Flaw::new(
                    codes::EXPRESSION_SYNTAX,
                    start - 2,
                    start + length + 2,
                    "there is nothing between these braces",
                );
                return Err(flaw.hint("write an expression, such as {{ inputs.name }}"));
            }
            parts.push(Part::Expression { source, start: start + lead });
            at = start + length + 2;
        }
        push_text(&mut parts, text, at, text.len())?;
        Ok(Self { parts })
    }

    /// The expression, when the string is one whole `{{ … }}`.
    pub fn whole(&self) -> Option<&'t str> {
        match self.parts.as_slice() {
            [Part::Expression { source, .. }] => Some(source),
            _ => None,
        }
    }

    /// Every expression with the byte at which it begins.
    pub fn expressions(&self) -> impl Iterator<Item = (&'t str, usize)> + '_ {
        self.parts.iter().filter_map(|part| match part {
            Part::Expression { source, start } => Some((*source, *start)),
            Part::Text(_) => None,
        })
    }
}

fn push_text<'t>(parts: &mut Vec<Part<'t>>, whole: &'t str, from: usize, to: usize) -> Result<(), Flaw> {
    let text = &whole[from..to];
    for (open, close, name) in [("{%", "%}", "statements"), ("{#", "#}", "comments")] {
        if let Some(start) = text.find(open)
            && let Some(length) = text[start..].find(close)
        {
            let (start, end) = (from + start, from + start + length + 2);
            let message = format!("`{open} {close}` {name} are not part of Ork's templates");
            return Err(Flaw::new(codes::TEMPLATE_BLOCK, start, end, message).hint(
                "write an expression in `{{ }}`; for a choice {{ a if condition else b }}, for conditions the key `when`",
            ));
        }
    }
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    Ok(())
}

/// Bytes up to the `}}` that ends an expression: braces in quotes and those of a mapping do not end it.
fn expression_length(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let mut depth = 0_usize;
    let mut quote: Option<u8> = None;
    let mut at = 0;
    while let Some(&b) = bytes.get(at) {
        match (quote, b) {
            (Some(_), b'\\') => at += 1,
            (Some(open), b) if b == open => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(b),
            (None, b'{') => depth += 1,
            (None, b'}') if depth > 0 => depth -= 1,
            (None, b'}') if bytes.get(at + 1) == Some(&b'}') => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

/// A template that renders to exactly this text, whatever braces the text holds.
///
/// Inputs are put into a plan before it is stored, and the rest of the plan's templates are rendered later. Without
/// this, an input that holds `{{ … }}` would be evaluated then.
pub fn literal(text: &str) -> String {
    if !["{{", "{%", "{#"].iter().any(|open| text.contains(open)) {
        return text.to_owned();
    }
    // `\u` escapes for both braces, so that the result holds no nested marker for anybody who scans it.
    let quoted = serde_json::Value::from(text).to_string().replace('{', "\\u007b").replace('}', "\\u007d");
    format!("{{{{ {quoted} }}}}")
}
