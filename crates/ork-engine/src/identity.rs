//! Which worker this engine is at the moment.

use std::sync::Mutex;

use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::id::WorkerId;
use ork_core::store::WorkerRow;

use crate::parts::{Parts, lock};

/// An engine is one worker, until that one is declared dead: then it goes on as another.
pub struct Identity {
    worker: Mutex<WorkerId>,
}

impl Identity {
    pub const fn new(worker: WorkerId) -> Self {
        Self { worker: Mutex::new(worker) }
    }

    pub fn now(&self) -> WorkerId {
        *lock(&self.worker)
    }

    fn change(&self, worker: WorkerId) {
        *lock(&self.worker) = worker;
    }
}

/// Enters a worker in the database, behind its proof of life.
///
/// # Errors
/// When the database does not take it.
pub async fn enter(parts: &Parts, worker: WorkerId) -> StoreResult<()> {
    parts.liveness.enter(worker).map_err(StoreError::Unavailable)?;
    let row = row(parts, worker, parts.clock.now());
    parts.store.register_worker(&row).await.inspect_err(|_| parts.liveness.leave(worker))
}

/// Goes on as another worker after the present one was declared dead.
///
/// # Errors
/// When the database does not take the new one; the engine still is the old one then.
pub async fn renew(parts: &Parts) -> StoreResult<WorkerId> {
    let old = parts.identity.now();
    let new = parts.new_worker();
    enter(parts, new).await?;
    parts.identity.change(new);
    parts.liveness.leave(old);
    Ok(new)
}

fn row(parts: &Parts, id: WorkerId, now: Timestamp) -> WorkerRow {
    let config = &parts.config;
    WorkerRow {
        id,
        name: config.worker_name.clone(),
        host: config.host.clone(),
        lanes: config.lanes.clone(),
        capacity: u32::try_from(config.capacity).unwrap_or(u32::MAX),
        version: config.version.clone(),
        started_at: now,
        heartbeat_at: now,
        ended_at: None,
    }
}
