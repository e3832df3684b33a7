//! Tasks and groups, read; and what people want of single tasks.

use async_trait::async_trait;
use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::Actor;
use ork_core::id::{RunId, TaskRef};
use ork_core::state::TaskStatus;
use ork_core::store::{AttemptRow, GroupCount, GroupRow, OutputRow, Scope, TaskFilter, TaskRow, Tasks};

use crate::bell::Note;
use crate::change::{Also, Reach, close, open};
use crate::conn::{Conn, one};
use crate::fault::Work;
use crate::rows::{self, Columns, filter, int};
use crate::sql::Sql;
use crate::steps;
use crate::store::{PgStore, Transition};
use crate::writes::Entry;

#[async_trait]
impl Tasks for PgStore {
    async fn task(&self, scope: Scope, task: TaskRef) -> StoreResult<Option<TaskRow>> {
        let rows = self.select(scope, Sql::TasksGet, &[&task.run.uuid(), &int(task.n), &filter(scope)]).await?;
        rows.first().map(rows::task_row).transpose()
    }

    async fn tasks(&self, scope: Scope, run: RunId, wanted: &TaskFilter) -> StoreResult<Vec<TaskRow>> {
        let statuses: Option<Vec<&str>> =
            (!wanted.statuses.is_empty()).then(|| wanted.statuses.iter().map(|status| status.word()).collect());
        let rows = self
            .select(
                scope,
                Sql::TasksList,
                &[
                    &run.uuid(),
                    &filter(scope),
                    &wanted.after.map(int),
                    &wanted.g.map(int),
                    &statuses,
                    &i64::from(wanted.limit),
                ],
            )
            .await?;
        rows.iter().map(rows::task_row).collect()
    }

    async fn groups(&self, scope: Scope, run: RunId) -> StoreResult<Vec<GroupRow>> {
        let rows = self.select(scope, Sql::GroupsList, &[&run.uuid(), &filter(scope)]).await?;
        rows.iter().map(rows::group_row).collect()
    }

    async fn counts(&self, scope: Scope, run: RunId) -> StoreResult<Vec<GroupCount>> {
        let rows = self.select(scope, Sql::TasksCounts, &[&run.uuid(), &filter(scope)]).await?;
        let count = |row| {
            let mut c = Columns::of(row, "tasks");
            let (g, status, count): (_, _, i64) = (c.next("g")?, c.next("status")?, c.next("count")?);
            Ok(GroupCount { g, status, count: u32::try_from(count).unwrap_or(u32::MAX) })
        };
        let mut counts = rows.iter().map(count).collect::<StoreResult<Vec<_>>>()?;
        counts.sort_unstable();
        Ok(counts)
    }

    async fn outputs(&self, scope: Scope, run: RunId, groups: &[u32]) -> StoreResult<Vec<OutputRow>> {
        let groups: Vec<i32> = groups.iter().map(|g| int(*g)).collect();
        let rows = self.select(scope, Sql::TasksOutputs, &[&run.uuid(), &groups, &filter(scope)]).await?;
        rows.iter().map(rows::output_row).collect()
    }

    async fn attempts(&self, scope: Scope, task: TaskRef) -> StoreResult<Vec<AttemptRow>> {
        let rows = self.select(scope, Sql::AttemptsOfTask, &[&task.run.uuid(), &int(task.n), &filter(scope)]).await?;
        rows.iter().map(|row| rows::attempt_row(Columns::of(row, "attempts"))).collect()
    }

    async fn cancel_task(&self, scope: Scope, task: TaskRef, actor: &Actor, now: Timestamp) -> StoreResult<bool> {
        self.write(scope, CancelTask { scope, task, actor: actor.clone(), now }).await
    }

    async fn retry_task_now(&self, scope: Scope, task: TaskRef, actor: &Actor, now: Timestamp) -> StoreResult<bool> {
        self.write(scope, RetryNow { scope, task, actor: actor.clone(), now }).await
    }
}

/// Where a task is.
pub struct Place {
    /// Its group.
    pub g: u32,
    status: TaskStatus,
    cancel_requested: bool,
    is_open: bool,
}

/// Finds a task.
pub async fn place(db: &Conn, scope: Scope, task: TaskRef) -> Work<Place> {
    let params: [&(dyn tokio_postgres::types::ToSql + Sync); 3] = [&task.run.uuid(), &int(task.n), &filter(scope)];
    let Some(row) = db.row(Sql::TasksPlace, &params).await? else {
        return Err(StoreError::NotFound(format!("task `{}`", task.id())).into());
    };
    let mut c = Columns::of(&row, "tasks");
    let (g, status) = (c.next("g")?, c.next("status")?);
    Ok(Place { g, status, cancel_requested: c.next("?column?")?, is_open: c.next("?column?")? })
}

struct CancelTask {
    scope: Scope,
    task: TaskRef,
    actor: Actor,
    now: Timestamp,
}

impl Transition for CancelTask {
    type Output = bool;

    async fn apply(&self, db: &Conn) -> Work<bool> {
        let (run, n) = (self.task.run.uuid(), int(self.task.n));
        place(db, self.scope, self.task).await?;
        let mut open = open(db, self.scope, self.task.run, Reach::Whole, (&self.actor, self.now)).await?;
        let place = place(db, self.scope, self.task).await?;
        if place.status.is_terminal() || place.cancel_requested {
            return Ok(false);
        }
        // The queue first: that waits for a claim under way, whose lease is then seen.
        for sql in [Sql::QueueDropTask, Sql::SlotsDropTask] {
            db.run(sql, &[&run, &n]).await?;
        }
        db.run(Sql::QueueUndelay, &[&vec![run], &vec![n]]).await?;
        let leased = db.row(Sql::LeasesOfTask, &[&run, &n]).await?.is_some();
        open.graph.cancel_task(place.g, self.task.n, leased || place.is_open);
        let mut opened = [open];
        if place.is_open && !leased {
            let tasks = steps::open_tasks(db, &[(self.task.run, false)], Some(self.task.n)).await?;
            steps::wind_up(db, &mut opened, &tasks, self.now).await?;
        }
        let mut also = Also::default();
        also.first.add(Sql::TasksRequestCancel, vec![one(run), one(n), one(self.now.micros())]);
        db.note(Note::Look);
        close(db, opened.into(), self.now, also).await?;
        Ok(true)
    }
}

struct RetryNow {
    scope: Scope,
    task: TaskRef,
    actor: Actor,
    now: Timestamp,
}

impl Transition for RetryNow {
    type Output = bool;

    async fn apply(&self, db: &Conn) -> Work<bool> {
        place(db, self.scope, self.task).await?;
        let mut open = open(db, self.scope, self.task.run, Reach::Head, (&self.actor, self.now)).await?;
        let head = &open.graph.head;
        if head.paused || head.held || head.status.is_terminal() {
            return Ok(false);
        }
        let (runs, numbers) = (vec![self.task.run.uuid()], vec![int(self.task.n)]);
        let Some(row) = db.row(Sql::QueueUndelay, &[&runs, &numbers]).await? else { return Ok(false) };
        let also = Also { queue: vec![Entry::next_attempt(&row)?], ..Also::default() };
        open.graph.note_retry(self.task.n);
        close(db, vec![open], self.now, also).await?;
        Ok(true)
    }
}
