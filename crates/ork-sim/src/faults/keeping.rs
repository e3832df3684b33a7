//! Secrets, schedules, and what is not kept.

use async_trait::async_trait;
use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::event::Actor;
use ork_core::id::{RunId, WorkflowId, WorkspaceId};
use ork_core::store::{
    Fired, Firing, NewSecret, Reseal, Retention, ScheduleRow, Schedules, Scope, SealedSecret, SecretRow, Secrets,
    Swept, Tombstone,
};

use super::FaultyStore;

#[async_trait]
impl Secrets for FaultyStore {
    async fn set_secret(&self, new: &NewSecret) -> StoreResult<bool> {
        self.send("set_secret", self.world.store.set_secret(new)).await
    }

    async fn secrets(&self, scope: Scope, after: Option<&str>, limit: u32) -> StoreResult<Vec<SecretRow>> {
        self.send("secrets", self.world.store.secrets(scope, after, limit)).await
    }

    async fn sealed_secrets(&self, workspace: WorkspaceId, names: &[String]) -> StoreResult<Vec<SealedSecret>> {
        self.send("sealed_secrets", self.world.store.sealed_secrets(workspace, names)).await
    }

    async fn delete_secret(&self, workspace: WorkspaceId, name: &str) -> StoreResult<bool> {
        self.send("delete_secret", self.world.store.delete_secret(workspace, name)).await
    }

    async fn reseal(&self, reseal: &Reseal) -> StoreResult<bool> {
        self.send("reseal", self.world.store.reseal(reseal)).await
    }
}

#[async_trait]
impl Schedules for FaultyStore {
    async fn schedules(&self, scope: Scope, after: Option<&str>, limit: u32) -> StoreResult<Vec<ScheduleRow>> {
        self.send("schedules", self.world.store.schedules(scope, after, limit)).await
    }

    async fn schedule(&self, scope: Scope, name: &str) -> StoreResult<Option<ScheduleRow>> {
        self.send("schedule", self.world.store.schedule(scope, name)).await
    }

    async fn due_schedules(
        &self,
        after: Option<(Timestamp, WorkflowId)>,
        now: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<ScheduleRow>> {
        self.send("due_schedules", self.world.store.due_schedules(after, now, limit)).await
    }

    async fn enable_schedule(
        &self,
        workspace: WorkspaceId,
        name: &str,
        next_at: Option<Timestamp>,
        by: (&Actor, Timestamp),
    ) -> StoreResult<bool> {
        self.send("enable_schedule", self.world.store.enable_schedule(workspace, name, next_at, by)).await
    }

    async fn disable_schedule(&self, workspace: WorkspaceId, name: &str, by: (&Actor, Timestamp)) -> StoreResult<bool> {
        self.send("disable_schedule", self.world.store.disable_schedule(workspace, name, by)).await
    }

    async fn fire_schedule(&self, firing: &Firing) -> StoreResult<Fired> {
        self.send("fire_schedule", self.world.store.fire_schedule(firing)).await
    }
}

#[async_trait]
impl Retention for FaultyStore {
    async fn prunable(&self, workspace: WorkspaceId, until: Timestamp, limit: u32) -> StoreResult<Vec<RunId>> {
        self.send("prunable", self.world.store.prunable(workspace, until, limit)).await
    }

    async fn prune_runs(&self, scope: Scope, runs: &[RunId], now: Timestamp) -> StoreResult<u64> {
        self.send("prune_runs", self.world.store.prune_runs(scope, runs, now)).await
    }

    async fn sweep(&self, limit: u32) -> StoreResult<Swept> {
        self.send("sweep", self.world.store.sweep(limit)).await
    }

    async fn tombstone(&self, scope: Scope, run: RunId) -> StoreResult<Option<Tombstone>> {
        self.send("tombstone", self.world.store.tombstone(scope, run)).await
    }
}
