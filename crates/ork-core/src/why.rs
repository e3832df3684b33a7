//! Why a task is where it is: the closed list of answers that `ork why` gives.
//!
//! Each answer names what blocks the task and until when, or what somebody has to do about it. Sentences are plain and
//! stable enough to be tested; programs read [`Why::code`] and the JSON.

mod sentence;

use serde::Serialize;

use crate::access::Role;
use crate::attempt::FailureKind;
use crate::clock::Timestamp;
use crate::graph::Phase;
use crate::id::{GateId, RunId, WorkerId};
use crate::state::{Reason, RunStatus, TaskStatus};
use crate::step::OnExpiry;
use crate::store::{GateKind, GateRow, GroupRow, QueuePause, RunRow, TaskRow, WorkerRow, queue_of};

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
    /// The task whose failure kept it from running, where that is none of `parents`.
    pub cause: Option<&'a str>,
    /// One attempt's time limit.
    pub timeout_ms: Option<u64>,
    /// Workers that live.
    pub workers: &'a [WorkerRow],
    /// Workers that the store knows and that do not live.
    pub gone: &'a [WorkerRow],
    /// Who paused the run, and when; `None` when that is not known.
    pub paused: Option<(&'a str, Timestamp)>,
    /// The pauses of queues.
    pub pauses: &'a [QueuePause],
    /// How the slots of its run's concurrency key stand, if that waits for one.
    pub run_slots: Option<&'a Slots>,
    /// How the slots of its own concurrency key stand, if it waits for one.
    pub slots: Option<&'a Slots>,
    /// Tasks at work on the workers that serve its lane; `None` when nobody counted.
    pub at_work: Option<u32>,
    /// The gate that it waits at, if it waits at one.
    pub gate: Option<&'a GateRow>,
    /// The present moment.
    pub now: Timestamp,
}

/// Slots of a concurrency key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Slots {
    /// How many there are.
    pub limit: u32,
    /// How many are taken.
    pub taken: u32,
    /// Who has the first of them: a run's id, or a task as people name it.
    pub by: Option<String>,
    /// For how long.
    pub since_ms: Option<u64>,
}

/// A group that is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Awaited {
    /// Its name.
    pub key: String,
    /// Its tasks that are over.
    pub done: u32,
    /// Its tasks; `None` before that is known.
    pub size: Option<u32>,
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
        /// Who or what brought that about: a task that failed, a person, an earlier run.
        by: Option<String>,
        /// The task whose failure began it, where `by` did not run either.
        cause: Option<String>,
        /// What went wrong, if something did.
        message: Option<String>,
    },
    /// A worker has it.
    Running {
        /// The worker's name, or its id when the store does not know it any more.
        worker: String,
        /// Which attempt it is.
        attempt: u32,
        /// Whether its work has begun, or the worker has only been given it.
        begun: bool,
        /// Since when.
        since_ms: u64,
        /// When it is stopped, counted from its beginning.
        timeout_ms: Option<u64>,
        /// The worker was asked to end it.
        cancelling: bool,
        /// By whom.
        by: Option<String>,
    },
    /// The worker that has it does not live any more.
    WorkerGone {
        /// Its name.
        worker: String,
        /// Which attempt it is.
        attempt: u32,
        /// How long ago it was last heard of.
        silent_ms: u64,
        /// The queue.
        queue: String,
        /// Workers that live, one of which will notice.
        workers: u32,
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
    /// Its queue is paused.
    QueuePaused {
        /// The queue.
        queue: String,
        /// By whom.
        by: String,
        /// For how long already.
        since_ms: u64,
    },
    /// Its run waits for a slot.
    RunHeld {
        /// Of this concurrency key.
        key: String,
        /// How they stand; `None` when nobody counted.
        slots: Option<Slots>,
    },
    /// It needs tasks that are not over.
    Parents {
        /// Which.
        waiting_for: Vec<Awaited>,
    },
    /// Its condition or the number of its siblings is about to be evaluated.
    Evaluation,
    /// An attempt failed.
    Retry {
        /// Failed attempts so far.
        failures: u32,
        /// Failed attempts that end it.
        max_attempts: u32,
        /// What went wrong last.
        message: Option<String>,
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
        /// How they stand; `None` when nobody counted.
        slots: Option<Slots>,
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
        /// The queue; `None` when one process carries the run and serves nothing else.
        queue: Option<String>,
        /// Tasks that the workers have; `None` when nobody counted.
        at_work: Option<u32>,
        /// Workers that serve the queue.
        workers: u32,
        /// Tasks that they can have at once.
        capacity: u32,
    },
    /// It waits for somebody's decision.
    Gate {
        /// About this.
        gate: GateId,
        /// The step that asks.
        step: String,
        /// What is asked, in words.
        message: Option<String>,
        /// Whether the run may use more than its budget is what is asked.
        is_budget: bool,
        /// The least role of whoever decides.
        role: Role,
        /// Who may not decide all the same: whoever started the run.
        not_by: Option<String>,
        /// There is time for so many milliseconds; 0 when it is over.
        due_in_ms: Option<u64>,
        /// Until then.
        at: Option<Timestamp>,
        /// What happens then.
        on_expiry: OnExpiry,
    },
    /// It waits for something outside.
    Outside,
}

