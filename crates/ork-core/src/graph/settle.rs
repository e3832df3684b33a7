//! The end of attempts, and the expansion of groups.

use super::cascade::reason_payload;
use super::{Lease, LeaseId, OpenAs, Phase, ProcessEnd, Reach, Requeue, RunGraph, TaskWrite};
use crate::attempt::{Circumstances, Failure, FailureKind, Outcome, Tally, Verdict, judge};
use crate::clock::Timestamp;
use crate::event::{EventType, TaskSet};
use crate::id::WorkerId;
use crate::json::Json;
use crate::limits;
use crate::state::{Reason, RunStatus, TaskStatus};

/// An accepted outcome: its lease was valid and is gone now.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// The lease that it ended.
    pub lease: Lease,
    /// How the attempt ended.
    pub outcome: Outcome,
    /// What the task has behind it.
    pub tally: Tally,
    /// The task itself was asked to be cancelled.
    pub cancel_requested: bool,
    /// When the work began, if it did.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Timestamp,
    /// What the executor saw.
    pub end: ProcessEnd,
    /// Chooses the point within the jitter of a retry.
    pub random: u64,
}

/// How an attempt went.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// The lease that it ran under.
    pub lease: LeaseId,
    /// The worker that held it.
    pub worker: WorkerId,
    /// The executor's name for it.
    pub execution_name: Option<String>,
    /// One word: see [`Outcome::word`].
    pub outcome: &'static str,
    /// When it was dispatched.
    pub dispatched_at: Timestamp,
    /// When its work began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Timestamp,
    /// What the executor saw.
    pub end: ProcessEnd,
}

/// What the evaluation of a group gave.
#[derive(Debug, Clone, PartialEq)]
pub enum Expansion {
    /// An expression failed, or its value cannot be used.
    Failed(Failure),
    /// The condition was false for all of it.
    Skipped,
    /// The siblings: how many, the items of a dynamic `each`, and the indexes whose condition was false.
    Siblings {
        /// How many; 0 makes the placeholder succeed with no outputs.
        size: u32,
        /// The items, when the list is not in the plan.
        items: Option<Json>,
        /// Indexes that are skipped, sorted.
        unmet: Vec<u32>,
    },
}

impl Outcome {
    /// How much of the run an outcome can touch. Only a success cannot skip or cancel anything, unless a child waits
    /// for a failure.
    #[must_use]
    pub const fn reach(&self, deep: bool) -> Reach {
        match self {
            Self::Success { .. } if !deep => Reach::Children,
            Self::Waiting { .. } => Reach::Children,
            _ => Reach::Whole,
        }
    }
}

impl Expansion {
    /// How much of the run this expansion can touch.
    #[must_use]
    pub fn reach(&self) -> Reach {
        match self {
            // More than one may be over the limit of tasks, which fails the group.
            Self::Siblings { size: 1, unmet, .. } if unmet.is_empty() => Reach::Children,
            _ => Reach::Whole,
        }
    }
}

impl RunGraph {
    /// Writes down that attempts were dispatched, and that those with a `started_at` run: for leases that live longer
    /// than a batch.
    pub fn announce(&mut self, leases: &[Lease], running: bool) {
        let Some(first) = leases.iter().map(|lease| lease.dispatched_at).min() else { return };
        if self.head.status == RunStatus::Pending {
            self.head.status = RunStatus::Running;
            self.changes.started_at = Some(first);
            self.event(EventType::Run(RunStatus::Running), TaskSet::default(), None);
        }
        for (status, wanted) in [(TaskStatus::Dispatched, true), (TaskStatus::Running, running)] {
            for lease in leases.iter().filter(|_| wanted) {
                self.event(EventType::Task(status), one(lease.task.n), attempt_payload(lease.attempt));
            }
        }
    }

    /// Settles attempts whose leases were valid. The caller writes the answers of [`RunGraph::take_task_writes`] and
    /// [`RunGraph::take_skipped`], then does the sweep of [`RunGraph::take_sweep`], then [`RunGraph::finish`].
    pub fn settle(&mut self, settlements: Vec<Settlement>) {
        let unannounced: Vec<Lease> =
            settlements.iter().filter(|s| s.lease.started_at.is_none()).map(|s| s.lease.clone()).collect();
        self.announce(&unannounced, false);
        for settlement in settlements {
            self.settle_one(settlement);
        }
    }

