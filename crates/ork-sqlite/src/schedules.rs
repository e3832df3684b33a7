//! Schedules of stored workflows.

use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::Actor;
use ork_core::id::{RevisionId, WorkflowId, WorkspaceId};
use ork_core::limits::SCHEDULES_MAX;
use ork_core::store::{Fired, Firing, NewRevision, ROWS_MAX, ScheduleRow, ScheduleSpec, Scope};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use crate::change::execute;
use crate::connection::failed;
use crate::rows::{filter, get, get_option, run_key, workspace_key};
use crate::workflows::{revision_key, workflow_key};
use crate::{runs, sql};

/// What the text that is applied says of times.
pub fn put(db: &Connection, new: &NewRevision, of: (WorkflowId, RevisionId)) -> StoreResult<()> {
    let workflow = workflow_key(of.0);
    let Some(schedule) = &new.schedule else {
        execute(db, sql::schedules::DROP, params![workflow])?;
        return Ok(());
    };
    let spec = &schedule.spec;
    let values = params![
        workflow,
        workspace_key(new.workspace),
        new.name,
        revision_key(of.1),
        spec.cron,
        spec.timezone,
        spec.input.as_str(),
        spec.overlap.word(),
        spec.catch_up.word(),
        schedule.next_at.micros(),
        new.actor.id,
        new.now.micros(),
        SCHEDULES_MAX,
    ];
    if execute(db, sql::schedules::PUT, values)? == 0 {
        return Err(StoreError::Limit(format!("the workspace has {SCHEDULES_MAX} schedules, and no more can be")));
    }
    Ok(())
}

fn row(row: &Row<'_>) -> rusqlite::Result<ScheduleRow> {
    Ok(ScheduleRow {
        workflow: get(row, "workflow_id")?,
        workspace: get(row, "workspace_id")?,
        name: row.get("name")?,
        revision: get(row, "revision_id")?,
        spec: ScheduleSpec {
            cron: row.get("cron")?,
            timezone: row.get("timezone")?,
            input: get(row, "input")?,
            overlap: get(row, "overlap")?,
            catch_up: get(row, "catch_up")?,
        },
        is_enabled: row.get("enabled")?,
        next_at: get_option(row, "next_at")?,
        last_at: get_option(row, "last_at")?,
        last_run: get_option(row, "last_run_id")?,
        updated_by: row.get("updated_by")?,
        updated_at: get(row, "updated_at")?,
    })
}

fn rows(db: &Connection, statement: &str, params: impl Params) -> StoreResult<Vec<ScheduleRow>> {
    let mut statement = db.prepare_cached(statement).map_err(failed)?;
    let found = statement.query_map(params, row).map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

pub fn list(db: &Connection, scope: Scope, after: Option<&str>, limit: u32) -> StoreResult<Vec<ScheduleRow>> {
    rows(db, sql::schedules::LIST, params![filter(scope), after.unwrap_or_default(), limit.min(ROWS_MAX)])
}

pub fn schedule(db: &Connection, scope: Scope, name: &str) -> StoreResult<Option<ScheduleRow>> {
    let mut statement = db.prepare_cached(sql::schedules::GET).map_err(failed)?;
    statement.query_row(params![name, filter(scope)], row).optional().map_err(failed)
}

pub fn due(
    db: &Connection,
    after: Option<(Timestamp, WorkflowId)>,
    now: Timestamp,
    limit: u32,
) -> StoreResult<Vec<ScheduleRow>> {
    let (at, workflow) = (after.map(|after| after.0.micros()), after.map(|after| workflow_key(after.1)));
    rows(db, sql::schedules::DUE, params![now.micros(), limit.min(ROWS_MAX), at, workflow])
}

pub fn enable(
    db: &Connection,
    (workspace, name): (WorkspaceId, &str),
    next_at: Option<Timestamp>,
    by: (&Actor, Timestamp),
) -> StoreResult<bool> {
    let next_at = next_at.map(Timestamp::micros);
    let values = params![workspace_key(workspace), name, next_at, by.0.id, by.1.micros()];
    changed(db, (workspace, name), execute(db, sql::schedules::ENABLE, values)?)
}

pub fn disable(db: &Connection, (workspace, name): (WorkspaceId, &str), by: (&Actor, Timestamp)) -> StoreResult<bool> {
    let values = params![workspace_key(workspace), name, by.0.id, by.1.micros()];
    changed(db, (workspace, name), execute(db, sql::schedules::DISABLE, values)?)
}

fn changed(db: &Connection, (workspace, name): (WorkspaceId, &str), rows: usize) -> StoreResult<bool> {
    if rows > 0 {
        return Ok(true);
    }
    let found = schedule(db, Scope::One(workspace), name)?;
    found.map(|_| false).ok_or_else(|| StoreError::NotFound(format!("schedule `{name}`")))
}

pub fn fire(db: &Connection, firing: &Firing) -> StoreResult<Fired> {
    let values = params![
        workflow_key(firing.workflow),
        revision_key(firing.revision),
        firing.from.micros(),
        firing.to.map(Timestamp::micros),
        firing.run.as_ref().map(|(at, _)| at.micros()),
        firing.run.as_ref().map(|(_, new)| run_key(new.id)),
    ];
    if execute(db, sql::schedules::FIRE, values)? == 0 {
        return Ok(Fired::Stale);
    }
    if let Some((_, new)) = &firing.run {
        runs::submit(db, new)?;
    }
    Ok(Fired::Done)
}
