//! Endpoints, messages to them, and hooks.

use async_trait::async_trait;
use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::id::{DeliveryId, EndpointId, RunId, WorkspaceId};
use ork_core::store::{
    Attempted, Deliveries, DeliveryFilter, DeliveryRow, Due, DueKey, EndpointChange, EndpointRow, Endpoints, HookRow,
    Hooks, Scope, Submitted,
};

use super::SqliteStore;
use crate::{deliveries, endpoints, hooks};

#[async_trait]
impl Endpoints for SqliteStore {
    async fn create_endpoint(&self, new: &EndpointRow) -> StoreResult<Submitted> {
        let new = new.clone();
        self.write(move |db| endpoints::create(db, &new)).await
    }

    async fn endpoints(&self, scope: Scope) -> StoreResult<Vec<EndpointRow>> {
        self.read(|db| endpoints::list(db, scope))
    }

    async fn endpoint(&self, scope: Scope, id: EndpointId) -> StoreResult<Option<EndpointRow>> {
        self.read(|db| endpoints::endpoint(db, scope, id))
    }

    async fn change_endpoint(
        &self,
        scope: Scope,
        id: EndpointId,
        change: &EndpointChange,
        now: Timestamp,
    ) -> StoreResult<bool> {
        let change = change.clone();
        self.write(move |db| endpoints::change(db, scope, id, &change, now)).await
    }

    async fn rotate_endpoint(
        &self,
        scope: Scope,
        id: EndpointId,
        secret: &[u8],
        until: Timestamp,
        now: Timestamp,
    ) -> StoreResult<bool> {
        let secret = secret.to_owned();
        self.write(move |db| endpoints::rotate(db, scope, id, &secret, (until, now))).await
    }

    async fn delete_endpoint(&self, scope: Scope, id: EndpointId) -> StoreResult<bool> {
        self.write(move |db| endpoints::delete(db, scope, id)).await
    }
}

#[async_trait]
impl Deliveries for SqliteStore {
    async fn deliveries(&self, scope: Scope, filter: &DeliveryFilter) -> StoreResult<Vec<DeliveryRow>> {
        self.read(|db| deliveries::list(db, scope, filter))
    }

    async fn delivery(&self, scope: Scope, id: DeliveryId) -> StoreResult<Option<DeliveryRow>> {
        self.read(|db| deliveries::delivery(db, scope, id))
    }

    async fn create_delivery(&self, new: &DeliveryRow) -> StoreResult<()> {
        let new = new.clone();
        self.write_and_wake(move |db| deliveries::create(db, &new)).await
    }

    async fn redeliver(&self, scope: Scope, id: DeliveryId, now: Timestamp) -> StoreResult<bool> {
        self.write_and_wake(move |db| deliveries::again(db, scope, id, now)).await
    }

    async fn redeliver_failed(&self, scope: Scope, endpoint: Option<EndpointId>, now: Timestamp) -> StoreResult<u64> {
        self.write_and_wake(move |db| deliveries::again_failed(db, scope, endpoint, now)).await
    }

    async fn next_delivery(&self, run: Option<RunId>) -> StoreResult<Option<Timestamp>> {
        self.read(|db| deliveries::next(db, run))
    }

    async fn due_deliveries(
        &self,
        run: Option<RunId>,
        after: Option<(Timestamp, DeliveryId)>,
        now: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<DueKey>> {
        self.read(|db| deliveries::due(db, run, after, now, limit))
    }

    async fn take_deliveries(&self, ids: &[DeliveryId], now: Timestamp, until: Timestamp) -> StoreResult<Vec<Due>> {
        let ids = ids.to_vec();
        self.write(move |db| deliveries::take(db, &ids, now, until)).await
    }

    async fn note_delivery(&self, attempted: &Attempted) -> StoreResult<bool> {
        let attempted = attempted.clone();
        self.write(move |db| deliveries::note(db, &attempted)).await
    }
}

#[async_trait]
impl Hooks for SqliteStore {
    async fn create_hook(&self, new: &HookRow) -> StoreResult<()> {
        let new = new.clone();
        self.write(move |db| hooks::create(db, &new)).await
    }

    async fn hooks(&self, scope: Scope) -> StoreResult<Vec<HookRow>> {
        self.read(|db| hooks::list(db, scope))
    }

    async fn hook_by_key(&self, key: &str) -> StoreResult<Option<HookRow>> {
        self.read(|db| hooks::by_key(db, key))
    }

    async fn delete_hook(&self, workspace: WorkspaceId, name: &str) -> StoreResult<bool> {
        let name = name.to_owned();
        self.write(move |db| hooks::delete(db, workspace, &name)).await
    }
}
