//! Actions on many runs, carried out in pieces; and which process has which duty.

use async_trait::async_trait;

use super::{Scope, Submitted};
use crate::clock::Timestamp;
use crate::error::StoreResult;
use crate::event::Actor;
use crate::id::{BulkId, RunId, WorkerId, WorkspaceId};

words!(
    /// What is done to each run.
    BulkAction {
        /// Its end is asked for.
        Cancel = "cancel",
        /// It starts nothing more.
        Pause = "pause",
        /// It goes on.
        Resume = "resume",
        /// It is done again, as a new run that takes over what succeeded.
        Retry = "retry",
        /// Its end is noted.
        Acknowledge = "acknowledge",
    }
);

words!(
    /// How far an action on many runs is.
    BulkStatus {
        /// It goes on.
        Running = "running",
        /// All runs were asked.
        Success = "success",
        /// Somebody stopped it; what was done stays done.
        Cancelled = "cancelled",
    }
);

/// An action on all runs that a filter finds. They are walked from the newest to the oldest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkRow {
    /// Its id.
    pub id: BulkId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// The client's name for it.
    pub external_id: Option<String>,
    /// What is done.
    pub action: BulkAction,
    /// To which runs; times in it count from its creation.
    pub filter: String,
    /// How far it is.
    pub status: BulkStatus,
    /// Where it goes on: only runs before this one were not asked yet.
    pub before: RunId,
    /// Runs that were asked.
    pub seen: u64,
    /// Those that it changed. What was changed by a piece that a crash broke off is not counted.
    pub changed: u64,
    /// Who wants it.
    pub actor: Actor,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// A piece that was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BulkStep {
    /// Where it began: [`BulkRow::before`] as it was.
    pub from: RunId,
    /// Where the next one begins.
    pub to: RunId,
    /// Runs that were asked.
    pub seen: u32,
    /// Those that changed.
    pub changed: u32,
    /// No run is left.
    pub is_last: bool,
}

/// Actions on many runs.
#[async_trait]
pub trait Bulk {
    /// Creates one. Natural key: its id.
    ///
    /// # Errors
    /// `Conflict` when `external_id` is taken in the workspace by another one.
    async fn create_bulk(&self, new: &BulkRow) -> StoreResult<Submitted>;

    /// One of them.
    async fn bulk(&self, scope: Scope, id: BulkId) -> StoreResult<Option<BulkRow>>;

    /// The one that has this name of a client's in a workspace.
    async fn bulk_by_external_id(&self, workspace: WorkspaceId, external_id: &str) -> StoreResult<Option<BulkRow>>;

    /// Those before this one, newest first; at most `limit`.
    async fn bulks(&self, scope: Scope, before: Option<BulkId>, limit: u32) -> StoreResult<Vec<BulkRow>>;

    /// Those that go on, of all workspaces, oldest first; at most `limit`.
    async fn running_bulks(&self, limit: u32) -> StoreResult<Vec<BulkRow>>;

    /// Notes a piece. False when it was noted before, or the action does not go on: two processes that carry out the same
    /// piece do no harm, and it counts once.
    async fn advance_bulk(&self, id: BulkId, step: BulkStep, now: Timestamp) -> StoreResult<bool>;

    /// Stops one. False when it is over.
    ///
    /// # Errors
    /// `NotFound` when it does not exist or is not in scope.
    async fn cancel_bulk(&self, scope: Scope, id: BulkId, now: Timestamp) -> StoreResult<bool>;

    /// Takes a duty, or keeps it, until then. False while another process has it.
    async fn hold_duty(&self, name: &str, holder: WorkerId, now: Timestamp, until: Timestamp) -> StoreResult<bool>;
}
