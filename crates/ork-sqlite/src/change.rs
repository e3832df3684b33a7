//! A run, loaded for a change and written back: the only place that gives rows a new status.

use std::collections::{BTreeMap, BTreeSet};

use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::{Actor, EventRow};
use ork_core::graph::{Changes, Group, Head, OpenAs, Phase, Reach, RunGraph, Sweep, TaskWrite};
use ork_core::id::{RunId, WorkspaceId};
use ork_core::json::Json;
use ork_core::state::{Reason, TaskStatus};
use ork_core::store::Scope;
use rusqlite::{Connection, OptionalExtension, params};

use crate::connection::failed;
use crate::deliveries;
use crate::enqueue;
use crate::rows::{self, encode, run_key, worker_key, workspace_key};
use crate::{sql, steps};

/// What a change left for others to do.
#[derive(Debug, Default, Clone, Copy)]
pub struct Left {
    /// How many tasks were queued that can be claimed.
    pub queued: usize,
    /// Something waits for upkeep.
    pub upkeep: bool,
}

pub fn load_head(db: &Connection, scope: Scope, run: RunId) -> StoreResult<Option<Head>> {
    let mut statement = db.prepare_cached(sql::heads::GET).map_err(failed)?;
    statement.query_row(params![run_key(run), rows::filter(scope)], rows::head).optional().map_err(failed)
}

pub fn head_or_not_found(db: &Connection, scope: Scope, run: RunId) -> StoreResult<Head> {
    load_head(db, scope, run)?.ok_or_else(|| StoreError::NotFound(format!("run `{run}`")))
}

/// The groups `own`, and then, as far as `reach` says of them, their children or all groups of the run.
pub fn load_groups(
    db: &Connection,
    run: RunId,
    own: &BTreeSet<u32>,
    reach: impl FnOnce(&[Group]) -> Reach,
) -> StoreResult<Vec<Group>> {
    let mut statement = db.prepare_cached(sql::groups::GET).map_err(failed)?;
    let mut load = |g: u32| statement.query_row(params![run_key(run), g], rows::group).map_err(failed);
    let mut groups = own.iter().map(|g| load(*g)).collect::<StoreResult<Vec<_>>>()?;
    if reach(&groups) == Reach::Whole {
        return all_groups(db, run);
    }
    let children: BTreeSet<u32> =
        groups.iter().flat_map(|group| group.spec.children.iter().copied()).filter(|g| !own.contains(g)).collect();
    for g in children {
        groups.push(load(g)?);
    }
    Ok(groups)
}

/// Every group of a run.
pub fn all_groups(db: &Connection, run: RunId) -> StoreResult<Vec<Group>> {
    let mut statement = db.prepare_cached(sql::groups::ALL).map_err(failed)?;
    let groups = statement.query_map(params![run_key(run)], rows::group).map_err(failed)?;
    groups.collect::<Result<_, _>>().map_err(failed)
}

/// The whole of a run in the hands of one change.
pub fn open_whole(db: &Connection, head: Head, by: (&Actor, Timestamp)) -> StoreResult<RunGraph> {
    let groups = all_groups(db, head.run)?;
    Ok(RunGraph::new(head, groups, by.0.clone(), by.1))
}

/// Writes down what nothing else follows from.
pub fn say(
    db: &Connection,
    head: Head,
    by: (&Actor, Timestamp),
    what: impl FnOnce(&mut RunGraph),
) -> StoreResult<Head> {
    let mut graph = RunGraph::new(head, Vec::new(), by.0.clone(), by.1);
    what(&mut graph);
    Ok(close(db, graph, None, by.1)?.0)
}

