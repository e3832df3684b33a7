//! Stored workflows, pauses of queues, actions on many runs.

use async_trait::async_trait;
use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::event::Actor;
use ork_core::id::{BulkId, RevisionId, WorkerId, WorkflowId, WorkspaceId};
use ork_core::store::{
    Applied, Bulk, BulkRow, BulkStep, Deleted, Expected, NewRevision, Pauses, QueuePause, RevisionRow, Scope,
    Submitted, WorkflowRow, Workflows,
};

use super::SqliteStore;
use crate::{bulk, pauses, workflows};

#[async_trait]
impl Workflows for SqliteStore {
    async fn apply_workflow(&self, new: &NewRevision) -> StoreResult<Applied> {
        let new = new.clone();
        self.write(move |db| workflows::apply(db, &new)).await
    }

    async fn workflow(&self, scope: Scope, name: &str) -> StoreResult<Option<WorkflowRow>> {
        self.read(|db| workflows::workflow(db, scope, name))
    }

    async fn workflows(&self, scope: Scope, after: Option<&str>, limit: u32) -> StoreResult<Vec<WorkflowRow>> {
        self.read(|db| workflows::workflows(db, scope, after, limit))
    }

    async fn revisions(
        &self,
        scope: Scope,
        workflow: WorkflowId,
        before: Option<u32>,
        limit: u32,
    ) -> StoreResult<Vec<RevisionRow>> {
        self.read(|db| workflows::revisions(db, scope, workflow, before, limit))
    }

    async fn revision_source(&self, scope: Scope, revision: RevisionId) -> StoreResult<Option<String>> {
        self.read(|db| workflows::source(db, scope, revision))
    }

    async fn delete_workflow(
        &self,
        workspace: WorkspaceId,
        name: &str,
        expected: Expected,
        now: Timestamp,
    ) -> StoreResult<Deleted> {
        let name = name.to_owned();
        self.write(move |db| workflows::delete(db, (workspace, &name), expected, now)).await
    }
}

#[async_trait]
impl Pauses for SqliteStore {
    async fn pause_queue(
        &self,
        workspace: WorkspaceId,
        queue: &str,
        actor: &Actor,
        now: Timestamp,
    ) -> StoreResult<bool> {
        let (queue, actor) = (queue.to_owned(), actor.clone());
        self.write(move |db| pauses::pause(db, workspace, &queue, (&actor, now))).await
    }

    async fn resume_queue(&self, workspace: WorkspaceId, queue: &str) -> StoreResult<bool> {
        let queue = queue.to_owned();
        self.write_and_wake(move |db| pauses::resume(db, workspace, &queue)).await
    }

    async fn queue_pauses(&self, scope: Scope) -> StoreResult<Vec<QueuePause>> {
        self.read(|db| pauses::list(db, scope))
    }
}

#[async_trait]
impl Bulk for SqliteStore {
    async fn create_bulk(&self, new: &BulkRow) -> StoreResult<Submitted> {
        let new = new.clone();
        self.write(move |db| bulk::create(db, &new)).await
    }

    async fn bulk(&self, scope: Scope, id: BulkId) -> StoreResult<Option<BulkRow>> {
        self.read(|db| bulk::bulk(db, scope, id))
    }

    async fn bulk_by_external_id(&self, workspace: WorkspaceId, external_id: &str) -> StoreResult<Option<BulkRow>> {
        self.read(|db| bulk::by_external_id(db, workspace, external_id))
    }

    async fn bulks(&self, scope: Scope, before: Option<BulkId>, limit: u32) -> StoreResult<Vec<BulkRow>> {
        self.read(|db| bulk::list(db, scope, before, limit))
    }

    async fn running_bulks(&self, limit: u32) -> StoreResult<Vec<BulkRow>> {
        self.read(|db| bulk::running(db, limit))
    }

    async fn advance_bulk(&self, id: BulkId, step: BulkStep, now: Timestamp) -> StoreResult<bool> {
        self.write(move |db| bulk::advance(db, id, step, now)).await
    }

    async fn cancel_bulk(&self, scope: Scope, id: BulkId, now: Timestamp) -> StoreResult<bool> {
        self.write(move |db| bulk::cancel(db, scope, id, now)).await
    }

    async fn hold_duty(&self, name: &str, holder: WorkerId, now: Timestamp, until: Timestamp) -> StoreResult<bool> {
        let name = name.to_owned();
        self.write(move |db| bulk::hold(db, &name, holder, now, until)).await
    }
}
