//! Runs: created, read, and told what people want of them.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::Scope;
use crate::attempt::Failure;
use crate::clock::Timestamp;
use crate::error::{StoreError, StoreResult};
use crate::event::Actor;
use crate::graph::{NewRun, RevisionRef};
use crate::id::{RunId, WorkspaceId};
use crate::json::Json;
use crate::state::{Reason, RunStatus};
use crate::webhook::RunWebhook;

/// Whether a submit created its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Submitted {
    /// It did.
    Created,
    /// A run with this id was there already, from the same submit.
    Existing,
}

/// A run, as lists and details show it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRow {
    /// Its id.
    pub id: RunId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// The client's name for it.
    pub external_id: Option<String>,
    /// The one whom it belongs to inside the workspace.
    pub owner: Option<String>,
    /// The workflow's name.
    pub name: String,
    /// What it is now.
    pub status: RunStatus,
    /// Why, when it is being cancelled or passed its deadline.
    pub cancelling: Option<Reason>,
    /// It waits for a slot of its concurrency key.
    pub held: bool,
    /// Higher goes first.
    pub priority: i32,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// What it gave.
    pub result: Option<Json>,
    /// Its first failure: `{"task", "kind", "message"}`.
    pub error: Option<Json>,
    /// What started it.
    pub triggered_by: String,
    /// The run that it repeats.
    pub retry_of: Option<RunId>,
    /// The host whose workers alone may take its tasks.
    pub host: Option<String>,
    /// It is carried by one process, which `ork run --resume` can replace.
    pub in_process: bool,
    /// The folder of the file that it was started from.
    pub project: Option<String>,
    /// The runs that share it share a limit.
    pub concurrency_key: Option<String>,
    /// Its tasks.
    pub tasks_total: u32,
    /// Those that are not over.
    pub tasks_left: u32,
    /// Those that failed or were cancelled.
    pub tasks_bad: u32,
    /// 0 to 100: the mean of its tasks, terminal ones counting 100.
    pub progress: u8,
    /// Number of its last event.
    pub seq: u64,
    /// When it passes its time limit.
    pub deadline_at: Option<Timestamp>,
    /// When somebody asked for its end.
    pub cancel_requested_at: Option<Timestamp>,
    /// Who.
    pub cancel_requested_by: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its first task was dispatched.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// The stored workflow that it is of.
    pub revision: Option<RevisionRef>,
    /// When somebody took note of its end.
    pub acknowledged_at: Option<Timestamp>,
    /// Who.
    pub acknowledged_by: Option<String>,
}

impl RunRow {
    /// When its end was noted, if it was.
    ///
    /// # Errors
    /// `Conflict` when it is not over, so that there is nothing to take note of.
    pub fn acknowledged(&self) -> StoreResult<Option<Timestamp>> {
        if self.finished_at.is_none() {
            let text = format!("`{}` is {}: only the end of a run is acknowledged", self.id, self.status);
            return Err(StoreError::Conflict(text));
        }
        Ok(self.acknowledged_at)
    }
}

/// A stretch of time, with its first moment and without its last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// From this moment on; `None` means from ever.
    pub from: Option<Timestamp>,
    /// Before this moment; `None` means for ever.
    pub until: Option<Timestamp>,
}

/// Which runs a list shows, newest first. Runs are walked by their ids, and each is asked for the rest by its key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunFilter {
    /// Only these; empty means all.
    pub statuses: Vec<RunStatus>,
    /// Only runs of this workflow.
    pub name: Option<String>,
    /// Only runs of this owner.
    pub owner: Option<String>,
    /// Only runs with all of these labels.
    pub labels: BTreeMap<String, String>,
    /// Only runs that were created then.
    pub created: Span,
    /// Only runs whose first task was dispatched then.
    pub started: Span,
    /// Only runs that ended then.
    pub finished: Span,
    /// Only runs that wait for a slot of their concurrency key.
    pub is_held: bool,
    /// Only runs with a task that waits for its next attempt.
    pub is_retrying: bool,
    /// Only runs that are over and that nobody has taken note of.
    pub is_unacknowledged: bool,
    /// Only runs before this one in the list: the last id of the page before.
    pub before: Option<RunId>,
    /// At most so many; at most [`crate::store::ROWS_MAX`].
    pub limit: u32,
}

