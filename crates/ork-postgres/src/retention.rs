//! What is not kept any more.

use async_trait::async_trait;
use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::id::{RunId, WorkspaceId};
use ork_core::store::{ROWS_MAX, Retention, Scope, Swept, Tombstone};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::conn::Conn;
use crate::fault::Work;
use crate::rows::{Columns, filter};
use crate::sql::Sql;
use crate::store::{PgStore, Transition};

/// What one row of a log counts as: it has up to 64 KiB.
const LOG_WEIGHT: i64 = 16;

#[async_trait]
impl Retention for PgStore {
    async fn prunable(&self, workspace: WorkspaceId, until: Timestamp, limit: u32) -> StoreResult<Vec<RunId>> {
        let limit = i64::from(limit.min(ROWS_MAX));
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 3] = [&workspace.uuid(), &until.micros(), &limit];
        let rows = self.select(Scope::One(workspace), Sql::RunsPrunable, &values).await?;
        rows.iter().map(|row| Columns::of(row, "runs").next("id")).collect()
    }

    async fn prune_run(&self, scope: Scope, run: RunId, now: Timestamp) -> StoreResult<bool> {
        self.write(scope, Prune { scope, run, now }).await
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
    run: RunId,
    now: Timestamp,
}

impl Transition for Prune {
    type Output = bool;

    async fn apply(&self, db: &Conn) -> Work<bool> {
        let run = self.run.uuid();
        db.begin().await?;
        if db.run(Sql::PrunedInsert, &[&run, &filter(self.scope), &self.now.micros()]).await? == 0 {
            return Ok(false);
        }
        for sql in [Sql::PrunedDeleteHead, Sql::PrunedDeleteRun, Sql::PrunedDeleteLabels] {
            db.run(sql, &[&run]).await?;
        }
        db.commit().await?;
        Ok(true)
    }
}

struct Sweep {
    limit: i64,
}

impl Transition for Sweep {
    type Output = Swept;

    /// Goes on until so many rows are gone: each statement costs the same, however much there is.
    async fn apply(&self, db: &Conn) -> Work<Swept> {
        let (mut rows, mut more) = (0, true);
        db.begin().await?;
        while rows < self.limit {
            let Some(run) = db.row(Sql::PrunedNext, &[]).await? else {
                more = false;
                break;
            };
            let run: Uuid = run.get(0);
            let removed = sweep_run(db, run, self.limit).await?;
            if removed == 0 {
                db.run(Sql::PrunedDone, &[&run]).await?;
            }
            rows += removed.max(1);
        }
        db.commit().await?;
        Ok(Swept { rows: rows.unsigned_abs(), more })
    }
}

/// The rows of one table, up to the limit; the first table that has any.
async fn sweep_run(db: &Conn, run: Uuid, limit: i64) -> Work<i64> {
    let logs = db.run(Sql::PrunedDeleteLogs, &[&run, &(limit / LOG_WEIGHT).max(1)]).await?;
    if logs > 0 {
        return Ok(logs.cast_signed() * LOG_WEIGHT);
    }
    for sql in [
        Sql::PrunedDeleteDeliveries,
        Sql::PrunedDeleteAttempts,
        Sql::PrunedDeleteEvents,
        Sql::PrunedDeleteTasks,
        Sql::PrunedDeleteGroups,
    ] {
        let rows = db.run(sql, &[&run, &limit]).await?;
        if rows > 0 {
            return Ok(rows.cast_signed());
        }
    }
    Ok(0)
}

fn row(row: &Row) -> StoreResult<Tombstone> {
    let mut c = Columns::of(row, "pruned_runs");
    Ok(Tombstone {
        run: c.next("run_id")?,
        workspace: c.next("workspace_id")?,
        owner: c.option("owner_id")?,
        name: c.next("name")?,
        status: c.next("status")?,
        seq: c.next("seq")?,
        finished_at: c.next("finished_at")?,
        pruned_at: c.next("pruned_at")?,
    })
}
