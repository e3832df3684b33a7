//! How far a run is, and the picture of it: one line of totals, and what is at work below.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use ork_core::clock::Timestamp;
use ork_core::event::{EventRow, EventType};
use ork_core::id::{RunId, TaskRef};
use ork_core::state::{RunStatus, TaskStatus};
use ork_core::store::RunRow;
use tokio::time::{Duration, Instant};

use super::words::{name, tasks, thousands};
use crate::history::History;
use crate::log_text::{clean, last_line, tail};
use crate::names::Names;
use crate::output::{Tone, faint, status, toned};
use crate::region::{cut, width};
use crate::when::{clock, until};

/// Tasks that are shown.
const SHOWN_MAX: usize = 8;
/// Columns of the bar, and of a terminal that is too narrow for it.
const BAR: usize = 20;
const NARROW: usize = 72;
/// The column of names.
const MARGIN: usize = 13;
/// Who is at work for so long is called slow.
const SLOW_MS: u64 = 60_000;
/// How often the last lines of those who are shown are read.
const PEEK_PERIOD: Duration = Duration::from_secs(1);
/// Lines of a log among which the last one is that says something.
const PEEK_LINES: usize = 5;

/// An attempt at work.
struct Attempt {
    since: Timestamp,
    is_running: bool,
    is_flagged: bool,
    /// What it said last.
    words: String,
}

/// What is known of a run from its events.
pub struct Board {
    pub done: u64,
    pub failed: u64,
    pub waits_for: Option<String>,
    word: &'static str,
    began: Option<Timestamp>,
    at_work: BTreeMap<u32, Attempt>,
    /// With the moment of the next attempt, where it is known.
    retrying: BTreeMap<u32, Option<Timestamp>>,
    /// With what is asked at their gates.
    waiting: BTreeMap<u32, String>,
    peeked_at: Option<Instant>,
}

impl Board {
    pub const fn new() -> Self {
        Self {
            done: 0,
            failed: 0,
            waits_for: None,
            word: RunStatus::Pending.word(),
            began: None,
            at_work: BTreeMap::new(),
            retrying: BTreeMap::new(),
            waiting: BTreeMap::new(),
            peeked_at: None,
        }
    }

    /// Counts what was done before.
    pub fn begin(&mut self, run: &RunRow) {
        self.done = u64::from(run.tasks_total - run.tasks_left);
        self.failed = u64::from(run.tasks_bad);
        self.word = run.status.word();
        self.began = Some(run.created_at);
    }

    /// Whether nothing is at work.
    pub fn is_idle(&self) -> bool {
        self.at_work.is_empty()
    }

