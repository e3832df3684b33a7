//! Runs, loaded and locked for a change, and written back: the only place that gives rows a new status.
//!
//! How many statements that takes does not depend on how many tasks and runs it is about: each is sent once, with arrays.

use std::collections::{BTreeMap, BTreeSet};

use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::Actor;
use ork_core::graph::{Changes, Group, Head, RunGraph, Sweep};
use ork_core::id::RunId;
use ork_core::json::Json;
use ork_core::planted::{self, Bug};
use ork_core::store::Scope;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::bell::Note;
use crate::conn::{Batch, Conn, column, one};
use crate::deliveries;
use crate::fault::Work;
use crate::rows::{self, Columns, filter};
use crate::sql::Sql;
use crate::steps;
use crate::writes::{self, Entry, Finished};

/// A run in the hands of a change.
pub struct Open {
    /// The part of it that is loaded.
    pub graph: RunGraph,
    /// Groups that waited for their evaluation.
    evaluating: BTreeSet<u32>,
}

impl Open {
    /// What was loaded of a run.
    pub fn new(head: Head, groups: Vec<Group>, actor: &Actor, now: Timestamp) -> Self {
        let evaluating = groups.iter().filter(|g| g.phase == ork_core::graph::Phase::Evaluating).map(|g| g.g).collect();
        Self { graph: RunGraph::new(head, groups, actor.clone(), now), evaluating }
    }
}

/// How much of a run is locked.
#[derive(Debug, Clone, Copy)]
pub enum Reach {
    /// Its head alone.
    Head,
    /// A group and its children.
    Group(u32),
    /// All of it.
    Whole,
}

/// Begins a transaction and locks a run: groups, then the head.
///
/// # Errors
/// `NotFound` when it does not exist or is not in scope.
pub async fn open(db: &Conn, scope: Scope, run: RunId, reach: Reach, by: (&Actor, Timestamp)) -> Work<Open> {
    let mut batch = Batch::default();
    match reach {
        Reach::Head => {}
        Reach::Group(g) => {
            let params = vec![one(vec![run.uuid()]), one(vec![rows::int(g)]), one(vec![false])];
            batch.add(Sql::GroupsLock, params);
        }
        Reach::Whole => {
            batch.add(Sql::GroupsLockAll, vec![one(run.uuid())]);
        }
    }
    let head = batch.add(Sql::HeadsLock, vec![one(vec![run.uuid()]), one(filter(scope))]);
    let answers = db.begin_send(&batch).await?;
    let Some(row) = answers[head].rows.first() else {
        return Err(not_found(run).into());
    };
    let groups = if head == 0 { Vec::new() } else { groups(&answers[0].rows)?.remove(&run).unwrap_or_default() };
    Ok(Open::new(rows::head(row)?, groups, by.0, by.1))
}

/// There is no such run, or not for this caller.
pub fn not_found(run: RunId) -> StoreError {
    StoreError::NotFound(format!("run `{run}`"))
}

/// Groups by run.
pub fn groups(rows: &[Row]) -> StoreResult<BTreeMap<RunId, Vec<Group>>> {
    let mut found: BTreeMap<RunId, Vec<Group>> = BTreeMap::new();
    for row in rows {
        let (run, group) = rows::group(row)?;
        found.entry(run).or_default().push(group);
    }
    Ok(found)
}

/// What a change left for others to do.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Left {
    /// How many tasks were queued that can be claimed.
    pub queued: usize,
    /// Something waits for upkeep.
    pub upkeep: bool,
    /// Runs that ended.
    pub ended: Vec<RunId>,
}

/// What else belongs into the transaction.
#[derive(Default)]
pub struct Also<'a> {
    /// The result of the one run that it is about.
    pub result: Option<&'a Json>,
    /// Tasks to be queued after those that the graphs decided.
    pub queue: Vec<Entry>,
    /// More statements, sent first.
    pub first: Batch<'a>,
}

/// Writes what was decided, and commits.
pub async fn close(db: &Conn, opened: Vec<Open>, now: Timestamp, also: Also<'_>) -> Work<Left> {
    let left = write(db, opened, now, also).await?;
    db.commit().await?;
    Ok(left)
}

