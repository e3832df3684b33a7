//! Tasks and groups, read; and what people want of single tasks.

use std::collections::BTreeSet;

use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::event::Actor;
use ork_core::id::{RunId, TaskRef};
use ork_core::state::TaskStatus;
use ork_core::store::{AttemptRow, GroupCount, GroupRow, OutputRow, Scope, TaskFilter, TaskRow};
use rusqlite::{Connection, OptionalExtension, params};

use crate::change::{self, execute};
use crate::connection::failed;
use crate::enqueue;
use crate::rows::{self, Cell, encode, filter, get, get_option, run_key, workspace_key};
use crate::settle::no_task;
use crate::{sql, steps};

pub fn task(db: &Connection, scope: Scope, task: TaskRef) -> StoreResult<Option<TaskRow>> {
    let mut statement = db.prepare_cached(sql::tasks::GET).map_err(failed)?;
    statement.query_row(params![run_key(task.run), task.n, filter(scope)], rows::task_row).optional().map_err(failed)
}

pub fn tasks(db: &Connection, scope: Scope, run: RunId, wanted: &TaskFilter) -> StoreResult<Vec<TaskRow>> {
    let statuses: Vec<&str> = wanted.statuses.iter().map(|status| status.word()).collect();
    let statuses = if statuses.is_empty() { None } else { Some(encode(&statuses)?) };
    let after = wanted.after.map_or(-1, i64::from);
    let mut statement = db.prepare_cached(sql::tasks::LIST).map_err(failed)?;
    let found = statement
        .query_map(params![run_key(run), filter(scope), after, wanted.g, statuses, wanted.limit], rows::task_row)
        .map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

pub fn groups(db: &Connection, scope: Scope, run: RunId) -> StoreResult<Vec<GroupRow>> {
    let mut statement = db.prepare_cached(sql::groups::LIST).map_err(failed)?;
    let found = statement.query_map(params![run_key(run), filter(scope)], rows::group_row).map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

pub fn counts(db: &Connection, scope: Scope, run: RunId) -> StoreResult<Vec<GroupCount>> {
    let mut statement = db.prepare_cached(sql::tasks::COUNTS).map_err(failed)?;
    let found = statement
        .query_map(params![run_key(run), filter(scope)], |row| {
            Ok(GroupCount { g: row.get(0)?, status: row.get::<_, Cell<TaskStatus>>(1)?.0, count: row.get(2)? })
        })
        .map_err(failed)?;
    let mut counts: Vec<GroupCount> = found.collect::<Result<_, _>>().map_err(failed)?;
    counts.sort_unstable();
    Ok(counts)
}

pub fn outputs(db: &Connection, scope: Scope, run: RunId, groups: &[u32]) -> StoreResult<Vec<OutputRow>> {
    let mut statement = db.prepare_cached(sql::tasks::OUTPUTS).map_err(failed)?;
    let mut outputs = Vec::new();
    for g in groups.iter().collect::<BTreeSet<_>>() {
        let (first, rest, last) = change::group_range(db, run, *g)?;
        let found = statement
            .query_map(params![run_key(run), first, rest, last, filter(scope)], |row| {
                Ok(OutputRow {
                    g: row.get("g")?,
                    task_index: row.get("task_index")?,
                    status: get(row, "status")?,
                    output: get_option(row, "output")?,
                })
            })
            .map_err(failed)?;
        for row in found {
            outputs.push(row.map_err(failed)?);
        }
    }
    Ok(outputs)
}

pub fn attempts(db: &Connection, scope: Scope, of: TaskRef) -> StoreResult<Vec<AttemptRow>> {
    if task(db, scope, of)?.is_none() {
        return Ok(Vec::new());
    }
    let mut attempts = ended_attempts(db, of)?;
    let mut present = db.prepare_cached(sql::leases::OF_TASK).map_err(failed)?;
    let present = present
        .query_row(params![run_key(of.run), of.n], |row| {
            Ok(AttemptRow {
                attempt: row.get("attempt")?,
                lease: get(row, "lease")?,
                worker: get(row, "worker_id")?,
                execution_name: row.get("execution_name")?,
                outcome: None,
                error: None,
                end: ork_core::graph::ProcessEnd::default(),
                dispatched_at: get(row, "dispatched_at")?,
                started_at: get_option(row, "started_at")?,
                finished_at: None,
            })
        })
        .optional()
        .map_err(failed)?;
    attempts.extend(present);
    Ok(attempts)
}

/// The attempts of a task that have an outcome, in order.
pub fn ended_attempts(db: &Connection, of: TaskRef) -> StoreResult<Vec<AttemptRow>> {
    let mut statement = db.prepare_cached(sql::attempts::OF_TASK).map_err(failed)?;
    let ended = statement.query_map(params![run_key(of.run), of.n], rows::attempt_row).map_err(failed)?;
    ended.collect::<Result<_, _>>().map_err(failed)
}

/// Where a task is.
struct Place {
    g: u32,
    status: TaskStatus,
    cancel_requested: bool,
    is_open: bool,
}

fn place(db: &Connection, scope: Scope, task: TaskRef) -> StoreResult<Place> {
    let mut statement = db.prepare_cached(sql::tasks::PLACE).map_err(failed)?;
    statement
        .query_row(params![run_key(task.run), task.n, filter(scope)], |row| {
            Ok(Place {
                g: row.get(0)?,
                status: row.get::<_, Cell<TaskStatus>>(1)?.0,
                cancel_requested: row.get(2)?,
                is_open: row.get(3)?,
            })
        })
        .optional()
        .map_err(failed)?
        .ok_or_else(|| no_task(task))
}

pub fn cancel(db: &Connection, scope: Scope, task: TaskRef, by: (&Actor, Timestamp)) -> StoreResult<bool> {
    let place = place(db, scope, task)?;
    if place.status.is_terminal() || place.cancel_requested {
        return Ok(false);
    }
    execute(db, sql::tasks::REQUEST_CANCEL, params![run_key(task.run), task.n, by.1.micros()])?;
    let mut lease = db.prepare_cached(sql::leases::OF_TASK).map_err(failed)?;
    let leased = lease.exists(params![run_key(task.run), task.n]).map_err(failed)?;
    let head = change::head_or_not_found(db, scope, task.run)?;
    let mut graph = change::open_whole(db, head, by)?;
    if let Some(group) = graph.groups.get(&place.g).filter(|_| !leased) {
        let workspace = workspace_key(graph.head.workspace);
        execute(db, sql::queue::DROP_TASK, params![group.spec.lane, workspace, run_key(task.run), task.n])?;
    }
    graph.cancel_task(place.g, task.n, leased || place.is_open);
    if place.is_open && !leased {
        execute(db, sql::slots::DROP_TASK, params![run_key(task.run), task.n])?;
        let open = steps::open_tasks(db, task.run, Some(task.n), false)?;
        steps::wind_up(db, &mut graph, &open, by.1)?;
    }
    change::close(db, graph, None, by.1)?;
    Ok(true)
}

pub fn retry_now(db: &Connection, scope: Scope, task: TaskRef, by: (&Actor, Timestamp)) -> StoreResult<bool> {
    place(db, scope, task)?;
    let head = change::head_or_not_found(db, scope, task.run)?;
    if head.paused || head.status.is_terminal() {
        return Ok(false);
    }
    if execute(db, sql::queue::UNDELAY, params![run_key(task.run), task.n])? == 0 {
        return Ok(false);
    }
    let entry = enqueue::next_attempt(db, &head, task.n)?;
    enqueue::enqueue(db, entry.as_slice(), by.1)?;
    change::say(db, head, by, |graph| graph.note_retry(task.n))?;
    Ok(true)
}
