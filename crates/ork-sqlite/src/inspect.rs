//! A whole run as it is stored, lanes, and who has slots.

use std::collections::BTreeMap;

use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::graph::{Lease, OpenAs};
use ork_core::id::{RunId, TaskRef};
use ork_core::step::StepRow;
use ork_core::store::{GateRow, LaneRow, RunDump, Scope, TaskDump, TaskFilter};
use rusqlite::{Connection, params};

use crate::connection::failed;
use crate::rows::{self, Cell, filter, run_key};
use crate::{artifacts, budgets, change, events, gates, runs, sql, steps, tasks};

/// The caller has opened a read transaction, so that all of it is of one moment.
pub fn dump(db: &Connection, scope: Scope, run: RunId) -> StoreResult<Option<RunDump>> {
    let (Some(row), Some(head)) = (runs::run(db, scope, run)?, change::load_head(db, scope, run)?) else {
        return Ok(None);
    };
    let leases = leases(db, run)?;
    let counts = [
        counts(db, run, "SELECT n FROM ready WHERE run_id = ?1")?,
        counts(db, run, "SELECT n FROM held WHERE run_id = ?1")?,
        counts(db, run, "SELECT n FROM delayed WHERE run_id = ?1")?,
    ];
    let everything = TaskFilter { limit: u32::MAX, ..TaskFilter::default() };
    let mut open_as = open_as(db, run)?;
    let mut steps: BTreeMap<u32, Vec<StepRow>> = BTreeMap::new();
    for step in steps::rows(db, sql::steps::OF_RUN, params![run_key(run)])? {
        steps.entry(step.task.n).or_default().push(step);
    }
    let mut gates: BTreeMap<u32, Vec<GateRow>> = BTreeMap::new();
    for gate in gates::rows(db, sql::gates::OF_RUN, params![run_key(run)])? {
        gates.entry(gate.task.n).or_default().push(gate);
    }
    let mut dumped = Vec::new();
    for row in tasks::tasks(db, scope, run, &everything)? {
        let n = row.task.n;
        let count = |at: usize| counts[at].get(&n).copied().unwrap_or(0);
        dumped.push(TaskDump {
            lease: leases.get(&n).cloned(),
            ready: count(0),
            held: count(1),
            delayed: count(2),
            attempts: tasks::ended_attempts(db, row.task)?,
            open_as: open_as.remove(&n).filter(|_| !leases.contains_key(&n)),
            steps: steps.remove(&n).unwrap_or_default(),
            gates: gates.remove(&n).unwrap_or_default(),
            row,
        });
    }
    let (evaluations, evaluates_result) = evaluations(db, run)?;
    Ok(Some(RunDump {
        row,
        head,
        groups: change::all_groups(db, run)?,
        tasks: dumped,
        evaluations,
        evaluates_result,
        budget: budgets::of_run(db, scope, run)?,
        artifacts: artifacts::of_run(db, run)?,
        events: events::events(db, scope, run, 0, u32::MAX)?,
    }))
}

fn open_as(db: &Connection, run: RunId) -> StoreResult<BTreeMap<u32, OpenAs>> {
    let mut statement = db.prepare_cached(sql::tasks::OPEN_AS).map_err(failed)?;
    let found = statement
        .query_map(params![run_key(run)], |row| Ok((row.get(0)?, row.get::<_, Cell<OpenAs>>(1)?.0)))
        .map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

fn leases(db: &Connection, run: RunId) -> StoreResult<BTreeMap<u32, Lease>> {
    let mut statement = db.prepare_cached(sql::leases::OF_RUN).map_err(failed)?;
    let found = statement.query_map(params![run_key(run)], rows::lease).map_err(failed)?;
    found.map(|lease| lease.map(|lease| (lease.task.n, lease)).map_err(failed)).collect()
}

fn counts(db: &Connection, run: RunId, statement: &str) -> StoreResult<BTreeMap<u32, u32>> {
    let mut statement = db.prepare_cached(statement).map_err(failed)?;
    let found = statement.query_map(params![run_key(run)], |row| row.get::<_, u32>(0)).map_err(failed)?;
    let mut counts = BTreeMap::new();
    for n in found {
        *counts.entry(n.map_err(failed)?).or_insert(0) += 1;
    }
    Ok(counts)
}

fn evaluations(db: &Connection, run: RunId) -> StoreResult<(Vec<u32>, bool)> {
    let mut statement = db.prepare_cached(sql::evaluations::OF_RUN).map_err(failed)?;
    let found = statement.query_map(params![run_key(run)], |row| row.get::<_, i64>(0)).map_err(failed)?;
    let found: Vec<i64> = found.collect::<Result<_, _>>().map_err(failed)?;
    let groups = found.iter().filter_map(|g| u32::try_from(*g).ok()).collect();
    Ok((groups, found.contains(&-1)))
}

pub fn run_ids(db: &Connection, scope: Scope, after: Option<RunId>, limit: u32) -> StoreResult<Vec<RunId>> {
    let mut statement = db.prepare_cached(sql::runs::IDS_AFTER).map_err(failed)?;
    let found = statement
        .query_map(params![after.map(run_key), filter(scope), limit], |row| row.get::<_, Cell<RunId>>(0))
        .map_err(failed)?;
    found.map(|row| row.map(|cell| cell.0).map_err(failed)).collect()
}

pub fn overbooked(db: &Connection, scope: Scope) -> StoreResult<Vec<(String, u32, u32)>> {
    let mut statement = db.prepare_cached(sql::slots::OVERBOOKED).map_err(failed)?;
    let found = statement
        .query_map(params![filter(scope)], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

pub fn lanes(db: &Connection, scope: Scope, limit: u32) -> StoreResult<Vec<LaneRow>> {
    let mut statement = db.prepare_cached(sql::lanes::LIST).map_err(failed)?;
    let found = statement
        .query_map(params![filter(scope), limit], |row| {
            Ok(LaneRow {
                lane: row.get(0)?,
                ready: row.get(1)?,
                oldest_at: row.get::<_, Option<i64>>(2)?.map(Timestamp::from_micros),
                held: row.get(3)?,
                delayed: row.get(4)?,
                leased: row.get(5)?,
            })
        })
        .map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

pub fn slot_tasks(db: &Connection, scope: Scope, key: &str, limit: u32) -> StoreResult<Vec<TaskRef>> {
    let mut statement = db.prepare_cached(sql::slots::TASKS).map_err(failed)?;
    let found = statement
        .query_map(params![key, filter(scope), limit], |row| {
            Ok(TaskRef { run: row.get::<_, Cell<RunId>>(0)?.0, n: row.get(1)? })
        })
        .map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

pub fn slot_runs(db: &Connection, scope: Scope, key: &str, limit: u32) -> StoreResult<Vec<RunId>> {
    let mut statement = db.prepare_cached(sql::slots::RUNS).map_err(failed)?;
    let found =
        statement.query_map(params![key, filter(scope), limit], |row| row.get::<_, Cell<RunId>>(0)).map_err(failed)?;
    found.map(|row| row.map(|cell| cell.0).map_err(failed)).collect()
}
