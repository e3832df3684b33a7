//! What is kept, and for how long.

use async_trait::async_trait;

use super::Scope;
use crate::clock::Timestamp;
use crate::error::StoreResult;
use crate::id::{RunId, WorkspaceId};
use crate::seal::Link;
use crate::state::RunStatus;

/// What is left of a run that is not kept any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// Its id.
    pub run: RunId,
    /// Whose it was.
    pub workspace: WorkspaceId,
    /// The person that it belonged to.
    pub owner: Option<String>,
    /// Its name.
    pub name: String,
    /// How it ended.
    pub status: RunStatus,
    /// The number of its last event.
    pub seq: u64,
    /// The end of its chain of seals: `None` when its events were never sealed.
    pub head: Option<SealHead>,
    /// When it ended.
    pub finished_at: Timestamp,
    /// When it was removed.
    pub pruned_at: Timestamp,
}

/// The last seal of a run's events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealHead {
    /// The last event that it covers.
    pub seq: u64,
    /// Its link.
    pub link: Link,
    /// The key that made it, by its name.
    pub key_id: String,
}

/// What a round of removing rows did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Rows that were removed.
    pub rows: u64,
    /// There is more to remove.
    pub more: bool,
}

/// Removes what is not kept.
#[async_trait]
pub trait Retention {
    /// Runs of a workspace that ended before this moment and that no live run was made of, the oldest first; at most `limit`.
    async fn prunable(&self, workspace: WorkspaceId, until: Timestamp, limit: u32) -> StoreResult<Vec<RunId>>;

    /// Replaces those of these runs by their tombstones that are over and of which no live run was made; how many. From now on
    /// they do not exist, as a whole. What belonged to them and is not shown any more is left for [`Self::sweep`].
    async fn prune_runs(&self, scope: Scope, runs: &[RunId], now: Timestamp) -> StoreResult<u64>;

    /// Removes rows that belonged to runs that were pruned: up to about `limit` of them, in one short transaction.
    async fn sweep(&self, limit: u32) -> StoreResult<Swept>;

    /// What is left of a run.
    async fn tombstone(&self, scope: Scope, run: RunId) -> StoreResult<Option<Tombstone>>;
}
