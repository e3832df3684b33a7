//! What `run` and `watch` tell while a run goes on: lines as it happens and a live picture below them, lines only, or
//! with `--json` its events.

mod board;
mod gates;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;
use ork_core::event::{EventRow, EventType};
use ork_core::id::{RunId, TaskRef};
use ork_core::json::Json;
use ork_core::state::TaskStatus;
use ork_core::store::{RunRow, TaskFilter, TaskRow};
use tokio::time::Instant;

use self::board::Board;
pub use self::words::{because, first_line, tasks, thousands, tries};
use self::words::{list, name, took};
use crate::config::{Config, PROGRESS};
use crate::exit_code::is_transient;
use crate::history::{History, Outputs};
use crate::names::Names;
use crate::output::{Output, faint, status};
use crate::region;
use crate::view;
use crate::when::{duration, until};
use crate::why;

/// A group with more siblings than this has no line for each: only failures, and a count now and then.
const SIBLINGS_LOUD_MAX: u32 = 12;
/// The same for a run with more groups than this.
const GROUPS_LOUD_MAX: usize = 60;
/// Failures and retries that get a line of their own in what is not loud; the others are counted.
const QUIET_LINES_MAX: usize = 5;
/// The column of names, behind the longest status and two blanks.
const WORD: usize = 11;
/// How often counts are told.
const COUNT_PERIOD: Duration = Duration::from_secs(1);
/// After so long without a line, what runs is told.
const SILENCE: Duration = Duration::from_secs(30);
/// After so long with nothing at work, what the run waits for is told.
const IDLE: Duration = Duration::from_secs(2);

/// How progress is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Style {
    /// Bar in a terminal, plain elsewhere and in CI.
    Auto,
    /// Lines as it happens, and below them totals and what is at work.
    Bar,
    /// Lines as it happens.
    Plain,
    /// The first line, and nothing more until the end.
    None,
}

/// The option of commands that follow a run.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Asked {
    /// How progress is told [default: `progress` of the settings, else auto]
    #[arg(long, value_name = "STYLE", value_enum)]
    progress: Option<Style>,
}

impl Asked {
    /// What it comes to: never [`Style::Auto`].
    ///
    /// # Errors
    /// When a variable cannot be read.
    pub fn settle(self, out: Output, config: &Config) -> Result<Style> {
        let word = self.progress.and_then(|style| Some(style.to_possible_value()?.get_name().to_owned()));
        let setting = config.setting(&PROGRESS, word)?;
        let style = Style::from_str(&setting.text, false).map_err(anyhow::Error::msg)?;
        let is_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
        Ok(match style {
            _ if out.json => Style::Plain,
            Style::Auto if is_ci || !region::is_possible() => Style::Plain,
            Style::Auto => Style::Bar,
            style => style,
        })
    }
}

/// How the siblings of a group have ended so far.
#[derive(Default)]
struct Ends {
    success: u64,
    failed: u64,
    others: u64,
}

/// Tells what happens to one run.
pub struct Progress {
    history: History,
    run: RunId,
    style: Style,
    board: Board,
    quiet_lines: usize,
    /// What became of the siblings that have no line each, by group.
    ends: BTreeMap<u32, Ends>,
    /// Something happened that has no line of its own.
    is_behind: bool,
    counted_at: Instant,
    spoke_at: Instant,
}

impl Progress {
    pub fn new(history: History, run: RunId, style: Style) -> Self {
        let now = Instant::now();
        Self {
            history,
            run,
            style,
            board: Board::new(),
            quiet_lines: 0,
            ends: BTreeMap::new(),
            is_behind: false,
            counted_at: now,
            spoke_at: now,
        }
    }

    /// Counts what was done before.
    pub fn after(mut self, run: &RunRow) -> Self {
        self.board.begin(run);
        self
    }

    /// Whether nothing is told before the end, so that events need not be read.
    pub fn is_silent(&self) -> bool {
        self.style == Style::None
    }

