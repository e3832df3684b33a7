//! Stored workflows and pauses of queues.

use async_trait::async_trait;
use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::event::Actor;
use ork_core::id::{RevisionId, WorkflowId, WorkspaceId};
use ork_core::store::{
    Applied, Deleted, Expected, NewRevision, Pauses, QueuePause, RevisionRow, Scope, WorkflowRow, Workflows,
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
