//! What is not kept any more.

use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::id::{RunId, WorkspaceId};
use ork_core::seal::Link;
use ork_core::store::{ROWS_MAX, Scope, SealHead, Swept, Tombstone};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::change::execute;
use crate::connection::failed;
use crate::rows::{Cell, filter, get, run_key, workspace_key};
use crate::sql;

/// What one row of a log counts as: it has up to 64 KiB.
const LOG_WEIGHT: u32 = 16;
/// What a part of a saved folder, or of a packed log, counts as: it has up to 1 MiB.
const PART_WEIGHT: u32 = 256;

pub fn prunable(db: &Connection, workspace: WorkspaceId, until: Timestamp, limit: u32) -> StoreResult<Vec<RunId>> {
    let mut statement = db.prepare_cached(sql::runs::PRUNABLE).map_err(failed)?;
    let values = params![workspace_key(workspace), until.micros(), limit.min(ROWS_MAX)];
    let found = statement.query_map(values, |row| row.get::<_, Cell<RunId>>(0)).map_err(failed)?;
    found.map(|row| row.map(|cell| cell.0).map_err(failed)).collect()
}

/// One run, if it may go; how many went.
pub fn prune(db: &Connection, scope: Scope, run: RunId, now: Timestamp) -> StoreResult<u64> {
    let key = run_key(run);
    if execute(db, sql::pruned::INSERT, params![key, filter(scope), now.micros()])? == 0 {
        return Ok(0);
    }
    for statement in
        [sql::pruned::DELETE_HEAD, sql::pruned::DELETE_RUN, sql::pruned::DELETE_LABELS, sql::pruned::DELETE_BUDGET]
    {
        execute(db, statement, params![key])?;
    }
    Ok(1)
}

/// Goes on until so many rows are gone: each statement costs the same, however much there is.
pub fn sweep(db: &Connection, limit: u32) -> StoreResult<Swept> {
    let mut swept = Swept::default();
    while swept.rows < u64::from(limit) {
        let Some(run) = next(db)? else { return Ok(swept) };
        let removed = sweep_run(db, run, limit)?;
        if removed == 0 {
            execute(db, sql::pruned::DONE, params![run])?;
        }
        swept.rows += removed.max(1);
    }
    swept.more = next(db)?.is_some();
    Ok(swept)
}

fn next(db: &Connection) -> StoreResult<Option<[u8; 16]>> {
    let mut statement = db.prepare_cached(sql::pruned::NEXT).map_err(failed)?;
    statement.query_row([], |row| row.get(0)).optional().map_err(failed)
}

/// The rows of one table, up to the limit; the first table that has any.
fn sweep_run(db: &Connection, run: [u8; 16], limit: u32) -> StoreResult<u64> {
    // Their bytes are left before they go, in the same transaction.
    for (leave, statement, weight) in [
        (sql::pruned::LEAVE_BLOBS, sql::pruned::DELETE_ARTIFACTS, 1),
        (sql::pruned::LEAVE_LOG_BLOBS, sql::pruned::DELETE_LOG_PARTS, PART_WEIGHT),
    ] {
        let limit = (limit / weight).max(1);
        execute(db, leave, params![run, limit])?;
        let rows = execute(db, statement, params![run, limit])?;
        if rows > 0 {
            return Ok(rows as u64 * u64::from(weight));
        }
    }
    for (statement, weight) in [(sql::pruned::DELETE_PARTS, PART_WEIGHT), (sql::pruned::DELETE_LOGS, LOG_WEIGHT)] {
        let rows = execute(db, statement, params![run, (limit / weight).max(1)])?;
        if rows > 0 {
            return Ok(rows as u64 * u64::from(weight));
        }
    }
    for statement in [
        sql::pruned::DELETE_UNPACKED,
        sql::pruned::DELETE_WORKS,
        sql::pruned::DELETE_GATES,
        sql::pruned::DELETE_STEPS,
        sql::pruned::DELETE_DELIVERIES,
        sql::pruned::DELETE_ATTEMPTS,
        sql::pruned::DELETE_EVENTS,
        sql::pruned::DELETE_EVENT_REQUESTS,
        sql::pruned::DELETE_SEALS,
        sql::pruned::DELETE_TASKS,
        sql::pruned::DELETE_GROUPS,
    ] {
        let rows = execute(db, statement, params![run, limit])?;
        if rows > 0 {
            return Ok(rows as u64);
        }
    }
    Ok(0)
}

fn seal_head(row: &Row<'_>) -> rusqlite::Result<Option<SealHead>> {
    let seq: Option<i64> = row.get("seal_seq")?;
    let link: Option<Vec<u8>> = row.get("seal_link")?;
    let link = link.as_deref().and_then(Link::from_bytes);
    let key_id: Option<String> = row.get("seal_key_id")?;
    Ok(seq.zip(link).zip(key_id).map(|((seq, link), key_id)| SealHead { seq: seq.unsigned_abs(), link, key_id }))
}

pub fn tombstone(db: &Connection, scope: Scope, run: RunId) -> StoreResult<Option<Tombstone>> {
    let mut statement = db.prepare_cached(sql::pruned::GET).map_err(failed)?;
    let found = statement.query_row(params![run_key(run), filter(scope)], |row| {
        Ok(Tombstone {
            run: get(row, "run_id")?,
            workspace: get(row, "workspace_id")?,
            owner: row.get("owner_id")?,
            name: row.get("name")?,
            status: get(row, "status")?,
            seq: row.get::<_, i64>("seq")?.unsigned_abs(),
            head: seal_head(row)?,
            finished_at: get(row, "finished_at")?,
            pruned_at: get(row, "pruned_at")?,
        })
    });
    found.optional().map_err(failed)
}
