//! What a change decided, as statements with arrays.

use std::collections::BTreeMap;

use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::EventRow;
use ork_core::graph::{Changes, Ended, Group, Head, OpenAs, TaskWrite};
use ork_core::id::WorkspaceId;
use ork_core::json::Json;
use ork_core::state::TaskStatus;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::conn::{Answer, Batch, Param, column, one};
use crate::gates;
use crate::rows::{Columns, big, encode, int};
use crate::sql::Sql;

/// What became of one run.
pub struct Finished {
    /// Its head.
    pub head: Head,
    /// Its groups, those that were loaded.
    pub groups: BTreeMap<u32, Group>,
    /// What changed.
    pub changes: Changes,
    /// Groups that no longer wait for their evaluation.
    pub evaluated: Vec<u32>,
}

/// Statements whose rows must all be there.
pub struct Expected(Vec<(usize, u64)>);

impl Expected {
    /// A state that was written to no row, or to one that was terminal, is corruption and must not pass in silence.
    pub fn check(&self, answers: &[Answer]) -> StoreResult<()> {
        match self.0.iter().find(|(place, count)| answers[*place].changed != *count) {
            None => Ok(()),
            Some((place, count)) => Err(StoreError::Corrupt {
                table: "tasks",
                column: "status",
                row: "of this batch".into(),
                problem: format!("{} of {count} tasks are live", answers[*place].changed),
            }),
        }
    }
}

/// A task's new state, and whose it is.
#[derive(Clone)]
struct Write<'a> {
    run: Uuid,
    workspace: Uuid,
    task: &'a TaskWrite,
    error: Option<String>,
}

impl<'a> Write<'a> {
    fn ended<T>(&self, value: impl Fn(&'a Ended) -> T) -> Option<T> {
        self.task.ended.as_ref().map(value)
    }

    /// How the last lease of an attempt ended that is not over.
    fn left<T>(&self, value: impl Fn(&'a Ended) -> T) -> Option<T> {
        self.task.open_as.and(self.task.ended.as_ref()).map(value)
    }
}

/// New siblings, then new states of tasks.
pub fn tasks<'a>(batch: &mut Batch<'a>, finished: &'a [Finished], now: Timestamp) -> StoreResult<Expected> {
    insert_siblings(batch, finished);
    let mut over = Vec::new();
    let mut go_on = Vec::new();
    for Finished { head, changes, .. } in finished {
        for task in &changes.tasks {
            let error = task.error.as_ref().map(encode).transpose()?;
            let write = Write { run: head.run.uuid(), workspace: head.workspace.uuid(), task, error };
            if task.status.is_terminal() { over.push(write) } else { go_on.push(write) }
        }
    }
    let mut expected = Vec::new();
    if !over.is_empty() {
        expected.push((batch.add(Sql::TasksEnd, end_params(&over, now)), big_len(&over)));
    }
    if !go_on.is_empty() {
        expected.push((batch.add(Sql::TasksGoOn, go_on_params(&go_on)), big_len(&go_on)));
        let is_over = |w: &&Write<'a>| w.task.ended.is_some() && w.task.open_as.is_none();
        let ended: Vec<&Write<'a>> = go_on.iter().filter(is_over).collect();
        batch.add(Sql::AttemptsInsert, attempt_params(&ended));
    }
    let waiting: Vec<&Write<'a>> = go_on.iter().filter(|w| w.task.status == TaskStatus::Retrying).collect();
    if !waiting.is_empty() {
        batch.add(
            Sql::QueueDelay,
            vec![
                owned(&waiting, |w| w.run),
                owned(&waiting, |w| int(w.task.n)),
                owned(&waiting, |w| w.workspace),
                owned(&waiting, |w| w.task.available_at.unwrap_or(now).micros()),
            ],
        );
    }
    let opened = finished
        .iter()
        .flat_map(|Finished { head, changes, .. }| changes.gates.iter().map(|gate| (head.run, head.workspace, gate)));
    gates::insert(batch, &opened.collect::<Vec<_>>(), now);
    skip_groups(batch, finished, now);
    Ok(Expected(expected))
}

fn big_len<T>(of: &[T]) -> u64 {
    of.len() as u64
}

fn end_params<'a>(writes: &[Write<'a>], now: Timestamp) -> Vec<Param<'a>> {
    vec![
        owned(writes, |w| w.run),
        owned(writes, |w| int(w.task.n)),
        owned(writes, |w| w.task.status.word()),
        owned(writes, |w| w.task.reason.map(|reason| reason.word())),
        owned(writes, |w| int(w.task.attempt)),
        owned(writes, |w| int(w.task.failures)),
        owned(writes, |w| int(w.task.lost)),
        owned(writes, |w| w.task.output.as_ref().map(Json::as_str)),
        owned(writes, |w| w.error.clone()),
        owned(writes, |w| w.ended(|e| e.lease.0)),
        owned(writes, |w| w.ended(|e| e.worker.uuid())),
        owned(writes, |w| w.ended(|e| e.execution_name.as_deref()).flatten()),
        owned(writes, |w| w.ended(|e| e.outcome)),
        owned(writes, |w| w.ended(|e| e.end.exit_code).flatten()),
        owned(writes, |w| w.ended(|e| e.end.signal).flatten()),
        owned(writes, |w| w.ended(|e| big(e.end.usage.cpu_ms))),
        owned(writes, |w| w.ended(|e| big(e.end.usage.memory_bytes_max))),
        owned(writes, |w| w.ended(|e| e.dispatched_at.micros())),
        owned(writes, |w| w.ended(|e| e.started_at.map(Timestamp::micros)).flatten()),
        owned(writes, |w| w.ended(|e| e.finished_at.micros()).unwrap_or(now.micros())),
    ]
}

