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

use super::FaultyStore;

#[async_trait]
impl Workflows for FaultyStore {
    async fn apply_workflow(&self, new: &NewRevision) -> StoreResult<Applied> {
        self.send("apply_workflow", self.world.store.apply_workflow(new)).await
    }

    async fn workflow(&self, scope: Scope, name: &str) -> StoreResult<Option<WorkflowRow>> {
        self.send("workflow", self.world.store.workflow(scope, name)).await
    }

    async fn workflows(&self, scope: Scope, after: Option<&str>, limit: u32) -> StoreResult<Vec<WorkflowRow>> {
        self.send("workflows", self.world.store.workflows(scope, after, limit)).await
    }

    async fn revisions(
        &self,
        scope: Scope,
        workflow: WorkflowId,
        before: Option<u32>,
        limit: u32,
    ) -> StoreResult<Vec<RevisionRow>> {
        self.send("revisions", self.world.store.revisions(scope, workflow, before, limit)).await
    }

    async fn revision_source(&self, scope: Scope, revision: RevisionId) -> StoreResult<Option<String>> {
        self.send("revision_source", self.world.store.revision_source(scope, revision)).await
    }

    async fn delete_workflow(
        &self,
        workspace: WorkspaceId,
        name: &str,
        expected: Expected,
        now: Timestamp,
    ) -> StoreResult<Deleted> {
        self.send("delete_workflow", self.world.store.delete_workflow(workspace, name, expected, now)).await
    }
}

#[async_trait]
impl Pauses for FaultyStore {
    async fn pause_queue(
        &self,
        workspace: WorkspaceId,
        queue: &str,
        actor: &Actor,
        now: Timestamp,
    ) -> StoreResult<bool> {
        self.change("pause_queue", self.world.store.pause_queue(workspace, queue, actor, now)).await
    }

    async fn resume_queue(&self, workspace: WorkspaceId, queue: &str) -> StoreResult<bool> {
        self.change("resume_queue", self.world.store.resume_queue(workspace, queue)).await
    }

    async fn queue_pauses(&self, scope: Scope) -> StoreResult<Vec<QueuePause>> {
        self.send("queue_pauses", self.world.store.queue_pauses(scope)).await
    }
}

#[async_trait]
impl Bulk for FaultyStore {
    async fn create_bulk(&self, new: &BulkRow) -> StoreResult<Submitted> {
        self.send("create_bulk", self.world.store.create_bulk(new)).await
    }

    async fn bulk(&self, scope: Scope, id: BulkId) -> StoreResult<Option<BulkRow>> {
        self.send("bulk", self.world.store.bulk(scope, id)).await
    }

    async fn bulk_by_external_id(&self, workspace: WorkspaceId, external_id: &str) -> StoreResult<Option<BulkRow>> {
        self.send("bulk_by_external_id", self.world.store.bulk_by_external_id(workspace, external_id)).await
    }

    async fn bulks(&self, scope: Scope, before: Option<BulkId>, limit: u32) -> StoreResult<Vec<BulkRow>> {
        self.send("bulks", self.world.store.bulks(scope, before, limit)).await
    }

    async fn running_bulks(&self, limit: u32) -> StoreResult<Vec<BulkRow>> {
        self.send("running_bulks", self.world.store.running_bulks(limit)).await
    }

    async fn advance_bulk(&self, id: BulkId, step: BulkStep, now: Timestamp) -> StoreResult<bool> {
        self.send("advance_bulk", self.world.store.advance_bulk(id, step, now)).await
    }

    async fn cancel_bulk(&self, scope: Scope, id: BulkId, now: Timestamp) -> StoreResult<bool> {
        self.send("cancel_bulk", self.world.store.cancel_bulk(scope, id, now)).await
    }

    async fn hold_duty(&self, name: &str, holder: WorkerId, now: Timestamp, until: Timestamp) -> StoreResult<bool> {
        self.send("hold_duty", self.world.store.hold_duty(name, holder, now, until)).await
    }
}
