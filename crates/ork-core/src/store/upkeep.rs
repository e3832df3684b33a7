//! What loops do over stored state, so that nothing waits for ever for a process that died.

use async_trait::async_trait;

use super::Scope;
use crate::clock::Timestamp;
use crate::error::StoreResult;
use crate::graph::Expansion;
use crate::id::{RunId, WorkspaceId};

/// Something that must be evaluated by an engine. Two engines may do so at once: the first answer counts, and
/// expressions give the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evaluation {
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// The run.
    pub run: RunId,
    /// What of it.
    pub target: EvaluationTarget,
}

/// What must be evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvaluationTarget {
    /// A group's condition or size.
    Group(u32),
    /// The run's result.
    Result,
}

/// What a round of upkeep did, and when the next one is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Maintained {
    /// Retries whose time came, and held tasks and runs that got a slot: something was queued.
    pub queued: u32,
    /// More of the same is waiting already.
    pub more: bool,
    /// When the next retry or deadline is due, if there is one.
    pub next_at: Option<Timestamp>,
}

/// Upkeep.
#[async_trait]
pub trait Upkeep {
    /// Queues the tasks whose retry is due, at most `limit`. Those of paused runs stay.
    async fn promote(&self, scope: Scope, now: Timestamp, limit: usize) -> StoreResult<Maintained>;

    /// Gives free slots of concurrency keys to what is held for them, highest priority first, then the oldest. Never
    /// more leases and queued tasks of a key than its limit, whoever else does the same.
    async fn admit(&self, scope: Scope, now: Timestamp) -> StoreResult<Maintained>;

    /// Live runs whose deadline has passed and that are not being cancelled; at most `limit`.
    async fn overdue(&self, scope: Scope, now: Timestamp, limit: usize) -> StoreResult<Vec<RunId>>;

    /// What waits for an evaluation; at most `limit`, oldest runs first. `run` narrows it to one run.
    async fn evaluations(&self, scope: Scope, run: Option<RunId>, limit: usize) -> StoreResult<Vec<Evaluation>>;

    /// Gives a group its siblings, or ends it. Natural key: the group; false when it was expanded before.
    async fn expand(
        &self,
        scope: Scope,
        run: RunId,
        g: u32,
        expansion: &Expansion,
        now: Timestamp,
    ) -> StoreResult<bool>;
}
