//! What loops do over stored state.

use std::collections::BTreeSet;

use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::event::Actor;
use ork_core::graph::{Expansion, RunGraph};
use ork_core::id::{RunId, TaskRef, WorkspaceId};
use ork_core::store::{Evaluation, EvaluationTarget, Maintained, Scope};
use rusqlite::{Connection, params};

use crate::change::{self, execute};
use crate::connection::failed;
use crate::enqueue::{self, Entry};
use crate::rows::{Cell, filter, run_key, workspace_key};
use crate::sql;

pub fn promote(db: &Connection, scope: Scope, now: Timestamp, limit: usize) -> StoreResult<Maintained> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut due = db.prepare_cached(sql::queue::DUE).map_err(failed)?;
    let found = due
        .query_map(params![now.micros(), filter(scope), limit], |row| {
            Ok(TaskRef { run: row.get::<_, Cell<RunId>>(0)?.0, n: row.get(1)? })
        })
        .map_err(failed)?;
    let found: Vec<TaskRef> = found.collect::<Result<_, _>>().map_err(failed)?;
    let mut entries: Vec<Entry> = Vec::with_capacity(found.len());
    for task in &found {
        execute(db, sql::queue::UNDELAY, params![run_key(task.run), task.n])?;
        let head = change::head_or_not_found(db, Scope::All, task.run)?;
        entries.extend(enqueue::next_attempt(db, &head, task.n)?);
    }
    enqueue::enqueue(db, &entries, now)?;
    Ok(Maintained {
        queued: u32::try_from(entries.len()).unwrap_or(u32::MAX),
        more: i64::try_from(found.len()) == Ok(limit),
        next_at: next_at(db, scope)?,
    })
}

fn next_at(db: &Connection, scope: Scope) -> StoreResult<Option<Timestamp>> {
    let first = |statement: &str| -> StoreResult<Option<i64>> {
        let mut statement = db.prepare_cached(statement).map_err(failed)?;
        let mut rows = statement.query(params![filter(scope)]).map_err(failed)?;
        rows.next().map_err(failed)?.map_or(Ok(None), |row| row.get(0).map_err(failed))
    };
    let times = [first(sql::queue::NEXT_DUE)?, first(sql::runs::NEXT_DEADLINE)?];
    Ok(times.into_iter().flatten().min().map(Timestamp::from_micros))
}

pub fn admit(db: &Connection, scope: Scope, now: Timestamp) -> StoreResult<Maintained> {
    let mut done = Maintained::default();
    for (workspace, key) in keys(db, scope, sql::slots::RUN_KEYS)? {
        done.queued += admit_runs(db, workspace, &key, now)?;
    }
    for (workspace, key) in keys(db, scope, sql::slots::KEYS)? {
        done.queued += admit_tasks(db, workspace, &key, now)?;
    }
    Ok(done)
}

