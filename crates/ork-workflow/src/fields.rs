//! Reads typed values out of a located tree. What does not fit is reported, and the value is left out.

use std::borrow::Cow;

use ork_core::limits;
use serde_json::Value;

use crate::diagnostic::Report;
use crate::keys::Table;
use crate::source::Span;
use crate::tree::{Key, Kind, Located};
use crate::{codes, duration, suggest};

/// What a mapping is called where one is wanted.
const MAPPING: &str = "a mapping (`key: value`)";
/// The repair of a number that is none for certain.
pub const ODD_HINT: &str = "quote it if it is text, else write it as a plain decimal number";

/// A mapping whose keys have been checked.
pub struct Fields<'t> {
    /// Where it is.
    pub at: Span,
    entries: &'t [(Key, Located)],
    /// What was suggested in place of unknown keys.
    suggested: String,
    /// Keys that stand there misspelt, and where.
    misspelt: Vec<(&'static str, usize)>,
}

/// What an unknown key may have been meant to be.
struct Guess {
    hint: String,
    near: Option<&'static str>,
}

impl<'t> Fields<'t> {
    /// Takes a value as a mapping with the keys of a table.
    pub fn open(node: &'t Located, what: &str, table: &Table, report: &mut Report) -> Option<Self> {
        let entries = entries(node, what, report)?;
        let (mut suggested, mut misspelt) = (String::new(), Vec::new());
        for (index, (key, _)) in entries.iter().enumerate() {
            let Some(guess) = check_key(key, what, table, report) else { continue };
            suggested.push_str(&guess.hint);
            misspelt.extend(guess.near.map(|near| (near, index)));
        }
        Some(Self { at: node.at, entries, suggested, misspelt })
    }

    /// The value of a key, or of one that is a misspelling of it: what is wrong below that is told at once as well.
    pub fn get(&self, name: &str) -> Option<&'t Located> {
        let misspelt = || self.misspelt.iter().find(|(near, _)| *near == name).map(|(_, index)| &self.entries[*index]);
        self.entry(name).or_else(misspelt).map(|(_, value)| value)
    }

    /// Whether this key was suggested in place of an unknown one, so that its absence is reported already.
    pub fn is_suggested(&self, name: &str) -> bool {
        self.suggested.contains(&format!("`{name}`"))
    }

    pub fn entry(&self, name: &str) -> Option<&'t (Key, Located)> {
        self.entries.iter().find(|(key, _)| key.name == name)
    }
}

/// The entries of a mapping.
pub fn entries<'t>(node: &'t Located, what: &str, report: &mut Report) -> Option<&'t [(Key, Located)]> {
    match &node.kind {
        Kind::Map(entries) => Some(entries),
        _ => wrong_type(node, what, MAPPING, report),
    }
}

/// Reports a key that is not in the table, and returns what was suggested in its place.
fn check_key(key: &Key, what: &str, table: &Table, report: &mut Report) -> Option<Guess> {
    let name = key.name.as_str();
    if table.keys.contains(&name) || name.is_empty() {
        return None;
    }
    if name == "<<" {
        let hint =
            "put defaults at the top of the file (`retry`, `env`), or repeat a whole value by an alias: `retry: *name`";
        report.hinted(codes::MERGE_KEY, key.at, "merge keys (`<<`) are not supported", hint);
        return None;
    }
    let foreign = table.foreign.iter().find(|(foreign, _)| *foreign == name).map(|(_, hint)| (*hint).to_owned());
    if table.later.contains(&name) {
        let message = format!("`{name}` is not available in this build of Ork");
        report.hinted(codes::KEY_LATER, key.at, message, foreign.as_deref().unwrap_or("remove it"));
        return None;
    }
    let message = format!("unknown key `{name}` in {what}");
    if report.is_full() {
        report.add(codes::KEY_UNKNOWN, key.at, message);
        return None;
    }
    let near = suggest::nearest(name, table.keys.iter().copied()).filter(|_| foreign.is_none());
    let meant = foreign.or_else(|| near.map(|near| format!("did you mean `{near}`?")));
    let hint = meant.unwrap_or_else(|| format!("known here: {}", suggest::list_all(table.keys)));
    report.hinted(codes::KEY_UNKNOWN, key.at, message, hint.clone());
    Some(Guess { hint, near })
}