    fn settle_one(&mut self, settlement: Settlement) {
        let Settlement { lease, outcome, mut tally, random, .. } = settlement;
        let (g, n) = (lease.g, lease.task.n);
        let Some(group) = self.groups.get(&g) else { return };
        let around = Circumstances {
            retry: &group.spec.retry,
            at_most_once: group.spec.at_most_once,
            cancelling: self.head.cancelling.is_some() || settlement.cancel_requested,
            stopping: self.head.stopping && group.spec.run_if.is_none(),
            untouched: settlement.started_at.is_none() && lease.started_at.is_none(),
            now: self.now,
            random,
        };
        let word = outcome.word();
        let verdict = judge(outcome, &mut tally, &around);
        let ended = Ended {
            lease: lease.id,
            worker: lease.worker,
            execution_name: lease.execution_name.clone(),
            outcome: word,
            dispatched_at: lease.dispatched_at,
            started_at: settlement.started_at.or(lease.started_at),
            finished_at: settlement.finished_at,
            end: settlement.end,
        };
        let write = TaskWrite {
            n,
            status: TaskStatus::Pending,
            reason: None,
            attempt: lease.attempt,
            failures: tally.failures,
            lost: tally.lost,
            available_at: None,
            output: None,
            error: None,
            ended: Some(ended),
            open_as: None,
        };
        self.apply(g, write, verdict);
    }

    fn apply(&mut self, g: u32, mut write: TaskWrite, verdict: Verdict) {
        let payload = attempt_payload(write.attempt);
        match verdict {
            Verdict::Success { output } => {
                write.output = output;
                self.end_task(g, write, TaskStatus::Success, payload);
            }
            Verdict::Cancelled { reason } => {
                let reason = if reason == Reason::Cancel { self.head.cancelling.unwrap_or(reason) } else { reason };
                write.reason = Some(reason);
                self.end_task(g, write, TaskStatus::Cancelled, reason_payload(reason));
            }
            Verdict::Failed { failure, reason } => {
                write.reason = reason;
                write.error = Some(failure);
                self.end_task(g, write, TaskStatus::Failed, payload);
            }
            Verdict::Retry { available_at, failure } => {
                write.status = TaskStatus::Retrying;
                write.available_at = Some(available_at);
                write.error = Some(failure);
                self.event(EventType::Task(TaskStatus::Retrying), one(write.n), payload);
                self.changes.tasks.push(write);
            }
            Verdict::Requeue { failure } => {
                let why = if failure.is_some() { "lost" } else { "handed_back" };
                let payload = Json::from_stored(format!("{{\"attempt\":{},\"reason\":\"{why}\"}}", write.attempt));
                self.event(EventType::Task(TaskStatus::Queued), one(write.n), Some(payload));
                self.changes.requeued.push(Requeue { n: write.n, g, attempt: write.attempt + 1 });
                write.error = failure;
                self.changes.tasks.push(write);
            }
            Verdict::Wait { gates } => {
                self.event(EventType::Task(TaskStatus::Waiting), one(write.n), payload);
                self.open_gates(write.n, gates);
                write.status = TaskStatus::Waiting;
                self.reopen(write, OpenAs::Waiting);
            }
            Verdict::Reopen { open_as, failure } => {
                let requeue = Requeue { n: write.n, g, attempt: write.attempt };
                self.queue_open(write.n, write.attempt, open_as);
                match open_as {
                    OpenAs::Waiting => self.changes.requeued.push(requeue),
                    OpenAs::Lost | OpenAs::Cancelled => self.changes.wound_up.push(requeue),
                }
                write.error = failure;
                self.reopen(write, open_as);
            }
        }
    }

    /// Writes down that an attempt is not over.
    fn reopen(&mut self, mut write: TaskWrite, open_as: OpenAs) {
        write.open_as = Some(open_as);
        write.attempt -= 1;
        self.changes.tasks.push(write);
    }

