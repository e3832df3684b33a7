//! What `run` and `watch` tell while a run goes on: lines as it happens, or with `--json` its events.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::Result;
use ork_core::clock::Timestamp;
use ork_core::event::{EventRow, EventType, TaskSet};
use ork_core::id::{RunId, TaskRef};
use ork_core::json::Json;
use ork_core::state::TaskStatus;
use ork_core::store::{RunRow, TaskFilter, TaskRow};
use tokio::time::Instant;

use crate::names::Names;
use crate::output::{faint, status};
use crate::view;
use crate::when::{duration, until};
use crate::why;
use crate::world::{SCOPE, World};

/// A group with more siblings than this has no line for each: only failures, and a count now and then.
const SIBLINGS_LOUD_MAX: u32 = 12;
/// The same for a run with more groups than this.
const GROUPS_LOUD_MAX: usize = 60;
/// Failures and retries that get a line of their own in what is not loud; the others are counted.
const QUIET_LINES_MAX: usize = 5;
/// Names in one line about tasks that were skipped or cancelled.
const NAMES_MAX: usize = 4;
/// The column of names, behind the longest status and two blanks.
const WORD: usize = 11;
/// How often counts are told.
const COUNT_PERIOD: Duration = Duration::from_secs(1);
/// After so long without a line, what runs is told.
const SILENCE: Duration = Duration::from_secs(30);
/// After so long with nothing at work, what the run waits for is told.
const IDLE: Duration = Duration::from_secs(2);

/// Tells what happens to one run.
pub struct Progress {
    world: World,
    run: RunId,
    live: BTreeSet<u32>,
    /// Those that a line has called started.
    started: BTreeSet<u32>,
    done: u64,
    failed: u64,
    quiet_lines: usize,
    /// Something happened that has no line of its own.
    is_behind: bool,
    counted_at: Instant,
    spoke_at: Instant,
    waits_for: Option<String>,
}

impl Progress {
    pub fn new(world: World, run: RunId) -> Self {
        let now = Instant::now();
        Self {
            world,
            run,
            live: BTreeSet::new(),
            started: BTreeSet::new(),
            done: 0,
            failed: 0,
            quiet_lines: 0,
            is_behind: false,
            counted_at: now,
            spoke_at: now,
            waits_for: None,
        }
    }

    /// Counts what was done before.
    pub fn after(mut self, run: &RunRow) -> Self {
        self.done = u64::from(run.tasks_total - run.tasks_left);
        self.failed = u64::from(run.tasks_bad);
        self
    }

    /// Attempts that have begun, and are not over.
    pub fn live(&self) -> usize {
        self.live.len()
    }

    /// Tells the next events. True when the last of them ended the run.
    pub async fn show(&mut self, rows: &[EventRow], names: &Names) -> Result<bool> {
        let mut ended = BTreeSet::new();
        for row in rows.iter().filter(|row| is_end_of_attempt(row.event_type)) {
            ended.extend(row.tasks.iter().filter(|n| is_loud(names, *n)));
        }
        for row in rows {
            if self.world.out.json {
                for event in view::events(row, names) {
                    // Whoever read this may have gone; the run goes on all the same.
                    self.world.out.value(&event).ok();
                }
            } else if let EventType::Task(task_status) = row.event_type {
                self.tasks(row, task_status, names, &ended).await?;
            }
        }
        if !rows.is_empty() {
            self.waits_for = None;
        }
        Ok(rows.iter().any(|row| matches!(row.event_type, EventType::Run(status) if status.is_terminal())))
    }

    /// Tells how far the run is, when it is time for that.
    pub async fn tick(&mut self, names: &Names) -> Result<()> {
        if self.world.out.json {
            return Ok(());
        }
        let now = Instant::now();
        if self.is_behind && now - self.counted_at >= COUNT_PERIOD {
            self.count(names);
        } else if self.live.is_empty() && now - self.spoke_at >= IDLE {
            self.say_what_it_waits_for().await?;
        } else if now - self.spoke_at >= SILENCE {
            self.say_what_runs(names).await?;
        }
        Ok(())
    }

