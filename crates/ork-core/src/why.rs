//! Why a task is where it is: the closed list of answers that `ork why` gives.
//!
//! Each answer names what blocks the task and until when, or what somebody has to do about it. Sentences are plain and
//! stable enough to be tested; programs read [`Why::code`] and the JSON.

use std::fmt;

use serde::Serialize;

use crate::attempt::FailureKind;
use crate::clock::Timestamp;
use crate::graph::Phase;
use crate::id::{RunId, WorkerId};
use crate::state::{Reason, RunStatus, TaskStatus};
use crate::store::{GroupRow, RunRow, TaskRow, WorkerRow};

/// What is known around a task; everything in it comes from one look at the store.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// The task.
    pub task: &'a TaskRow,
    /// Its run.
    pub run: &'a RunRow,
    /// Its group.
    pub group: &'a GroupRow,
    /// The groups that it needs.
    pub parents: &'a [GroupRow],
    /// Workers that live.
    pub workers: &'a [WorkerRow],
    /// Who paused the run, and when; `None` when that is not known.
    pub paused: Option<(&'a str, Timestamp)>,
    /// How the slots of its concurrency key stand, if it has one.
    pub slots: Option<Slots>,
    /// How many tasks stand before it in its lane; `None` when nobody counted.
    pub ahead: Option<u32>,
    /// The present moment.
    pub now: Timestamp,
}

/// Slots of a concurrency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slots {
    /// How many there are.
    pub limit: u32,
    /// How many are taken.
    pub taken: u32,
}

/// Why a task is where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Why {
    /// It is over.
    Over {
        /// How it ended.
        status: TaskStatus,
        /// Why, where the status does not say it.
        reason: Option<Reason>,
        /// What went wrong, if something did.
        message: Option<String>,
    },
    /// A worker has it.
    Running {
        /// The worker's name, or its id when the store does not know it any more.
        worker: String,
        /// Which attempt it is.
        attempt: u32,
        /// Since when.
        since_ms: u64,
        /// The worker was asked to end it.
        cancelling: bool,
    },
    /// Its run is paused.
    Paused {
        /// By whom.
        by: Option<String>,
        /// For how long already.
        since_ms: Option<u64>,
        /// How to go on.
        run: RunId,
    },
    /// Its run waits for a slot.
    RunHeld {
        /// Of this concurrency key.
        key: String,
    },
    /// It needs tasks that are not over.
    Parents {
        /// Which, with how many tasks of each are left.
        waiting_for: Vec<(String, u32)>,
    },
    /// Its condition or the number of its siblings is about to be evaluated.
    Evaluation,
    /// An attempt failed.
    Retry {
        /// Failed attempts so far.
        failures: u32,
        /// Failed attempts that end it.
        max_attempts: u32,
        /// The next attempt comes in so many milliseconds; 0 when it is due.
        due_in_ms: u64,
        /// When that is.
        at: Timestamp,
    },
    /// A worker took it and does not do such work.
    Unserved {
        /// Which worker does not do what.
        message: String,
        /// It can be taken again in so many milliseconds; 0 when it is due.
        due_in_ms: u64,
        /// When that is.
        at: Timestamp,
    },
    /// It waits for a slot.
    SlotTaken {
        /// Of this concurrency key.
        key: String,
        /// Taken slots and all slots; `None` when nobody counted.
        taken: Option<(u32, u32)>,
    },
    /// The run belongs to a process that is gone.
    CarrierGone {
        /// The run.
        run: RunId,
    },
    /// It is pinned to a host, and no worker there serves its queue.
    OtherHost {
        /// The host.
        host: String,
        /// The queue.
        queue: String,
    },
    /// No worker serves its queue.
    NoWorker {
        /// The queue.
        queue: String,
    },
    /// It is queued, and workers serve its queue.
    Queued {
        /// The queue.
        queue: String,
        /// How many tasks stand before it; `None` when nobody counted.
        ahead: Option<u32>,
        /// Workers that serve the queue.
        workers: u32,
        /// Tasks that they can have at once.
        capacity: u32,
    },
    /// It waits for something outside.
    Outside,
}