/// Reports that a value is of another type. Always `None`.
pub fn wrong_type<T>(node: &Located, what: &str, wanted: &str, report: &mut Report) -> Option<T> {
    let message = format!("{what} must be {wanted}, and this is {}", node.noun());
    match &node.kind {
        Kind::Bad => {}
        Kind::Null => {
            let message = format!("{what} has no value, and must be {wanted}");
            report.hinted(codes::WRONG_TYPE, node.at, message, "write a value after the colon, or remove the key");
        }
        Kind::Odd(reason) => report.hinted(codes::NUMBER_ODD, node.at, *reason, ODD_HINT),
        Kind::Text(text) if wanted == MAPPING && text.contains(':') => {
            report.hinted(codes::WRONG_TYPE, node.at, message, "a space must follow the colon: `key: value`");
        }
        _ => report.add(codes::WRONG_TYPE, node.at, message),
    }
    None
}

/// Text, and nothing that only looks like it.
pub fn text<'t>(node: &'t Located, what: &str, report: &mut Report) -> Option<&'t str> {
    match &node.kind {
        Kind::Text(text) => Some(text),
        Kind::Bool(_) | Kind::Number(_) | Kind::Odd(_) => {
            let message = format!("{what} must be text, and this is {}", node.noun());
            report.hinted(codes::WRONG_TYPE, node.at, message, "put it in quotes");
            None
        }
        _ => wrong_type(node, what, "text", report),
    }
}

/// Text, or a number or boolean as it stands in the file.
pub fn scalar<'s>(node: &'s Located, what: &str, source: &'s str, report: &mut Report) -> Option<Cow<'s, str>> {
    let found = node.scalar_text(source);
    if found.is_none() {
        if matches!(node.kind, Kind::Null) {
            report.hinted(codes::WRONG_TYPE, node.at, format!("{what} has no value"), "write \"\" for empty text");
        } else {
            return wrong_type(node, what, "text or a number", report);
        }
    }
    found
}

/// A name of the allowed characters.
pub fn name<'t>(node: &'t Located, what: &str, report: &mut Report) -> Option<&'t str> {
    let text = text(node, what, report)?;
    check_name(text, node.at, what, report).then_some(text)
}

/// Whether a text may be a name; if not, that is reported.
pub fn check_name(text: &str, at: Span, what: &str, report: &mut Report) -> bool {
    if limits::is_name(text) {
        return true;
    }
    let message = if text.is_empty() {
        format!("{what} is empty")
    } else if text.len() > limits::NAME_BYTES_MAX {
        format!("{what} is longer than {} characters", limits::NAME_BYTES_MAX)
    } else if text.contains("{{") {
        format!("{what} cannot be a template")
    } else {
        format!("{what} `{text}` has characters that a name may not have")
    };
    let better: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' }).collect();
    let hint = if text.contains("{{") {
        "a name is the same in every run: write it out".to_owned()
    } else if limits::is_name(&better) && text.chars().all(|c| c.is_ascii() || !c.is_alphanumeric()) {
        format!("letters, digits, `.`, `_` and `-` are allowed: `{better}`")
    } else {
        "a name has 1 to 128 characters of A-Z a-z 0-9 . _ -".to_owned()
    };
    report.hinted(codes::NAME_BAD, at, message, hint);
    false
}

pub fn boolean(node: &Located, what: &str, report: &mut Report) -> Option<bool> {
    match &node.kind {
        Kind::Bool(value) => Some(*value),
        Kind::Text(text)
            if matches!(text.to_ascii_lowercase().as_str(), "yes" | "no" | "on" | "off" | "true" | "false") =>
        {
            let message = format!("{what} must be true or false, and this is text");
            report.hinted(codes::WRONG_TYPE, node.at, message, "write `true` or `false`, without quotes");
            None
        }
        _ => wrong_type(node, what, "true or false", report),
    }
}

/// A whole number within limits, both included.
pub fn integer(node: &Located, what: &str, (least, most): (i64, i64), report: &mut Report) -> Option<i64> {
    let number = match &node.kind {
        Kind::Number(number) => number,
        Kind::Text(text) if text.parse::<i64>().is_ok() => {
            let message = format!("{what} must be a whole number, and this is text");
            report.hinted(codes::WRONG_TYPE, node.at, message, "remove the quotes");
            return None;
        }
        _ => return wrong_type(node, what, "a whole number", report),
    };
    // For JSON Schema, and for an input of type `integer`, `3.0` is an integer as well.
    let whole = |float: &f64| float.fract() == 0.0 && float.abs() < 1e15;
    match number.as_i64().or_else(|| number.as_f64().filter(whole).map(|float| float as i64)) {
        Some(value) if (least..=most).contains(&value) => Some(value),
        None if number.as_u64().is_none() => {
            report.add(codes::WRONG_TYPE, node.at, format!("{what} must be a whole number"));
            None
        }
        _ => {
            report.add(codes::OUT_OF_RANGE, node.at, format!("{what} must lie between {least} and {most}"));
            None
        }
    }
}