/// The first thing that keeps a task from going on, looked for from the outside in: its end, its lease, its run, its
/// parents, its own wait, its queue.
#[must_use]
pub fn why_task(around: Around<'_>) -> Why {
    let Around { task, run, group, now, .. } = around;
    if task.status.is_terminal() {
        return why_over(around);
    }
    if task.status.is_leased() {
        return why_running(around);
    }
    if run.status == RunStatus::Paused {
        let by = around.paused.map(|(by, _)| by.to_owned());
        let since_ms = around.paused.map(|(_, at)| now.since_ms(at));
        return Why::Paused { by, since_ms, run: run.id };
    }
    if let Some(gate) = around.gate.filter(|_| task.status == TaskStatus::Waiting) {
        return why_gate(gate, now);
    }
    // What only a loop of some engine can end is nobody's as long as no engine lives.
    let nobody = around.workers.is_empty() || (run.in_process && serving(around).next().is_none());
    let is_free = |slots: Option<&Slots>| slots.is_some_and(|slots| slots.taken < slots.limit);
    if run.held && !(nobody && (run.in_process || is_free(around.run_slots))) {
        return Why::RunHeld { key: run.concurrency_key.clone().unwrap_or_default(), slots: around.run_slots.cloned() };
    }
    match (group.phase, task.status) {
        _ if run.held || (nobody && run.in_process) => why_queued(around),
        (Phase::Waiting, _) => Why::Parents { waiting_for: awaited(around.parents) },
        (Phase::Evaluating, _) if !nobody => Why::Evaluation,
        (_, TaskStatus::Waiting) => Why::Outside,
        (_, TaskStatus::Retrying) if !nobody || task.available_at.is_some_and(|at| at > now) => {
            let at = task.available_at.unwrap_or(now);
            let due_in_ms = at.since_ms(now);
            match task.error.as_ref() {
                Some(error) if error.kind == FailureKind::Unserved => {
                    Why::Unserved { message: error.message.clone(), due_in_ms, at }
                }
                error => Why::Retry {
                    failures: task.failures,
                    max_attempts: task.max_attempts,
                    message: error.map(|failure| failure.message.clone()),
                    due_in_ms,
                    at,
                },
            }
        }
        _ if task.held && !(nobody && is_free(around.slots)) => {
            Why::SlotTaken { key: task.concurrency_key.clone().unwrap_or_default(), slots: around.slots.cloned() }
        }
        _ => why_queued(around),
    }
}

fn why_gate(gate: &GateRow, now: Timestamp) -> Why {
    Why::Gate {
        gate: gate.id,
        step: gate.step_name.clone(),
        message: gate.message.clone(),
        is_budget: gate.kind == GateKind::Budget,
        role: gate.role,
        not_by: (!gate.allow_self).then(|| gate.started_by.clone()),
        due_in_ms: gate.expires_at.map(|at| at.since_ms(now)),
        at: gate.expires_at,
        on_expiry: gate.on_expiry,
    }
}

