//! One try of a task: how it ended, and what follows for the task.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::graph::OpenAs;
use crate::json::Json;
use crate::limits;
use crate::retry::RetryPolicy;
use crate::state::Reason;
use crate::store::NewGate;

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FailureKind {
    /// The process ended with a code other than 0.
    Exit {
        /// Its exit code.
        code: i32,
    },
    /// The process was ended by a signal that Ork did not send.
    Signal {
        /// The signal's number.
        signal: i32,
    },
    /// The kernel killed the process for its memory.
    OutOfMemory,
    /// The attempt ran longer than the task's `timeout`.
    Timeout,
    /// The worker died, or lost its lease, before it settled.
    Lost,
    /// The attempt was interrupted and the task is `at_most_once`.
    Interrupted,
    /// Three workers died with this task: it is quarantined.
    Poison,
    /// An expression of the task failed.
    Template,
    /// The output is not JSON, too large, or holds a NUL character.
    Output,
    /// The attempt could not be started: no such program, no such folder.
    Start,
    /// A handler in a process returned an error.
    Handler,
    /// The worker that took it does not do such work. Nothing was begun.
    Unserved,
    /// A model gave no answer that can be used.
    Ai,
    /// A provider refuses a call, and will again.
    AiRefused,
    /// A call did not fit into a budget.
    Budget,
    /// A gate was not passed.
    Gate,
    /// A file that is to be kept is not there, or cannot be kept.
    Artifact,
}

impl FailureKind {
    /// The word that is stored and shown.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Exit { .. } => "exit",
            Self::Signal { .. } => "signal",
            Self::OutOfMemory => "out_of_memory",
            Self::Timeout => "timeout",
            Self::Lost => "lost",
            Self::Interrupted => "interrupted",
            Self::Poison => "poison",
            Self::Template => "template",
            Self::Output => "output",
            Self::Start => "start",
            Self::Handler => "handler",
            Self::Unserved => "unserved",
            Self::Ai => "ai",
            Self::AiRefused => "ai_refused",
            Self::Budget => "budget",
            Self::Gate => "gate",
            Self::Artifact => "artifact",
        }
    }

    /// Whether trying again could help. A template or an unusable definition fails the same way each time.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        !matches!(self, Self::Template | Self::Interrupted | Self::Poison | Self::Budget | Self::AiRefused)
    }
}

/// How long a task that its worker could not do stays away from the queue, in milliseconds: the same worker would be the
/// first to take it again, and one that can do it is not kept waiting for long.
pub const UNSERVED_DELAY_MS: u64 = 30_000;

/// A failure, as it is stored in `error` and shown to people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind it is.
    #[serde(flatten)]
    pub kind: FailureKind,
    /// What happened, in words.
    pub message: String,
}

impl Failure {
    /// A failure with a message that is made [`storable`].
    #[must_use]
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: storable(message.into()) }
    }

    /// The message without its mark, when it was cut: its end may be half of something.
    #[must_use]
    pub fn cut_message(&self) -> Option<&str> {
        let is_long = self.message.len() >= limits::MESSAGE_BYTES_MAX;
        self.message.strip_suffix('…').filter(|_| is_long)
    }
}

/// Words as they can be stored: cut to [`limits::MESSAGE_BYTES_MAX`], and freed of NUL characters, which PostgreSQL cannot store.
#[must_use]
pub fn storable(mut words: String) -> String {
    if words.contains('\0') {
        words = words.replace('\0', "\u{fffd}");
    }
    if words.len() > limits::MESSAGE_BYTES_MAX {
        let cut = words.floor_char_boundary(limits::MESSAGE_BYTES_MAX);
        words.truncate(cut);
        words.push('…');
    }
    words
}

/// What an attempt used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// User and system time of the attempt's processes.
    pub cpu_ms: u64,
    /// The largest resident set of any of its processes.
    pub memory_bytes_max: u64,
}