fn go_on_params<'a>(writes: &[Write<'a>]) -> Vec<Param<'a>> {
    vec![
        owned(writes, |w| w.run),
        owned(writes, |w| int(w.task.n)),
        owned(writes, |w| w.task.status.word()),
        owned(writes, |w| int(w.task.attempt)),
        owned(writes, |w| int(w.task.failures)),
        owned(writes, |w| int(w.task.lost)),
        owned(writes, |w| w.task.available_at.map(Timestamp::micros)),
        owned(writes, |w| w.error.clone()),
        owned(writes, |w| w.task.open_as.map(OpenAs::word)),
        owned(writes, |w| w.left(|e| e.lease.0)),
        owned(writes, |w| w.left(|e| e.outcome)),
    ]
}

fn attempt_params<'a>(writes: &[&Write<'a>]) -> Vec<Param<'a>> {
    vec![
        owned(writes, |w| w.run),
        owned(writes, |w| int(w.task.n)),
        owned(writes, |w| int(w.task.attempt)),
        owned(writes, |w| w.workspace),
        owned(writes, |w| w.ended(|e| e.lease.0)),
        owned(writes, |w| w.ended(|e| e.worker.uuid())),
        owned(writes, |w| w.ended(|e| e.execution_name.as_deref()).flatten()),
        owned(writes, |w| w.ended(|e| e.outcome)),
        owned(writes, |w| w.error.clone()),
        owned(writes, |w| w.ended(|e| e.end.exit_code).flatten()),
        owned(writes, |w| w.ended(|e| e.end.signal).flatten()),
        owned(writes, |w| w.ended(|e| big(e.end.usage.cpu_ms))),
        owned(writes, |w| w.ended(|e| big(e.end.usage.memory_bytes_max))),
        owned(writes, |w| w.ended(|e| e.dispatched_at.micros())),
        owned(writes, |w| w.ended(|e| e.started_at.map(Timestamp::micros)).flatten()),
        owned(writes, |w| w.ended(|e| e.finished_at.micros())),
    ]
}

/// Like [`column`], of values that do not borrow from `rows` itself.
fn owned<'a, S, T>(rows: &[S], value: impl Fn(&S) -> T) -> Param<'a>
where
    T: tokio_postgres::types::ToSql + Sync + Send + 'a,
{
    Box::new(rows.iter().map(value).collect::<Vec<T>>())
}

