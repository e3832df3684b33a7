//! What is wrong with a file, where, and how to repair it.

use std::fmt;

use serde_json::{Value, json};

use crate::source::{Lines, Place, Span};

/// Errors of one file that are reported; the rest is counted.
pub const ERRORS_MAX: usize = 50;
/// Characters of a line that a message shows.
const SNIPPET_CHARS_MAX: usize = 100;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What `ork explain` takes, such as `ORK-E0201`.
    pub code: &'static str,
    /// What is wrong, in plain words.
    pub message: String,
    /// How to repair it.
    pub hint: Option<String>,
    /// Where it is; `None` for the file as a whole.
    pub place: Option<Place>,
    /// What to show of that line.
    pub snippet: Option<Snippet>,
}

/// The part of a line around a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snippet {
    /// The text, with `…` where it was cut.
    pub text: String,
    /// Characters before the caret.
    pub column: usize,
    /// Characters under the caret, at least 1.
    pub length: usize,
}

/// Everything that is wrong with one file, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics {
    /// The file's name.
    pub file: String,
    /// What is wrong; at most [`ERRORS_MAX`].
    pub items: Vec<Diagnostic>,
    /// How many more there are, at least: some checks stop once that many errors are found.
    pub more: usize,
}

impl std::error::Error for Diagnostics {}

impl Diagnostics {
    /// `{file, errors: [{code, message, hint, line, column, length}], more}`; a key without a value is left out.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let errors: Vec<Value> = self.items.iter().map(Diagnostic::to_json).collect();
        json!({"file": self.file, "errors": errors, "more": self.more})
    }
}

impl Diagnostic {
    fn to_json(&self) -> Value {
        let mut object = serde_json::Map::new();
        object.insert("code".into(), self.code.into());
        object.insert("message".into(), self.message.clone().into());
        if let Some(hint) = &self.hint {
            object.insert("hint".into(), hint.clone().into());
        }
        if let Some(place) = self.place {
            object.insert("line".into(), place.line.into());
            object.insert("column".into(), place.column.into());
            object.insert("length".into(), place.length.into());
        }
        Value::Object(object)
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, item) in self.items.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            item.write(&self.file, f)?;
        }
        if self.more > 0 {
            write!(f, "\nand at least {} more {}\n", self.more, if self.more == 1 { "error" } else { "errors" })?;
        }
        Ok(())
    }
}

impl Diagnostic {
    fn write(&self, file: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error[{}]: {}", self.code, Shown(&self.message))?;
        match (self.place, &self.snippet) {
            (Some(place), Some(snippet)) => {
                let number = place.line.to_string();
                let margin = " ".repeat(number.len());
                writeln!(f, "{margin}--> {}:{}:{}", Shown(file), place.line, place.column)?;
                writeln!(f, "{margin} |")?;
                writeln!(f, "{number} | {}", Shown(&snippet.text))?;
                writeln!(f, "{margin} | {}{}", " ".repeat(snippet.column), "^".repeat(snippet.length))?;
            }
            _ => writeln!(f, " --> {}", Shown(file))?,
        }
        if let Some(hint) = &self.hint {
            writeln!(f, " = help: {}", Shown(hint))?;
        }
        Ok(())
    }
}

/// The part of a long line around the place, with the column and length of the caret in it.
fn window(line: &str, place: Place) -> Snippet {
    let column = place.column.saturating_sub(1) as usize;
    let total = line.chars().count();
    let from =
        if total <= SNIPPET_CHARS_MAX || column < SNIPPET_CHARS_MAX / 2 { 0 } else { column - SNIPPET_CHARS_MAX / 2 };
    let mut shown: String = line.chars().skip(from).take(SNIPPET_CHARS_MAX).collect();
    let room = shown.chars().count().saturating_sub(column - from).max(1);
    if from + SNIPPET_CHARS_MAX < total {
        shown.push('…');
    }
    let prefix = if from > 0 { "…" } else { "" };
    let offset = column - from + usize::from(from > 0);
    Snippet { text: format!("{prefix}{shown}"), column: offset, length: (place.length as usize).min(room) }
}

/// Text from a file on its way to a terminal: a control character could move the cursor or recolour the screen.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '\t' => f.write_str(" ")?,
                c if c.is_control() || is_invisible(c) => f.write_str("\u{fffd}")?,
                c => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

/// Characters that reorder or hide what stands next to them.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// An error before its place is looked up.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    pub code: &'static str,
    pub at: Option<Span>,
    pub message: String,
    pub hint: Option<String>,
}

/// Collects what is wrong while a file is read.
#[derive(Debug, Default)]
pub(crate) struct Report {
    found: Vec<Finding>,
    more: usize,
}

impl Report {
    /// All of it is wrong there.
    pub fn move_to(&mut self, at: Span) {
        for finding in &mut self.found {
            finding.at = Some(at);
        }
    }

    pub fn add(&mut self, code: &'static str, at: Span, message: impl Into<String>) {
        self.push(Finding { code, at: Some(at), message: message.into(), hint: None });
    }

    pub fn hinted(&mut self, code: &'static str, at: Span, message: impl Into<String>, hint: impl Into<String>) {
        self.push(Finding { code, at: Some(at), message: message.into(), hint: Some(hint.into()) });
    }

    pub fn push(&mut self, finding: Finding) {
        if self.found.len() < ERRORS_MAX {
            self.found.push(finding);
        } else {
            self.more += 1;
        }
    }

    /// Whether further errors are only counted, so that looking for their repair is wasted.
    pub fn is_full(&self) -> bool {
        self.found.len() >= ERRORS_MAX
    }

    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Everything found, in the order of the file.
    pub fn finish(mut self, file: &str, lines: &Lines) -> Diagnostics {
        self.found.sort_by_key(|finding| finding.at.map_or(0, |at| at.start));
        let items = self.found.into_iter().map(|finding| finding.locate(lines)).collect();
        Diagnostics { file: file.to_owned(), items, more: self.more }
    }
}

impl Finding {
    fn locate(self, lines: &Lines) -> Diagnostic {
        let located = self.at.map(|at| lines.locate(at));
        Diagnostic {
            code: self.code,
            message: self.message,
            hint: self.hint,
            place: located.map(|(place, _)| place),
            snippet: located.map(|(place, line)| window(line, place)),
        }
    }
}