/// How an attempt ended, as its executor reports it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It did its work.
    Success {
        /// Its output; `None` counts as `null`.
        output: Option<Json>,
    },
    /// It did not.
    Failed(Failure),
    /// It was cancelled, and no process of it exists any more.
    Cancelled,
    /// It was given back untouched or interrupted on purpose (drain): not a failure, and not counted as one.
    HandedBack,
    /// Its steps wait for decisions: the lease ends, and the attempt does not.
    Waiting {
        /// What must be decided.
        gates: Vec<NewGate>,
    },
    /// The steps of an attempt that another worker had begun, or that waited, are put away.
    WoundUp {
        /// What that worker's end was settled as; `None` when the attempt was cancelled.
        failure: Option<Failure>,
    },
}

impl Outcome {
    /// The worker died or went silent: said by the reaper, on its behalf.
    #[must_use]
    pub fn lost(worker: &str) -> Self {
        Self::Failed(Failure::new(FailureKind::Lost, format!("worker `{worker}` died or lost its lease")))
    }

    /// One word for the event and the `attempts` table.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Success { .. } => "success",
            Self::Failed(Failure { kind: FailureKind::Lost, .. }) | Self::WoundUp { failure: Some(_) } => "lost",
            Self::Failed(Failure { kind: FailureKind::Timeout, .. }) => "timeout",
            Self::Failed(Failure { kind: FailureKind::Unserved, .. }) | Self::HandedBack => "handed_back",
            Self::Failed(_) => "failed",
            Self::Cancelled | Self::WoundUp { failure: None } => "cancelled",
            Self::Waiting { .. } => "waiting",
        }
    }
}

/// What a task has behind it when an attempt of it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Attempts that failed or timed out, before this one.
    pub failures: u32,
    /// Attempts whose worker was lost, before this one.
    pub lost: u32,
    /// Steps of this attempt have begun: if its worker is lost, somebody must put them away.
    pub begun: bool,
    /// How the attempt was left by the lease before this one.
    pub open_as: Option<OpenAs>,
}

/// What the run and the task allow after an attempt.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// The task's policy.
    pub retry: &'a RetryPolicy,
    /// An interrupted attempt is not repeated.
    pub at_most_once: bool,
    /// The run, or the task, was asked to be cancelled.
    pub cancelling: bool,
    /// The run stops after a failure, and this task has no `run_if`: no more retries.
    pub stopping: bool,
    /// Under this lease nothing was begun.
    pub untouched: bool,
    /// The present moment.
    pub now: Timestamp,
    /// Chooses the point within the jitter.
    pub random: u64,
}

/// What follows for the task from an attempt's outcome.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// The task succeeded.
    Success {
        /// Its output.
        output: Option<Json>,
    },
    /// The task failed for good.
    Failed {
        /// The error that is kept.
        failure: Failure,
        /// The reason beside the status, when there is one.
        reason: Option<Reason>,
    },
    /// The task was cancelled.
    Cancelled {
        /// Why.
        reason: Reason,
    },
    /// The task waits until `available_at` and is tried again.
    Retry {
        /// When.
        available_at: Timestamp,
        /// The error of the attempt that ended.
        failure: Failure,
    },
    /// The task goes back to its queue at once.
    Requeue {
        /// The error of the attempt that ended; `None` when it was handed back.
        failure: Option<Failure>,
    },
    /// The attempt waits for decisions.
    Wait {
        /// Which.
        gates: Vec<NewGate>,
    },
    /// The attempt goes back to its queue: it is to be put away, or goes on after its wait.
    Reopen {
        /// How it is left.
        open_as: OpenAs,
        /// The error of the lease that ended.
        failure: Option<Failure>,
    },
}

impl Verdict {
    /// Whether the task is over.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Success { .. } | Self::Failed { .. } | Self::Cancelled { .. })
    }
}