    async fn tasks(&mut self, row: &EventRow, to: TaskStatus, names: &Names, ended: &BTreeSet<u32>) -> Result<()> {
        match to {
            TaskStatus::Dispatched => self.live.extend(row.tasks.iter()),
            TaskStatus::Running => {
                for n in row.tasks.iter().filter(|n| is_loud(names, *n) && !ended.contains(n)) {
                    self.started.insert(n);
                    self.line("started", &name(names, n), "");
                }
            }
            TaskStatus::Success => {
                let reused = reason(row.payload.as_ref()).is_some_and(|word| word == "reused");
                self.finished(row, names, reused).await?;
            }
            TaskStatus::Failed => {
                self.failed += row.tasks.len();
                self.bad(row, names).await?;
            }
            TaskStatus::Retrying => self.bad(row, names).await?,
            TaskStatus::Queued => self.given_back(row, names),
            TaskStatus::Skipped | TaskStatus::Cancelled => self.left_out(row, to, names),
            TaskStatus::Pending | TaskStatus::Waiting | TaskStatus::Paused => {}
        }
        if to.is_terminal() {
            self.done += row.tasks.len();
        }
        if is_end_of_attempt(row.event_type) {
            self.live.retain(|n| !row.tasks.contains(*n));
        }
        Ok(())
    }

    async fn finished(&mut self, row: &EventRow, names: &Names, reused: bool) -> Result<()> {
        if reused {
            let list = list(&row.tasks, names);
            self.line("success", &list, "taken over from the run before");
            return Ok(());
        }
        for n in row.tasks.iter() {
            if !is_loud(names, n) {
                self.is_behind = true;
                continue;
            }
            let took = self.task(n).await?.and_then(|task| took(&task));
            self.line("success", &name(names, n), &took.unwrap_or_default());
        }
        Ok(())
    }

    async fn bad(&mut self, row: &EventRow, names: &Names) -> Result<()> {
        for n in row.tasks.iter() {
            if !is_loud(names, n) {
                self.is_behind = true;
                self.quiet_lines += 1;
                if self.quiet_lines > QUIET_LINES_MAX {
                    continue;
                }
            }
            let Some(task) = self.task(n).await? else { continue };
            if row.event_type == EventType::Task(TaskStatus::Retrying) {
                let text = self.retry(row, &task).await?;
                self.line("retrying", &name(names, n), &text);
            } else {
                let message = task.error.as_ref().map_or("", |error| error.message.as_str());
                self.line("failed", &name(names, n), &format!("{}{}", first_line(message), tries(&task)));
            }
        }
        Ok(())
    }

    /// What the attempt of this event came to. The task may have gone on since.
    async fn retry(&self, row: &EventRow, task: &TaskRow) -> Result<String> {
        let number = row.payload.as_ref().and_then(|payload| payload.value()["attempt"].as_u64()).unwrap_or_default();
        let mut attempts = self.world.store.attempts(SCOPE, task.task).await?;
        attempts.retain(|attempt| u64::from(attempt.attempt) <= number);
        let message =
            attempts.last().and_then(|attempt| attempt.error.as_ref()).map_or("", |error| error.message.as_str());
        let failed = |outcome: &str| matches!(outcome, "failed" | "timeout");
        let failures = attempts.iter().filter(|attempt| attempt.outcome.as_deref().is_some_and(failed)).count();
        let again = match task.available_at {
            Some(at) if task.status == TaskStatus::Retrying => format!(", again {}", until(at, self.world.now())),
            _ => String::new(),
        };
        let is_given_back = attempts.last().is_some_and(|attempt| attempt.outcome.as_deref() == Some("handed_back"));
        let count =
            if is_given_back { String::new() } else { format!("; failure {failures} of {}", task.max_attempts) };
        Ok(format!("{}{count}{again}", first_line(message)))
    }

    fn given_back(&mut self, row: &EventRow, names: &Names) {
        if reason(row.payload.as_ref()).as_deref() == Some("lost") {
            let list = list(&row.tasks, names);
            self.line("queued", &list, "its worker died; again");
        }
        if row.payload.is_some() {
            self.live.retain(|n| !row.tasks.contains(*n));
        }
    }

    fn left_out(&mut self, row: &EventRow, to: TaskStatus, names: &Names) {
        let why = match reason(row.payload.as_ref()).as_deref() {
            Some("condition") => "its condition is false",
            Some("upstream") => "what it needs did not succeed",
            Some("stop") => "another task failed",
            Some("deadline") => "the run passed its time limit",
            Some("unproven") => "that its process has ended is not proven",
            _ => "",
        };
        let list = list(&row.tasks, names);
        self.line(to.word(), &list, why);
    }

