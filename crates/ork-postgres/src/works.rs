//! The folders that the steps of an attempt share, saved.

use ork_core::error::StoreError;
use ork_core::graph::LeaseId;
use ork_core::id::TaskRef;
use ork_core::store::{SavedWork, Scope, WorkPart};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::conn::Conn;
use crate::fault::Work;
use crate::rows::{Columns, big, filter, int};
use crate::sql::Sql;
use crate::store::Transition;

/// The workspace of a lease, if it is the present one.
async fn leased(db: &Conn, scope: Scope, at: (TaskRef, u32, LeaseId)) -> Work<Option<Uuid>> {
    let (task, attempt, lease) = at;
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
        [&task.run.uuid(), &int(task.n), &int(attempt), &lease.0, &filter(scope)];
    let row = db.row(Sql::LeasesWorkspace, &values).await?;
    Ok(row.map(|row| Columns::of(&row, "leases").next("workspace_id")).transpose()?)
}

pub struct SavePart {
    pub scope: Scope,
    pub part: WorkPart,
}

impl Transition for SavePart {
    type Output = bool;

    async fn apply(&self, db: &Conn) -> Work<bool> {
        let WorkPart { task, attempt, lease, number, part, bytes } = &self.part;
        db.begin().await?;
        let Some(workspace) = leased(db, self.scope, (*task, *attempt, *lease)).await? else { return Ok(false) };
        let at = (task.run.uuid(), int(task.n), int(*attempt), int(*number), int(*part));
        db.run(Sql::WorksInsertPart, &[&at.0, &at.1, &at.2, &at.3, &at.4, &workspace, bytes]).await?;
        db.commit().await?;
        Ok(true)
    }
}

pub struct Keep {
    pub scope: Scope,
    pub at: (TaskRef, u32, LeaseId),
    pub saved: SavedWork,
}

impl Transition for Keep {
    type Output = bool;

    async fn apply(&self, db: &Conn) -> Work<bool> {
        let (task, attempt, _) = self.at;
        let SavedWork { number, parts, bytes, checksum } = &self.saved;
        db.begin().await?;
        let Some(workspace) = leased(db, self.scope, self.at).await? else { return Ok(false) };
        let (run, n, attempt) = (task.run.uuid(), int(task.n), int(attempt));
        let kept = db.row(Sql::WorksGet, &[&run, &n, &attempt]).await?.map(|row| read(&row)).transpose()?;
        if kept.is_some_and(|kept| kept.number >= *number) {
            return Ok(true);
        }
        let at = (int(*number), int(*parts));
        let count = db.row(Sql::WorksCountParts, &[&run, &n, &attempt, &at.0, &at.1]).await?;
        let stored: i64 = count.map_or(0, |row| row.get(0));
        if stored != i64::from(*parts) {
            let text = format!("{stored} of {parts} parts of the folder of task `{}` are stored", task.id());
            return Err(StoreError::Conflict(text).into());
        }
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 8] =
            [&run, &n, &attempt, &workspace, &at.0, &at.1, &big(*bytes), checksum];
        db.run(Sql::WorksPut, &values).await?;
        db.run(Sql::WorksDropBefore, &[&run, &n, &attempt]).await?;
        db.run(Sql::WorksDropPartsBefore, &[&run, &n, &attempt, &at.0, &at.1]).await?;
        db.commit().await?;
        Ok(true)
    }
}

pub struct Drop {
    pub scope: Scope,
    pub at: (TaskRef, u32, LeaseId),
}

impl Transition for Drop {
    type Output = bool;

    async fn apply(&self, db: &Conn) -> Work<bool> {
        let (task, ..) = self.at;
        let (run, n) = (task.run.uuid(), int(task.n));
        db.begin().await?;
        if leased(db, self.scope, self.at).await?.is_none() {
            return Ok(false);
        }
        for sql in [Sql::WorksDrop, Sql::WorksDropParts] {
            db.run(sql, &[&run, &n, &filter(self.scope)]).await?;
        }
        db.commit().await?;
        Ok(true)
    }
}

/// Reads the columns of `works/get.sql`.
pub fn read(row: &Row) -> ork_core::error::StoreResult<SavedWork> {
    let mut c = Columns::of(row, "saved_works");
    Ok(SavedWork {
        number: c.next("number")?,
        parts: c.next("parts")?,
        bytes: c.next("bytes")?,
        checksum: c.next("checksum")?,
    })
}
