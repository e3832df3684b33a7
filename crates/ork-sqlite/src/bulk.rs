//! Actions on many runs, and duties.

use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::Actor;
use ork_core::id::{BulkId, RunId, WorkerId, WorkspaceId};
use ork_core::store::{BulkRow, BulkStep, ROWS_MAX, Scope, Submitted};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use crate::change::execute;
use crate::connection::failed;
use crate::rows::{Cell, filter, get, get_option, run_key, worker_key, workspace_key};
use crate::sql;

fn key(id: BulkId) -> [u8; 16] {
    *id.uuid().as_bytes()
}

pub fn create(db: &Connection, new: &BulkRow) -> StoreResult<Submitted> {
    let params = params![
        key(new.id),
        workspace_key(new.workspace),
        new.external_id,
        new.action.word(),
        new.filter,
        run_key(new.before),
        new.actor.kind.word(),
        new.actor.id,
        new.created_at.micros(),
    ];
    let inserted = execute(db, sql::bulk::INSERT, params).map_err(|error| match (error, &new.external_id) {
        (StoreError::Conflict(text), Some(id)) if text.contains("external_id") => {
            StoreError::Conflict(format!("another action has the external id `{id}`"))
        }
        (error, _) => error,
    })?;
    Ok(if inserted > 0 { Submitted::Created } else { Submitted::Existing })
}

fn row(row: &Row<'_>) -> rusqlite::Result<BulkRow> {
    Ok(BulkRow {
        id: get(row, "id")?,
        workspace: get(row, "workspace_id")?,
        external_id: row.get("external_id")?,
        action: get(row, "action")?,
        filter: row.get("filter")?,
        status: get(row, "status")?,
        before: row.get::<_, Cell<RunId>>("before_id")?.0,
        seen: row.get::<_, i64>("seen")?.unsigned_abs(),
        changed: row.get::<_, i64>("changed")?.unsigned_abs(),
        actor: Actor { kind: get(row, "actor_kind")?, id: row.get("created_by")? },
        created_at: get(row, "created_at")?,
        finished_at: get_option(row, "finished_at")?,
    })
}

fn rows(db: &Connection, statement: &str, params: impl Params) -> StoreResult<Vec<BulkRow>> {
    let mut statement = db.prepare_cached(statement).map_err(failed)?;
    let found = statement.query_map(params, row).map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

fn one(db: &Connection, statement: &str, params: impl Params) -> StoreResult<Option<BulkRow>> {
    let mut statement = db.prepare_cached(statement).map_err(failed)?;
    statement.query_row(params, row).optional().map_err(failed)
}

pub fn bulk(db: &Connection, scope: Scope, id: BulkId) -> StoreResult<Option<BulkRow>> {
    one(db, sql::bulk::GET, params![key(id), filter(scope)])
}

pub fn by_external_id(db: &Connection, workspace: WorkspaceId, name: &str) -> StoreResult<Option<BulkRow>> {
    one(db, sql::bulk::BY_EXTERNAL_ID, params![workspace_key(workspace), name])
}

pub fn list(db: &Connection, scope: Scope, before: Option<BulkId>, limit: u32) -> StoreResult<Vec<BulkRow>> {
    rows(db, sql::bulk::LIST, params![filter(scope), before.map(key), limit.min(ROWS_MAX)])
}

pub fn running(db: &Connection, limit: u32) -> StoreResult<Vec<BulkRow>> {
    rows(db, sql::bulk::RUNNING, params![limit.min(ROWS_MAX)])
}

pub fn advance(db: &Connection, id: BulkId, step: BulkStep, now: Timestamp) -> StoreResult<bool> {
    let params =
        params![key(id), run_key(step.from), run_key(step.to), step.seen, step.changed, step.is_last, now.micros(),];
    Ok(execute(db, sql::bulk::ADVANCE, params)? > 0)
}

pub fn cancel(db: &Connection, scope: Scope, id: BulkId, now: Timestamp) -> StoreResult<bool> {
    if execute(db, sql::bulk::CANCEL, params![key(id), filter(scope), now.micros()])? > 0 {
        return Ok(true);
    }
    bulk(db, scope, id)?.map(|_| false).ok_or_else(|| StoreError::NotFound(format!("bulk action `{id}`")))
}

pub fn hold(db: &Connection, name: &str, holder: WorkerId, now: Timestamp, until: Timestamp) -> StoreResult<bool> {
    let params = params![name, worker_key(holder), now.micros(), until.micros()];
    Ok(execute(db, sql::duties::HOLD, params)? > 0)
}