/// A group's numbers, as one or two ranges, each with the index of its first task.
pub fn ranges(group: &Group) -> impl Iterator<Item = (u32, u32, u32)> {
    let others = (group.rows() > 1).then(|| (group.rest, group.rest + group.rows() - 2, 1));
    let first = (group.first, group.first, 0);
    match others {
        Some((from, to, _)) if from == group.first + 1 => vec![(group.first, to, 0)],
        Some(others) => vec![first, others],
        None => vec![first],
    }
    .into_iter()
}

/// Tasks to be created: (run, workspace, group, first number, last number, index of the first).
pub type NewRange = (Uuid, Uuid, i32, i32, i32, i32);

/// Creates pending tasks.
pub fn insert_tasks<'a>(batch: &mut Batch<'a>, new: &[NewRange]) {
    if !new.is_empty() {
        batch.add(
            Sql::TasksInsert,
            vec![
                owned(new, |r| r.0),
                owned(new, |r| r.1),
                owned(new, |r| r.2),
                owned(new, |r| r.3),
                owned(new, |r| r.4),
                owned(new, |r| r.5),
            ],
        );
    }
}

fn insert_siblings(batch: &mut Batch<'_>, finished: &[Finished]) {
    let mut new: Vec<NewRange> = Vec::new();
    for Finished { head, groups, changes, .. } in finished {
        for group in changes.expanded.iter().filter_map(|g| groups.get(g)).filter(|group| group.rows() > 1) {
            let last = group.rest + group.rows() - 2;
            new.push((head.run.uuid(), head.workspace.uuid(), int(group.g), int(group.rest), int(last), 1));
        }
    }
    insert_tasks(batch, &new);
}

fn skip_groups(batch: &mut Batch<'_>, finished: &[Finished], now: Timestamp) {
    let mut skipped = Vec::new();
    for Finished { head, groups, changes, .. } in finished {
        for (g, reason) in &changes.skipped {
            for (from, to, _) in groups.get(g).into_iter().flat_map(ranges) {
                skipped.push((head.run.uuid(), int(from), int(to), reason.word()));
            }
        }
    }
    if !skipped.is_empty() {
        batch.add(
            Sql::TasksSkipGroups,
            vec![
                owned(&skipped, |s| s.0),
                owned(&skipped, |s| s.1),
                owned(&skipped, |s| s.2),
                owned(&skipped, |s| s.3),
                one(now.micros()),
            ],
        );
    }
}

/// The groups' counters and phases.
pub fn groups<'a>(batch: &mut Batch<'a>, finished: &'a [Finished]) {
    let mut dirty: Vec<(Uuid, &'a Group)> = Vec::new();
    for Finished { head, groups, changes, .. } in finished {
        dirty.extend(changes.groups.iter().filter_map(|g| groups.get(g)).map(|group| (head.run.uuid(), group)));
    }
    if !dirty.is_empty() {
        batch.add(
            Sql::GroupsUpdate,
            vec![
                owned(&dirty, |(run, _)| *run),
                owned(&dirty, |(_, g)| int(g.g)),
                owned(&dirty, |(_, g)| g.phase.word()),
                owned(&dirty, |(_, g)| int(g.rest)),
                owned(&dirty, |(_, g)| g.size.map(int)),
                owned(&dirty, |(_, g)| g.items.as_ref().map(Json::as_str)),
                owned(&dirty, |(_, g)| int(g.tasks_left)),
                owned(&dirty, |(_, g)| int(g.tasks_bad)),
                owned(&dirty, |(_, g)| int(g.tasks_unmet)),
                owned(&dirty, |(_, g)| int(g.parents_left)),
                owned(&dirty, |(_, g)| int(g.parents_bad)),
                owned(&dirty, |(_, g)| int(g.parents_unmet)),
                owned(&dirty, |(_, g)| g.ended.to_string()),
            ],
        );
    }
}