/// Writes what a change decided. The order matters: tasks before a sweep, which looks for live ones; groups' new tasks
/// before their states; the queue last.
pub fn close(db: &Connection, mut graph: RunGraph, result: Option<&Json>, now: Timestamp) -> StoreResult<(Head, Left)> {
    let (run, workspace) = (graph.head.run, graph.head.workspace);
    let mut left = Left::default();
    steps::close_lost(db, &mut graph, now)?;
    if let Some(sweep) = graph.take_sweep() {
        for write in graph.take_task_writes() {
            left.upkeep |= write_task(db, run, workspace, &write, now)?;
        }
        steps::open_gates(db, (run, workspace), &graph.take_gates(), now)?;
        write_skipped(db, run, &graph.take_skipped(), now)?;
        let cancelled = do_sweep(db, &graph, sweep, now)?;
        graph.swept(&cancelled, sweep.reason);
        let open = steps::open_tasks(db, run, None, sweep.spare_run_if)?;
        steps::wind_up(db, &mut graph, &open, now)?;
    }
    let (head, written) = write(db, graph.finish(), result, now)?;
    left.queued += written.queued;
    left.upkeep |= written.upkeep;
    Ok((head, left))
}

/// Writes a finished change.
pub fn write(
    db: &Connection,
    (head, groups, changes): (Head, BTreeMap<u32, Group>, Changes),
    result: Option<&Json>,
    now: Timestamp,
) -> StoreResult<(Head, Left)> {
    let (run, workspace) = (head.run, head.workspace);
    let mut left = Left::default();
    create_siblings(db, &head, &groups, &changes)?;
    for write in &changes.tasks {
        left.upkeep |= write_task(db, run, workspace, write, now)?;
    }
    steps::open_gates(db, (run, workspace), &changes.gates, now)?;
    write_skipped(db, run, &changes.skipped, now)?;
    for group in changes.groups.iter().filter_map(|g| groups.get(g)) {
        update_group(db, run, group)?;
        if group.spec.evaluated && group.phase != Phase::Evaluating {
            execute(db, sql::evaluations::DROP, params![run_key(run), group.g])?;
        }
    }
    write_run(db, &head, &changes, result, now)?;
    left.upkeep |= changes.wants_result || !changes.evaluations.is_empty();
    let queued = enqueue::queue_changes(db, &head, &groups, &changes, now)?;
    left.queued += queued.ready;
    left.upkeep |= queued.held;
    insert_events(db, workspace, &changes.events)?;
    deliveries::tell(db, &head, &changes.news, now)?;
    Ok((head, left))
}

pub fn execute(db: &Connection, statement: &str, params: impl rusqlite::Params) -> StoreResult<usize> {
    db.prepare_cached(statement).and_then(|mut s| s.execute(params)).map_err(failed)
}

/// Takes a run out of the queue.
pub fn drop_queued(db: &Connection, graph: &RunGraph, spare_run_if: bool) -> StoreResult<()> {
    let run = run_key(graph.head.run);
    let (ready, held) = if spare_run_if {
        (sql::queue::DROP_UNSPARED, sql::slots::DROP_UNSPARED)
    } else {
        (sql::queue::DROP_RUN, sql::slots::DROP_RUN)
    };
    let can_be_queued = |group: &&Group| group.phase == Phase::Released && group.tasks_left > 0;
    let lanes: BTreeSet<&str> =
        graph.groups.values().filter(can_be_queued).map(|group| group.spec.lane.as_str()).collect();
    for lane in lanes {
        execute(db, ready, params![lane, workspace_key(graph.head.workspace), run])?;
    }
    execute(db, held, params![run])?;
    Ok(())
}

