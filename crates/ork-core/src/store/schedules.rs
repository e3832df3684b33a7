//! Schedules: when runs of stored workflows begin by themselves.

use async_trait::async_trait;

use super::Scope;
use crate::clock::Timestamp;
use crate::error::StoreResult;
use crate::event::Actor;
use crate::graph::NewRun;
use crate::id::{RevisionId, RunId, WorkflowId, WorkspaceId};
use crate::json::Json;

words!(
    /// What happens at a time at which the run before is still live.
    Overlap {
        /// No run is created for that time.
        Skip = "skip",
        /// The run is created when the one before is over.
        Queue = "queue",
        /// The run is created all the same.
        Allow = "allow",
    }
);

words!(
    /// What happens to times that passed while nobody was there to create runs.
    CatchUp {
        /// Nothing.
        None = "none",
        /// A run is created for the last of them.
        Latest = "latest",
        /// A run is created for each of them, the newest [`crate::limits::CATCH_UP_MAX`] at most.
        All = "all",
    }
);

/// When runs begin, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleSpec {
    /// The times, as five fields.
    pub cron: String,
    /// Where these are the times of the clock: an IANA name.
    pub timezone: String,
    /// The inputs of each run, an object.
    pub input: Json,
    /// What happens while the run before is live.
    pub overlap: Overlap,
    /// What happens to missed times.
    pub catch_up: CatchUp,
}

/// The schedule of a text that is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSchedule {
    /// What the text says.
    pub spec: ScheduleSpec,
    /// Its first time after now.
    pub next_at: Timestamp,
}

/// A schedule. It has the name of its workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleRow {
    /// The workflow that it belongs to.
    pub workflow: WorkflowId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// The workflow's name.
    pub name: String,
    /// The workflow's newest revision, of which runs are created.
    pub revision: RevisionId,
    /// When, and with what.
    pub spec: ScheduleSpec,
    /// Whether it creates runs.
    pub is_enabled: bool,
    /// The next time; `None` when there is none.
    pub next_at: Option<Timestamp>,
    /// The last time for which a run was created.
    pub last_at: Option<Timestamp>,
    /// That run.
    pub last_run: Option<RunId>,
    /// Who enabled, disabled or applied it last.
    pub updated_by: String,
    /// When.
    pub updated_at: Timestamp,
}

/// What is done about a time that came.
#[derive(Debug, Clone)]
pub struct Firing {
    /// Whose schedule.
    pub workspace: WorkspaceId,
    /// Of which workflow.
    pub workflow: WorkflowId,
    /// The revision that was read.
    pub revision: RevisionId,
    /// [`ScheduleRow::next_at`] as it was read.
    pub from: Timestamp,
    /// The next time from now on.
    pub to: Option<Timestamp>,
    /// The time that the run is for, and the run; `None` when it is left out.
    pub run: Option<(Timestamp, NewRun)>,
    /// The present moment.
    pub now: Timestamp,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fired {
    /// It is done.
    Done,
    /// The schedule is not what was read: another process was faster, or somebody has changed it. Nothing was done.
    Stale,
}

/// Schedules.
#[async_trait]
pub trait Schedules {
    /// Schedules after this name, by name; at most `limit`.
    async fn schedules(&self, scope: Scope, after: Option<&str>, limit: u32) -> StoreResult<Vec<ScheduleRow>>;

    /// The schedule of the workflow with this name.
    async fn schedule(&self, scope: Scope, name: &str) -> StoreResult<Option<ScheduleRow>>;

    /// Schedules of all workspaces that are enabled and whose next time has come, the longest due first, after the one with this time
    /// and this workflow; at most `limit`.
    async fn due_schedules(
        &self,
        after: Option<(Timestamp, WorkflowId)>,
        now: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<ScheduleRow>>;

    /// Enables a schedule; its next time is this. False when it is enabled already, and then nothing changes.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    async fn enable_schedule(
        &self,
        workspace: WorkspaceId,
        name: &str,
        next_at: Option<Timestamp>,
        by: (&Actor, Timestamp),
    ) -> StoreResult<bool>;

    /// Disables a schedule: it creates no runs. False when it is disabled already.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    async fn disable_schedule(&self, workspace: WorkspaceId, name: &str, by: (&Actor, Timestamp)) -> StoreResult<bool>;

    /// Moves a schedule to its next time and creates the run of the one that came, in one transaction: there is one run for
    /// each time, whoever crashes where.
    ///
    /// # Errors
    /// As [`super::Runs::submit`]; then the schedule was not moved.
    async fn fire_schedule(&self, firing: &Firing) -> StoreResult<Fired>;
}