/// A number within limits, both included.
pub fn number(node: &Located, what: &str, (least, most): (f64, f64), report: &mut Report) -> Option<f64> {
    let Kind::Number(number) = &node.kind else { return wrong_type(node, what, "a number", report) };
    let value = number.as_f64().filter(|value| (least..=most).contains(value));
    if value.is_none() {
        report.add(codes::OUT_OF_RANGE, node.at, format!("{what} must lie between {least} and {most}"));
    }
    value
}

/// Milliseconds.
pub fn duration(node: &Located, what: &str, report: &mut Report) -> Option<u64> {
    match &node.kind {
        Kind::Text(text) => match duration::parse(text) {
            Ok(ms) => Some(ms),
            Err(why) => {
                report.hinted(
                    codes::DURATION_BAD,
                    node.at,
                    format!("{what} `{text}` cannot be read: {why}"),
                    duration::RULE,
                );
                None
            }
        },
        Kind::Number(number) => {
            let hint = format!("write `{number}s` for seconds, `{number}m` for minutes");
            report.hinted(codes::DURATION_BAD, node.at, format!("{what} has no unit"), hint);
            None
        }
        _ => wrong_type(node, what, "a duration such as `10m`", report),
    }
}

/// A duration of more than nothing.
pub fn duration_positive(node: &Located, what: &str, report: &mut Report) -> Option<u64> {
    let ms = duration(node, what, report)?;
    if ms == 0 {
        report.hinted(
            codes::OUT_OF_RANGE,
            node.at,
            format!("{what} must be longer than 0"),
            "leave it out for no limit",
        );
        return None;
    }
    Some(ms)
}

/// One of a few words, by its position.
pub fn word(node: &Located, what: &str, words: &[&str], report: &mut Report) -> Option<usize> {
    let text = text(node, what, report)?;
    let found = words.iter().position(|word| *word == text);
    if found.is_none() {
        let message = format!("{what} is `{text}`, and must be one of {}", suggest::list(words));
        // `json` for `stdout_json`, `time` for `timeout`.
        let longer = || words.iter().copied().find(|word| text.len() > 2 && word.contains(text));
        // `on_failure` for `failed`.
        let alike = || words.iter().copied().find(|word| word.get(..4).is_some_and(|start| text.contains(start)));
        match suggest::nearest(text, words.iter().copied()).or_else(longer).or_else(alike) {
            Some(near) => report.hinted(codes::WORD_UNKNOWN, node.at, message, format!("did you mean `{near}`?")),
            None => report.add(codes::WORD_UNKNOWN, node.at, message),
        }
    }
    found
}

/// A list's items.
pub fn list<'t>(node: &'t Located, what: &str, report: &mut Report) -> Option<&'t [Located]> {
    match &node.kind {
        Kind::List(items) => Some(items),
        Kind::Text(text) if text.len() <= 60 => {
            report.hinted(
                codes::WRONG_TYPE,
                node.at,
                format!("{what} must be a list, and this is text"),
                format!("write [{text}]"),
            );
            None
        }
        _ => wrong_type(node, what, "a list", report),
    }
}

/// Any JSON value within the limits of an inline one.
pub fn value(node: &Located, what: &str, report: &mut Report) -> Option<Value> {
    if node.depth() > limits::JSON_DEPTH_MAX {
        report.add(
            codes::VALUE_LARGE,
            node.at,
            format!("{what} is nested more than {} levels deep", limits::JSON_DEPTH_MAX),
        );
        return None;
    }
    let value = node.to_json(report);
    if value.to_string().len() > limits::VALUE_BYTES_MAX {
        let message = format!("{what} is larger than {} bytes", limits::VALUE_BYTES_MAX);
        report.hinted(codes::VALUE_LARGE, node.at, message, "put it into a file, and pass the file's name");
        return None;
    }
    Some(value)
}