/// What an engine needs of a run in order to carry out its tasks. It never changes.
#[derive(Debug, Clone)]
pub struct StoredPlan {
    /// The run.
    pub run: RunId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// The plan, as JSON.
    pub plan: Json,
    /// Its inputs.
    pub input: Json,
    /// The folder of the file that it was started from.
    pub project: Option<String>,
    /// The host that it is pinned to.
    pub host: Option<String>,
    /// Whom it tells of itself.
    pub webhook: Option<RunWebhook>,
}

/// Runs.
#[async_trait]
pub trait Runs {
    /// Creates a run with its groups, tasks, queue entries and first events. Natural key: the run's id; the same id
    /// again is [`Submitted::Existing`], and nothing is written.
    ///
    /// # Errors
    /// `Conflict` when `external_id` is taken in the workspace by another run.
    async fn submit(&self, new: &NewRun) -> StoreResult<Submitted>;

    /// One run; `None` when it does not exist or is not in scope.
    async fn run(&self, scope: Scope, id: RunId) -> StoreResult<Option<RunRow>>;

    /// A page of runs, newest first.
    async fn runs(&self, scope: Scope, filter: &RunFilter) -> StoreResult<Vec<RunRow>>;

    /// The runs whose id (as 32 hexadecimal digits) begins with these digits; at most 10.
    async fn runs_by_prefix(&self, scope: Scope, hex: &str) -> StoreResult<Vec<RunId>>;

    /// The run that has this name of a client's in a workspace, letter by letter.
    async fn run_by_external_id(&self, workspace: WorkspaceId, external_id: &str) -> StoreResult<Option<RunId>>;

    /// The plans of these runs, those that exist and are in scope, in any order.
    async fn plans(&self, scope: Scope, ids: &[RunId]) -> StoreResult<Vec<StoredPlan>>;

    /// The text that a run's plan was made from, its own or that of its revision; `None` when the run does not exist, is not
    /// in scope, or has none.
    async fn source(&self, scope: Scope, id: RunId) -> StoreResult<Option<String>>;

    /// Asks for the run's end, for [`Reason::Cancel`] or [`Reason::Deadline`]. What holds no lease is cancelled at once.
    /// False when the run is over or already being cancelled.
    ///
    /// # Errors
    /// `NotFound` when it does not exist or is not in scope; the same for the methods below.
    async fn cancel_run(
        &self,
        scope: Scope,
        id: RunId,
        reason: Reason,
        actor: &Actor,
        now: Timestamp,
    ) -> StoreResult<bool>;

    /// Pauses the run: nothing of it is in `ready` afterwards, what holds a lease goes on. False when it is paused or
    /// over.
    async fn pause_run(&self, scope: Scope, id: RunId, actor: &Actor, now: Timestamp) -> StoreResult<bool>;

    /// Lets a paused run go on. False when it is not paused.
    async fn resume_run(&self, scope: Scope, id: RunId, actor: &Actor, now: Timestamp) -> StoreResult<bool>;

    /// Takes note of the end of a run. It is no event of the run: nothing happened to it. False when it was noted before.
    ///
    /// # Errors
    /// `Conflict` when the run is not over.
    async fn acknowledge_run(&self, scope: Scope, id: RunId, actor: &Actor, now: Timestamp) -> StoreResult<bool>;

    /// Ends a run whose tasks are all over, with its result or with the failure to evaluate it. False when it is over
    /// or not yet so far.
    async fn conclude_run(
        &self,
        scope: Scope,
        id: RunId,
        result: Result<Json, Failure>,
        now: Timestamp,
    ) -> StoreResult<bool>;
}