fn why_over(around: Around<'_>) -> Why {
    let Around { task, run, .. } = around;
    let by = match task.reason {
        Some(Reason::Upstream) => culprits(around.parents),
        Some(Reason::Stop) => run.error.as_ref().and_then(|error| Some(error.value()["task"].as_str()?.to_owned())),
        Some(Reason::Cancel) => run.cancel_requested_by.clone(),
        Some(Reason::Reused) => task.reused_from.map(|from| from.run.to_string()),
        _ => None,
    };
    let message = task.error.as_ref().map(|failure| failure.message.clone());
    Why::Over { status: task.status, reason: task.reason, by, cause: around.cause.map(str::to_owned), message }
}

/// The parents that did not succeed: `a`, or `a and 2 more`.
fn culprits(parents: &[GroupRow]) -> Option<String> {
    let mut bad = parents.iter().filter(|parent| parent.tasks_bad > 0);
    let first = bad.next()?.key.clone();
    match bad.count() {
        0 => Some(first),
        more => Some(format!("{first} and {more} more")),
    }
}

fn awaited(parents: &[GroupRow]) -> Vec<Awaited> {
    let open = parents.iter().filter(|parent| parent.phase != Phase::Over);
    open.map(|parent| Awaited {
        key: parent.key.clone(),
        done: parent.size.map_or(0, |size| size.saturating_sub(parent.tasks_left)),
        size: parent.size,
    })
    .collect()
}

fn why_running(around: Around<'_>) -> Why {
    let Around { task, run, now, .. } = around;
    if let Some(gone) = around.gone.iter().find(|worker| Some(worker.id) == task.worker) {
        if run.in_process && serving(around).next().is_none() {
            return Why::CarrierGone { run: run.id };
        }
        return Why::WorkerGone {
            worker: gone.name.clone(),
            attempt: task.attempt,
            silent_ms: now.since_ms(gone.heartbeat_at),
            queue: queue_of(&task.lane).into(),
            workers: u32::try_from(around.workers.len()).unwrap_or(u32::MAX),
        };
    }
    let name = |id: WorkerId| {
        let known = around.workers.iter().find(|worker| worker.id == id);
        known.map_or_else(|| id.to_string(), |worker| worker.name.clone())
    };
    Why::Running {
        worker: task.worker.map(name).unwrap_or_default(),
        attempt: task.attempt,
        begun: task.started_at.is_some(),
        since_ms: task.started_at.or(task.dispatched_at).map_or(0, |at| now.since_ms(at)),
        timeout_ms: around.timeout_ms,
        cancelling: run.cancelling.is_some() || task.cancel_requested_at.is_some(),
        by: run.cancel_requested_by.clone(),
    }
}

/// The workers that serve the task's lane.
fn serving<'a>(around: Around<'a>) -> impl Iterator<Item = &'a WorkerRow> {
    let lane = around.task.lane.as_str();
    around.workers.iter().filter(move |w| w.ended_at.is_none() && w.lanes.iter().any(|own| own == lane))
}

fn why_queued(around: Around<'_>) -> Why {
    let lane = around.task.lane.as_str();
    if let Some(pause) = around.pauses.iter().find(|pause| pause.queue == queue_of(lane)) {
        let since_ms = around.now.since_ms(pause.at);
        return Why::QueuePaused { queue: pause.queue.clone(), by: pause.by.clone(), since_ms };
    }
    let (mut workers, mut capacity) = (0, 0);
    for worker in serving(around) {
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
    let queue = (!around.run.in_process).then(|| queue_of(lane).to_owned());
    Why::Queued { queue, at_work: around.at_work, workers, capacity }
}

impl Why {
    /// One word for programs: the same as `code` in the JSON.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Over { .. } => "over",
            Self::Running { .. } => "running",
            Self::WorkerGone { .. } => "worker_gone",
            Self::Paused { .. } => "paused",
            Self::QueuePaused { .. } => "queue_paused",
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
            Self::Gate { .. } => "gate",
            Self::Outside => "outside",
        }
    }

    /// Whether its sentence ends in a command that can be typed, to which options may be added.
    #[must_use]
    pub const fn ends_in_command(&self) -> bool {
        matches!(
            self,
            Self::Paused { .. }
                | Self::QueuePaused { .. }
                | Self::CarrierGone { .. }
                | Self::OtherHost { .. }
                | Self::NoWorker { .. }
                | Self::WorkerGone { workers: 0, .. }
                | Self::Gate { .. }
        )
    }
}

#[cfg(test)]
mod tests;
