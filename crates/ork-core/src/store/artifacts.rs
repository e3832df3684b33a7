//! Artifacts: rows that never change, and the bytes that no row names yet, or any more.

use async_trait::async_trait;

use super::Scope;
use crate::artifact::{ArtifactRow, NewArtifact};
use crate::blobs::BlobKey;
use crate::clock::Timestamp;
use crate::error::StoreResult;
use crate::event::Actor;
use crate::graph::LeaseId;
use crate::id::{ArtifactId, RunId, TaskRef, WorkspaceId};

/// Bytes that are about to be written. While no row names them, they are *loose*.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LooseBlob {
    /// Under which key.
    pub key: BlobKey,
    /// Whose they are.
    pub workspace: WorkspaceId,
    /// Until when somebody may still name them: then they are doomed.
    pub kept_until: Timestamp,
}

/// Under which lease an attempt names its artifacts: if that is not the present one any more, nothing is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptUnder {
    /// The task.
    pub task: TaskRef,
    /// The attempt.
    pub attempt: u32,
    /// The lease.
    pub lease: LeaseId,
}

/// What became of new artifacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArtifactsCreated {
    /// They are there; some or all may have been there before.
    Created,
    /// The lease is not the present one: nothing was created.
    Stale,
    /// The bytes of one of them are doomed, were never noted, or their time is over: nothing was created, and they must be written
    /// again under another key.
    Gone(ArtifactId),
}

/// Which artifacts are wanted. Newest first: ids that were made later come before earlier ones.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArtifactFilter {
    /// Only those of this run.
    pub run: Option<RunId>,
    /// Only those of this task.
    pub task: Option<TaskRef>,
    /// Only those of this kind.
    pub kind: Option<String>,
    /// Only those with this name.
    pub name: Option<String>,
    /// Only those of runs of this owner.
    pub owner: Option<String>,
    /// Only those before this one in the list.
    pub before: Option<ArtifactId>,
    /// Rows at the most; at most [`super::ROWS_MAX`].
    pub limit: u32,
}

/// Artifacts.
#[async_trait]
pub trait Artifacts {
    /// Notes that bytes will be written under a key, before they are. Natural key: the key; what is noted already keeps the
    /// later `kept_until`, unless it is doomed. False when it is doomed, or a row names it.
    async fn note_blob(&self, scope: Scope, blob: &LooseBlob) -> StoreResult<bool>;

    /// Creates artifacts of one run, each with its event, in one transaction: bytes that they name are loose no more. Natural key:
    /// the artifact's id; what is there already is passed over, and where all are, that is the answer whatever became of the lease.
    ///
    /// # Errors
    /// `NotFound` when the run is not in scope, or has no such task; `Limit` when the run would have more than
    /// [`crate::limits::ARTIFACTS_MAX`], or these are more than [`crate::limits::BATCH_MAX`]; `Conflict` when an id is there with
    /// other content, or these are not of one run.
    async fn create_artifacts(
        &self,
        scope: Scope,
        new: &[NewArtifact],
        under: Option<KeptUnder>,
        actor: &Actor,
        now: Timestamp,
    ) -> StoreResult<ArtifactsCreated>;

    /// An artifact; `None` when it does not exist or is not in scope.
    async fn artifact(&self, scope: Scope, id: ArtifactId) -> StoreResult<Option<ArtifactRow>>;

    /// Artifacts, newest first.
    async fn artifacts(&self, scope: Scope, filter: &ArtifactFilter) -> StoreResult<Vec<ArtifactRow>>;

    /// Dooms loose bytes whose time is over, and answers keys that are doomed, these and earlier ones; at most `limit`, those first
    /// that were not answered for the longest time: what cannot be removed keeps nothing else waiting. From now on no row can
    /// name them.
    async fn doom_blobs(&self, now: Timestamp, limit: u32) -> StoreResult<Vec<BlobKey>>;

    /// The bytes of these keys are removed. Only doomed ones are forgotten.
    async fn forget_blobs(&self, keys: &[BlobKey]) -> StoreResult<()>;
}