    fn count(&mut self, names: &Names) {
        let total: u64 = names.groups().iter().map(|group| u64::from(group.size.unwrap_or(1))).sum();
        let failed = if self.failed > 0 { format!(", {} failed", thousands(self.failed)) } else { String::new() };
        let text = format!("{} of {} done{failed}", thousands(self.done), tasks(total));
        self.line("running", &text, "");
        self.is_behind = false;
        self.counted_at = Instant::now();
    }

    async fn say_what_it_waits_for(&mut self) -> Result<()> {
        self.spoke_at = Instant::now();
        let found = why::of_run(&self.world, self.run).await?;
        let sentence = found.map(|reason| reason.sentence);
        if let Some(text) = sentence.clone().filter(|_| sentence != self.waits_for) {
            self.line("waiting", &text, "");
        }
        self.waits_for = sentence;
        Ok(())
    }

    async fn say_what_runs(&mut self, names: &Names) -> Result<()> {
        let filter = TaskFilter { statuses: vec![TaskStatus::Running], limit: 8, ..TaskFilter::default() };
        let tasks = self.world.store.tasks(SCOPE, self.run, &filter).await?;
        let now = self.world.now();
        let shown: Vec<String> = tasks
            .iter()
            .map(|task| {
                let since = task.started_at.map(|at| duration(now.since_ms(at))).unwrap_or_default();
                let far = task.progress.as_ref().map(|p| format!("{} %, ", p.percent)).unwrap_or_default();
                format!("{} ({far}{since})", names.of_task(task))
            })
            .collect();
        self.line("running", &shown.join(", "), "");
        Ok(())
    }

    async fn task(&self, n: u32) -> Result<Option<TaskRow>> {
        Ok(self.world.store.task(SCOPE, TaskRef { run: self.run, n }).await?)
    }

    fn line(&mut self, word: &str, subject: &str, text: &str) {
        self.spoke_at = Instant::now();
        let blanks = " ".repeat(WORD.saturating_sub(word.len()));
        let text = if text.is_empty() { String::new() } else { format!("  {}", faint(text)) };
        self.world.out.talk(format!("  {}{blanks}{subject}{text}", status(word)));
    }
}

/// How often a task was tried, when that was more than once.
pub fn tries(task: &TaskRow) -> String {
    let took = took(task).map(|took| format!(" after {took}")).unwrap_or_default();
    if task.attempt > 1 { format!("{took}, attempt {}", task.attempt) } else { took }
}

fn took(task: &TaskRow) -> Option<String> {
    let (from, to): (Timestamp, Timestamp) = (task.started_at?, task.finished_at?);
    Some(duration(to.since_ms(from)))
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn is_end_of_attempt(event: EventType) -> bool {
    matches!(event, EventType::Task(to) if to.is_terminal() || to == TaskStatus::Retrying)
}

fn is_loud(names: &Names, n: u32) -> bool {
    names.groups().len() <= GROUPS_LOUD_MAX
        && names.place(n).and_then(|place| place.size).is_none_or(|size| size <= SIBLINGS_LOUD_MAX)
}

fn name(names: &Names, n: u32) -> String {
    names.place(n).map_or_else(|| format!("task {n}"), |place| place.to_string())
}

/// `a, b/0, b/1 and 97 more`; a whole group is its name and its size.
fn list(set: &TaskSet, names: &Names) -> String {
    let mut counts: BTreeMap<u32, (String, u64)> = BTreeMap::new();
    for n in set.iter() {
        let g = names.place(n).map_or(u32::MAX, |place| place.g);
        let entry = counts.entry(g).or_insert_with(|| (name(names, n), 0));
        entry.1 += 1;
        if entry.1 == 2 {
            entry.0 = names.place(n).map_or_else(String::new, |place| place.key.to_owned());
        }
    }
    let shown = counts.values().take(NAMES_MAX).map(|(name, count)| match count {
        1 => name.clone(),
        _ => format!("{name} ({})", tasks(*count)),
    });
    let shown = shown.collect::<Vec<_>>().join(", ");
    let more: u64 = counts.values().skip(NAMES_MAX).map(|(_, count)| count).sum();
    if more > 0 { format!("{shown} and {} more", thousands(more)) } else { shown }
}

fn reason(payload: Option<&Json>) -> Option<String> {
    payload?.value().get("reason")?.as_str().map(str::to_owned)
}

/// `1 task`, `12,345 tasks`
pub fn tasks(count: u64) -> String {
    if count == 1 { "1 task".to_owned() } else { format!("{} tasks", thousands(count)) }
}

/// `12,345`
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}
