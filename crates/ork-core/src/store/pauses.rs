//! Queues that somebody paused.

use async_trait::async_trait;

use super::Scope;
use crate::clock::Timestamp;
use crate::error::StoreResult;
use crate::event::Actor;
use crate::id::WorkspaceId;

/// A queue that is paused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuePause {
    /// Whose.
    pub workspace: WorkspaceId,
    /// The queue: all of its lanes, those of hosts as well.
    pub queue: String,
    /// Who paused it.
    pub by: String,
    /// Since when.
    pub at: Timestamp,
}

/// The queue that a lane is of, without its host. The lane of a run that one process carries is of no queue.
#[must_use]
pub fn queue_of(lane: &str) -> &str {
    lane.split_once('@').map_or(lane, |(queue, _)| queue)
}

/// Pauses of queues. A pause holds back claims and changes no task: what is at work goes on, and what is queued stays so.
#[async_trait]
pub trait Pauses {
    /// Pauses a queue, whether or not anything is in it. False when it is paused already: whoever was first stays named.
    ///
    /// # Errors
    /// `Limit` when [`crate::limits::PAUSES_MAX`] queues of the workspace are paused.
    async fn pause_queue(
        &self,
        workspace: WorkspaceId,
        queue: &str,
        actor: &Actor,
        now: Timestamp,
    ) -> StoreResult<bool>;

    /// Lets a paused queue go on. False when it is not paused.
    async fn resume_queue(&self, workspace: WorkspaceId, queue: &str) -> StoreResult<bool>;

    /// The queues that are paused, by name.
    async fn queue_pauses(&self, scope: Scope) -> StoreResult<Vec<QueuePause>>;
}
