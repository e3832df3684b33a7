//! What an expression reads: the names in it, with their places, checked against the grammar.

use super::token::{Sort, Token, plain_text, tokens};
use super::{Flaw, environment, filters};
use crate::{codes, suggest};

/// One step of a path after its first name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// `.name` or `["name"]`.
    Name(String),
    /// `[0]` or `.0`.
    Index(usize),
    /// `[…]` with something that only a run can tell.
    Unknown,
}

/// A path such as `tasks.probe.output.size` in an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Its first name.
    pub root: String,
    /// What follows, up to the first step that only a run can tell.
    pub steps: Vec<Step>,
    /// The bytes of the first name, and of each step, within the expression.
    pub spans: Vec<(usize, usize)>,
}

impl Reference {
    /// The name after the first, if there is one.
    pub fn second(&self) -> Option<&str> {
        match self.steps.first() {
            Some(Step::Name(name)) => Some(name),
            _ => None,
        }
    }
}

const KEYWORDS: [&str; 13] =
    ["and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "True", "False", "None"];
/// Filters and tests of other languages.
const FOREIGN: [(&str, &str); 8] = [
    ("len", "did you mean `length`?"),
    ("size", "did you mean `length`?"),
    ("json", "did you mean `tojson`?"),
    ("to_json", "did you mean `tojson`?"),
    ("from_json", "did you mean `fromjson`?"),
    ("str", "did you mean `string`?"),
    ("null", "did you mean `none`?"),
    ("empty", "write value | length == 0"),
];
/// `not not not …` and `- - - …` are read by recursion.
const PREFIXES_MAX: usize = 16;
/// Brackets within brackets.
const BRACKETS_MAX: usize = 24;

/// Everything that an expression reads.
pub fn analyse(expression: &str) -> Result<Vec<Reference>, Flaw> {
    let tokens = tokens(expression)?;
    bound(&tokens)?;
    let mut references = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token.sort {
            Sort::Name => at = name(&tokens, at, &mut references)?,
            Sort::Sign if token.text == "(" => {
                refuse_call(&tokens, at)?;
                at += 1;
            }
            _ => at += 1,
        }
    }
    // Only now: our own messages are the plainer ones.
    environment::check_syntax(expression)?;
    Ok(references)
}