/// Decides what follows from an outcome, and counts it. `tally` is updated in place.
///
/// Success stands whenever the lease was valid: work that is done is done, even while a cancel is on its way. A run
/// that was cancelled meanwhile ends `cancelled` all the same.
#[must_use]
pub fn judge(outcome: Outcome, tally: &mut Tally, around: &Circumstances<'_>) -> Verdict {
    let ending = around.cancelling || around.stopping;
    let failure = match outcome {
        Outcome::Success { output } => return Verdict::Success { output },
        Outcome::Waiting { .. } if ending => return Verdict::Reopen { open_as: OpenAs::Cancelled, failure: None },
        Outcome::Waiting { gates } => return Verdict::Wait { gates },
        Outcome::WoundUp { failure: Some(failure) } => return after_loss(failure, *tally, around),
        Outcome::WoundUp { failure: None } => return Verdict::Cancelled { reason: reason(around) },
        Outcome::Cancelled | Outcome::HandedBack | Outcome::Failed(Failure { kind: FailureKind::Unserved, .. })
            if around.untouched && tally.open_as.is_some() =>
        {
            let open_as = tally.open_as.filter(|open_as| !ending || *open_as == OpenAs::Lost);
            return Verdict::Reopen { open_as: open_as.unwrap_or(OpenAs::Cancelled), failure: None };
        }
        Outcome::Cancelled if around.cancelling => return Verdict::Cancelled { reason: Reason::Cancel },
        // A worker that gives up a task nobody cancelled hands it back.
        Outcome::Cancelled | Outcome::HandedBack if !ending => {
            return if around.at_most_once {
                interrupted("the attempt was interrupted")
            } else {
                Verdict::Requeue { failure: None }
            };
        }
        Outcome::Failed(failure) if failure.kind == FailureKind::Unserved && !ending => {
            return Verdict::Retry { available_at: around.now.plus_ms(UNSERVED_DELAY_MS), failure };
        }
        Outcome::Cancelled | Outcome::HandedBack | Outcome::Failed(Failure { kind: FailureKind::Unserved, .. }) => {
            return Verdict::Cancelled { reason: reason(around) };
        }
        Outcome::Failed(failure) => failure,
    };
    if failure.kind == FailureKind::Lost {
        tally.lost += 1;
        if tally.begun && tally.lost < limits::LOST_MAX {
            let open_as = tally.open_as.filter(|open_as| *open_as == OpenAs::Cancelled).unwrap_or(OpenAs::Lost);
            return Verdict::Reopen { open_as, failure: Some(failure) };
        }
        return after_loss(failure, *tally, around);
    }
    tally.failures += 1;
    if ending || tally.failures >= around.retry.max_attempts || !around.retry.covers(&failure.kind) {
        return Verdict::Failed { failure, reason: None };
    }
    let delay_ms = around.retry.delay_after_ms(tally.failures, around.random);
    Verdict::Retry { available_at: around.now.plus_ms(delay_ms), failure }
}

/// Why a task is cancelled whose attempt was given up.
const fn reason(around: &Circumstances<'_>) -> Reason {
    if around.stopping && !around.cancelling { Reason::Stop } else { Reason::Cancel }
}

fn interrupted(message: &str) -> Verdict {
    Verdict::Failed { failure: Failure::new(FailureKind::Interrupted, message), reason: Some(Reason::Interrupted) }
}

/// What follows for the task from the loss of a worker, which is counted already.
fn after_loss(failure: Failure, tally: Tally, around: &Circumstances<'_>) -> Verdict {
    if around.cancelling {
        // Nobody can prove that the work is dead; the lease that allowed it has ended.
        return Verdict::Cancelled { reason: Reason::Unproven };
    }
    if around.stopping {
        return Verdict::Failed { failure, reason: None };
    }
    if around.at_most_once {
        return interrupted("the worker died during the only attempt");
    }
    if tally.lost >= limits::LOST_MAX {
        let message = format!("quarantined after {} workers died with it; last: {}", tally.lost, failure.message);
        return Verdict::Failed { failure: Failure::new(FailureKind::Poison, message), reason: Some(Reason::Poison) };
    }
    if !around.retry.covers(&failure.kind) {
        return Verdict::Failed { failure, reason: None };
    }
    Verdict::Requeue { failure: Some(failure) }
}