/// The first thing that keeps a task from going on, looked for from the outside in: its end, its lease, its run, its
/// parents, its own wait, its queue.
#[must_use]
pub fn why_task(around: Around<'_>) -> Why {
    let Around { task, run, group, .. } = around;
    if task.status.is_terminal() {
        let message = task.error.as_ref().map(|failure| failure.message.clone());
        return Why::Over { status: task.status, reason: task.reason, message };
    }
    if task.status.is_leased() {
        return why_running(around);
    }
    if run.status == RunStatus::Paused {
        let by = around.paused.map(|(by, _)| by.to_owned());
        let since_ms = around.paused.map(|(_, at)| around.now.since_ms(at));
        return Why::Paused { by, since_ms, run: run.id };
    }
    if run.held {
        return Why::RunHeld { key: run.concurrency_key.clone().unwrap_or_default() };
    }
    match (group.phase, task.status) {
        (Phase::Waiting, _) => {
            let open = around.parents.iter().filter(|parent| parent.phase != Phase::Over);
            Why::Parents { waiting_for: open.map(|parent| (parent.key.clone(), parent.tasks_left)).collect() }
        }
        (Phase::Evaluating, _) => Why::Evaluation,
        (_, TaskStatus::Waiting) => Why::Outside,
        (_, TaskStatus::Retrying) => {
            let at = task.available_at.unwrap_or(around.now);
            let due_in_ms = at.since_ms(around.now);
            match task.error.as_ref().filter(|error| error.kind == FailureKind::Unserved) {
                Some(error) => Why::Unserved { message: error.message.clone(), due_in_ms, at },
                None => Why::Retry { failures: task.failures, max_attempts: task.max_attempts, due_in_ms, at },
            }
        }
        _ if task.held => Why::SlotTaken {
            key: task.concurrency_key.clone().unwrap_or_default(),
            taken: around.slots.map(|slots| (slots.taken, slots.limit)),
        },
        _ => why_queued(around),
    }
}

fn why_running(around: Around<'_>) -> Why {
    let Around { task, run, .. } = around;
    let name = |id: WorkerId| {
        let known = around.workers.iter().find(|worker| worker.id == id);
        known.map_or_else(|| id.to_string(), |worker| worker.name.clone())
    };
    Why::Running {
        worker: task.worker.map(name).unwrap_or_default(),
        attempt: task.attempt,
        since_ms: task.started_at.or(task.dispatched_at).map_or(0, |at| around.now.since_ms(at)),
        cancelling: run.cancelling.is_some() || task.cancel_requested_at.is_some(),
    }
}

fn why_queued(around: Around<'_>) -> Why {
    let lane = around.task.lane.as_str();
    let (mut workers, mut capacity) = (0, 0);
    for worker in around.workers.iter().filter(|w| w.ended_at.is_none() && w.lanes.iter().any(|own| own == lane)) {
        workers += 1;
        capacity += worker.capacity;
    }
    if workers == 0 {
        return match lane.split_once('@') {
            _ if around.run.in_process => Why::CarrierGone { run: around.run.id },
            Some((queue, host)) => Why::OtherHost { host: host.into(), queue: queue.into() },
            None => Why::NoWorker { queue: lane.into() },
        };
    }
    let queue = lane.split_once('@').map_or(lane, |(queue, _)| queue);
    Why::Queued { queue: queue.into(), ahead: around.ahead, workers, capacity }
}