    /// Whether something waits for somebody's decision.
    pub fn is_at_gate(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// A task came to a gate that asks this.
    pub fn wait(&mut self, n: u32, asked: String) {
        self.waiting.insert(n, asked);
    }

    /// Takes an event in.
    pub fn take(&mut self, row: &EventRow) {
        match row.event_type {
            EventType::RunCreated => self.began = Some(row.created_at),
            EventType::Run(status) => self.word = status.word(),
            EventType::RunResumed => self.word = RunStatus::Running.word(),
            EventType::RunCancelRequested => self.word = "cancelling",
            EventType::Task(to) => self.take_tasks(row, to),
            EventType::RunAcknowledged
            | EventType::TaskExpanded
            | EventType::TaskCancelRequested
            | EventType::TaskRetryRequested
            | EventType::AttemptLate
            | EventType::Step(_)
            | EventType::Gate(_)
            | EventType::BudgetExceeded
            | EventType::BudgetRaised
            | EventType::ArtifactCreated
            | EventType::Bot(_) => {}
        }
    }

    fn take_tasks(&mut self, row: &EventRow, to: TaskStatus) {
        if to.is_terminal() {
            self.done += row.tasks.len();
        }
        if to == TaskStatus::Failed {
            self.failed += row.tasks.len();
        }
        if matches!(to, TaskStatus::Dispatched | TaskStatus::Running) {
            for n in row.tasks.iter() {
                self.retrying.remove(&n);
                let is_running = to == TaskStatus::Running;
                let (since, words) = (row.created_at, String::new());
                let new = Attempt { since, is_running, is_flagged: false, words };
                self.at_work.insert(n, new);
            }
            return;
        }
        if to != TaskStatus::Waiting && !self.waiting.is_empty() {
            self.waiting.retain(|n, _| !row.tasks.contains(*n));
        }
        if !self.at_work.is_empty() {
            self.at_work.retain(|n, _| !row.tasks.contains(*n));
        }
        if to == TaskStatus::Retrying {
            self.retrying.extend(row.tasks.iter().map(|n| (n, None)));
        } else if !self.retrying.is_empty() {
            self.retrying.retain(|n, _| !row.tasks.contains(*n));
        }
    }

    /// When a task is tried again.
    pub fn again(&mut self, n: u32, at: Option<Timestamp>) {
        if let Some(known) = self.retrying.get_mut(&n) {
            *known = at;
        }
    }

    /// Who has become slow since the last time.
    pub fn newly_slow(&mut self, now: Timestamp) -> BTreeSet<u32> {
        let slow = |attempt: &&mut Attempt| !attempt.is_flagged && now.since_ms(attempt.since) >= SLOW_MS;
        let mut found = BTreeSet::new();
        for (n, attempt) in &mut self.at_work {
            if slow(&attempt) {
                attempt.is_flagged = true;
                found.insert(*n);
            }
        }
        found
    }

    /// Those at work that are shown: who is slowest first.
    fn shown(&self) -> Vec<u32> {
        let mut shown: Vec<(Timestamp, u32)> = self.at_work.iter().map(|(n, attempt)| (attempt.since, *n)).collect();
        shown.sort_unstable();
        shown.into_iter().take(SHOWN_MAX).map(|(_, n)| n).collect()
    }

    /// Reads what those who are shown wrote last, once a second.
    pub async fn peek(&mut self, history: &History, run: RunId) -> Result<()> {
        if self.at_work.is_empty() || self.peeked_at.is_some_and(|at| at.elapsed() < PEEK_PERIOD) {
            return Ok(());
        }
        self.peeked_at = Some(Instant::now());
        for n in self.shown() {
            let task = TaskRef { run, n };
            let Some(row) = history.task(task).await? else { continue };
            let Some(attempt) = self.at_work.get_mut(&n) else { continue };
            let lines = tail(history, task, row.attempt, PEEK_LINES).await?;
            let line = lines.iter().rev().find_map(|line| last_line(&line.bytes));
            let far = row.progress.as_ref().map(|progress| {
                let stage = progress.stage.as_deref().map(|stage| format!(" {stage}")).unwrap_or_default();
                format!("{} %{stage}", progress.percent)
            });
            let message = row.progress.as_ref().and_then(|progress| progress.message.clone());
            let words: Vec<String> = far.into_iter().chain(message).chain(line).collect();
            if !words.is_empty() {
                attempt.words = clean(&words.join("  "));
            }
        }
        Ok(())
    }

    /// The picture, for a terminal of this size.
    pub fn lines(&self, names: &Names, now: Timestamp, (columns, rows): (usize, usize)) -> Vec<String> {
        let mut lines = vec![self.totals(names, now, columns)];
        let shown = self.shown();
        for n in &shown {
            let attempt = &self.at_work[n];
            let ms = now.since_ms(attempt.since);
            let word = match (attempt.is_running, ms >= SLOW_MS) {
                (_, true) => "slow",
                (true, false) => TaskStatus::Running.word(),
                (false, false) => TaskStatus::Dispatched.word(),
            };
            let (name, took) = (name(names, *n), clock(ms));
            // A name gives way to its time.
            let name = cut(&name, columns.saturating_sub(MARGIN + took.len() + 3));
            lines.push(line(word, &format!("{name}  {took}"), &attempt.words, columns));
        }
        for (n, at) in self.retrying.iter().take(SHOWN_MAX - shown.len()) {
            let again = at.map(|at| format!("again {}", until(at, now))).unwrap_or_default();
            lines.push(line(TaskStatus::Retrying.word(), &name(names, *n), &again, columns));
        }
        for (n, asked) in self.waiting.iter().take((SHOWN_MAX + 1).saturating_sub(lines.len())) {
            lines.push(line(TaskStatus::Waiting.word(), &name(names, *n), asked, columns));
        }
        let is_idle = self.at_work.is_empty() && self.retrying.is_empty() && self.waiting.is_empty();
        if let Some(sentence) = self.waits_for.as_deref().filter(|_| is_idle) {
            lines.push(line(TaskStatus::Waiting.word(), sentence, "", columns));
        }
        let room = rows.saturating_sub(1).clamp(1, SHOWN_MAX + 2);
        let hidden =
            (self.at_work.len() + self.retrying.len() + self.waiting.len()).saturating_sub(lines.len().min(room) - 1);
        lines.truncate(room);
        if hidden > 0 && lines.len() < room {
            lines.push(faint(&cut(&format!("{:MARGIN$}and {} more", "", thousands(hidden as u64)), columns - 1)));
        }
        lines
    }

    fn totals(&self, names: &Names, now: Timestamp, columns: usize) -> String {
        let total: u64 = names.groups().iter().map(|group| u64::from(group.size.unwrap_or(1))).sum();
        let tone = if self.failed > 0 { Tone::Bad } else { Tone::Good };
        let bar = if columns < NARROW || total == 0 {
            String::new()
        } else {
            let full = usize::try_from(self.done * BAR as u64 / total).map_or(BAR, |full| full.min(BAR));
            format!("{}{}  ", toned(tone, &"━".repeat(full)), faint(&"─".repeat(BAR - full)))
        };
        let mut words = format!("{} of {} done", thousands(self.done), tasks(total));
        for (count, what) in [
            (self.failed, "failed"),
            (self.retrying.len() as u64, "retrying"),
            (self.waiting.len() as u64, "waiting"),
            (self.at_work.len() as u64, "at work"),
        ] {
            if count > 0 {
                words += &format!(", {} {what}", thousands(count));
            }
        }
        let took = self.began.map(|began| clock(now.since_ms(began))).unwrap_or_default();
        let left = columns.saturating_sub(1 + MARGIN + width(&bar));
        format!("{}{bar}{}", heading(self.word), cut(&format!("{took}  {words}"), left))
    }
}

/// `  running    `
fn heading(word: &str) -> String {
    format!("  {}{}", status(word), " ".repeat(MARGIN.saturating_sub(2 + word.len())))
}

fn line(word: &str, subject: &str, words: &str, columns: usize) -> String {
    let left = columns.saturating_sub(1 + MARGIN);
    let subject = cut(subject, left);
    let words = cut(words, left.saturating_sub(width(&subject) + 2));
    let words = if words.is_empty() { words } else { format!("  {}", faint(&words)) };
    format!("{}{subject}{words}", heading(word))
}
