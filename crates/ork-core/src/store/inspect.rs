//! A whole run as it is stored, for the checker and for tests.

use async_trait::async_trait;

use super::{AttemptRow, RunRow, Scope, TaskRow};
use crate::error::StoreResult;
use crate::event::EventRow;
use crate::graph::{Group, Head, Lease};
use crate::id::RunId;

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
    /// Its events, by number.
    pub events: Vec<EventRow>,
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
}