    /// Tells the next events. True when the last of them ended the run.
    pub async fn show(&mut self, rows: &[EventRow], names: &Names) -> Result<bool> {
        let mut ended = BTreeSet::new();
        for row in rows.iter().filter(|row| is_end_of_attempt(row.event_type)) {
            ended.extend(row.tasks.iter().filter(|n| is_loud(names, *n)));
        }
        for row in rows {
            self.board.take(row);
            if self.history.out.json {
                for event in view::events(row, names) {
                    // Whoever read this may have gone; the run goes on all the same.
                    self.history.out.value(&event).ok();
                }
            } else if self.is_silent() {
                continue;
            } else if let EventType::Task(task_status) = row.event_type {
                patient(self.tasks(row, task_status, names, &ended).await)?;
            } else if let EventType::Gate(gate_status) = row.event_type {
                self.gate(row, gate_status, names);
            }
        }
        if !rows.is_empty() {
            self.board.waits_for = None;
        }
        Ok(rows.iter().any(|row| matches!(row.event_type, EventType::Run(status) if status.is_terminal())))
    }

    /// Tells how far the run is, when it is time for that.
    pub async fn tick(&mut self, names: &Names) -> Result<()> {
        patient(self.tell_how_far(names).await)
    }

    async fn tell_how_far(&mut self, names: &Names) -> Result<()> {
        if self.history.out.json || self.is_silent() {
            return Ok(());
        }
        let now = Instant::now();
        if self.board.is_idle() && now - self.spoke_at >= IDLE {
            self.say_what_it_waits_for().await?;
        }
        if self.style == Style::Bar {
            self.board.peek(&self.history, self.run).await?;
            region::draw(self.board.lines(names, self.history.now(), region::size()));
            return Ok(());
        }
        for n in self.board.newly_slow(self.history.now()) {
            if is_loud(names, n) {
                self.line("slow", &name(names, n), "at work for a minute");
            }
        }
        if self.is_behind && now - self.counted_at >= COUNT_PERIOD {
            self.count(names);
        } else if now - self.spoke_at >= SILENCE {
            self.say_what_runs(names).await?;
        }
        Ok(())
    }

    async fn tasks(&mut self, row: &EventRow, to: TaskStatus, names: &Names, ended: &BTreeSet<u32>) -> Result<()> {
        match to {
            TaskStatus::Running if self.style == Style::Plain => {
                for n in row.tasks.iter().filter(|n| is_loud(names, *n) && !ended.contains(n)) {
                    self.line("started", &name(names, n), "");
                }
            }
            TaskStatus::Success => {
                let reused = reason(row.payload.as_ref()).is_some_and(|word| word == "reused");
                self.finished(row, names, reused).await?;
            }
            TaskStatus::Failed | TaskStatus::Retrying => self.bad(row, names).await?,
            TaskStatus::Queued => self.given_back(row, names),
            TaskStatus::Skipped | TaskStatus::Cancelled => self.left_out(row, to, names),
            TaskStatus::Pending
            | TaskStatus::Dispatched
            | TaskStatus::Running
            | TaskStatus::Waiting
            | TaskStatus::Paused => {}
        }
        let is_taken_over =
            to == TaskStatus::Success && reason(row.payload.as_ref()).is_some_and(|word| word == "reused");
        if to.is_terminal() && !is_taken_over {
            self.ended(row, to, names);
        }
        Ok(())
    }

    /// Tells the end of a group whose siblings have no line each.
    fn ended(&mut self, row: &EventRow, to: TaskStatus, names: &Names) {
        for n in row.tasks.iter() {
            let Some(place) = names.place(n).filter(|place| place.size.is_some_and(|size| size > SIBLINGS_LOUD_MAX))
            else {
                continue;
            };
            let ends = self.ends.entry(place.g).or_default();
            match to {
                TaskStatus::Success => ends.success += 1,
                TaskStatus::Failed => ends.failed += 1,
                _ => ends.others += 1,
            }
            let Ends { success, failed, others } = *ends;
            let size = place.size.map_or(0, u64::from);
            if success + failed + others < size || success + failed == 0 {
                continue;
            }
            let word = if failed > 0 { "failed" } else { "success" };
            let counts = [(success, "success"), (failed, "failed"), (others, "skipped or cancelled")];
            let counts: Vec<String> = counts
                .iter()
                .filter(|(count, _)| *count > 0)
                .map(|(count, what)| format!("{} {what}", thousands(*count)))
                .collect();
            let text = if success == size { String::new() } else { counts.join(", ") };
            self.line(word, &format!("{} ({})", place.key, tasks(size)), &text);
        }
    }

