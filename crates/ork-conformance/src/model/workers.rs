//! Workers and their leases.

use async_trait::async_trait;
use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::graph::{Lease, LeaseId};
use ork_core::id::{TaskRef, WorkerId};
use ork_core::store::{Heartbeat, Scope, WorkerRow, Workers};

use super::{Model, State};

impl State {
    pub(super) fn cancelled(&self, worker: WorkerId) -> Vec<(TaskRef, LeaseId)> {
        (self.leases())
            .filter(|(_, lease, task)| {
                let asked = self.runs.get(&lease.task.run).is_some_and(|run| run.cancelling.is_some());
                lease.worker == worker && (asked || task.cancel_requested_at.is_some())
            })
            .map(|(_, lease, _)| (lease.task, lease.id))
            .collect()
    }
}

#[async_trait]
impl Workers for Model {
    async fn register_worker(&self, worker: &WorkerRow) -> StoreResult<()> {
        self.state().workers.entry(worker.id).or_insert_with(|| worker.clone());
        Ok(())
    }

    async fn beat(&self, worker: WorkerId, now: Timestamp) -> StoreResult<Heartbeat> {
        let mut state = self.state();
        let found = state.workers.get_mut(&worker).filter(|row| row.ended_at.is_none());
        let alive = found.map(|row| row.heartbeat_at = now).is_some();
        Ok(Heartbeat { alive, cancelled: state.cancelled(worker) })
    }

    async fn retire_worker(&self, worker: WorkerId, now: Timestamp) -> StoreResult<bool> {
        let mut state = self.state();
        let found = state.workers.get_mut(&worker).filter(|row| row.ended_at.is_none());
        Ok(found.map(|row| row.ended_at = Some(now)).is_some())
    }

    async fn workers(&self, _scope: Scope) -> StoreResult<Vec<WorkerRow>> {
        let state = self.state();
        let mut rows: Vec<WorkerRow> = (state.workers.values())
            .filter(|row| row.ended_at.is_none() || state.leases().any(|(_, lease, _)| lease.worker == row.id))
            .cloned()
            .collect();
        rows.reverse();
        Ok(rows)
    }

    async fn leases_of(&self, worker: WorkerId, limit: usize) -> StoreResult<Vec<Lease>> {
        let state = self.state();
        let own = state.leases().filter(|(_, lease, _)| lease.worker == worker);
        Ok(own.map(|(_, lease, _)| lease.clone()).take(limit).collect())
    }
}
