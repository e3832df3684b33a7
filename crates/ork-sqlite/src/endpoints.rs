//! Endpoints that a workspace tells of its runs.

use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::id::EndpointId;
use ork_core::limits::ENDPOINTS_MAX;
use ork_core::store::{EndpointChange, EndpointRow, Scope, Submitted};
use ork_core::webhook::Wanted;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::change::execute;
use crate::connection::failed;
use crate::rows::{filter, get, get_option, workspace_key};
use crate::sql;

/// Who disabled one of itself, in words, by somebody's wish.
const BY_WISH: &str = "it was disabled";

pub fn key(id: EndpointId) -> [u8; 16] {
    *id.uuid().as_bytes()
}

pub fn create(db: &Connection, new: &EndpointRow) -> StoreResult<Submitted> {
    if endpoint(db, Scope::One(new.workspace), new.id)?.is_some() {
        return Ok(Submitted::Existing);
    }
    let params = params![
        key(new.id),
        workspace_key(new.workspace),
        new.name,
        new.url,
        new.events.stored(),
        new.events.bits(),
        new.format.word(),
        new.secret,
        new.created_by,
        new.created_at.micros(),
        ENDPOINTS_MAX,
    ];
    let inserted = execute(db, sql::endpoints::INSERT, params).map_err(|error| match error {
        StoreError::Conflict(text) if text.contains("name") => {
            StoreError::Conflict(format!("an endpoint `{}` exists", new.name))
        }
        error => error,
    })?;
    match inserted {
        0 => Err(StoreError::Limit(format!("there are {ENDPOINTS_MAX} endpoints, and no more can be"))),
        _ => Ok(Submitted::Created),
    }
}

fn row(row: &Row<'_>) -> rusqlite::Result<EndpointRow> {
    let previous: Option<Vec<u8>> = row.get("previous_secret")?;
    Ok(EndpointRow {
        id: get(row, "id")?,
        workspace: get(row, "workspace_id")?,
        name: row.get("name")?,
        url: row.get("url")?,
        events: get(row, "events")?,
        format: get(row, "format")?,
        secret: row.get("secret")?,
        previous: previous.zip(get_option(row, "previous_until")?),
        slot: row.get("slot")?,
        created_by: row.get("created_by")?,
        created_at: get(row, "created_at")?,
        updated_at: get(row, "updated_at")?,
        disabled_at: get_option(row, "disabled_at")?,
        disabled_because: row.get("disabled_because")?,
    })
}

pub fn endpoint(db: &Connection, scope: Scope, id: EndpointId) -> StoreResult<Option<EndpointRow>> {
    let mut statement = db.prepare_cached(sql::endpoints::GET).map_err(failed)?;
    statement.query_row(params![key(id), filter(scope)], row).optional().map_err(failed)
}

pub fn list(db: &Connection, scope: Scope) -> StoreResult<Vec<EndpointRow>> {
    let mut statement = db.prepare_cached(sql::endpoints::LIST).map_err(failed)?;
    let found = statement.query_map(params![filter(scope)], row).map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

pub fn change(
    db: &Connection,
    scope: Scope,
    id: EndpointId,
    change: &EndpointChange,
    now: Timestamp,
) -> StoreResult<bool> {
    let params = params![
        key(id),
        filter(scope),
        change.url,
        change.events.map(Wanted::stored),
        change.events.map(Wanted::bits),
        change.format.map(|format| format.word()),
        change.is_enabled,
        BY_WISH,
        now.micros(),
    ];
    Ok(execute(db, sql::endpoints::CHANGE, params)? > 0)
}

pub fn rotate(
    db: &Connection,
    scope: Scope,
    id: EndpointId,
    secret: &[u8],
    (until, now): (Timestamp, Timestamp),
) -> StoreResult<bool> {
    let params = params![key(id), filter(scope), secret, until.micros(), now.micros()];
    Ok(execute(db, sql::endpoints::ROTATE, params)? > 0)
}

pub fn delete(db: &Connection, scope: Scope, id: EndpointId) -> StoreResult<bool> {
    Ok(execute(db, sql::endpoints::DELETE, params![key(id), filter(scope)])? > 0)
}