fn bound(tokens: &[Token<'_>]) -> Result<(), Flaw> {
    let (mut prefixes, mut brackets) = (0, 0_usize);
    for (index, token) in tokens.iter().enumerate() {
        foreign_sign(token, tokens.get(index + 1), brackets)?;
        prefixes = if token.is_name("not") || token.is_sign("-") { prefixes + 1 } else { 0 };
        match token.text {
            "(" | "[" | "{" if token.sort == Sort::Sign => brackets += 1,
            ")" | "]" | "}" if token.sort == Sort::Sign => brackets = brackets.saturating_sub(1),
            _ => {}
        }
        if prefixes > PREFIXES_MAX || brackets > BRACKETS_MAX {
            let message = "this expression is nested too deeply";
            return Err(Flaw::new(codes::EXPRESSION_LONG, token.start, token.end(), message)
                .hint("compute the value in a task"));
        }
    }
    Ok(())
}

/// `||`, `===` and a single `=`, of which each means something in another language.
fn foreign_sign(token: &Token<'_>, next: Option<&Token<'_>>, brackets: usize) -> Result<(), Flaw> {
    let next = next.filter(|next| next.start == token.end());
    let twice = |first: &str, second: &str| token.is_sign(first) && next.is_some_and(|next| next.is_sign(second));
    let (length, message, hint) = if twice("|", "|") {
        (2, "`||` has no meaning in an expression", "write `or`")
    } else if twice("==", "=") {
        (3, "`===` has no meaning in an expression", "write `==`")
    } else if token.is_sign("=") && brackets == 0 {
        (1, "a single `=` has no meaning here", "write `==` to compare")
    } else {
        return Ok(());
    };
    Err(Flaw::new(codes::EXPRESSION_SYNTAX, token.start, token.start + length, message).hint(hint))
}

/// Reads a name at `at` and returns where to go on.
fn name(tokens: &[Token<'_>], at: usize, references: &mut Vec<Reference>) -> Result<usize, Flaw> {
    let token = tokens[at];
    let before = |back: usize| at.checked_sub(back).map(|i| &tokens[i]);
    let is_test = |back: usize| before(back).is_some_and(|t| t.is_name("is") && !is_attribute(tokens, at - back));
    if before(1).is_some_and(|t| t.is_sign("|")) {
        return known(tokens, at, "filter", &filters::FILTERS);
    }
    if (is_test(1) && token.text != "not") || (before(1).is_some_and(|t| t.is_name("not")) && is_test(2)) {
        return known(tokens, at, "test", &filters::TESTS);
    }
    if KEYWORDS.contains(&token.text) || is_attribute(tokens, at) {
        return Ok(at + 1);
    }
    // The name of an argument: `round(precision=2)`.
    if tokens.get(at + 1).is_some_and(|t| t.is_sign("=")) {
        return Ok(at + 1);
    }
    Ok(path(tokens, at, references))
}

fn is_attribute(tokens: &[Token<'_>], at: usize) -> bool {
    at.checked_sub(1).is_some_and(|i| tokens[i].is_sign("."))
}

/// A filter's or a test's name; dots belong to it, as minijinja reads it.
fn known(tokens: &[Token<'_>], at: usize, what: &str, all: &[&str]) -> Result<usize, Flaw> {
    let mut end = at;
    while tokens.get(end + 1).is_some_and(|t| t.is_sign("."))
        && tokens.get(end + 2).is_some_and(|t| t.sort == Sort::Name)
    {
        end += 2;
    }
    let first = tokens[at].text;
    if end > at && all.contains(&first) {
        let flaw = Flaw::new(
            codes::EXPRESSION_SYNTAX,
            tokens[at].start,
            tokens[end].end(),
            format!("a dot cannot follow the {what} `{first}`"),
        );
        return Err(flaw.hint(format!("put the {what} into parentheses: (value | {first}).{}", tokens[end].text)));
    }
    if !all.contains(&first) {
        let mut flaw = Flaw::new(
            codes::FILTER_UNKNOWN,
            tokens[at].start,
            tokens[at].end(),
            format!("there is no {what} `{first}`"),
        );
        flaw.hint = FOREIGN
            .iter()
            .find(|(foreign, _)| *foreign == first)
            .map(|(_, hint)| (*hint).to_owned())
            .or_else(|| suggest::nearest(first, all.iter().copied()).map(|near| format!("did you mean `{near}`?")))
            .or_else(|| Some(format!("the {what}s are {}", all.join(", "))));
        return Err(flaw);
    }
    Ok(end + 1)
}

fn refuse_call(tokens: &[Token<'_>], at: usize) -> Result<(), Flaw> {
    let Some(previous) = at.checked_sub(1).map(|i| tokens[i]) else { return Ok(()) };
    let ends_value = match previous.sort {
        Sort::Sign => matches!(previous.text, ")" | "]" | "}"),
        Sort::Text | Sort::Number => true,
        Sort::Name => {
            let introducer = |back: usize| (at - 1).checked_sub(back).map(|i| tokens[i]);
            let is_filter = introducer(1).is_some_and(|t| t.is_sign("|"));
            let is_test = introducer(1).is_some_and(|t| t.is_name("is"))
                || introducer(1).is_some_and(|t| t.is_name("not")) && introducer(2).is_some_and(|t| t.is_name("is"));
            !is_filter && !is_test && (!KEYWORDS.contains(&previous.text) || is_attribute(tokens, at - 1))
        }
    };
    if !ends_value {
        return Ok(());
    }
    let flaw = Flaw::new(codes::CALL, previous.start, tokens[at].end(), "expressions cannot call functions or methods");
    let filter = filters::FILTERS
        .iter()
        .find(|&&filter| filter == previous.text || (previous.text == "len" && filter == "length"));
    Err(flaw.hint(match filter {
        Some(filter) => format!("`{filter}` is a filter: write value | {filter}"),
        None => "use a filter, such as value | length, or compute the value in a task".to_owned(),
    }))
}

/// A path that begins at `at`; returns where it ends.
fn path(tokens: &[Token<'_>], at: usize, references: &mut Vec<Reference>) -> usize {
    let root = tokens[at];
    let mut found = Reference { root: root.text.to_owned(), steps: Vec::new(), spans: vec![(root.start, root.end())] };
    let mut next = at + 1;
    loop {
        let (step, taken) = match (tokens.get(next), tokens.get(next + 1), tokens.get(next + 2)) {
            (Some(dot), Some(name), _) if dot.is_sign(".") && name.sort == Sort::Name => {
                (Step::Name(name.text.to_owned()), 2)
            }
            (Some(dot), Some(number), _) if dot.is_sign(".") && number.sort == Sort::Number => (index(number), 2),
            (Some(open), Some(key), Some(close)) if open.is_sign("[") && close.is_sign("]") => match key.sort {
                Sort::Text => (plain_text(key).map_or(Step::Unknown, |name| Step::Name(name.to_owned())), 3),
                Sort::Number => (index(key), 3),
                _ => (Step::Unknown, 1),
            },
            (Some(open), _, _) if open.is_sign("[") => (Step::Unknown, 1),
            _ => break,
        };
        let stop = step == Step::Unknown;
        let shown = tokens[(next + taken - 1).min(tokens.len() - 1)];
        let start = if taken == 3 { tokens[next].start } else { shown.start };
        found.steps.push(step);
        found.spans.push((start, shown.end()));
        next += taken;
        if stop {
            // What stands in the brackets is read as an expression of its own.
            break;
        }
    }
    references.push(found);
    next
}

fn index(number: &Token<'_>) -> Step {
    number.text.parse().map_or(Step::Unknown, Step::Index)
}
