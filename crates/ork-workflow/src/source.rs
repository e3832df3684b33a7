//! A file's text, its format, and places in it.

use std::path::Path;
use std::sync::Arc;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// YAML 1.2, core schema.
    Yaml,
    /// JSON, RFC 8259.
    Json,
}

impl Format {
    /// The format that a file's name tells: JSON for `.json`, else YAML.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        let json = Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        if json { Self::Json } else { Self::Yaml }
    }
}

/// A workflow as its author wrote it.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The file's name, for messages; its stem names a workflow that has no `name`.
    pub name: &'a str,
    /// What is in it.
    pub text: &'a str,
    /// How to read it.
    pub format: Format,
}

/// Where something stands in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Characters on that line, at least 1.
    pub length: u32,
}

/// A range of bytes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub start: usize,
    pub end: usize,
}

impl Span {
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The part of it that begins `offset` bytes after its start.
    pub const fn within(start: usize, offset: usize, length: usize) -> Self {
        Self { start: start + offset, end: start + offset + length }
    }
}

/// A text with the starts of its lines, so that a byte's line is found by search.
#[derive(Debug, Clone)]
pub(crate) struct Lines {
    text: Arc<str>,
    starts: Vec<usize>,
}

impl Lines {
    pub fn of(text: &str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text: text.into(), starts }
    }

    /// The place of a span, cut at the end of its first line, and that line.
    pub fn locate(&self, span: Span) -> (Place, &str) {
        let start = self.floor(span.start);
        let index = self.starts.partition_point(|&at| at <= start).saturating_sub(1);
        let from = self.starts.get(index).copied().unwrap_or(0);
        let line = self.text[from..].lines().next().unwrap_or("");
        let end = self.floor(span.end).min(from + line.len()).max(start.min(from + line.len()));
        let column = self.text[from..start].chars().count();
        let length = self.text.get(start..end).map_or(0, |covered| covered.trim_end().chars().count());
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        (Place { line: count(index + 1), column: count(column + 1), length: count(length.max(1)) }, line)
    }

    fn floor(&self, at: usize) -> usize {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}