/// Writes what was decided.
pub async fn write(db: &Conn, mut opened: Vec<Open>, now: Timestamp, also: Also<'_>) -> Work<Left> {
    let mut left = Left::default();
    let lost = steps::close_lost(db, &mut opened, now).await?;
    sweep(db, &mut opened, now, &mut left).await?;
    let mut finished = Vec::with_capacity(opened.len());
    for Open { graph, evaluating } in opened {
        let (head, groups, changes) = graph.finish();
        let over = |g: &u32| groups.get(g).is_none_or(|group| group.phase != ork_core::graph::Phase::Evaluating);
        let evaluated = evaluating.into_iter().filter(over).collect();
        finished.push(Finished { head, groups, changes, evaluated });
    }
    let Also { result, queue, first: mut batch } = also;
    lost.store(&mut batch)?;
    let tasks = writes::tasks(&mut batch, &finished, now)?;
    writes::groups(&mut batch, &finished);
    let freed = writes::runs(&mut batch, &finished, result, now)?;
    let queued = writes::queue(&mut batch, &finished, queue, now);
    // Stays empty but for a planted bug, which commits the numbers first.
    let mut late = Batch::default();
    writes::events(if planted::is(Bug::CursorOnLateIds) { &mut late } else { &mut batch }, &finished);
    deliveries::tell(db, &mut batch, &finished, now).await?;
    let answers = db.send(&batch).await?;
    tasks.check(&answers)?;
    left.upkeep |= freed.is_some_and(|place| answers[place].changed > 0);
    if let Some(place) = queued {
        note_queued(db, &answers[place].rows, &mut left)?;
    }
    for Finished { head, changes, .. } in &finished {
        leave(head, changes, &mut left);
    }
    if left.upkeep {
        db.note(Note::Look);
    }
    if finished.iter().any(|run| !run.changes.events.is_empty()) {
        db.note(Note::Events);
    }
    if planted::is(Bug::CursorOnLateIds) {
        db.commit().await?;
        db.begin_send(&late).await?;
    }
    Ok(left)
}

/// What a run's changes leave for upkeep.
pub fn leave(head: &Head, changes: &Changes, left: &mut Left) {
    left.upkeep |= changes.wants_result || !changes.evaluations.is_empty();
    left.upkeep |= changes.tasks.iter().any(|write| write.available_at.is_some());
    if changes.ended.is_some() {
        left.ended.push(head.run);
    }
}

/// Notes the places where `queue/insert` put tasks.
pub fn note_queued(db: &Conn, rows: &[Row], left: &mut Left) -> Work<()> {
    for row in rows {
        let mut c = Columns::of(row, "ready");
        let (lane, workspace): (String, Uuid) = (c.next("lane")?, c.next("workspace_id")?);
        let key = (c.next("rank")?, c.next("seq")?);
        let count: i64 = c.next("count")?;
        if c.next("held")? {
            left.upkeep = true;
        } else {
            left.queued += usize::try_from(count).unwrap_or(0);
            db.note(Note::Queued((lane, workspace), key));
        }
    }
    Ok(())
}

/// Does the sweeps that are due, of all runs at once: empties their part of the queue, and cancels what holds no lease.
async fn sweep(db: &Conn, opened: &mut [Open], now: Timestamp, left: &mut Left) -> Work<()> {
    let mut sweeps: Vec<(RunId, Sweep)> = Vec::new();
    let mut finished = Vec::new();
    for open in opened.iter_mut() {
        let Some(sweep) = open.graph.take_sweep() else { continue };
        sweeps.push((open.graph.head.run, sweep));
        let changes = Changes {
            tasks: open.graph.take_task_writes(),
            skipped: open.graph.take_skipped(),
            gates: open.graph.take_gates(),
            ..Changes::default()
        };
        left.upkeep |= changes.tasks.iter().any(|write| write.available_at.is_some());
        finished.push(Finished {
            head: open.graph.head.clone(),
            groups: open.graph.groups.clone(),
            changes,
            evaluated: Vec::new(),
        });
    }
    if sweeps.is_empty() {
        return Ok(());
    }
    let mut batch = Batch::default();
    let tasks = writes::tasks(&mut batch, &finished, now)?;
    let runs = || column(&sweeps, |(run, _)| run.uuid());
    let spare = || column(&sweeps, |(_, sweep)| sweep.spare_run_if);
    // The queue first: that waits for claims under way, whose leases the last statement then sees.
    for sql in [Sql::QueueDropUnspared, Sql::SlotsDropUnspared, Sql::QueueUndelayUnspared, Sql::EvaluationsDropUnspared]
    {
        batch.add(sql, vec![runs(), spare()]);
    }
    let reasons = column(&sweeps, |(_, sweep)| sweep.reason.word());
    let swept = batch.add(Sql::TasksSweep, vec![runs(), spare(), reasons, one(now.micros())]);
    let answers = db.send(&batch).await?;
    tasks.check(&answers)?;
    let mut cancelled: BTreeMap<RunId, Vec<(u32, u32)>> = BTreeMap::new();
    for row in &answers[swept].rows {
        let mut c = Columns::of(row, "tasks");
        cancelled.entry(c.next("run_id")?).or_default().push((c.next("g")?, c.next("n")?));
    }
    for open in opened.iter_mut() {
        let run = open.graph.head.run;
        let Some((_, sweep)) = sweeps.iter().find(|(swept, _)| *swept == run) else { continue };
        let mut pairs = cancelled.remove(&run).unwrap_or_default();
        pairs.sort_unstable();
        open.graph.swept(&pairs, sweep.reason);
    }
    let spared: Vec<(RunId, bool)> = sweeps.iter().map(|(run, sweep)| (*run, sweep.spare_run_if)).collect();
    let not_over = steps::open_tasks(db, &spared, None).await?;
    steps::wind_up(db, opened, &not_over, now).await
}