/// Heads, and what changes of the wide rows beside them. Answers the place of the statement that frees runs' slots.
pub fn runs<'a>(
    batch: &mut Batch<'a>,
    finished: &'a [Finished],
    result: Option<&'a Json>,
    now: Timestamp,
) -> StoreResult<Option<usize>> {
    if !finished.is_empty() {
        batch.add(
            Sql::HeadsUpdate,
            vec![
                column(finished, |f| f.head.run.uuid()),
                column(finished, |f| f.head.status.word()),
                column(finished, |f| f.head.paused),
                column(finished, |f| f.head.held),
                column(finished, |f| f.head.stopping),
                column(finished, |f| f.head.cancelling.map(|reason| reason.word())),
                column(finished, |f| big(f.head.seq)),
                column(finished, |f| int(f.head.tasks_total)),
                column(finished, |f| int(f.head.tasks_left)),
                column(finished, |f| int(f.head.tasks_bad)),
            ],
        );
    }
    advance_runs(batch, finished, result, now)
}

/// First dispatch, first failure, end.
pub fn advance_runs<'a>(
    batch: &mut Batch<'a>,
    finished: &'a [Finished],
    result: Option<&'a Json>,
    now: Timestamp,
) -> StoreResult<Option<usize>> {
    let wide: Vec<&Finished> = finished
        .iter()
        .filter(|f| f.changes.started_at.or(f.changes.ended.map(|_| now)).is_some() || f.changes.error.is_some())
        .collect();
    if !wide.is_empty() {
        let errors = wide
            .iter()
            .map(|f| f.changes.error.as_ref().map(run_error).transpose())
            .collect::<StoreResult<Vec<_>>>()?;
        batch.add(
            Sql::RunsFinish,
            vec![
                owned(&wide, |f| f.head.run.uuid()),
                owned(&wide, |f| f.changes.started_at.map(Timestamp::micros)),
                one(errors),
                owned(&wide, |f| f.changes.ended.map(|_| now.micros())),
                owned(&wide, |f| f.changes.ended.and(result).map(Json::as_str)),
            ],
        );
    }
    let ended: Vec<Uuid> = finished.iter().filter(|f| f.changes.ended.is_some()).map(|f| f.head.run.uuid()).collect();
    if ended.is_empty() {
        return Ok(None);
    }
    let freed = batch.add(Sql::SlotsFreeRuns, vec![one(ended.clone())]);
    let none_spared = vec![false; ended.len()];
    batch.add(Sql::EvaluationsDropUnspared, vec![one(ended), one(none_spared)]);
    Ok(Some(freed))
}

/// A run's `error`: the failure, and the task that it was first seen in.
fn run_error((key, failure): &(String, ork_core::attempt::Failure)) -> StoreResult<String> {
    #[derive(serde::Serialize)]
    struct Named<'a> {
        task: &'a str,
        #[serde(flatten)]
        failure: &'a ork_core::attempt::Failure,
    }
    encode(&Named { task: key, failure })
}

/// Tasks on their way into the queue: a range of one group, and the attempt that they are queued for.
pub struct Entry {
    /// The run.
    pub run: Uuid,
    /// The group.
    pub g: i32,
    /// The first number, and the last.
    pub n: (i32, i32),
    /// The index of the first.
    pub index: i32,
    /// The attempt.
    pub attempt: i32,
}

impl Entry {
    /// The next attempt of a task, from `run_id, n, g, task_index, attempt`.
    pub fn next_attempt(row: &Row) -> StoreResult<Self> {
        let mut c = Columns::of(row, "tasks");
        let (run, n): (Uuid, i32) = (c.next("run_id")?, c.next("n")?);
        let g = c.next("g")?;
        Ok(Self { run, g, n: (n, n), index: c.next("task_index")?, attempt: c.next::<i32>("attempt")? + 1 })
    }
}

/// The queue and the evaluations. Answers the place of the statement that queues.
pub fn queue(batch: &mut Batch<'_>, finished: &[Finished], more: Vec<Entry>, now: Timestamp) -> Option<usize> {
    evaluations(batch, finished);
    let mut entries: Vec<Entry> = Vec::new();
    for Finished { head, groups, changes, .. } in finished {
        if changes.released.is_empty() && changes.requeued.is_empty() && changes.wound_up.is_empty() {
            continue;
        }
        let run = head.run.uuid();
        let writes: BTreeMap<u32, &TaskWrite> = changes.tasks.iter().map(|write| (write.n, write)).collect();
        for group in changes.released.iter().filter_map(|g| groups.get(g)) {
            released(run, group, &writes, &mut entries);
        }
        for task in changes.requeued.iter().chain(&changes.wound_up) {
            let index = groups.get(&task.g).map_or(0, |group| index_of(group, task.n));
            let (g, n) = (int(task.g), int(task.n));
            entries.push(Entry { run, g, n: (n, n), index: int(index), attempt: int(task.attempt) });
        }
    }
    entries.extend(more);
    (!entries.is_empty()).then(|| batch.add(Sql::QueueInsert, queue_params(&entries, now)))
}

