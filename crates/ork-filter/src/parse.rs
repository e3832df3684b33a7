//! From text to a filter, or to what is wrong with it and where.

use std::ops::Range;
use std::str::FromStr;

use ork_core::limits::{FILTER_BYTES_MAX, LABELS_MAX, is_name};
use ork_core::state::{RunStatus, TaskStatus};
use ork_core::suggest::{list, nearest};

use crate::filter::{Bounds, Filter, Is};
use crate::moment::Moment;

/// What is wrong with a filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FilterError {
    /// Where: bytes of the text.
    pub at: Range<usize>,
    /// What.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// What can be asked for, as hints list it.
const FIELDS: [&str; 8] = ["status", "is", "name", "owner", "label.KEY", "created", "started", "finished"];
const TIMES: &str = "-2h, -7d, 2026-11-01 or 2026-11-01T12:00:00Z";

fn wrong(at: Range<usize>, message: impl Into<String>) -> FilterError {
    FilterError { at, message: message.into(), hint: None }
}

impl FilterError {
    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn meant(self, word: impl AsRef<str>) -> Self {
        self.hint(format!("did you mean `{}`?", word.as_ref()))
    }
}

/// A word: a field, an operator, a value.
struct Word<'t> {
    text: &'t str,
    field: &'t str,
    operator: char,
    /// Without its quotes.
    value: String,
    /// Where the field is.
    at: Range<usize>,
    /// Where the value is.
    value_at: Range<usize>,
}

impl FromStr for Filter {
    type Err = FilterError;

    /// Reads a filter; an empty text asks for everything.
    fn from_str(text: &str) -> Result<Self, FilterError> {
        if text.len() > FILTER_BYTES_MAX {
            return Err(wrong(0..0, format!("a filter has at most {FILTER_BYTES_MAX} bytes, not {}", text.len())));
        }
        let mut filter = Self::default();
        for (at, word) in words(text)? {
            filter.add(&split(at, word)?)?;
        }
        Ok(filter)
    }
}

/// The words of a text, each with its place. Blanks between quotes belong to a word.
fn words(text: &str) -> Result<Vec<(usize, &str)>, FilterError> {
    let mut words = Vec::new();
    let mut start = None;
    let mut quote = None;
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        if quote.is_none() && c.is_whitespace() {
            words.extend(start.take().map(|start| (start, &text[start..at])));
            continue;
        }
        start.get_or_insert(at);
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = quote.is_some(),
            '"' => quote = if quote.is_some() { None } else { Some(at) },
            _ => {}
        }
    }
    if let Some(at) = quote {
        return Err(wrong(at..text.len(), "the quote is not closed"));
    }
    words.extend(start.map(|start| (start, &text[start..])));
    Ok(words)
}

/// What stands between quotes, and between them and around them.
fn unquoted(raw: &str) -> String {
    let mut value = String::new();
    let mut is_quoted = false;
    let mut rest = raw.chars();
    while let Some(c) = rest.next() {
        match c {
            '"' => is_quoted = !is_quoted,
            '\\' if is_quoted => value.extend(rest.next()),
            c => value.push(c),
        }
    }
    value
}

fn split(start: usize, text: &str) -> Result<Word<'_>, FilterError> {
    let at = start..start + text.len();
    if text.starts_with(['-', '!']) {
        let error = wrong(at, "a filter says what is wanted, and cannot leave something out");
        return Err(error.hint("commas mean `or`: status:failed,cancelled"));
    }
    let Some(end) = text.find([':', '=', '<', '>']) else { return Err(bare(at, text)) };
    let (field, rest) = text.split_at(end);
    let raw = &rest[1..];
    let operator = rest.chars().next().unwrap_or_default();
    let value_at = start + end + 1..at.end;
    if raw.is_empty() {
        let error = wrong(at, format!("`{text}` has no value"));
        return Err(if operator == '=' { error.hint(format!("an empty one is `{text}\"\"`")) } else { error });
    }
    Ok(Word { text, field, operator, value: unquoted(raw), at: start..start + end, value_at })
}

/// A word without operator. A shell has taken the rest of it when it began with `<` or `>`.
fn bare(at: Range<usize>, text: &str) -> FilterError {
    let error = wrong(at, format!("`{text}` says nothing about a run"));
    match text {
        "created" | "started" | "finished" => error.hint(format!("in a shell put it in quotes: '{text}>-2h'")),
        "status" => error.hint("status:failed"),
        _ if RunStatus::from_word(text).is_some() => error.meant(format!("status:{text}")),
        _ if Is::ALL.iter().any(|is| is.word() == text) => error.meant(format!("is:{text}")),
        _ if text.starts_with("run_") => error.hint(format!("ork runs show {text}")),
        _ if is_name(text) => error.meant(format!("name:{text}")),
        _ => error.hint(format!("words are {}", list(&FIELDS))),
    }
}

impl Filter {
    fn add(&mut self, word: &Word<'_>) -> Result<(), FilterError> {
        match word.field {
            "status" => self.add_status(word),
            "is" => self.add_is(word),
            "name" => self.add_name(word),
            "owner" => self.add_owner(word),
            "created" => add_bound(&mut self.created, word),
            "started" => add_bound(&mut self.started, word),
            "finished" => add_bound(&mut self.finished, word),
            field => match field.strip_prefix("label.") {
                Some(key) => self.add_label(key, word),
                None => Err(unknown(word)),
            },
        }
    }

