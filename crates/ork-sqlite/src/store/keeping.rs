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

use super::SqliteStore;
use crate::{retention, schedules, secrets};

#[async_trait]
impl Secrets for SqliteStore {
    async fn set_secret(&self, new: &NewSecret) -> StoreResult<bool> {
        let new = new.clone();
        self.write(move |db| secrets::set(db, &new)).await
    }

    async fn secrets(&self, scope: Scope, after: Option<&str>, limit: u32) -> StoreResult<Vec<SecretRow>> {
        self.read(|db| secrets::list(db, scope, after, limit))
    }

    async fn sealed_secrets(&self, workspace: WorkspaceId, names: &[String]) -> StoreResult<Vec<SealedSecret>> {
        self.read(|db| secrets::sealed(db, workspace, names))
    }

    async fn delete_secret(&self, workspace: WorkspaceId, name: &str) -> StoreResult<bool> {
        let name = name.to_owned();
        self.write(move |db| secrets::delete(db, workspace, &name)).await
    }

    async fn reseal(&self, reseal: &Reseal) -> StoreResult<bool> {
        let reseal = reseal.clone();
        self.write(move |db| secrets::reseal(db, &reseal)).await
    }
}

#[async_trait]
impl Schedules for SqliteStore {
    async fn schedules(&self, scope: Scope, after: Option<&str>, limit: u32) -> StoreResult<Vec<ScheduleRow>> {
        self.read(|db| schedules::list(db, scope, after, limit))
    }

    async fn schedule(&self, scope: Scope, name: &str) -> StoreResult<Option<ScheduleRow>> {
        self.read(|db| schedules::schedule(db, scope, name))
    }

    async fn due_schedules(
        &self,
        after: Option<(Timestamp, WorkflowId)>,
        now: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<ScheduleRow>> {
        self.read(|db| schedules::due(db, after, now, limit))
    }

    async fn enable_schedule(
        &self,
        workspace: WorkspaceId,
        name: &str,
        next_at: Option<Timestamp>,
        by: (&Actor, Timestamp),
    ) -> StoreResult<bool> {
        let (name, actor, now) = (name.to_owned(), by.0.clone(), by.1);
        self.write(move |db| schedules::enable(db, (workspace, &name), next_at, (&actor, now))).await
    }

    async fn disable_schedule(&self, workspace: WorkspaceId, name: &str, by: (&Actor, Timestamp)) -> StoreResult<bool> {
        let (name, actor, now) = (name.to_owned(), by.0.clone(), by.1);
        self.write(move |db| schedules::disable(db, (workspace, &name), (&actor, now))).await
    }

    async fn fire_schedule(&self, firing: &Firing) -> StoreResult<Fired> {
        let firing = firing.clone();
        self.write_and_wake(move |db| schedules::fire(db, &firing)).await
    }
}

#[async_trait]
impl Retention for SqliteStore {
    async fn prunable(&self, workspace: WorkspaceId, until: Timestamp, limit: u32) -> StoreResult<Vec<RunId>> {
        self.read(|db| retention::prunable(db, workspace, until, limit))
    }

    async fn prune_runs(&self, scope: Scope, runs: &[RunId], now: Timestamp) -> StoreResult<u64> {
        let runs = runs.to_vec();
        self.write(move |db| runs.iter().try_fold(0, |sum, run| Ok(sum + retention::prune(db, scope, *run, now)?)))
            .await
    }

    async fn sweep(&self, limit: u32) -> StoreResult<Swept> {
        self.write(move |db| retention::sweep(db, limit)).await
    }

    async fn tombstone(&self, scope: Scope, run: RunId) -> StoreResult<Option<Tombstone>> {
        self.read(|db| retention::tombstone(db, scope, run))
    }
}
