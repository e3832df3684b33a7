//! Workers: processes that hold leases.

use async_trait::async_trait;

use super::{Heartbeat, Scope};
use crate::clock::Timestamp;
use crate::error::StoreResult;
use crate::id::WorkerId;

/// A worker process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerRow {
    /// Its id: another one after each restart.
    pub id: WorkerId,
    /// What people call it.
    pub name: String,
    /// The machine that it runs on, from this boot: see `ork-engine`'s host identity.
    pub host: String,
    /// The lanes that it serves.
    pub lanes: Vec<String>,
    /// How many tasks it takes at once.
    pub capacity: u32,
    /// Its version of Ork.
    pub version: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it was last heard of.
    pub heartbeat_at: Timestamp,
    /// When it left, or was declared dead.
    pub ended_at: Option<Timestamp>,
}

/// Workers.
#[async_trait]
pub trait Workers {
    /// Enters a worker. The same id again is no error.
    async fn register_worker(&self, worker: &WorkerRow) -> StoreResult<()>;

    /// Says that a worker lives.
    async fn beat(&self, worker: WorkerId, now: Timestamp) -> StoreResult<Heartbeat>;

    /// Strikes a worker off: it left, or it is dead. Its leases stay until they are settled as lost; from now on it
    /// gets no others. False when it was struck off before.
    async fn retire_worker(&self, worker: WorkerId, now: Timestamp) -> StoreResult<bool>;

    /// Workers: those that live, or that have leases left, newest first; at most [`crate::limits::PAGE_MAX`].
    async fn workers(&self, scope: Scope) -> StoreResult<Vec<WorkerRow>>;

    /// Up to `limit` leases of a worker, to be settled on its behalf.
    async fn leases_of(&self, worker: WorkerId, limit: usize) -> StoreResult<Vec<crate::graph::Lease>>;
}