    fn add_status(&mut self, word: &Word<'_>) -> Result<(), FilterError> {
        word.needs(':')?;
        if !self.statuses.is_empty() {
            return Err(word.twice().hint("commas mean `or`: status:failed,cancelled"));
        }
        for part in word.value.split(',') {
            let Some(status) = RunStatus::from_word(part) else {
                let known = RunStatus::ALL.iter().map(|status| status.word());
                let error = wrong(word.value_at.clone(), format!("no run is `{part}`"));
                let near = nearest(part, known.clone());
                return Err(match near {
                    Some(near) => error.meant(format!("status:{near}")),
                    None if Is::ALL.iter().any(|is| is.word() == part) => error.meant(format!("is:{part}")),
                    None => error.hint(format!("a run is {}", list(&known.collect::<Vec<_>>()))),
                });
            };
            self.statuses.insert(status);
        }
        Ok(())
    }

    fn add_is(&mut self, word: &Word<'_>) -> Result<(), FilterError> {
        word.needs(':')?;
        let value = word.value.as_str();
        if let Some(is) = Is::ALL.into_iter().find(|is| is.word() == value) {
            self.is.insert(is);
            return Ok(());
        }
        let place = word.value_at.clone();
        if RunStatus::from_word(value).is_some() {
            return Err(wrong(place, format!("`{value}` is a status")).meant(format!("status:{value}")));
        }
        if TaskStatus::from_word(value).is_some() {
            let message =
                format!("which runs have a task that is `{value}` cannot be known without reading all of them");
            return Err(wrong(place, message).hint("`ork why RUN` says what a run waits for"));
        }
        let error = wrong(place, format!("there is no `is:{value}`"));
        let known = Is::ALL.map(Is::word);
        Err(match nearest(value, known) {
            Some(near) => error.meant(format!("is:{near}")),
            None if value.contains(',') => error.hint(format!("a word for each: is:{}", value.replace(',', " is:"))),
            None => error.hint(format!("known here: {}", list(&known))),
        })
    }

    fn add_name(&mut self, word: &Word<'_>) -> Result<(), FilterError> {
        word.needs(':')?;
        if self.name.is_some() {
            return Err(word.twice().hint("a run has one workflow"));
        }
        if !is_name(&word.value) {
            let error = wrong(word.value_at.clone(), format!("no workflow can be called `{}`", word.value));
            return Err(error.hint("the whole name: 1 to 128 letters, digits, `.`, `_`, `-`"));
        }
        self.name = Some(word.value.clone());
        Ok(())
    }

    fn add_owner(&mut self, word: &Word<'_>) -> Result<(), FilterError> {
        word.needs(':')?;
        if self.owner.is_some() {
            return Err(word.twice().hint("a run has one owner"));
        }
        self.owner = Some(word.value.clone());
        Ok(())
    }

    fn add_label(&mut self, key: &str, word: &Word<'_>) -> Result<(), FilterError> {
        word.needs('=')?;
        if !is_name(key) {
            let error = wrong(word.at.clone(), format!("no label can be called `{key}`"));
            return Err(error.hint("1 to 128 letters, digits, `.`, `_`, `-`"));
        }
        if self.labels.len() == LABELS_MAX {
            return Err(wrong(word.at.clone(), format!("a run has at most {LABELS_MAX} labels")));
        }
        if self.labels.insert(key.to_owned(), word.value.clone()).is_some() {
            return Err(word.twice().hint("a label has one value"));
        }
        Ok(())
    }
}

fn add_bound(bounds: &mut Bounds, word: &Word<'_>) -> Result<(), FilterError> {
    let field = word.field;
    let bound = match word.operator {
        '>' => &mut bounds.from,
        '<' => &mut bounds.until,
        operator => {
            let error = wrong(word.at.clone(), format!("`{field}` is compared with `<` or `>`, not with `{operator}`"));
            return Err(error.meant(format!("{field}>{}", word.value)));
        }
    };
    if let Some(value) = word.value.strip_prefix('=') {
        let message = format!("there is no `{}=`: `>` has its moment in it, and `<` has it not", word.operator);
        return Err(wrong(word.value_at.clone(), message).meant(format!("{field}{}{value}", word.operator)));
    }
    let Some(moment) = Moment::parse(&word.value) else {
        let error = wrong(word.value_at.clone(), format!("`{}` is no time", word.value));
        let past = format!("-{}", word.value.trim_start_matches('+'));
        return Err(match Moment::parse(&past) {
            Some(_) => error.meant(format!("{field}{}{past}", word.operator)),
            None => error.hint(format!("a time is {TIMES}")),
        });
    };
    if bound.is_some() {
        return Err(word.twice());
    }
    *bound = Some(moment);
    Ok(())
}

fn unknown(word: &Word<'_>) -> FilterError {
    let error = wrong(word.at.clone(), format!("there is no filter `{}`", word.field));
    let rest = &word.text[word.field.len()..];
    match nearest(word.field, FIELDS) {
        Some(near) if near != "label.KEY" => error.meant(format!("{near}{rest}")),
        _ if word.field == "label" && word.operator == ':' => error.meant(format!("label.{}", &rest[1..])),
        _ if word.operator == '=' && is_name(word.field) => error.meant(format!("label.{}", word.text)),
        _ => error.hint(format!("known here: {}", list(&FIELDS))),
    }
}

impl Word<'_> {
    fn needs(&self, operator: char) -> Result<(), FilterError> {
        if self.operator == operator {
            return Ok(());
        }
        let error = wrong(self.at.clone(), format!("after `{}` comes `{operator}`", self.field));
        Err(error.meant(format!("{}{operator}{}", self.field, self.value)))
    }

    fn twice(&self) -> FilterError {
        let bound = if matches!(self.operator, '<' | '>') { self.operator.to_string() } else { String::new() };
        wrong(self.at.clone(), format!("`{}{bound}` is there twice", self.field))
    }
}
