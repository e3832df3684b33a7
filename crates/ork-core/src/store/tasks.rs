//! Tasks and groups, read; and what people want of single tasks.

use async_trait::async_trait;

use super::Scope;
use crate::attempt::Failure;
use crate::clock::Timestamp;
use crate::error::StoreResult;
use crate::event::Actor;
use crate::executor::Progress;
use crate::graph::{LeaseId, Phase, ProcessEnd};
use crate::id::{RunId, TaskRef, WorkerId};
use crate::json::Json;
use crate::state::{Reason, TaskStatus};

/// A task, as lists and details show it.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskRow {
    /// Which.
    pub task: TaskRef,
    /// Its group.
    pub g: u32,
    /// Its name in the plan.
    pub key: String,
    /// Its place among its siblings.
    pub task_index: u32,
    /// What it is now: derived from lease, queue and stored state.
    pub status: TaskStatus,
    /// Why, where the status does not say it.
    pub reason: Option<Reason>,
    /// Dispatches so far, the present one included.
    pub attempt: u32,
    /// Attempts that failed or timed out.
    pub failures: u32,
    /// Attempts whose worker was lost.
    pub lost: u32,
    /// Failures that end it.
    pub max_attempts: u32,
    /// The lane that it is queued in.
    pub lane: String,
    /// Its concurrency key.
    pub concurrency_key: Option<String>,
    /// It waits for a slot of its concurrency key.
    pub held: bool,
    /// When it is tried again.
    pub available_at: Option<Timestamp>,
    /// What it gave.
    pub output: Option<Json>,
    /// What went wrong last.
    pub error: Option<Failure>,
    /// How far it is.
    pub progress: Option<Progress>,
    /// The worker of its last attempt.
    pub worker: Option<WorkerId>,
    /// The executor's name for its last attempt.
    pub execution_name: Option<String>,
    /// How the process of its last attempt ended.
    pub end: ProcessEnd,
    /// The task that it was taken over from.
    pub reused_from: Option<TaskRef>,
    /// When its last attempt was dispatched.
    pub dispatched_at: Option<Timestamp>,
    /// When its last attempt's work began.
    pub started_at: Option<Timestamp>,
    /// When it became terminal.
    pub finished_at: Option<Timestamp>,
    /// When somebody asked for its end.
    pub cancel_requested_at: Option<Timestamp>,
}

/// Which tasks of a run a list shows, by number.
#[derive(Debug, Clone, Default)]
pub struct TaskFilter {
    /// Only tasks of this group.
    pub g: Option<u32>,
    /// Only these; empty means all.
    pub statuses: Vec<TaskStatus>,
    /// Only tasks after this number: the last of the page before.
    pub after: Option<u32>,
    /// At most so many.
    pub limit: u32,
}

/// A group, as graphs show it.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupRow {
    /// Its number.
    pub g: u32,
    /// Its node's name.
    pub key: String,
    /// How far it is.
    pub phase: Phase,
    /// How many siblings it has; `None` before it is expanded.
    pub size: Option<u32>,
    /// The items of a dynamic `each`.
    pub items: Option<Json>,
    /// Tasks that are not terminal.
    pub tasks_left: u32,
    /// Tasks with a bad end.
    pub tasks_bad: u32,
    /// Tasks that were skipped by condition.
    pub tasks_unmet: u32,
    /// Parents that are not over.
    pub parents_left: u32,
    /// The numbers of its first task and of its second.
    pub first: u32,
    /// See `first`.
    pub rest: u32,
}

/// How many tasks of a group are in a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupCount {
    /// The group.
    pub g: u32,
    /// The status.
    pub status: TaskStatus,
    /// How many.
    pub count: u32,
}

/// A terminal task's output, for expressions that read it.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputRow {
    /// Its group.
    pub g: u32,
    /// Its place among its siblings.
    pub task_index: u32,
    /// How it ended.
    pub status: TaskStatus,
    /// What it gave.
    pub output: Option<Json>,
}

/// One attempt of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptRow {
    /// Its number, from 1.
    pub attempt: u32,
    /// The lease that it ran under.
    pub lease: LeaseId,
    /// Its worker.
    pub worker: WorkerId,
    /// The executor's name for it.
    pub execution_name: Option<String>,
    /// One word: see [`crate::attempt::Outcome::word`]; `None` while it goes on.
    pub outcome: Option<String>,
    /// What went wrong.
    pub error: Option<Failure>,
    /// How its process ended.
    pub end: ProcessEnd,
    /// When it was dispatched.
    pub dispatched_at: Timestamp,
    /// When its work began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// Tasks and groups.
#[async_trait]
pub trait Tasks {
    /// One task; `None` when it does not exist or is not in scope.
    async fn task(&self, scope: Scope, task: TaskRef) -> StoreResult<Option<TaskRow>>;

    /// A page of a run's tasks, by number.
    async fn tasks(&self, scope: Scope, run: RunId, filter: &TaskFilter) -> StoreResult<Vec<TaskRow>>;

    /// A run's groups, by number: what a graph shows, however wide the fan-out.
    async fn groups(&self, scope: Scope, run: RunId) -> StoreResult<Vec<GroupRow>>;

    /// How many tasks of each group are in which status, by group and status; what no task is in is left out.
    async fn counts(&self, scope: Scope, run: RunId) -> StoreResult<Vec<GroupCount>>;

    /// The ends of all tasks of these groups, by group and index.
    async fn outputs(&self, scope: Scope, run: RunId, groups: &[u32]) -> StoreResult<Vec<OutputRow>>;

    /// A task's attempts, by number, the present one included.
    async fn attempts(&self, scope: Scope, task: TaskRef) -> StoreResult<Vec<AttemptRow>>;

    /// Asks for the end of one task. Without a lease it is cancelled at once. False when it is over or already asked.
    ///
    /// # Errors
    /// `NotFound` when it does not exist or is not in scope.
    async fn cancel_task(&self, scope: Scope, task: TaskRef, actor: &Actor, now: Timestamp) -> StoreResult<bool>;

    /// Ends the wait of a `retrying` task. False when it does not wait for a retry.
    ///
    /// # Errors
    /// `NotFound` when it does not exist or is not in scope.
    async fn retry_task_now(&self, scope: Scope, task: TaskRef, actor: &Actor, now: Timestamp) -> StoreResult<bool>;
}
