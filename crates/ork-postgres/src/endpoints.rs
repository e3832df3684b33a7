//! Endpoints that a workspace tells of its runs. Each change is one statement, which is its own transaction.

use async_trait::async_trait;
use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::id::EndpointId;
use ork_core::limits::ENDPOINTS_MAX;
use ork_core::store::{EndpointChange, EndpointRow, Endpoints, Scope, Submitted};
use ork_core::webhook::Wanted;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::rows::{Columns, filter};
use crate::sql::Sql;
use crate::store::PgStore;

/// Why one is disabled by somebody's wish, in words.
const BY_WISH: &str = "it was disabled";

#[async_trait]
impl Endpoints for PgStore {
    async fn create_endpoint(&self, new: &EndpointRow) -> StoreResult<Submitted> {
        let scope = Scope::One(new.workspace);
        let params: [&(dyn ToSql + Sync); 11] = [
            &new.id.uuid(),
            &new.workspace.uuid(),
            &new.name,
            &new.url,
            &new.events.stored(),
            &i32::from(new.events.bits()),
            &new.format.word(),
            &new.secret,
            &new.created_by,
            &new.created_at.micros(),
            &i64::from(ENDPOINTS_MAX),
        ];
        let inserted = self.change(scope, Sql::EndpointsInsert, &params).await;
        if matches!(inserted, Ok(1)) {
            return Ok(Submitted::Created);
        }
        // What was in the way: itself, one of the same name, too many of them, or another one that took the same slot.
        let others = self.endpoints(scope).await?;
        match inserted {
            _ if others.iter().any(|other| other.id == new.id) => Ok(Submitted::Existing),
            _ if others.iter().any(|other| other.name == new.name) => {
                Err(StoreError::Conflict(format!("an endpoint `{}` exists", new.name)))
            }
            Ok(_) => Err(StoreError::Limit(format!("there are {ENDPOINTS_MAX} endpoints, and no more can be"))),
            Err(error) => Err(error),
        }
    }

    async fn endpoints(&self, scope: Scope) -> StoreResult<Vec<EndpointRow>> {
        self.select(scope, Sql::EndpointsList, &[&filter(scope)]).await?.iter().map(row).collect()
    }

    async fn endpoint(&self, scope: Scope, id: EndpointId) -> StoreResult<Option<EndpointRow>> {
        let rows = self.select(scope, Sql::EndpointsGet, &[&id.uuid(), &filter(scope)]).await?;
        rows.first().map(row).transpose()
    }

    async fn change_endpoint(
        &self,
        scope: Scope,
        id: EndpointId,
        change: &EndpointChange,
        now: Timestamp,
    ) -> StoreResult<bool> {
        let params: [&(dyn ToSql + Sync); 9] = [
            &id.uuid(),
            &filter(scope),
            &change.url,
            &change.events.map(Wanted::stored),
            &change.events.map(|events| i32::from(events.bits())),
            &change.format.map(|format| format.word()),
            &change.is_enabled,
            &BY_WISH,
            &now.micros(),
        ];
        Ok(self.change(scope, Sql::EndpointsChange, &params).await? > 0)
    }

    async fn rotate_endpoint(
        &self,
        scope: Scope,
        id: EndpointId,
        secret: &[u8],
        until: Timestamp,
        now: Timestamp,
    ) -> StoreResult<bool> {
        let params: [&(dyn ToSql + Sync); 5] = [&id.uuid(), &filter(scope), &secret, &until.micros(), &now.micros()];
        Ok(self.change(scope, Sql::EndpointsRotate, &params).await? > 0)
    }

    async fn delete_endpoint(&self, scope: Scope, id: EndpointId) -> StoreResult<bool> {
        Ok(self.change(scope, Sql::EndpointsDelete, &[&id.uuid(), &filter(scope)]).await? > 0)
    }
}

/// Reads the columns of `endpoints/get.sql` and its kin.
pub fn row(row: &Row) -> StoreResult<EndpointRow> {
    let mut c = Columns::of(row, "webhook_endpoints");
    let (id, workspace, name, url) = (c.next("id")?, c.next("workspace_id")?, c.next("name")?, c.next("url")?);
    let (events, format, secret) = (c.next("events")?, c.next("format")?, c.next("secret")?);
    let previous: Option<Vec<u8>> = c.option("previous_secret")?;
    Ok(EndpointRow {
        id,
        workspace,
        name,
        url,
        events,
        format,
        secret,
        previous: previous.zip(c.option("previous_until")?),
        slot: u8::try_from(c.next::<u32>("slot")?).unwrap_or(u8::MAX),
        created_by: c.next("created_by")?,
        created_at: c.next("created_at")?,
        updated_at: c.next("updated_at")?,
        disabled_at: c.option("disabled_at")?,
        disabled_because: c.option("disabled_because")?,
    })
}
