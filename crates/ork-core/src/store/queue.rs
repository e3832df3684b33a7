//! The hot path: claim, start, settle.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::Scope;
use crate::attempt::Outcome;
use crate::clock::Timestamp;
use crate::error::StoreResult;
use crate::event::Actor;
use crate::executor::Progress;
use crate::graph::{LeaseId, ProcessEnd};
use crate::id::{TaskRef, WorkerId, WorkspaceId};

/// A request for work.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Whose work.
    pub scope: Scope,
    /// Who asks.
    pub worker: WorkerId,
    /// The token of all leases that it gives. Asking again with the same token gives what the first one gave: that is
    /// how a claim whose answer was lost is found again.
    pub lease: LeaseId,
    /// True when a claim with this token may already have taken effect.
    pub again: bool,
    /// Where from: see [`crate::graph::Pin::lane`].
    pub lanes: Vec<String>,
    /// At most so many; at most [`crate::limits::BATCH_MAX`].
    pub limit: usize,
    /// The present moment.
    pub now: Timestamp,
}

/// A task that was claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimed {
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// Which.
    pub task: TaskRef,
    /// Its group, which is its node's position in the plan.
    pub g: u32,
    /// Its place among its siblings.
    pub task_index: u32,
    /// The number of this attempt, from 1.
    pub attempt: u32,
    /// When it was dispatched.
    pub dispatched_at: Timestamp,
}

/// The beginning of an attempt's work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The task.
    pub task: TaskRef,
    /// The attempt.
    pub attempt: u32,
    /// The lease.
    pub lease: LeaseId,
    /// The executor's name for it.
    pub execution_name: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
}

/// The end of an attempt, as its worker (or the reaper, for a worker that is gone) reports it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settle {
    /// The task.
    pub task: TaskRef,
    /// The attempt.
    pub attempt: u32,
    /// The lease. Fence: attempt and lease must be the present ones, by equality.
    pub lease: LeaseId,
    /// How it ended.
    pub outcome: Outcome,
    /// When its work began, if it did.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Timestamp,
    /// What the executor saw.
    pub end: ProcessEnd,
    /// Chooses the point within the jitter of a retry.
    pub random: u64,
}

/// What became of an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It counts.
    Accepted,
    /// The same outcome was accepted before: the answer had been lost.
    Already,
    /// The lease is not the present one: nothing changed, and the run has an `attempt.late` event.
    Stale,
    /// There is no such task in scope.
    Unknown,
}

/// The answers to a batch of outcomes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcomes {
    /// One for each, in the same order.
    pub settled: Vec<Settled>,
    /// How many tasks the batch queued that can be claimed.
    pub queued: usize,
    /// The batch left something for [`super::Upkeep`]: an evaluation, a slot that became free.
    pub upkeep: bool,
    /// Runs that ended.
    pub ended: Vec<crate::id::RunId>,
}

/// How far an attempt is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgressNote {
    /// The task.
    pub task: TaskRef,
    /// The lease; a note of another one is dropped.
    pub lease: LeaseId,
    /// What to show.
    pub progress: Progress,
}

/// What a worker learns when it reports that it lives.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Heartbeat {
    /// False when it was declared dead: its leases are gone, and it must stop what it runs.
    pub alive: bool,
    /// Its tasks that were asked to be cancelled, by themselves or with their run.
    pub cancelled: Vec<(TaskRef, LeaseId)>,
}

/// The queue.
#[async_trait]
pub trait Queue {
    /// Claims tasks: highest priority first, then the order in which they were queued; workspaces in turn. Nothing
    /// that is paused, held by a limit, or waiting for a retry is ever among them, and nothing of a queue whose pause was
    /// committed before the claim began.
    async fn claim(&self, claim: &Claim) -> StoreResult<Vec<Claimed>>;

    /// Writes down that attempts have begun. Those whose lease is gone are left out: the answer lists the others.
    async fn start(&self, scope: Scope, starts: &[Start], actor: &Actor, now: Timestamp) -> StoreResult<Vec<TaskRef>>;

    /// Settles attempts: state, events, dependency counters, queue entries and the run's end in one transaction.
    /// Natural key: (task, attempt, lease). A task appears at most once in a batch.
    async fn settle(&self, scope: Scope, settles: &[Settle], actor: &Actor, now: Timestamp) -> StoreResult<Outcomes>;

    /// Settles attempts as [`Queue::settle`] does, and then claims as [`Queue::claim`] does, in one transaction: a worker
    /// that goes on needs one commit a round, and what a success releases is claimed before anybody must be told of it.
    /// Scope and time are the claim's. Natural keys: those of both.
    ///
    /// # Errors
    /// Those of both; then neither took effect.
    async fn settle_and_claim(
        &self,
        settles: &[Settle],
        actor: &Actor,
        claim: &Claim,
    ) -> StoreResult<(Outcomes, Vec<Claimed>)>;

    /// Stores how far attempts are. Not an event; may be lost in a crash.
    async fn progress(&self, scope: Scope, notes: &[ProgressNote]) -> StoreResult<()>;

    /// The cancel requests that concern a worker's leases; its heartbeat is not touched.
    async fn cancel_requests(&self, worker: WorkerId) -> StoreResult<Vec<(TaskRef, LeaseId)>>;
}