    async fn finished(&mut self, row: &EventRow, names: &Names, reused: bool) -> Result<()> {
        if reused {
            let list = list(&row.tasks, names);
            self.line("success", &list, because("reused"));
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
            self.board.again(n, task.available_at);
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
        let mut attempts = self.history.attempts(task.task).await?;
        attempts.retain(|attempt| u64::from(attempt.attempt) <= number);
        let message =
            attempts.last().and_then(|attempt| attempt.error.as_ref()).map_or("", |error| error.message.as_str());
        let failed = |outcome: &str| matches!(outcome, "failed" | "timeout");
        let failures = attempts.iter().filter(|attempt| attempt.outcome.as_deref().is_some_and(failed)).count();
        let again = match task.available_at {
            Some(at) if task.status == TaskStatus::Retrying => format!(", again {}", until(at, self.history.now())),
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
    }

    fn left_out(&mut self, row: &EventRow, to: TaskStatus, names: &Names) {
        let why = reason(row.payload.as_ref()).map(|word| because(&word).to_owned()).unwrap_or_default();
        let list = list(&row.tasks, names);
        self.line(to.word(), &list, &why);
    }

    fn count(&mut self, names: &Names) {
        let total: u64 = names.groups().iter().map(|group| u64::from(group.size.unwrap_or(1))).sum();
        let failed =
            if self.board.failed > 0 { format!(", {} failed", thousands(self.board.failed)) } else { String::new() };
        let text = format!("{} of {} done{failed}", thousands(self.board.done), tasks(total));
        self.line("running", &text, "");
        self.is_behind = false;
        self.counted_at = Instant::now();
    }

    async fn say_what_it_waits_for(&mut self) -> Result<()> {
        self.spoke_at = Instant::now();
        let found = why::of_run(&self.history, self.run).await?;
        let sentence = found.map(|reason| reason.shape.sentence);
        // What waits at a gate was told when it came there.
        let is_told = self.board.is_at_gate();
        if let Some(text) =
            sentence.clone().filter(|_| !is_told && self.style == Style::Plain && sentence != self.board.waits_for)
        {
            self.line("waiting", &text, "");
        }
        self.board.waits_for = sentence;
        Ok(())
    }

    async fn say_what_runs(&mut self, names: &Names) -> Result<()> {
        let filter = TaskFilter { statuses: vec![TaskStatus::Running], limit: 8, ..TaskFilter::default() };
        let tasks = self.history.tasks(self.run, &filter, Outputs::Without).await?;
        let now = self.history.now();
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
        self.history.task(TaskRef { run: self.run, n }).await
    }

    fn line(&mut self, word: &str, subject: &str, text: &str) {
        self.spoke_at = Instant::now();
        let blanks = " ".repeat(WORD.saturating_sub(word.len()));
        let text = if text.is_empty() { String::new() } else { format!("  {}", faint(text)) };
        self.history.out.talk(format!("  {}{blanks}{subject}{text}", status(word)));
    }
}

/// A line may be lost while the database does not answer; the run and who follows it go on.
fn patient(told: Result<()>) -> Result<()> {
    match told {
        Err(error) if is_transient(&error) => Ok(()),
        told => told,
    }
}

fn is_end_of_attempt(event: EventType) -> bool {
    matches!(event, EventType::Task(to) if to.is_terminal() || to == TaskStatus::Retrying)
}

fn is_loud(names: &Names, n: u32) -> bool {
    names.groups().len() <= GROUPS_LOUD_MAX
        && names.place(n).and_then(|place| place.size).is_none_or(|size| size <= SIBLINGS_LOUD_MAX)
}

fn reason(payload: Option<&Json>) -> Option<String> {
    payload?.value().get("reason")?.as_str().map(str::to_owned)
}

/// The picture must not outlive what it shows, however that ends.
impl Drop for Progress {
    fn drop(&mut self) {
        region::clear();
    }
}
