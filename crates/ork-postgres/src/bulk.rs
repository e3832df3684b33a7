//! Actions on many runs, and duties. Each change is one statement, which is its own transaction.

use async_trait::async_trait;
use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::Actor;
use ork_core::id::{BulkId, WorkerId, WorkspaceId};
use ork_core::store::{Bulk, BulkRow, BulkStep, ROWS_MAX, Scope, Submitted};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::rows::{Columns, filter};
use crate::sql::Sql;
use crate::store::PgStore;

#[async_trait]
impl Bulk for PgStore {
    async fn create_bulk(&self, new: &BulkRow) -> StoreResult<Submitted> {
        if let Some(name) = &new.external_id
            && let Some(other) = self.bulk_by_external_id(new.workspace, name).await?
        {
            return taken(new, &other);
        }
        let params: [&(dyn ToSql + Sync); 9] = [
            &new.id.uuid(),
            &new.workspace.uuid(),
            &new.external_id,
            &new.action.word(),
            &new.filter,
            &new.before.uuid(),
            &new.actor.kind.word(),
            &new.actor.id,
            &new.created_at.micros(),
        ];
        match self.change(Scope::One(new.workspace), Sql::BulkInsert, &params).await {
            Ok(0) => Ok(Submitted::Existing),
            Ok(_) => Ok(Submitted::Created),
            // Somebody was faster with the same name.
            Err(error) => match &new.external_id {
                Some(name) => match self.bulk_by_external_id(new.workspace, name).await? {
                    Some(other) => taken(new, &other),
                    None => Err(error),
                },
                None => Err(error),
            },
        }
    }

    async fn bulk(&self, scope: Scope, id: BulkId) -> StoreResult<Option<BulkRow>> {
        let rows = self.select(scope, Sql::BulkGet, &[&id.uuid(), &filter(scope)]).await?;
        rows.first().map(row).transpose()
    }

    async fn bulk_by_external_id(&self, workspace: WorkspaceId, external_id: &str) -> StoreResult<Option<BulkRow>> {
        let rows =
            self.select(Scope::One(workspace), Sql::BulkByExternalId, &[&workspace.uuid(), &external_id]).await?;
        rows.first().map(row).transpose()
    }

    async fn bulks(&self, scope: Scope, before: Option<BulkId>, limit: u32) -> StoreResult<Vec<BulkRow>> {
        let (before, limit) = (before.map(BulkId::uuid), i64::from(limit.min(ROWS_MAX)));
        self.select(scope, Sql::BulkList, &[&filter(scope), &before, &limit]).await?.iter().map(row).collect()
    }

    async fn running_bulks(&self, limit: u32) -> StoreResult<Vec<BulkRow>> {
        self.select(Scope::All, Sql::BulkRunning, &[&i64::from(limit.min(ROWS_MAX))]).await?.iter().map(row).collect()
    }

    async fn advance_bulk(&self, id: BulkId, step: BulkStep, now: Timestamp) -> StoreResult<bool> {
        let (seen, changed) = (i64::from(step.seen), i64::from(step.changed));
        let params: [&(dyn ToSql + Sync); 7] =
            [&id.uuid(), &step.from.uuid(), &step.to.uuid(), &seen, &changed, &step.is_last, &now.micros()];
        Ok(self.change(Scope::All, Sql::BulkAdvance, &params).await? > 0)
    }

    async fn cancel_bulk(&self, scope: Scope, id: BulkId, now: Timestamp) -> StoreResult<bool> {
        if self.change(scope, Sql::BulkCancel, &[&id.uuid(), &filter(scope), &now.micros()]).await? > 0 {
            return Ok(true);
        }
        let row = self.bulk(scope, id).await?;
        row.map(|_| false).ok_or_else(|| StoreError::NotFound(format!("bulk action `{id}`")))
    }

    async fn hold_duty(&self, name: &str, holder: WorkerId, now: Timestamp, until: Timestamp) -> StoreResult<bool> {
        let params: [&(dyn ToSql + Sync); 4] = [&name, &holder.uuid(), &now.micros(), &until.micros()];
        Ok(self.change(Scope::All, Sql::DutiesHold, &params).await? > 0)
    }
}

fn taken(new: &BulkRow, other: &BulkRow) -> StoreResult<Submitted> {
    if other.id == new.id {
        return Ok(Submitted::Existing);
    }
    let name = new.external_id.as_deref().unwrap_or_default();
    Err(StoreError::Conflict(format!("another action has the external id `{name}`")))
}

fn row(row: &Row) -> StoreResult<BulkRow> {
    let mut c = Columns::of(row, "bulk_jobs");
    Ok(BulkRow {
        id: c.next("id")?,
        workspace: c.next("workspace_id")?,
        external_id: c.option("external_id")?,
        action: c.next("action")?,
        filter: c.next("filter")?,
        status: c.next("status")?,
        before: c.next("before_id")?,
        seen: c.next("seen")?,
        changed: c.next("changed")?,
        actor: Actor { kind: c.next("actor_kind")?, id: c.next("created_by")? },
        created_at: c.next("created_at")?,
        finished_at: c.option("finished_at")?,
    })
}
