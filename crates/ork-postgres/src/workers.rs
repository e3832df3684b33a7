//! Workers.

use async_trait::async_trait;
use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::graph::Lease;
use ork_core::id::WorkerId;
use ork_core::limits::PAGE_MAX;
use ork_core::store::{Heartbeat, Queue, Scope, WorkerRow, Workers};

use crate::bell::Note;
use crate::rows::{self, int};
use crate::sql::Sql;
use crate::store::PgStore;

#[async_trait]
impl Workers for PgStore {
    async fn register_worker(&self, worker: &WorkerRow) -> StoreResult<()> {
        self.change(
            Scope::All,
            Sql::WorkersInsert,
            &[
                &worker.id.uuid(),
                &worker.name,
                &worker.host,
                &worker.lanes,
                &int(worker.capacity),
                &worker.version,
                &worker.started_at.micros(),
                &worker.heartbeat_at.micros(),
                &worker.ended_at.map(Timestamp::micros),
            ],
        )
        .await?;
        Ok(())
    }

    async fn beat(&self, worker: WorkerId, now: Timestamp) -> StoreResult<Heartbeat> {
        let alive = self.change(Scope::All, Sql::WorkersBeat, &[&worker.uuid(), &now.micros()]).await? > 0;
        Ok(Heartbeat { alive, cancelled: self.cancel_requests(worker).await? })
    }

    async fn retire_worker(&self, worker: WorkerId, now: Timestamp) -> StoreResult<bool> {
        let retired = self.change(Scope::All, Sql::WorkersRetire, &[&worker.uuid(), &now.micros()]).await? > 0;
        if retired {
            self.bell().ring(vec![Note::Look]);
        }
        Ok(retired)
    }

    async fn workers(&self, scope: Scope) -> StoreResult<Vec<WorkerRow>> {
        let rows = self.select(scope, Sql::WorkersList, &[&i64::from(PAGE_MAX)]).await?;
        rows.iter().map(rows::worker_row).collect()
    }

    async fn leases_of(&self, worker: WorkerId, limit: usize) -> StoreResult<Vec<Lease>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.select(self.own_scope(), Sql::LeasesOfWorker, &[&worker.uuid(), &limit])
            .await?
            .iter()
            .map(rows::lease)
            .collect()
    }
}
