//! The end of attempts, and their beginning: a batch in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use ork_core::attempt::{Outcome, Tally};
use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::Actor;
use ork_core::graph::{Group, Lease, LeaseId, Reach, RunGraph, Settlement};
use ork_core::id::{RunId, TaskRef, WorkerId};
use ork_core::planted::{self, Bug};
use ork_core::state::TaskStatus;
use ork_core::store::{Outcomes, ProgressNote, Scope, Settle, Settled, Start};
use rusqlite::{Connection, OptionalExtension, params};

use crate::change::{self, execute};
use crate::connection::failed;
use crate::rows::{Cell, filter, get, get_option, run_key};
use crate::sql;

/// One run's part of a batch.
#[derive(Default)]
struct Part {
    accepted: Vec<Settlement>,
    late: Vec<(u32, u32, Outcome)>,
    slots: bool,
}

pub fn settle(
    db: &Connection,
    scope: Scope,
    settles: Vec<Settle>,
    actor: &Actor,
    now: Timestamp,
) -> StoreResult<Outcomes> {
    let mut outcomes = Outcomes::default();
    let mut parts: BTreeMap<RunId, Part> = BTreeMap::new();
    for settle in settles {
        outcomes.settled.push(accept(db, scope, settle, &mut parts)?);
    }
    for (run, part) in parts {
        settle_run(db, run, part, actor, now, &mut outcomes)?;
    }
    Ok(outcomes)
}

/// Takes the lease, if the outcome still has the right to it.
fn accept(db: &Connection, scope: Scope, settle: Settle, parts: &mut BTreeMap<RunId, Part>) -> StoreResult<Settled> {
    let task = settle.task;
    let (attempt, lease) = fence(db, &settle)?;
    let mut present = db.prepare_cached(sql::leases::PRESENT).map_err(failed)?;
    let taken = present
        .query_row(params![run_key(task.run), task.n, attempt, lease.0, filter(scope)], |row| {
            let lease = Lease {
                task,
                g: row.get(0)?,
                attempt,
                id: lease,
                worker: get(row, "worker_id")?,
                dispatched_at: get(row, "dispatched_at")?,
                started_at: get_option(row, "started_at")?,
                execution_name: row.get(4)?,
            };
            Ok((lease, row.get::<_, Option<String>>(5)?.is_some()))
        })
        .optional()
        .map_err(failed)?;
    let Some((lease, has_slot)) = taken else {
        return refuse(db, scope, settle, parts);
    };
    execute(db, sql::leases::TAKE, params![run_key(task.run), task.n])?;
    let (tally, cancel_requested) = match settle.outcome {
        // A success needs neither: this is the hot path.
        Outcome::Success { .. } => (Tally::default(), false),
        _ => tally(db, task)?,
    };
    let part = parts.entry(task.run).or_default();
    part.slots |= has_slot;
    part.accepted.push(Settlement {
        lease,
        outcome: settle.outcome,
        tally,
        cancel_requested,
        started_at: settle.started_at,
        finished_at: settle.finished_at,
        end: settle.end,
        random: settle.random,
    });
    Ok(Settled::Accepted)
}

/// The attempt and the lease that must be the present ones.
fn fence(db: &Connection, settle: &Settle) -> StoreResult<(u32, LeaseId)> {
    if planted::is(Bug::TokenCheckDropped) {
        let mut present = db.prepare_cached(sql::leases::OF_TASK).map_err(failed)?;
        let present = present
            .query_row(params![run_key(settle.task.run), settle.task.n], |row| Ok((row.get(0)?, LeaseId(row.get(1)?))))
            .optional()
            .map_err(failed)?;
        return Ok(present.unwrap_or((settle.attempt, settle.lease)));
    }
    Ok((settle.attempt, settle.lease))
}

fn tally(db: &Connection, task: TaskRef) -> StoreResult<(Tally, bool)> {
    let mut statement = db.prepare_cached(sql::tasks::TALLY).map_err(failed)?;
    statement
        .query_row(params![run_key(task.run), task.n], |row| {
            let tally = Tally {
                failures: row.get(0)?,
                lost: row.get(1)?,
                open_as: get_option(row, "open_as")?,
                begun: row.get(4)?,
            };
            Ok((tally, row.get(2)?))
        })
        .map_err(failed)
}

/// Tells a repeated settle from a late one.
fn refuse(db: &Connection, scope: Scope, settle: Settle, parts: &mut BTreeMap<RunId, Part>) -> StoreResult<Settled> {
    let mut place = db.prepare_cached(sql::tasks::PLACE).map_err(failed)?;
    let place = place
        .query_row(params![run_key(settle.task.run), settle.task.n, filter(scope)], |row| {
            Ok((row.get::<_, u32>(0)?, row.get::<_, Cell<TaskStatus>>(1)?.0))
        })
        .optional()
        .map_err(failed)?;
    let Some((g, status)) = place else {
        return Ok(Settled::Unknown);
    };
    if planted::is(Bug::LateResultAccepted) && !status.is_terminal() {
        parts.entry(settle.task.run).or_default().accepted.push(late(g, settle));
        return Ok(Settled::Accepted);
    }
    let Settle { task, attempt, lease, outcome, .. } = settle;
    let mut settled_as = db.prepare_cached(sql::tasks::SETTLED_AS).map_err(failed)?;
    let word: Option<Option<String>> = settled_as
        .query_row(params![run_key(task.run), task.n, attempt, lease.0], |row| row.get(0))
        .optional()
        .map_err(failed)?;
    if word.flatten().as_deref() == Some(outcome.word()) {
        return Ok(Settled::Already);
    }
    parts.entry(task.run).or_default().late.push((task.n, attempt, outcome));
    Ok(Settled::Stale)
}