impl Why {
    /// One word for programs: the same as `code` in the JSON.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Over { .. } => "over",
            Self::Running { .. } => "running",
            Self::Paused { .. } => "paused",
            Self::RunHeld { .. } => "run_held",
            Self::Parents { .. } => "parents",
            Self::Evaluation => "evaluation",
            Self::Retry { .. } => "retry",
            Self::Unserved { .. } => "unserved",
            Self::SlotTaken { .. } => "slot_taken",
            Self::CarrierGone { .. } => "carrier_gone",
            Self::OtherHost { .. } => "other_host",
            Self::NoWorker { .. } => "no_worker",
            Self::Queued { .. } => "queued",
            Self::Outside => "outside",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Over { status, reason, message } => over(f, *status, *reason, message.as_deref()),
            Self::Running { worker, attempt, since_ms, cancelling } => {
                write!(f, "attempt {attempt} has been running on worker `{worker}` for {}", Span(*since_ms))?;
                if *cancelling { f.write_str(", and the worker was asked to end it") } else { Ok(()) }
            }
            Self::Paused { by, since_ms, run } => {
                f.write_str("the run is paused")?;
                if let Some(by) = by {
                    write!(f, " by `{by}`")?;
                }
                if let Some(since) = since_ms {
                    write!(f, ", for {} so far", Span(*since))?;
                }
                write!(f, "; go on with `ork runs resume {run}`")
            }
            Self::RunHeld { key } => write!(f, "the run waits for a slot of the concurrency key `{key}`"),
            Self::Parents { waiting_for } => parents(f, waiting_for),
            Self::Evaluation => f.write_str("its condition or its number of siblings is being evaluated"),
            Self::Retry { failures, max_attempts, due_in_ms: 0, .. } => {
                write!(f, "attempt {failures} of {max_attempts} failed; the next one is due now")
            }
            Self::Retry { failures, max_attempts, due_in_ms, .. } => {
                write!(f, "attempt {failures} of {max_attempts} failed; the next one comes in {}", Span(*due_in_ms))
            }
            Self::Unserved { message, due_in_ms: 0, .. } => write!(f, "{message}; workers may take it again now"),
            Self::Unserved { message, due_in_ms, .. } => {
                write!(f, "{message}; workers may take it again in {}", Span(*due_in_ms))
            }
            Self::SlotTaken { key, taken: None } => write!(f, "it waits for a slot of the concurrency key `{key}`"),
            Self::SlotTaken { key, taken: Some((taken, limit)) } => {
                write!(f, "it waits for a slot of the concurrency key `{key}`: {taken} of {limit} are taken")
            }
            Self::CarrierGone { run } => {
                write!(f, "the process that carried the run is gone; go on with `ork run --resume {run}`")
            }
            Self::OtherHost { host, queue } => {
                write!(f, "the run is pinned to host `{host}`, and no worker there serves the queue `{queue}`")
            }
            Self::NoWorker { queue } => write!(f, "no worker serves the queue `{queue}`"),
            Self::Queued { queue, ahead, workers, capacity } => queued(f, queue, *ahead, (*workers, *capacity)),
            Self::Outside => f.write_str("it waits for something outside"),
        }
    }
}

fn over(f: &mut fmt::Formatter<'_>, status: TaskStatus, reason: Option<Reason>, message: Option<&str>) -> fmt::Result {
    let because = match reason {
        None => "",
        Some(Reason::Condition) => ": its condition was false, or all that it needs was skipped that way",
        Some(Reason::Upstream) => ": something that it needs failed, was cancelled or was skipped",
        Some(Reason::Stop) => ": another task failed, and the run stops on failure",
        Some(Reason::Cancel) => ": somebody asked for its end",
        Some(Reason::Deadline) => ": the run passed its deadline",
        Some(Reason::Unproven) => ": its worker was lost before it could prove that the work had ended",
        Some(Reason::Poison) => ": too many workers died with it",
        Some(Reason::Interrupted) => ": it was interrupted, and may run at most once",
        Some(Reason::Template) => ": an expression could not be evaluated",
        Some(Reason::Reused) => ": taken over from an earlier run",
    };
    write!(f, "it is over with `{status}`{because}")?;
    match message {
        Some(message) => write!(f, "; {message}"),
        None => Ok(()),
    }
}

/// How many names a sentence lists before it only counts.
const NAMES_MAX: usize = 3;

fn parents(f: &mut fmt::Formatter<'_>, waiting_for: &[(String, u32)]) -> fmt::Result {
    f.write_str("it needs ")?;
    for (at, (key, left)) in waiting_for.iter().take(NAMES_MAX).enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        write!(f, "{comma}`{key}`")?;
        if *left > 1 {
            write!(f, " ({left} tasks left)")?;
        }
    }
    match waiting_for.len().saturating_sub(NAMES_MAX) {
        0 => f.write_str(" to be over"),
        more => write!(f, " and {more} more to be over"),
    }
}

fn queued(f: &mut fmt::Formatter<'_>, queue: &str, ahead: Option<u32>, (workers, capacity): (u32, u32)) -> fmt::Result {
    match ahead {
        Some(0) => write!(f, "it is next in the queue `{queue}`")?,
        Some(ahead) => write!(f, "it is queued in `{queue}` behind {ahead} others")?,
        None => write!(f, "it is queued in `{queue}`")?,
    }
    let plural = if workers == 1 { "worker that takes" } else { "workers that take" };
    write!(f, "; {workers} {plural} {capacity} tasks at once")
}

/// A length of time in words, rounded down to its largest unit.
struct Span(u64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ms @ ..1_000 => write!(f, "{ms} ms"),
            ms @ ..120_000 => write!(f, "{} s", ms / 1_000),
            ms @ ..7_200_000 => write!(f, "{} min", ms / 60_000),
            ms => write!(f, "{} h", ms / 3_600_000),
        }
    }
}

#[cfg(test)]
mod tests;
