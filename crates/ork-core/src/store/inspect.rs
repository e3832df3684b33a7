//! What is stored, looked at: a whole run for the checker and for tests, lanes and slots for people.

use async_trait::async_trait;

use super::{AttemptRow, BudgetRow, GateRow, RunRow, Scope, TaskRow};
use crate::artifact::ArtifactRow;
use crate::clock::Timestamp;
use crate::error::StoreResult;
use crate::event::EventRow;
use crate::graph::{Group, Head, Lease, OpenAs};
use crate::id::{RunId, TaskRef};
use crate::step::StepRow;

/// A task with everything that says where it is.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskDump {
    /// As it is shown.
    pub row: TaskRow,
    /// Its lease.
    pub lease: Option<Lease>,
    /// Rows of it in `ready`.
    pub ready: u32,
    /// Rows of it among those held for a slot.
    pub held: u32,
    /// Rows of it among the delayed retries.
    pub delayed: u32,
    /// Its ended attempts, the last one included when the task is terminal.
    pub attempts: Vec<AttemptRow>,
    /// How its attempt was left, if that is not over and has no lease.
    pub open_as: Option<OpenAs>,
    /// Its steps.
    pub steps: Vec<StepRow>,
    /// Its gates.
    pub gates: Vec<GateRow>,
}

/// Everything that is stored of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunDump {
    /// As it is shown.
    pub row: RunRow,
    /// Its head.
    pub head: Head,
    /// Its groups, by number.
    pub groups: Vec<Group>,
    /// Its tasks, by number.
    pub tasks: Vec<TaskDump>,
    /// Groups that wait for an evaluation, sorted.
    pub evaluations: Vec<u32>,
    /// Its result waits for an evaluation.
    pub evaluates_result: bool,
    /// Its budget.
    pub budget: Option<BudgetRow>,
    /// Its artifacts, by id.
    pub artifacts: Vec<ArtifactRow>,
    /// Its events, by number.
    pub events: Vec<EventRow>,
}

/// What a lane holds. Counting ends at a limit, so that a million of queued tasks costs no more than as many as that.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LaneRow {
    /// The lane: see [`crate::graph::Pin::lane`].
    pub lane: String,
    /// Tasks that can be claimed; the limit, when there are as many or more.
    pub ready: u32,
    /// When the oldest of them was queued; `None` when there is none, or when a version that did not note it queued it.
    pub oldest_at: Option<Timestamp>,
    /// Tasks that wait for a slot of their concurrency key. Of these and the next two, at most the limit is counted in
    /// all lanes together: when their sum is the limit there may be more.
    pub held: u32,
    /// Tasks whose next attempt is due later.
    pub delayed: u32,
    /// Tasks that a worker has.
    pub leased: u32,
}

/// Inspection.
#[async_trait]
pub trait Inspect {
    /// A run in one consistent snapshot; `None` when it does not exist or is not in scope.
    async fn dump(&self, scope: Scope, run: RunId) -> StoreResult<Option<RunDump>>;

    /// Ids of runs after this one, by id; at most `limit`.
    async fn run_ids(&self, scope: Scope, after: Option<RunId>, limit: u32) -> StoreResult<Vec<RunId>>;

    /// Concurrency keys of tasks with more leases and queued tasks than their limit: (key, limit, counted).
    async fn overbooked(&self, scope: Scope) -> StoreResult<Vec<(String, u32, u32)>>;

    /// The lanes of queues that hold a task, by name; no more than `limit` tasks are counted. Lanes of single runs are left
    /// out: a process that carries one serves nothing else.
    async fn lanes(&self, scope: Scope, limit: u32) -> StoreResult<Vec<LaneRow>>;

    /// Tasks that have a slot of a tasks' concurrency key, those at work first, then by id; at most `limit`.
    async fn slot_tasks(&self, scope: Scope, key: &str, limit: u32) -> StoreResult<Vec<TaskRef>>;

    /// Runs that have a slot of a runs' concurrency key, by id; at most `limit`.
    async fn slot_runs(&self, scope: Scope, key: &str, limit: u32) -> StoreResult<Vec<RunId>>;
}
