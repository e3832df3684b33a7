//! What a filter says, and how it is written.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ork_core::clock::Timestamp;
use ork_core::limits::PAGE_MAX;
use ork_core::state::RunStatus;
use ork_core::store::{RunFilter, Span};

use crate::moment::Moment;

/// What a run can be besides its status. All are asked of one row by its key; what would need all tasks of a run is not
/// here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Is {
    /// It waits for a slot of its concurrency key.
    Held,
    /// A task of it waits for its next attempt.
    Retrying,
    /// It is over, and nobody has taken note of that.
    Unacknowledged,
}

impl Is {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Held, Self::Retrying, Self::Unacknowledged];

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Retrying => "retrying",
            Self::Unacknowledged => "unacknowledged",
        }
    }
}

/// Between which moments something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bounds {
    /// `>`: at that moment or later.
    pub from: Option<Moment>,
    /// `<`: before that moment.
    pub until: Option<Moment>,
}

impl Bounds {
    fn span(self, now: Timestamp) -> Span {
        let at = |moment: Option<Moment>| moment.map(|moment| moment.resolve(now));
        Span { from: at(self.from), until: at(self.until) }
    }
}

/// A filter. Its text is read with [`str::parse`], and `Display` writes one that means the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// One of these; empty means any.
    pub statuses: BTreeSet<RunStatus>,
    /// All of these.
    pub is: BTreeSet<Is>,
    /// Its workflow.
    pub name: Option<String>,
    /// Whom it belongs to.
    pub owner: Option<String>,
    /// All of these.
    pub labels: BTreeMap<String, String>,
    /// When it was created.
    pub created: Bounds,
    /// When its first task was dispatched.
    pub started: Bounds,
    /// When it ended.
    pub finished: Bounds,
}

impl Filter {
    /// What it asks of a store: the first page, of [`PAGE_MAX`] runs.
    #[must_use]
    pub fn runs(&self, now: Timestamp) -> RunFilter {
        RunFilter {
            statuses: self.statuses.iter().copied().collect(),
            name: self.name.clone(),
            owner: self.owner.clone(),
            labels: self.labels.clone(),
            created: self.created.span(now),
            started: self.started.span(now),
            finished: self.finished.span(now),
            is_held: self.is.contains(&Is::Held),
            is_retrying: self.is.contains(&Is::Retrying),
            is_unacknowledged: self.is.contains(&Is::Unacknowledged),
            before: None,
            limit: PAGE_MAX,
        }
    }
}

/// A value as it stands in a filter: in quotes where it must.
#[must_use]
pub fn quoted(value: &str) -> Cow<'_, str> {
    let is_plain = |c: char| !c.is_whitespace() && c != '"';
    if !value.is_empty() && value.chars().all(is_plain) {
        return value.into();
    }
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")).into()
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        if !self.statuses.is_empty() {
            let statuses: Vec<&str> = self.statuses.iter().map(|status| status.word()).collect();
            words.push(format!("status:{}", statuses.join(",")));
        }
        words.extend(self.is.iter().map(|is| format!("is:{}", is.word())));
        words.extend(self.name.iter().map(|name| format!("name:{}", quoted(name))));
        words.extend(self.owner.iter().map(|owner| format!("owner:{}", quoted(owner))));
        words.extend(self.labels.iter().map(|(key, value)| format!("label.{key}={}", quoted(value))));
        for (field, bounds) in [("created", self.created), ("started", self.started), ("finished", self.finished)] {
            words.extend(bounds.from.iter().map(|at| format!("{field}>{at}")));
            words.extend(bounds.until.iter().map(|at| format!("{field}<{at}")));
        }
        f.write_str(&words.join(" "))
    }
}
