//! The contract between the engine and whatever does a task's work.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use crate::attempt::{Outcome, Usage};
use crate::id::{TaskRef, WorkspaceId};
use crate::plan::OutputFrom;

/// One attempt's work, with every expression already evaluated.
#[derive(Clone)]
pub struct Assignment {
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// The task.
    pub task: TaskRef,
    /// The task's name in the plan.
    pub key: Arc<str>,
    /// Its place among its siblings, from 0.
    pub index: u32,
    /// The number of this attempt, from 1.
    pub attempt: u32,
    /// A token that no other attempt has: leftovers of an attempt are found by it.
    pub nonce: String,
    /// The work.
    pub work: Work,
    /// JSON for the handler, or for `$ORK_PARAMS`.
    pub params: Value,
    /// The folder of the file that the run was started from, when that is on this machine.
    pub project: Option<PathBuf>,
}

/// Without the parameters, which may hold secrets.
impl fmt::Debug for Assignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Assignment");
        shown
            .field("task", &self.task)
            .field("attempt", &self.attempt)
            .field("work", &self.work)
            .finish_non_exhaustive()
    }
}

/// What is to be done.
#[derive(Debug, Clone)]
pub enum Work {
    /// A handler in a worker.
    Operation {
        /// Its name.
        name: String,
    },
    /// A process.
    Process(ProcessWork),
}

/// A process to be run.
#[derive(Clone)]
pub struct ProcessWork {
    /// What it executes.
    pub program: Program,
    /// The task's own environment variables.
    pub env: BTreeMap<String, String>,
    /// Where it runs, if the task says so.
    pub workdir: Option<PathBuf>,
    /// Where its output is read from.
    pub output: OutputFrom,
}

/// Without the environment, which may hold secrets.
impl fmt::Debug for ProcessWork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.env.keys().collect();
        f.debug_struct("ProcessWork").field("program", &self.program).field("env", &names).finish_non_exhaustive()
    }
}

/// Program and arguments, or a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// Executed as it stands, without a shell.
    Argv(Vec<String>),
    /// Given to `/bin/sh -e`.
    Script(String),
}

/// Which of the two streams a piece of log came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Stream {
    /// The word that is stored and shown.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }

    /// The stream of a stored word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "stdout" => Some(Self::Stdout),
            "stderr" => Some(Self::Stderr),
            _ => None,
        }
    }
}

/// How far a task is, as it says itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// 0 to 100.
    pub percent: u8,
    /// What it is doing, in a word.
    pub stage: Option<String>,
    /// More words.
    pub message: Option<String>,
}

impl Progress {
    /// Bytes that are kept of a stage and of a message.
    pub const WORDS_BYTES_MAX: usize = 1 << 10;

    /// What a line `PERCENT [STAGE [MESSAGE]]` says; `None` when it is none.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.trim().splitn(3, char::is_whitespace);
        let percent = words.next()?.parse().ok().filter(|&percent| percent <= 100)?;
        // PostgreSQL cannot store a NUL.
        let mut text = || words.next().map(str::trim).filter(|text| !text.is_empty() && !text.contains('\0'));
        let cut = |text: &str| text[..text.floor_char_boundary(Self::WORDS_BYTES_MAX)].to_owned();
        Some(Self { percent, stage: text().map(cut), message: text().map(cut) })
    }
}

/// Why an attempt has to stop before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopCause {
    /// Somebody cancelled the run or the task.
    Cancel,
    /// The attempt ran longer than the task's `timeout`.
    Timeout,
    /// This worker is shutting down, or has lost its lease.
    Drain,
}

/// What an executor may say and ask while an attempt runs.
#[async_trait]
pub trait AttemptIo: Send + Sync {
    /// The work has begun; `handle` is the executor's own name for it, such as a process id.
    fn started(&self, handle: Option<String>);
    /// Takes a piece of log, in the order in which it was written. Never blocks.
    fn log(&self, stream: Stream, bytes: &[u8]);
    /// The stream is cut here: what was written next is not passed on, and what is comes from elsewhere. Whoever looks for
    /// something in it must not wait for the rest, nor find it across the cut.
    fn log_cut(&self, _stream: Stream) {}
    /// Takes a progress report. Never blocks.
    fn progress(&self, progress: Progress);
    /// Takes a progress report as the task wrote it: a line of which [`Progress::parse`] makes one. What hides secrets must see
    /// it before it is split and cut. Never blocks.
    fn progress_line(&self, line: &str) {
        if let Some(progress) = Progress::parse(line) {
            self.progress(progress);
        }
    }
    /// Ends when the attempt has to stop. May be awaited again and again.
    async fn stopped(&self) -> StopCause;
}

/// What an executor found.
#[derive(Debug, Clone)]
pub struct Report {
    /// How the attempt ended. After a stop: whatever is true; the engine translates.
    pub outcome: Outcome,
    /// The exit code of its process, if it had one that ended by itself.
    pub exit_code: Option<i32>,
    /// The signal that ended its process.
    pub signal: Option<i32>,
    /// What it used.
    pub usage: Usage,
}

impl Report {
    /// An outcome, and nothing more to say.
    #[must_use]
    pub fn of(outcome: Outcome) -> Self {
        Self { outcome, exit_code: None, signal: None, usage: Usage::default() }
    }
}

/// Something that does tasks' work.
#[async_trait]
pub trait Executor: Send + Sync {
    /// Does the work and returns once no trace of it is left running. When `io.stopped()` ends first, it ends the work:
    /// politely, then after a grace by force, with everything that the work started.
    async fn execute(&self, work: Assignment, io: Arc<dyn AttemptIo>) -> Report;
}
