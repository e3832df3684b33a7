//! Queues that somebody paused.

use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::Actor;
use ork_core::id::WorkspaceId;
use ork_core::limits::PAUSES_MAX;
use ork_core::store::{QueuePause, Scope};
use rusqlite::{Connection, params};

use crate::change::execute;
use crate::connection::failed;
use crate::rows::{filter, get, workspace_key};
use crate::sql;

pub fn pause(db: &Connection, workspace: WorkspaceId, queue: &str, by: (&Actor, Timestamp)) -> StoreResult<bool> {
    let params = params![workspace_key(workspace), queue, by.0.id, by.1.micros(), PAUSES_MAX];
    if execute(db, sql::pauses::INSERT, params)? > 0 {
        return Ok(true);
    }
    if list(db, Scope::One(workspace))?.iter().any(|pause| pause.queue == queue) {
        return Ok(false);
    }
    Err(StoreError::Limit(format!("{PAUSES_MAX} queues are paused, and no more can be")))
}

pub fn resume(db: &Connection, workspace: WorkspaceId, queue: &str) -> StoreResult<bool> {
    Ok(execute(db, sql::pauses::DELETE, params![workspace_key(workspace), queue])? > 0)
}

pub fn list(db: &Connection, scope: Scope) -> StoreResult<Vec<QueuePause>> {
    let mut statement = db.prepare_cached(sql::pauses::LIST).map_err(failed)?;
    let found = statement
        .query_map(params![filter(scope)], |row| {
            Ok(QueuePause {
                workspace: get(row, "workspace_id")?,
                queue: row.get("queue")?,
                by: row.get("paused_by")?,
                at: get(row, "paused_at")?,
            })
        })
        .map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}