fn keys(db: &Connection, scope: Scope, statement: &str) -> StoreResult<Vec<(WorkspaceId, String)>> {
    let mut statement = db.prepare_cached(statement).map_err(failed)?;
    let found = statement
        .query_map(params![filter(scope)], |row| Ok((row.get::<_, Cell<WorkspaceId>>(0)?.0, row.get(1)?)))
        .map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

/// How many of a key one round looks at: a round is short, and the next one follows.
const ADMITTED_MAX: u32 = 500;

fn admit_runs(db: &Connection, workspace: WorkspaceId, key: &str, now: Timestamp) -> StoreResult<u32> {
    let mut count = db.prepare_cached(sql::slots::RUNS_ADMITTED).map_err(failed)?;
    let mut taken: u32 = count.query_row(params![workspace_key(workspace), key], |row| row.get(0)).map_err(failed)?;
    let mut waiting = db.prepare_cached(sql::slots::RUNS_WAITING).map_err(failed)?;
    let found = waiting
        .query_map(params![workspace_key(workspace), key, ADMITTED_MAX], |row| {
            Ok((row.get::<_, Cell<RunId>>(0)?.0, row.get::<_, u32>(1)?))
        })
        .map_err(failed)?;
    let found: Vec<(RunId, u32)> = found.collect::<Result<_, _>>().map_err(failed)?;
    let actor = Actor::system("scheduler");
    let mut admitted = 0;
    for (run, limit) in found {
        if taken >= limit {
            break;
        }
        let done = crate::runs::control(db, (Scope::All, run), (&actor, now), None, RunGraph::admit)?;
        if done {
            execute(db, sql::slots::ADMIT_RUN, params![run_key(run)])?;
            taken += 1;
            admitted += 1;
        }
    }
    Ok(admitted)
}

fn admit_tasks(db: &Connection, workspace: WorkspaceId, key: &str, now: Timestamp) -> StoreResult<u32> {
    let mut count = db.prepare_cached(sql::queue::COUNT_KEYS).map_err(failed)?;
    let taken: u32 = count.query_row(params![workspace_key(workspace), key], |row| row.get(0)).map_err(failed)?;
    let mut next = db.prepare_cached(sql::slots::NEXT).map_err(failed)?;
    let found = next
        .query_map(params![workspace_key(workspace), key, ADMITTED_MAX], |row| {
            let limit: u32 = row.get("concurrency_limit")?;
            let lane: String = row.get("lane")?;
            let entry = Entry {
                run: row.get::<_, Cell<RunId>>("run_id")?.0,
                workspace,
                n: row.get("n")?,
                g: row.get("g")?,
                task_index: row.get("task_index")?,
                attempt: row.get("attempt")?,
                lane: lane.into(),
                rank: row.get("rank")?,
                slot: None,
            };
            Ok((entry, limit))
        })
        .map_err(failed)?;
    let found: Vec<(Entry, u32)> = found.collect::<Result<_, _>>().map_err(failed)?;
    let mut admitted = 0;
    for (entry, limit) in found {
        if taken + admitted >= limit {
            break;
        }
        execute(db, sql::slots::DROP_TASK, params![run_key(entry.run), entry.n])?;
        let seq = enqueue::take_numbers(db, 1)?;
        enqueue::insert_ready(db, &entry, seq, Some(key), now)?;
        admitted += 1;
    }
    Ok(admitted)
}

pub fn overdue(db: &Connection, scope: Scope, now: Timestamp, limit: usize) -> StoreResult<Vec<RunId>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = db.prepare_cached(sql::runs::OVERDUE).map_err(failed)?;
    let found = statement
        .query_map(params![now.micros(), filter(scope), limit], |row| row.get::<_, Cell<RunId>>(0))
        .map_err(failed)?;
    found.map(|row| row.map(|cell| cell.0).map_err(failed)).collect()
}

pub fn evaluations(db: &Connection, scope: Scope, run: Option<RunId>, limit: usize) -> StoreResult<Vec<Evaluation>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = db.prepare_cached(sql::evaluations::LIST).map_err(failed)?;
    let found = statement
        .query_map(params![filter(scope), run.map(run_key), limit], |row| {
            let g: i64 = row.get(2)?;
            let target = u32::try_from(g).map_or(EvaluationTarget::Result, EvaluationTarget::Group);
            Ok(Evaluation {
                workspace: row.get::<_, Cell<WorkspaceId>>(0)?.0,
                run: row.get::<_, Cell<RunId>>(1)?.0,
                target,
            })
        })
        .map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

pub fn expand(
    db: &Connection,
    scope: Scope,
    run: RunId,
    g: u32,
    expansion: Expansion,
    now: Timestamp,
) -> StoreResult<bool> {
    let head = change::head_or_not_found(db, scope, run)?;
    let actor = Actor::system("scheduler");
    let groups = change::load_groups(db, run, &BTreeSet::from([g]), |_| expansion.reach())?;
    let mut graph = RunGraph::new(head, groups, actor, now);
    if !graph.expand(g, expansion) {
        return Ok(false);
    }
    change::close(db, graph, None, now)?;
    Ok(true)
}

/// Whether a retry is due (`more`), and when the next one is.
pub fn due(db: &Connection, scope: Scope, now: Timestamp) -> StoreResult<Maintained> {
    let mut due = db.prepare_cached(sql::queue::DUE).map_err(failed)?;
    let more = due.exists(params![now.micros(), filter(scope), 1]).map_err(failed)?;
    Ok(Maintained { queued: 0, more, next_at: next_at(db, scope)? })
}

/// Whether a task or a run waits for a slot.
pub fn anything_held(db: &Connection, scope: Scope) -> StoreResult<bool> {
    for statement in [sql::slots::RUN_KEYS, sql::slots::KEYS] {
        if db.prepare_cached(statement).and_then(|mut s| s.exists(params![filter(scope)])).map_err(failed)? {
            return Ok(true);
        }
    }
    Ok(false)
}
