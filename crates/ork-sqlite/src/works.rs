//! The folders that the steps of an attempt share, saved.

use ork_core::error::{StoreError, StoreResult};
use ork_core::graph::LeaseId;
use ork_core::id::TaskRef;
use ork_core::store::{SavedWork, Scope, WorkPart};
use rusqlite::{Connection, OptionalExtension, params};

use crate::change::execute;
use crate::connection::failed;
use crate::rows::{filter, run_key, workspace_key};
use crate::steps::leased;
use crate::{budgets, sql};

pub fn save_part(db: &Connection, scope: Scope, part: &WorkPart) -> StoreResult<bool> {
    let WorkPart { task, attempt, lease, .. } = *part;
    let Some(workspace) = leased(db, scope, task, attempt, lease)? else { return Ok(false) };
    let (run, workspace) = (run_key(task.run), workspace_key(workspace));
    let values = params![run, task.n, attempt, part.number, part.part, workspace, part.bytes];
    execute(db, sql::works::INSERT_PART, values)?;
    Ok(true)
}

pub fn keep(
    db: &Connection,
    scope: Scope,
    (task, attempt, lease): (TaskRef, u32, LeaseId),
    saved: &SavedWork,
) -> StoreResult<bool> {
    let Some(workspace) = leased(db, scope, task, attempt, lease)? else { return Ok(false) };
    let (run, number, parts) = (run_key(task.run), saved.number, saved.parts);
    if get(db, task, attempt)?.is_some_and(|kept| kept.number >= number) {
        return Ok(true);
    }
    let mut count = db.prepare_cached(sql::works::COUNT_PARTS).map_err(failed)?;
    let stored: u32 =
        count.query_row(params![run, task.n, attempt, number, parts], |row| row.get(0)).map_err(failed)?;
    if stored != parts {
        let text = format!("{stored} of {parts} parts of the folder of task `{}` are stored", task.id());
        return Err(StoreError::Conflict(text));
    }
    let (bytes, workspace) = (budgets::big(saved.bytes), workspace_key(workspace));
    let values = params![run, task.n, attempt, workspace, number, parts, bytes, saved.checksum];
    execute(db, sql::works::PUT, values)?;
    execute(db, sql::works::DROP_BEFORE, params![run, task.n, attempt])?;
    execute(db, sql::works::DROP_PARTS_BEFORE, params![run, task.n, attempt, number, parts])?;
    Ok(true)
}

pub fn get(db: &Connection, task: TaskRef, attempt: u32) -> StoreResult<Option<SavedWork>> {
    let mut statement = db.prepare_cached(sql::works::GET).map_err(failed)?;
    let found = statement.query_row(params![run_key(task.run), task.n, attempt], |row| {
        Ok(SavedWork {
            number: row.get(0)?,
            parts: row.get(1)?,
            bytes: row.get::<_, i64>(2)?.unsigned_abs(),
            checksum: row.get(3)?,
        })
    });
    found.optional().map_err(failed)
}

pub fn part(
    db: &Connection,
    scope: Scope,
    (task, attempt): (TaskRef, u32),
    number: u32,
    part: u32,
) -> StoreResult<Option<Vec<u8>>> {
    let mut statement = db.prepare_cached(sql::works::READ_PART).map_err(failed)?;
    let values = params![run_key(task.run), task.n, attempt, number, part, filter(scope)];
    statement.query_row(values, |row| row.get(0)).optional().map_err(failed)
}

pub fn drop(db: &Connection, scope: Scope, (task, attempt, lease): (TaskRef, u32, LeaseId)) -> StoreResult<bool> {
    if leased(db, scope, task, attempt, lease)?.is_none() {
        return Ok(false);
    }
    for statement in [sql::works::DROP, sql::works::DROP_PARTS] {
        execute(db, statement, params![run_key(task.run), task.n, filter(scope)])?;
    }
    Ok(true)
}
