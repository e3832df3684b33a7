//! The way into the queue.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::graph::{Changes, Group, Head};
use ork_core::id::{RunId, WorkspaceId};
use rusqlite::{Connection, OptionalExtension, params};

use crate::change::execute;
use crate::connection::failed;
use crate::rows::{run_key, workspace_key};
use crate::sql;

/// Where tasks went.
#[derive(Debug, Default, Clone, Copy)]
pub struct Queued {
    /// So many can be claimed.
    pub ready: usize,
    /// Some wait for a slot.
    pub held: bool,
}

/// A task on its way into the queue.
#[derive(Debug, Clone)]
pub struct Entry {
    pub run: RunId,
    pub workspace: WorkspaceId,
    pub n: u32,
    pub g: u32,
    pub task_index: u32,
    pub attempt: u32,
    pub lane: Rc<str>,
    pub rank: i64,
    pub slot: Option<(Rc<str>, u32)>,
}

/// Writes the evaluations and queue entries of a change.
pub fn queue_changes(
    db: &Connection,
    head: &Head,
    groups: &BTreeMap<u32, Group>,
    changes: &Changes,
    now: Timestamp,
) -> StoreResult<Queued> {
    for g in &changes.evaluations {
        execute(db, sql::evaluations::INSERT, params![run_key(head.run), g, workspace_key(head.workspace)])?;
    }
    if changes.wants_result {
        execute(db, sql::evaluations::INSERT, params![run_key(head.run), -1, workspace_key(head.workspace)])?;
    }
    let over: BTreeSet<u32> = match changes.released.is_empty() {
        true => BTreeSet::new(),
        false => changes.tasks.iter().filter(|task| task.status.is_terminal()).map(|task| task.n).collect(),
    };
    let mut entries = Vec::new();
    for group in changes.released.iter().filter_map(|g| groups.get(g)) {
        released(head, group, &over, &mut entries);
    }
    for task in changes.requeued.iter().chain(&changes.wound_up) {
        entries.extend(next_attempt(db, head, task.n)?);
    }
    if changes.resumed {
        for n in to_resume(db, head.run)? {
            entries.extend(next_attempt(db, head, n)?);
        }
    }
    enqueue(db, &entries, now)
}

/// The first attempts of a group that was just released; no row needs to be read for that.
fn released(head: &Head, group: &Group, over: &BTreeSet<u32>, into: &mut Vec<Entry>) {
    let lane: Rc<str> = group.spec.lane.as_str().into();
    let slot = group.spec.concurrency.as_ref().map(|c| (Rc::from(c.key.as_str()), c.limit));
    for task_index in 0..group.rows() {
        let n = group.task(task_index);
        if over.contains(&n) || group.ended.contains(n) {
            continue;
        }
        into.push(Entry {
            run: head.run,
            workspace: head.workspace,
            n,
            g: group.g,
            task_index,
            attempt: 1,
            lane: lane.clone(),
            rank: -i64::from(group.spec.priority),
            slot: slot.clone(),
        });
    }
}

fn to_resume(db: &Connection, run: RunId) -> StoreResult<Vec<u32>> {
    let mut statement = db.prepare_cached(sql::tasks::TO_RESUME).map_err(failed)?;
    let found = statement.query_map(params![run_key(run)], |row| row.get(0)).map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

/// A live task's next attempt.
pub fn next_attempt(db: &Connection, head: &Head, n: u32) -> StoreResult<Option<Entry>> {
    let mut statement = db.prepare_cached(sql::tasks::NEXT_ATTEMPT).map_err(failed)?;
    statement
        .query_row(params![run_key(head.run), n], |row| {
            let (key, limit): (Option<String>, Option<u32>) = (row.get(5)?, row.get(6)?);
            Ok(Entry {
                run: head.run,
                workspace: head.workspace,
                n,
                g: row.get(0)?,
                task_index: row.get(1)?,
                attempt: row.get(2)?,
                lane: row.get::<_, String>(3)?.into(),
                rank: row.get(4)?,
                slot: key.map(Rc::from).zip(limit),
            })
        })
        .optional()
        .map_err(failed)
}

/// Puts tasks into the queue, in order; those with a concurrency key wait for [`crate::upkeep::admit`].
pub fn enqueue(db: &Connection, entries: &[Entry], now: Timestamp) -> StoreResult<Queued> {
    let mut queued = Queued::default();
    if entries.is_empty() {
        return Ok(queued);
    }
    let first = take_numbers(db, entries.len())?;
    for (seq, entry) in (first..).zip(entries) {
        let (run, workspace) = (run_key(entry.run), workspace_key(entry.workspace));
        if let Some((key, limit)) = &entry.slot {
            queued.held = true;
            execute(
                db,
                sql::slots::INSERT_HELD,
                params![
                    run,
                    entry.n,
                    workspace,
                    entry.g,
                    entry.task_index,
                    entry.attempt,
                    entry.lane,
                    entry.rank,
                    seq,
                    key,
                    limit
                ],
            )?;
        } else {
            queued.ready += 1;
            insert_ready(db, entry, seq, None, now)?;
        }
    }
    Ok(queued)
}

/// Takes `count` numbers of the queue's order; the first of them.
pub fn take_numbers(db: &Connection, count: usize) -> StoreResult<i64> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let mut last = db.prepare_cached(sql::queue::LAST_NUMBER).map_err(failed)?;
    let last: i64 = last.query_row([], |row| row.get(0)).map_err(failed)?;
    execute(db, sql::queue::TAKE_NUMBERS, params![last + count])?;
    Ok(last)
}

pub fn insert_ready(db: &Connection, entry: &Entry, seq: i64, key: Option<&str>, now: Timestamp) -> StoreResult<()> {
    let (run, workspace) = (run_key(entry.run), workspace_key(entry.workspace));
    execute(
        db,
        sql::queue::INSERT,
        params![
            entry.lane,
            workspace,
            entry.rank,
            seq,
            run,
            entry.n,
            entry.g,
            entry.task_index,
            entry.attempt,
            key,
            now.micros()
        ],
    )?;
    Ok(())
}