fn do_sweep(db: &Connection, graph: &RunGraph, sweep: Sweep, now: Timestamp) -> StoreResult<Vec<(u32, u32)>> {
    let run = graph.head.run;
    drop_queued(db, graph, sweep.spare_run_if)?;
    execute(db, sql::queue::UNDELAY_UNSPARED, params![run_key(run), sweep.spare_run_if])?;
    execute(db, sql::evaluations::DROP_UNSPARED, params![run_key(run), sweep.spare_run_if])?;
    let mut statement = db.prepare_cached(sql::tasks::SWEEP).map_err(failed)?;
    let swept = statement
        .query_map(params![run_key(run), sweep.reason.word(), now.micros(), sweep.spare_run_if], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .map_err(failed)?;
    swept.collect::<Result<_, _>>().map_err(failed)
}

fn write_skipped(db: &Connection, run: RunId, skipped: &[(u32, Reason)], now: Timestamp) -> StoreResult<()> {
    for (g, reason) in skipped {
        let (first, rest, last) = group_range(db, run, *g)?;
        let at = (reason.word(), now.micros());
        execute(db, sql::tasks::SKIP_GROUPS, params![run_key(run), first, rest, last, at.0, at.1])?;
    }
    Ok(())
}

/// The numbers of a group's tasks: the first, and the range of the others.
pub fn group_range(db: &Connection, run: RunId, g: u32) -> StoreResult<(i64, i64, i64)> {
    let mut statement = db.prepare_cached(sql::groups::RANGE).map_err(failed)?;
    statement.query_row(params![run_key(run), g], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).map_err(failed)
}

fn create_siblings(db: &Connection, head: &Head, groups: &BTreeMap<u32, Group>, changes: &Changes) -> StoreResult<()> {
    for group in changes.expanded.iter().filter_map(|g| groups.get(g)) {
        insert_tasks(db, head.run, head.workspace, group, 1)?;
    }
    Ok(())
}

/// Creates a group's pending tasks from index `from` on.
pub fn insert_tasks(db: &Connection, run: RunId, workspace: WorkspaceId, group: &Group, from: u32) -> StoreResult<()> {
    let mut statement = db.prepare_cached(sql::tasks::INSERT).map_err(failed)?;
    let (run, workspace) = (run_key(run), workspace_key(workspace));
    for index in from..group.rows() {
        statement.execute(params![run, group.task(index), workspace, group.g, index]).map_err(failed)?;
    }
    Ok(())
}

/// Writes one task's new state; true when it left something for upkeep.
fn write_task(
    db: &Connection,
    run: RunId,
    workspace: WorkspaceId,
    write: &TaskWrite,
    now: Timestamp,
) -> StoreResult<bool> {
    let error = write.error.as_ref().map(encode).transpose()?;
    if !write.status.is_terminal() {
        let due = write.available_at.map(Timestamp::micros);
        let left = write.open_as.and(write.ended.as_ref());
        let changed = execute(
            db,
            sql::tasks::GO_ON,
            params![
                run_key(run),
                write.n,
                write.status.word(),
                write.attempt,
                write.failures,
                write.lost,
                due,
                error,
                write.open_as.map(OpenAs::word),
                left.map(|ended| ended.lease.0),
                left.map(|ended| ended.outcome),
            ],
        )?;
        expect_one(changed, run, write)?;
        if write.open_as.is_none() {
            insert_attempt(db, run, workspace, write, error.as_deref())?;
        }
        if write.status == TaskStatus::Retrying {
            execute(db, sql::queue::DELAY, params![run_key(run), write.n, workspace_key(workspace), due])?;
            return Ok(true);
        }
        return Ok(false);
    }
    let ended = write.ended.as_ref();
    let changed = execute(
        db,
        sql::tasks::END,
        params![
            run_key(run),
            write.n,
            write.status.word(),
            write.reason.map(|reason| reason.word()),
            write.attempt,
            write.failures,
            write.lost,
            write.output.as_ref().map(Json::as_str),
            error,
            ended.map(|e| e.lease.0),
            ended.map(|e| worker_key(e.worker)),
            ended.and_then(|e| e.execution_name.as_deref()),
            ended.map(|e| e.outcome),
            ended.and_then(|e| e.end.exit_code),
            ended.and_then(|e| e.end.signal),
            ended.map(|e| e.end.usage.cpu_ms.cast_signed()),
            ended.map(|e| e.end.usage.memory_bytes_max.cast_signed()),
            ended.map(|e| e.dispatched_at.micros()),
            ended.and_then(|e| e.started_at.map(Timestamp::micros)),
            ended.map_or(now, |e| e.finished_at).micros(),
        ],
    )?;
    expect_one(changed, run, write)?;
    if ended.is_none() {
        execute(db, sql::slots::DROP_TASK, params![run_key(run), write.n])?;
        execute(db, sql::queue::UNDELAY, params![run_key(run), write.n])?;
    }
    Ok(false)
}

/// A state that was written to no row, or to one that was terminal, is corruption and must not pass in silence.
fn expect_one(changed: usize, run: RunId, write: &TaskWrite) -> StoreResult<()> {
    if changed == 1 {
        return Ok(());
    }
    Err(StoreError::Corrupt {
        table: "tasks",
        column: "status",
        row: format!("{run} n {}", write.n),
        problem: format!("not live, so it cannot become `{}`", write.status),
    })
}

fn insert_attempt(
    db: &Connection,
    run: RunId,
    workspace: WorkspaceId,
    write: &TaskWrite,
    error: Option<&str>,
) -> StoreResult<()> {
    let Some(ended) = &write.ended else { return Ok(()) };
    execute(
        db,
        sql::attempts::INSERT,
        params![
            run_key(run),
            write.n,
            write.attempt,
            workspace_key(workspace),
            ended.lease.0,
            worker_key(ended.worker),
            ended.execution_name,
            ended.outcome,
            error,
            ended.end.exit_code,
            ended.end.signal,
            ended.end.usage.cpu_ms.cast_signed(),
            ended.end.usage.memory_bytes_max.cast_signed(),
            ended.dispatched_at.micros(),
            ended.started_at.map(Timestamp::micros),
            ended.finished_at.micros(),
        ],
    )?;
    Ok(())
}

fn update_group(db: &Connection, run: RunId, group: &Group) -> StoreResult<()> {
    execute(
        db,
        sql::groups::UPDATE,
        params![
            run_key(run),
            group.g,
            group.phase.word(),
            group.rest,
            group.size,
            group.items.as_ref().map(Json::as_str),
            group.tasks_left,
            group.tasks_bad,
            group.tasks_unmet,
            group.parents_left,
            group.parents_bad,
            group.parents_unmet,
            group.ended.to_string(),
        ],
    )?;
    Ok(())
}

fn write_run(
    db: &Connection,
    head: &Head,
    changes: &Changes,
    result: Option<&Json>,
    now: Timestamp,
) -> StoreResult<()> {
    let run = run_key(head.run);
    execute(
        db,
        sql::heads::UPDATE,
        params![
            run,
            head.status.word(),
            head.paused,
            head.held,
            head.stopping,
            head.cancelling.map(|reason| reason.word()),
            head.seq.cast_signed(),
            head.tasks_total,
            head.tasks_left,
            head.tasks_bad,
        ],
    )?;
    if let Some(at) = changes.started_at {
        execute(db, sql::runs::NOTE_START, params![run, at.micros()])?;
    }
    if let Some((key, failure)) = &changes.error {
        let mut error = serde_json::to_value(failure).unwrap_or_default();
        error["task"] = key.as_str().into();
        execute(db, sql::runs::NOTE_ERROR, params![run, error.to_string()])?;
    }
    if changes.ended.is_some() {
        execute(db, sql::runs::FINISH, params![run, now.micros(), result.map(Json::as_str)])?;
        execute(db, sql::slots::FREE_RUNS, params![run])?;
        execute(db, sql::evaluations::DROP_UNSPARED, params![run, false])?;
    }
    Ok(())
}

fn insert_events(db: &Connection, workspace: WorkspaceId, events: &[EventRow]) -> StoreResult<()> {
    if events.is_empty() {
        return Ok(());
    }
    let mut statement = db.prepare_cached(sql::events::INSERT).map_err(failed)?;
    for (feed, event) in (take_feed(db, events.len())?..).zip(events) {
        statement
            .execute(params![
                run_key(event.run),
                event.seq.cast_signed(),
                event.seq_last.cast_signed(),
                workspace_key(workspace),
                event.event_type.word(),
                event.tasks.to_string(),
                event.actor.kind.word(),
                event.actor.id,
                event.payload.as_ref().map(Json::as_str),
                event.created_at.micros(),
                feed,
            ])
            .map_err(failed)?;
    }
    Ok(())
}

/// Takes `count` numbers of the order of all events; the first of them.
fn take_feed(db: &Connection, count: usize) -> StoreResult<i64> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let mut last = db.prepare_cached(sql::feed::LAST_NUMBER).map_err(failed)?;
    let last: i64 = last.query_row([], |row| row.get(0)).map_err(failed)?;
    execute(db, sql::feed::TAKE_NUMBERS, params![last + count])?;
    Ok(last + 1)
}
