//! Endpoints, messages to them, and hooks.

use async_trait::async_trait;
use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::id::{DeliveryId, EndpointId, RunId, WorkspaceId};
use ork_core::store::{
    Attempted, Deliveries, DeliveryFilter, DeliveryRow, Due, DueKey, EndpointChange, EndpointRow, Endpoints, HookRow,
    Hooks, Scope, Submitted,
};

use super::FaultyStore;

#[async_trait]
impl Endpoints for FaultyStore {
    async fn create_endpoint(&self, new: &EndpointRow) -> StoreResult<Submitted> {
        self.send("create_endpoint", self.world.store.create_endpoint(new)).await
    }
    async fn endpoints(&self, scope: Scope) -> StoreResult<Vec<EndpointRow>> {
        self.send("endpoints", self.world.store.endpoints(scope)).await
    }
    async fn endpoint(&self, scope: Scope, id: EndpointId) -> StoreResult<Option<EndpointRow>> {
        self.send("endpoint", self.world.store.endpoint(scope, id)).await
    }
    async fn change_endpoint(
        &self,
        scope: Scope,
        id: EndpointId,
        change: &EndpointChange,
        now: Timestamp,
    ) -> StoreResult<bool> {
        self.send("change_endpoint", self.world.store.change_endpoint(scope, id, change, now)).await
    }
    async fn rotate_endpoint(
        &self,
        scope: Scope,
        id: EndpointId,
        secret: &[u8],
        until: Timestamp,
        now: Timestamp,
    ) -> StoreResult<bool> {
        self.send("rotate_endpoint", self.world.store.rotate_endpoint(scope, id, secret, until, now)).await
    }
    async fn delete_endpoint(&self, scope: Scope, id: EndpointId) -> StoreResult<bool> {
        self.send("delete_endpoint", self.world.store.delete_endpoint(scope, id)).await
    }
}

#[async_trait]
impl Deliveries for FaultyStore {
    async fn deliveries(&self, scope: Scope, filter: &DeliveryFilter) -> StoreResult<Vec<DeliveryRow>> {
        self.send("deliveries", self.world.store.deliveries(scope, filter)).await
    }
    async fn delivery(&self, scope: Scope, id: DeliveryId) -> StoreResult<Option<DeliveryRow>> {
        self.send("delivery", self.world.store.delivery(scope, id)).await
    }
    async fn create_delivery(&self, new: &DeliveryRow) -> StoreResult<()> {
        self.send("create_delivery", self.world.store.create_delivery(new)).await
    }
    async fn redeliver(&self, scope: Scope, id: DeliveryId, now: Timestamp) -> StoreResult<bool> {
        self.send("redeliver", self.world.store.redeliver(scope, id, now)).await
    }
    async fn redeliver_failed(&self, scope: Scope, endpoint: Option<EndpointId>, now: Timestamp) -> StoreResult<u64> {
        self.send("redeliver_failed", self.world.store.redeliver_failed(scope, endpoint, now)).await
    }
    async fn next_delivery(&self, run: Option<RunId>) -> StoreResult<Option<Timestamp>> {
        self.send("next_delivery", self.world.store.next_delivery(run)).await
    }
    async fn due_deliveries(
        &self,
        run: Option<RunId>,
        after: Option<(Timestamp, DeliveryId)>,
        now: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<DueKey>> {
        self.send("due_deliveries", self.world.store.due_deliveries(run, after, now, limit)).await
    }
    async fn take_deliveries(&self, ids: &[DeliveryId], now: Timestamp, until: Timestamp) -> StoreResult<Vec<Due>> {
        self.send("take_deliveries", self.world.store.take_deliveries(ids, now, until)).await
    }
    async fn note_delivery(&self, attempted: &Attempted) -> StoreResult<bool> {
        self.send("note_delivery", self.world.store.note_delivery(attempted)).await
    }
}

#[async_trait]
impl Hooks for FaultyStore {
    async fn create_hook(&self, new: &HookRow) -> StoreResult<()> {
        self.send("create_hook", self.world.store.create_hook(new)).await
    }

    async fn hooks(&self, scope: Scope) -> StoreResult<Vec<HookRow>> {
        self.send("hooks", self.world.store.hooks(scope)).await
    }

    async fn hook_by_key(&self, key: &str) -> StoreResult<Option<HookRow>> {
        self.send("hook_by_key", self.world.store.hook_by_key(key)).await
    }

    async fn delete_hook(&self, workspace: WorkspaceId, name: &str) -> StoreResult<bool> {
        self.send("delete_hook", self.world.store.delete_hook(workspace, name)).await
    }
}