/// The parameters of `queue/insert.sql`.
pub fn queue_params<'a>(entries: &[Entry], now: Timestamp) -> Vec<Param<'a>> {
    vec![
        owned(entries, |e| e.run),
        owned(entries, |e| e.g),
        owned(entries, |e| e.n.0),
        owned(entries, |e| e.n.1),
        owned(entries, |e| e.index),
        owned(entries, |e| e.attempt),
        one(now.micros()),
    ]
}

const fn index_of(group: &Group, n: u32) -> u32 {
    if n == group.first { 0 } else { n - group.rest + 1 }
}

/// The first attempts of a group that was just released: none of its tasks had one, so no row needs to be read. Tasks that
/// were over before, or are over by this very change, are left out.
fn released(run: Uuid, group: &Group, writes: &BTreeMap<u32, &TaskWrite>, into: &mut Vec<Entry>) {
    let entry =
        |from, to, index| Entry { run, g: int(group.g), n: (int(from), int(to)), index: int(index), attempt: 1 };
    for (from, to, index) in ranges(group) {
        if group.ended.is_empty() && writes.range(from..=to).next().is_none() {
            into.push(entry(from, to, index));
        } else {
            let live = (from..=to).filter(|n| !group.ended.contains(*n) && !writes.contains_key(n));
            into.extend(live.map(|n| entry(n, n, index_of(group, n))));
        }
    }
}

/// The stored group of a run's result, in `evaluations`.
pub const RESULT: i32 = -1;

fn evaluations(batch: &mut Batch<'_>, finished: &[Finished]) {
    let mut done: Vec<(Uuid, i32)> = Vec::new();
    let mut new: Vec<(Uuid, i32, Uuid)> = Vec::new();
    for Finished { head, changes, evaluated, .. } in finished {
        let (run, workspace) = (head.run.uuid(), head.workspace.uuid());
        done.extend(evaluated.iter().map(|g| (run, int(*g))));
        new.extend(changes.evaluations.iter().map(|g| (run, int(*g), workspace)));
        new.extend(changes.wants_result.then_some((run, RESULT, workspace)));
    }
    if !done.is_empty() {
        batch.add(Sql::EvaluationsDrop, vec![owned(&done, |d| d.0), owned(&done, |d| d.1)]);
    }
    if !new.is_empty() {
        batch.add(Sql::EvaluationsInsert, vec![owned(&new, |e| e.0), owned(&new, |e| e.1), owned(&new, |e| e.2)]);
    }
}

/// The events.
pub fn events<'a>(batch: &mut Batch<'a>, finished: &'a [Finished]) {
    let mut new: Vec<(WorkspaceId, &'a EventRow)> = Vec::new();
    for Finished { head, changes, .. } in finished {
        new.extend(changes.events.iter().map(|event| (head.workspace, event)));
    }
    if !new.is_empty() {
        batch.add(
            Sql::EventsInsert,
            vec![
                owned(&new, |(_, e)| e.run.uuid()),
                owned(&new, |(_, e)| big(e.seq)),
                owned(&new, |(_, e)| big(e.seq_last)),
                owned(&new, |(workspace, _)| workspace.uuid()),
                owned(&new, |(_, e)| e.event_type.word()),
                owned(&new, |(_, e)| e.tasks.to_string()),
                owned(&new, |(_, e)| e.actor.kind.word()),
                owned(&new, |(_, e)| e.actor.id.as_str()),
                owned(&new, |(_, e)| e.payload.as_ref().map(Json::as_str)),
                owned(&new, |(_, e)| e.created_at.micros()),
            ],
        );
    }
}
