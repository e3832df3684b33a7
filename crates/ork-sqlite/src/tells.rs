//! What bots write into runs.

use ork_core::error::{StoreError, StoreResult};
use ork_core::limits::BOT_EVENTS_MAX;
use ork_core::store::{Appended, NewEvents, Scope};
use rusqlite::{Connection, OptionalExtension, params};

use crate::change::{self, execute};
use crate::connection::failed;
use crate::events::events;
use crate::rows::{run_key, workspace_key};
use crate::sql;

pub fn append(db: &Connection, scope: Scope, new: &NewEvents) -> StoreResult<Appended> {
    let head = change::head_or_not_found(db, scope, new.run)?;
    if let Some(written) = written(db, scope, new)? {
        return Ok(written);
    }
    if let Some(n) = new.events.iter().filter_map(|event| event.task).find(|n| *n >= head.tasks_total) {
        return Err(StoreError::Conflict(format!("`{}` has no task number {n}", new.run)));
    }
    let count = i64::try_from(new.events.len()).unwrap_or(i64::MAX);
    if execute(db, sql::heads::COUNT_BOT_EVENTS, params![run_key(new.run), count, BOT_EVENTS_MAX])? == 0 {
        return Err(new.too_many());
    }
    let (workspace, seq) = (head.workspace, head.seq + 1);
    let head = change::say(db, head, (&new.actor, new.now), |graph| graph.tell(&new.events))?;
    if let Some(key) = &new.key {
        let values =
            params![run_key(new.run), key, workspace_key(workspace), seq.cast_signed(), head.seq.cast_signed()];
        execute(db, sql::event_requests::INSERT, values)?;
    }
    Ok(Appended { seq, seq_last: head.seq, repeated: false })
}

/// What an earlier request of this name has written.
fn written(db: &Connection, scope: Scope, new: &NewEvents) -> StoreResult<Option<Appended>> {
    let Some(key) = &new.key else { return Ok(None) };
    let mut statement = db.prepare_cached(sql::event_requests::GET).map_err(failed)?;
    let found = statement.query_row(params![run_key(new.run), key], |row| Ok((row.get(0)?, row.get(1)?)));
    let Some((seq, seq_last)): Option<(i64, i64)> = found.optional().map_err(failed)? else { return Ok(None) };
    let (seq, seq_last) = (seq.unsigned_abs(), seq_last.unsigned_abs());
    let rows = u32::try_from(seq_last + 1 - seq).unwrap_or(u32::MAX);
    if !new.are(&events(db, scope, new.run, seq - 1, rows)?) {
        return Err(new.conflict());
    }
    Ok(Some(Appended { seq, seq_last, repeated: true }))
}
