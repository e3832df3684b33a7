//! What is not kept any more.

use async_trait::async_trait;
use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::id::{RunId, WorkspaceId};
use ork_core::seal::Link;
use ork_core::store::{ROWS_MAX, Retention, Scope, SealHead, Swept, Tombstone};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::conn::Conn;
use crate::fault::Work;
use crate::rows::{Columns, filter};
use crate::sql::Sql;
use crate::store::{PgStore, Transition};

#[async_trait]
impl Retention for PgStore {
    async fn prunable(&self, workspace: WorkspaceId, until: Timestamp, limit: u32) -> StoreResult<Vec<RunId>> {
        let limit = i64::from(limit.min(ROWS_MAX));
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 3] = [&workspace.uuid(), &until.micros(), &limit];
        let rows = self.select(Scope::One(workspace), Sql::RunsPrunable, &values).await?;
        rows.iter().map(|row| Columns::of(row, "runs").next("id")).collect()
    }

    async fn prune_runs(&self, scope: Scope, runs: &[RunId], now: Timestamp) -> StoreResult<u64> {
        self.write(scope, Prune { scope, runs: runs.iter().map(|run| run.uuid()).collect(), now }).await
    }

    async fn sweep(&self, limit: u32) -> StoreResult<Swept> {
        self.write(Scope::All, Sweep { limit: i64::from(limit) }).await
    }

    async fn tombstone(&self, scope: Scope, run: RunId) -> StoreResult<Option<Tombstone>> {
        let rows = self.select(scope, Sql::PrunedGet, &[&run.uuid(), &filter(scope)]).await?;
        rows.first().map(row).transpose()
    }
}

struct Prune {
    scope: Scope,
    runs: Vec<Uuid>,
    now: Timestamp,
}

impl Transition for Prune {
    type Output = u64;

    async fn apply(&self, db: &Conn) -> Work<u64> {
        db.begin().await?;
        let rows = db.rows(Sql::PrunedInsert, &[&self.runs, &filter(self.scope), &self.now.micros()]).await?;
        let runs: Vec<Uuid> = rows.iter().map(|row| row.get(0)).collect();
        for sql in [Sql::PrunedDeleteHead, Sql::PrunedDeleteRun, Sql::PrunedDeleteLabels, Sql::PrunedDeleteBudget] {
            db.run(sql, &[&runs]).await?;
        }
        db.commit().await?;
        Ok(runs.len() as u64)
    }
}

/// Runs whose rows are removed together.
const RUNS: i64 = 100;
/// Where they have rows, and what a row counts as: one of a log has up to 64 KiB, a part of a saved folder or of a packed log up to
/// 1 MiB. What is to be packed goes before what is packed: whoever packs a log at this moment is waited for.
const TABLES: [(Sql, i64); 15] = [
    (Sql::PrunedDeleteArtifacts, 1),
    (Sql::PrunedDeleteUnpacked, 1),
    (Sql::PrunedDeleteParts, 256),
    (Sql::PrunedDeleteLogParts, 256),
    (Sql::PrunedDeleteWorks, 1),
    (Sql::PrunedDeleteGates, 1),
    (Sql::PrunedDeleteSteps, 1),
    (Sql::PrunedDeleteLogs, 16),
    (Sql::PrunedDeleteDeliveries, 1),
    (Sql::PrunedDeleteAttempts, 1),
    (Sql::PrunedDeleteEvents, 1),
    (Sql::PrunedDeleteEventRequests, 1),
    (Sql::PrunedDeleteSeals, 1),
    (Sql::PrunedDeleteTasks, 1),
    (Sql::PrunedDeleteGroups, 1),
];

struct Sweep {
    limit: i64,
}

impl Transition for Sweep {
    type Output = Swept;

    /// Of each table so many rows at the most: each statement costs the same, however much there is.
    async fn apply(&self, db: &Conn) -> Work<Swept> {
        db.begin().await?;
        let runs: Vec<Uuid> = db.rows(Sql::PrunedNext, &[&RUNS]).await?.iter().map(|row| row.get(0)).collect();
        let mut swept = Swept { rows: runs.len() as u64, more: runs.len() as i64 == RUNS };
        let mut is_done = true;
        for (sql, weight) in TABLES {
            let limit = (self.limit / weight).max(1);
            let rows = if runs.is_empty() { 0 } else { db.run(sql, &[&runs, &limit]).await? };
            swept.rows += rows;
            is_done &= rows.cast_signed() < limit;
        }
        if is_done {
            db.run(Sql::PrunedDone, &[&runs]).await?;
        }
        swept.more |= !is_done;
        db.commit().await?;
        Ok(swept)
    }
}

fn row(row: &Row) -> StoreResult<Tombstone> {
    let mut c = Columns::of(row, "pruned_runs");
    let mut left = Tombstone {
        run: c.next("run_id")?,
        workspace: c.next("workspace_id")?,
        owner: c.option("owner_id")?,
        name: c.next("name")?,
        status: c.next("status")?,
        seq: c.next("seq")?,
        head: None,
        finished_at: c.next("finished_at")?,
        pruned_at: c.next("pruned_at")?,
    };
    let (seq, link): (Option<u64>, Option<Vec<u8>>) = (c.option("seal_seq")?, c.option("seal_link")?);
    let link = link.as_deref().and_then(Link::from_bytes);
    let key_id = c.option("seal_key_id")?;
    left.head = seq.zip(link).zip(key_id).map(|((seq, link), key_id)| SealHead { seq, link, key_id });
    Ok(left)
}