/// A late outcome as if its lease were still there: only for [`Bug::LateResultAccepted`].
fn late(g: u32, settle: Settle) -> Settlement {
    let Settle { task, attempt, lease, outcome, started_at, finished_at, end, random } = settle;
    let lease = Lease {
        task,
        g,
        attempt,
        id: lease,
        worker: WorkerId::from_uuid(task.run.uuid()),
        dispatched_at: finished_at,
        started_at: Some(finished_at),
        execution_name: None,
    };
    let (tally, cancel_requested) = (Tally::default(), false);
    Settlement { lease, outcome, tally, cancel_requested, started_at, finished_at, end, random }
}

fn settle_run(
    db: &Connection,
    run: RunId,
    part: Part,
    actor: &Actor,
    now: Timestamp,
    out: &mut Outcomes,
) -> StoreResult<()> {
    let own: BTreeSet<u32> = part.accepted.iter().map(|s| s.lease.g).collect();
    let head = change::head_or_not_found(db, Scope::All, run)?;
    let groups = change::load_groups(db, run, &own, |own| reach(own, &part.accepted))?;
    let mut graph = RunGraph::new(head, groups, actor.clone(), now);
    graph.settle(part.accepted);
    for (n, attempt, outcome) in &part.late {
        graph.late(*n, *attempt, outcome);
    }
    let was_over = graph.head.status.is_terminal();
    let (head, left) = change::close(db, graph, None, now)?;
    out.queued += left.queued;
    out.upkeep |= left.upkeep || part.slots;
    if head.status.is_terminal() && !was_over {
        out.upkeep = true;
        out.ended.push(run);
    }
    Ok(())
}

/// How much of the run the batch can touch.
fn reach(own: &[Group], accepted: &[Settlement]) -> Reach {
    let is_deep = |g: u32| own.iter().any(|group| group.g == g && group.spec.deep);
    accepted.iter().map(|s| s.outcome.reach(is_deep(s.lease.g))).max().unwrap_or(Reach::Children)
}

pub fn start(
    db: &Connection,
    scope: Scope,
    starts: &[Start],
    actor: &Actor,
    now: Timestamp,
) -> StoreResult<Vec<TaskRef>> {
    let mut runs: BTreeMap<RunId, Vec<Lease>> = BTreeMap::new();
    let mut begun = Vec::new();
    for start in starts {
        let mut statement = db.prepare_cached(sql::leases::START).map_err(failed)?;
        let lease = statement
            .query_row(
                params![
                    run_key(start.task.run),
                    start.task.n,
                    start.attempt,
                    start.lease.0,
                    start.started_at.micros(),
                    start.execution_name,
                    filter(scope)
                ],
                |row| {
                    Ok(Lease {
                        task: start.task,
                        g: row.get(0)?,
                        attempt: start.attempt,
                        id: start.lease,
                        worker: get(row, "worker_id")?,
                        dispatched_at: get(row, "dispatched_at")?,
                        started_at: Some(start.started_at),
                        execution_name: start.execution_name.clone(),
                    })
                },
            )
            .optional()
            .map_err(failed)?;
        if let Some(lease) = lease {
            begun.push(start.task);
            runs.entry(start.task.run).or_default().push(lease);
        } else if holds(db, scope, start)? {
            // It was announced before, and the answer was lost: the worker must not think that its lease is gone.
            begun.push(start.task);
        }
    }
    for (run, leases) in runs {
        let head = change::head_or_not_found(db, Scope::All, run)?;
        let mut graph = RunGraph::new(head, Vec::new(), actor.clone(), now);
        graph.announce(&leases, true);
        change::close(db, graph, None, now)?;
    }
    Ok(begun)
}

/// Whether the lease of a start is the present one.
fn holds(db: &Connection, scope: Scope, start: &Start) -> StoreResult<bool> {
    let mut statement = db.prepare_cached(sql::leases::PRESENT).map_err(failed)?;
    statement
        .exists(params![run_key(start.task.run), start.task.n, start.attempt, start.lease.0, filter(scope)])
        .map_err(failed)
}

pub fn progress(db: &Connection, scope: Scope, notes: &[ProgressNote]) -> StoreResult<()> {
    for note in notes {
        execute(
            db,
            sql::leases::PROGRESS,
            params![
                run_key(note.task.run),
                note.task.n,
                note.lease.0,
                note.progress.percent.min(100),
                note.progress.stage,
                note.progress.message,
                filter(scope)
            ],
        )?;
    }
    Ok(())
}

/// `NotFound` for a task.
pub fn no_task(task: TaskRef) -> StoreError {
    StoreError::NotFound(format!("task `{}`", task.id()))
}