    /// Gives a task its terminal status, and decides everything below it.
    pub(super) fn end_task(&mut self, g: u32, mut write: TaskWrite, status: TaskStatus, payload: Option<Json>) {
        write.status = status;
        self.event(EventType::Task(status), one(write.n), payload);
        if let Some(group) = self.groups.get_mut(&g)
            && matches!(group.phase, Phase::Waiting | Phase::Evaluating)
        {
            group.ended.insert(write.n);
        }
        let look = self.count_end(g, status, write.reason);
        let failure = write.error.clone();
        self.changes.tasks.push(write);
        if look {
            self.cascade(g);
        }
        if let (TaskStatus::Failed, Some(failure)) = (status, failure) {
            self.note_failure(g, &failure);
        }
    }

    /// Gives a group its siblings. Does nothing unless the group waits for that: a second answer changes nothing.
    /// True when it took effect.
    pub fn expand(&mut self, g: u32, expansion: Expansion) -> bool {
        let Some(group) = self.groups.get(&g) else { return false };
        if group.phase != Phase::Evaluating || self.head.status.is_terminal() {
            return false;
        }
        match expansion {
            Expansion::Failed(failure) => self.fail_expansion(g, failure),
            Expansion::Skipped => {
                self.skip(g, Reason::Condition);
                self.cascade(g);
            }
            Expansion::Siblings { size: 0, .. } if group.size.is_none() => {
                let mut write = unattempted(group.first);
                write.output = Some(Json::from_stored("[]"));
                self.end_task(g, write, TaskStatus::Success, None);
            }
            Expansion::Siblings { size, items, unmet } => self.add_siblings(g, size, items, &unmet),
        }
        true
    }

    fn fail_expansion(&mut self, g: u32, failure: Failure) {
        let tasks: Vec<u32> =
            self.groups.get(&g).map(|group| group.live_before_release().iter().collect()).unwrap_or_default();
        for n in tasks {
            let write = TaskWrite { reason: Some(Reason::Template), error: Some(failure.clone()), ..unattempted(n) };
            self.end_task(g, write, TaskStatus::Failed, reason_payload(Reason::Template));
        }
    }

    fn add_siblings(&mut self, g: u32, size: u32, items: Option<Json>, unmet: &[u32]) {
        let total = self.head.tasks_total;
        let Some(group) = self.touch(g) else { return };
        if group.size.is_none() {
            let more = size - 1;
            if u64::from(total) + u64::from(more) > u64::from(limits::TASKS_MAX) {
                let message =
                    format!("{size} siblings: a run has at most {} tasks, and this one has {total}", limits::TASKS_MAX);
                return self.fail_expansion(g, Failure::new(FailureKind::Template, message));
            }
            group.size = Some(size);
            group.items = items;
            group.rest = total;
            group.tasks_left = size;
            self.head.tasks_total += more;
            self.head.tasks_left += more;
            self.changes.expanded.push(g);
            let payload = Json::from_stored(format!("{{\"size\":{size}}}"));
            let first = self.groups.get(&g).map_or(0, |group| group.first);
            self.event(EventType::TaskExpanded, one(first), Some(payload));
        }
        if let Some(group) = self.touch(g) {
            group.phase = Phase::Released;
            self.changes.released.push(g);
        }
        let Some(group) = self.groups.get(&g) else { return };
        let unmet = TaskSet::of(unmet.iter().filter(|index| **index < group.rows()).map(|i| group.task(*i)).collect());
        for n in unmet.without(&group.ended).iter() {
            let write = TaskWrite { reason: Some(Reason::Condition), ..unattempted(n) };
            self.end_task(g, write, TaskStatus::Skipped, reason_payload(Reason::Condition));
        }
    }

    /// Writes down an outcome that came too late, and changes nothing else.
    pub fn late(&mut self, n: u32, attempt: u32, outcome: &Outcome) {
        let payload = format!("{{\"attempt\":{attempt},\"outcome\":\"{}\"}}", outcome.word());
        self.event(EventType::AttemptLate, one(n), Some(Json::from_stored(payload)));
    }
}

pub(super) fn one(n: u32) -> TaskSet {
    TaskSet::of(vec![n])
}

fn attempt_payload(attempt: u32) -> Option<Json> {
    Some(Json::from_stored(format!("{{\"attempt\":{attempt}}}")))
}

/// A state for a task that ends without an attempt.
pub(super) const fn unattempted(n: u32) -> TaskWrite {
    TaskWrite {
        n,
        status: TaskStatus::Pending,
        reason: None,
        attempt: 0,
        failures: 0,
        lost: 0,
        available_at: None,
        output: None,
        error: None,
        ended: None,
        open_as: None,
    }
}
