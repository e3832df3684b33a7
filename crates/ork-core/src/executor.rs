//! The contract between the engine and whatever does a task's work.

mod kept;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use crate::attempt::{Failure, FailureKind, Outcome, Usage};
use crate::id::{TaskRef, WorkspaceId};
use crate::plan::OutputFrom;
use crate::step::Tokens;

pub use kept::{Kept, KeptBytes, KeptFile, Unkept, Wanted};

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
    /// What is done of the task, when it has steps.
    pub step: Option<StepAssignment>,
}

/// Which step of a task is done.
#[derive(Debug, Clone, PartialEq)]
pub struct StepAssignment {
    /// Its name.
    pub name: String,
    /// The round, from 1.
    pub round: u32,
    /// What the validation of the round before found: becomes the file `$ORK_FEEDBACK`.
    pub feedback: Option<Value>,
    /// The folder was lost with the worker that had it: `$ORK_WORK_LOST` is set.
    pub is_work_lost: bool,
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

/// Where a piece of log came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// No stream of the task: Ork's own notes.
    Ork,
}

impl Stream {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Stdout, Self::Stderr, Self::Ork];

    /// The word that is stored and shown.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::Ork => "ork",
        }
    }

    /// The stream of a stored word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "stdout" => Some(Self::Stdout),
            "stderr" => Some(Self::Stderr),
            "ork" => Some(Self::Ork),
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
    /// Keeps files: all of them, in this order, or none. Their names were checked. Ends early when the attempt has to stop, unless
    /// its time was over before.
    ///
    /// # Errors
    /// See [`Unkept`].
    async fn keep(&self, _files: Vec<KeptFile>) -> Result<Vec<Kept>, Unkept> {
        Err(Unkept::failed("this worker has no artifact store"))
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
    /// What the models that a step's command spoke to have used, as the command says in its `$ORK_TOKENS`.
    pub tokens: Vec<TokenNote>,
}

/// What a command says that a model has used.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenNote {
    /// The model, if the command names one.
    pub model: Option<String>,
    /// Its tokens.
    pub tokens: Tokens,
    /// What that cost, in millionths of a US dollar, if the command says so.
    pub cost_micros: Option<u64>,
}

impl Report {
    /// An outcome, and nothing more to say.
    #[must_use]
    pub fn of(outcome: Outcome) -> Self {
        Self { outcome, exit_code: None, signal: None, usage: Usage::default(), tokens: Vec::new() }
    }
}

/// Something that does tasks' work.
#[async_trait]
pub trait Executor: Send + Sync {
    /// Does the work and returns once no trace of it is left running. When `io.stopped()` ends first, it ends the work:
    /// politely, then after a grace by force, with everything that the work started.
    async fn execute(&self, work: Assignment, io: Arc<dyn AttemptIo>) -> Report;

    /// A folder for the steps of one attempt, empty. Leftovers of earlier attempts of the task are killed first.
    ///
    /// # Errors
    /// When it cannot be made, or this executor has no folders.
    async fn open(&self, _task: TaskRef) -> Result<Arc<dyn WorkFolder>, Failure> {
        Err(Failure::new(FailureKind::Start, "this executor runs no steps"))
    }
}

/// A folder that the steps of one attempt share: their `$ORK_WORK`.
#[async_trait]
pub trait WorkFolder: Send + Sync {
    /// Does the work of one step in it, as [`Executor::execute`] does. Steps may run side by side. The report tells what the step
    /// wrote into its `$ORK_TOKENS`.
    async fn execute(&self, work: Assignment, io: Arc<dyn AttemptIo>) -> Report;

    /// Finds files in it, and hands them to `io` to be kept.
    ///
    /// # Errors
    /// When none is found that must be, one has no name that can be kept, or `io` keeps none.
    async fn keep(&self, _wanted: Wanted, _io: Arc<dyn AttemptIo>) -> Result<Vec<Kept>, Unkept> {
        Err(Unkept::failed("this executor keeps no files"))
    }

    /// Writes its contents as one archive, piece by piece; each piece but the last has
    /// [`crate::limits::WORK_PART_BYTES_MAX`] bytes. Returns the number of its bytes and their SHA-256 in hexadecimal.
    ///
    /// # Errors
    /// When it cannot be read, is larger than [`crate::limits::WORK_BYTES_MAX`], or `parts` refuses a piece.
    async fn save(&self, parts: &dyn PartSink) -> Result<(u64, String), String>;

    /// Puts back what [`WorkFolder::save`] wrote, into the empty folder. Nothing outside of it is touched, whatever the archive
    /// says.
    ///
    /// # Errors
    /// When a piece is missing, or the bytes are not what their checksum says; then the folder is empty.
    async fn restore(&self, parts: &dyn PartSource, checksum: &str) -> Result<(), String>;

    /// Removes it. What is still in it is gone.
    async fn close(&self);
}

/// Takes the pieces of an archive, in order.
#[async_trait]
pub trait PartSink: Send + Sync {
    /// Takes a piece.
    ///
    /// # Errors
    /// When it cannot be kept.
    async fn put(&self, bytes: Vec<u8>) -> Result<(), String>;
}

/// Gives the pieces of an archive.
#[async_trait]
pub trait PartSource: Send + Sync {
    /// The piece with this number, from 0; `None` after the last one.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn get(&self, part: u32) -> Result<Option<Vec<u8>>, String>;
}
