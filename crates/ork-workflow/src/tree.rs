//! A file as a tree in which every key and every value knows its place. YAML and JSON are both read into it.

use std::borrow::Cow;

use serde_json::{Number, Value};

use crate::codes;
use crate::diagnostic::Report;
use crate::source::Span;

/// Levels of nesting in a file: those of the file's own shape and those of a JSON value in it. Everything that walks a
/// tree may recurse because of this bound.
pub const NESTING_MAX: usize = ork_core::limits::JSON_DEPTH_MAX + 16;
/// Nodes of one file, keys counted and aliases expanded. YAML's reader takes about a microsecond for each, so that this is
/// what bounds the time that a file can cost.
pub const NODES_MAX: usize = 800_000;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub struct Located {
    pub kind: Kind,
    pub at: Span,
}

/// What a value is.
#[derive(Debug, Clone)]
pub enum Kind {
    Null,
    Bool(bool),
    Number(Number),
    /// A YAML scalar that looks like a number and is none that JSON can hold, or not for certain; the reason says why.
    /// As text (an argument, a variable) it is as good as any other.
    Odd(&'static str),
    Text(String),
    /// Already reported: nothing more is to be said about it.
    Bad,
    List(Vec<Located>),
    Map(Vec<(Key, Located)>),
}

/// The key of a mapping's entry.
#[derive(Debug, Clone)]
pub struct Key {
    pub name: String,
    pub at: Span,
    /// It was no key, which is already reported; the mapping that holds it is [`Kind::Bad`].
    pub is_broken: bool,
}

impl Located {
    /// What it is, for the end of a sentence: "expected a list, found …".
    pub const fn noun(&self) -> &'static str {
        match &self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "a boolean",
            Kind::Number(_) | Kind::Odd(_) => "a number",
            Kind::Text(_) => "text",
            Kind::List(_) => "a list",
            Kind::Map(_) | Kind::Bad => "a mapping",
        }
    }

    /// A scalar as the text that stands in the file: `8080`, `0755`, `1.10` and `true` stay what they look like.
    pub fn scalar_text<'s>(&'s self, source: &'s str) -> Option<Cow<'s, str>> {
        match &self.kind {
            Kind::Text(text) => Some(Cow::Borrowed(text)),
            Kind::Bool(_) | Kind::Number(_) | Kind::Odd(_) => source.get(self.at.start..self.at.end).map(Cow::Borrowed),
            Kind::Null | Kind::Bad | Kind::List(_) | Kind::Map(_) => None,
        }
    }

    /// Where a part of the text stands in the file. Where escapes, folding or indentation make the text unlike what is
    /// written, the same part is looked for, counting its repetitions; if it is not found, it is the whole scalar.
    pub fn place_of(&self, source: &str, start: usize, end: usize) -> Span {
        if let Some(from) = self.verbatim_start(source) {
            return Span::within(from, start, end - start);
        }
        let Kind::Text(text) = &self.kind else { return self.at };
        let written = source.get(self.at.start..self.at.end).unwrap_or_default();
        let Some(part) = text.get(start..end).filter(|part| !part.is_empty()) else { return self.at };
        let before = text.get(..start).map_or(0, |before| before.matches(part).count());
        let found = written.match_indices(part).nth(before);
        found.map_or(self.at, |(at, _)| Span::within(self.at.start, at, end - start))
    }

    /// The byte at which the text's own characters begin in the file, if they stand there one to one.
    fn verbatim_start(&self, source: &str) -> Option<usize> {
        let Kind::Text(text) = &self.kind else { return None };
        let written = source.get(self.at.start..self.at.end)?;
        if written == text {
            return Some(self.at.start);
        }
        let inner = written.get(1..written.len().checked_sub(1)?)?;
        (inner == text).then_some(self.at.start + 1)
    }

    /// The value as JSON. What JSON cannot hold is reported and becomes `null`.
    pub fn to_json(&self, report: &mut Report) -> Value {
        match &self.kind {
            Kind::Null | Kind::Bad => Value::Null,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Number(number) => Value::Number(number.clone()),
            Kind::Odd(reason) => {
                report.hinted(codes::NUMBER_ODD, self.at, *reason, crate::fields::ODD_HINT);
                Value::Null
            }
            Kind::Text(text) => Value::String(text.clone()),
            Kind::List(items) => Value::Array(items.iter().map(|item| item.to_json(report)).collect()),
            Kind::Map(entries) => {
                Value::Object(entries.iter().map(|(key, value)| (key.name.clone(), value.to_json(report))).collect())
            }
        }
    }

    /// How many nodes it is made of, itself included.
    pub fn size(&self) -> usize {
        match &self.kind {
            Kind::List(items) => 1 + items.iter().map(Self::size).sum::<usize>(),
            Kind::Map(entries) => 1 + entries.iter().map(|(_, value)| value.size()).sum::<usize>(),
            _ => 1,
        }
    }

    /// How many levels it has: 1 for a scalar.
    pub fn depth(&self) -> usize {
        match &self.kind {
            Kind::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Kind::Map(entries) => 1 + entries.iter().map(|(_, value)| value.depth()).max().unwrap_or(0),
            _ => 1,
        }
    }
}

/// A collection that is still being read.
pub enum Open {
    List { items: Vec<Located>, start: usize },
    Map { entries: Vec<(Key, Located)>, key: Option<Key>, start: usize },
}

impl Open {
    /// The finished collection, which ends at this byte. A key that stands twice is reported.
    pub fn close(self, end: usize, report: &mut Report) -> Located {
        match self {
            Self::List { items, start } => Located { kind: Kind::List(items), at: Span::new(start, end) },
            Self::Map { entries, start, .. } if entries.iter().any(|(key, _)| key.is_broken) => {
                Located { kind: Kind::Bad, at: Span::new(start, end) }
            }
            Self::Map { entries, start, .. } => {
                report_repeated(&entries, report);
                Located { kind: Kind::Map(entries), at: Span::new(start, end) }
            }
        }
    }
}

fn report_repeated(entries: &[(Key, Located)], report: &mut Report) {
    let mut keys: Vec<&Key> = entries.iter().map(|(key, _)| key).collect();
    // A stable sort keeps equal keys in the order of the file.
    keys.sort_by(|a, b| a.name.cmp(&b.name));
    for pair in keys.windows(2) {
        if let [first, again] = pair
            && first.name == again.name
        {
            let hint = "keep one of them: a key may stand only once in a mapping";
            report.hinted(codes::KEY_REPEATED, again.at, format!("`{}` is here for the second time", again.name), hint);
        }
    }
}
