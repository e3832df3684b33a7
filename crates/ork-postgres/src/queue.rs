//! The hot path: claim, start, settle.

use std::sync::Arc;

use async_trait::async_trait;
use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::Actor;
use ork_core::graph::LeaseId;
use ork_core::id::{TaskRef, WorkerId};
use ork_core::limits::BATCH_MAX;
use ork_core::store::{Claim, Claimed, Outcomes, ProgressNote, Queue, Scope, Settle, Start};
use tokio_postgres::Row;

use crate::claim::ClaimTasks;
use crate::rows::{Columns, filter, int};
use crate::settle::SettleBatch;
use crate::sql::Sql;
use crate::start::StartBatch;
use crate::store::PgStore;

#[async_trait]
impl Queue for PgStore {
    async fn claim(&self, claim: &Claim) -> StoreResult<Vec<Claimed>> {
        self.write(claim.scope, ClaimTasks { claim: claim.clone(), bell: Arc::clone(self.bell()) }).await
    }

    async fn start(&self, scope: Scope, starts: &[Start], actor: &Actor, now: Timestamp) -> StoreResult<Vec<TaskRef>> {
        if starts.is_empty() {
            return Ok(Vec::new());
        }
        self.write(scope, StartBatch { scope, starts: starts.to_vec(), actor: actor.clone(), now }).await
    }

    async fn settle(&self, scope: Scope, settles: &[Settle], actor: &Actor, now: Timestamp) -> StoreResult<Outcomes> {
        if settles.is_empty() {
            return Ok(Outcomes::default());
        }
        within_limit(settles)?;
        let batch = SettleBatch { scope, settles: settles.to_vec(), actor: actor.clone(), now, next: None };
        Ok(self.write(scope, batch).await?.0)
    }

    async fn settle_and_claim(
        &self,
        settles: &[Settle],
        actor: &Actor,
        claim: &Claim,
    ) -> StoreResult<(Outcomes, Vec<Claimed>)> {
        if settles.is_empty() {
            return Ok((Outcomes::default(), self.claim(claim).await?));
        }
        within_limit(settles)?;
        let next = Some(ClaimTasks { claim: claim.clone(), bell: Arc::clone(self.bell()) });
        let (scope, now) = (claim.scope, claim.now);
        self.write(scope, SettleBatch { scope, settles: settles.to_vec(), actor: actor.clone(), now, next }).await
    }

    async fn progress(&self, scope: Scope, notes: &[ProgressNote]) -> StoreResult<()> {
        if notes.is_empty() {
            return Ok(());
        }
        let runs: Vec<_> = notes.iter().map(|n| n.task.run.uuid()).collect();
        let numbers: Vec<_> = notes.iter().map(|n| int(n.task.n)).collect();
        let leases: Vec<_> = notes.iter().map(|n| n.lease.0).collect();
        let percents: Vec<_> = notes.iter().map(|n| i16::from(n.progress.percent.min(100))).collect();
        let stages: Vec<_> = notes.iter().map(|n| n.progress.stage.as_deref()).collect();
        let messages: Vec<_> = notes.iter().map(|n| n.progress.message.as_deref()).collect();
        self.change(
            scope,
            Sql::LeasesProgress,
            &[&runs, &numbers, &leases, &percents, &stages, &messages, &filter(scope)],
        )
        .await?;
        Ok(())
    }

    async fn cancel_requests(&self, worker: WorkerId) -> StoreResult<Vec<(TaskRef, LeaseId)>> {
        self.select(self.own_scope(), Sql::LeasesCancelled, &[&worker.uuid()]).await?.iter().map(cancelled).collect()
    }
}

fn within_limit(settles: &[Settle]) -> StoreResult<()> {
    if settles.len() <= BATCH_MAX {
        return Ok(());
    }
    Err(StoreError::Limit(format!("{} outcomes in a batch, and at most {BATCH_MAX} are taken", settles.len())))
}

/// Reads the columns of `leases/cancelled.sql`.
pub fn cancelled(row: &Row) -> StoreResult<(TaskRef, LeaseId)> {
    let mut c = Columns::of(row, "leases");
    Ok((TaskRef { run: c.next("run_id")?, n: c.next("n")? }, c.next("lease")?))
}
