//! The steps of attempts, the decisions that they wait for, and the folders that they share.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::Scope;
use crate::access::Role;
use crate::attempt::{Failure, FailureKind};
use crate::clock::Timestamp;
use crate::error::StoreResult;
use crate::event::Actor;
use crate::graph::{GateEnd, LeaseId, OpenAs};
use crate::id::{GateId, RunId, TaskRef, WorkspaceId};
use crate::json::Json;
use crate::step::{Allowance, Cost, OnExpiry, StepKey, StepPhase, StepRow, StepStatus, StepType, Tokens};

/// Changes of an attempt's steps.
#[derive(Debug, Clone, PartialEq)]
pub struct StepWrite {
    /// The task.
    pub task: TaskRef,
    /// The attempt.
    pub attempt: u32,
    /// The lease. Fence: attempt and lease must be the present ones, by equality.
    pub lease: LeaseId,
    /// What changes, in order.
    pub changes: Vec<StepChange>,
}

/// What happens to one step.
#[derive(Debug, Clone, PartialEq)]
pub enum StepChange {
    /// It begins, or is passed over.
    Begin(StepBegin),
    /// It ends.
    End(StepEnd),
}

impl StepChange {
    /// Which try of which step.
    #[must_use]
    pub const fn key(&self) -> StepKey {
        match self {
            Self::Begin(begin) => begin.key,
            Self::End(end) => end.key,
        }
    }
}

/// The beginning of a step; for one that is passed over, its end as well.
#[derive(Debug, Clone, PartialEq)]
pub struct StepBegin {
    /// Which try of which step.
    pub key: StepKey,
    /// Its name.
    pub name: String,
    /// The part of the attempt.
    pub phase: StepPhase,
    /// What it does.
    pub step_type: StepType,
    /// `running`, `skipped` or `cancelled`.
    pub status: StepStatus,
    /// The model that is asked.
    pub model: Option<String>,
    /// The prompt that it is given: `ID@VERSION`.
    pub prompt: Option<String>,
    /// What is reserved for it in all budgets that it counts for.
    pub reserve: Option<Cost>,
    /// What all tries and rounds of this step may use in its task.
    pub allowance: Option<Allowance>,
    /// When.
    pub at: Timestamp,
}

/// The end of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepEnd {
    /// Which try of which step.
    pub key: StepKey,
    /// A terminal status.
    pub status: StepStatus,
    /// What it gave.
    pub output: Option<Json>,
    /// What went wrong.
    pub error: Option<Failure>,
    /// How its process ended.
    pub exit_code: Option<i32>,
    /// The model that answered, if that is another one, or told by a command.
    pub model: Option<String>,
    /// What it used.
    pub tokens: Tokens,
    /// What that counts for in budgets; its reservation ends.
    pub cost: Cost,
    /// When.
    pub at: Timestamp,
}

/// What became of a [`StepWrite`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepsWritten {
    /// It is written, or was before.
    Done,
    /// The lease is not the present one: nothing changed.
    Stale,
    /// A reservation does not fit: nothing changed.
    OverBudget(Shortage),
}

/// A budget that has not enough left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortage {
    /// Which: `step`, `run` or `workspace`.
    pub budget: BudgetKind,
    /// What it is.
    pub limit: Allowance,
    /// What of it is used or reserved.
    pub taken: Cost,
    /// What was wanted.
    pub wanted: Cost,
}

words!(
    /// Whose a budget is.
    BudgetKind {
        /// One step's in one task.
        Step = "step",
        /// One run's.
        Run = "run",
        /// A workspace's.
        Workspace = "workspace",
    }
);

/// Where an attempt with steps stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Standing {
    /// How the attempt was left by the lease before; `None` when this is its first one.
    pub open_as: Option<OpenAs>,
    /// Its steps so far, by round, position and try.
    pub steps: Vec<StepRow>,
    /// Its gates.
    pub gates: Vec<GateRow>,
    /// The folder as it was saved last.
    pub saved: Option<SavedWork>,
    /// The task's last error: what a lost worker's end was settled as.
    pub error: Option<Failure>,
}

words!(
    /// The status of a gate.
    GateStatus {
        /// Nobody has decided.
        Open = "open",
        /// The attempt may go on.
        Approved = "approved",
        /// It may not.
        Rejected = "rejected",
        /// Its time passed, and that counts as rejected.
        Expired = "expired",
        /// It is not needed any more.
        Cancelled = "cancelled",
    }
);

words!(
    /// What a gate asks.
    GateKind {
        /// Whether the work may go on.
        Approval = "approval",
        /// Whether the run may use more than its budget.
        Budget = "budget",
    }
);

/// A gate to be opened by the end of a lease.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewGate {
    /// Its id.
    pub id: GateId,
    /// Which step waits for it.
    pub step: StepKey,
    /// That step's name.
    pub step_name: String,
    /// It asks whether the run may use more than its budget.
    pub is_budget: bool,
    /// The least role of whoever decides.
    pub role: Role,
    /// Whether whoever started the run may decide.
    pub allow_self: bool,
    /// What is asked, in words.
    pub message: Option<String>,
    /// When its time is over.
    pub expires_at: Option<Timestamp>,
    /// What happens then.
    pub on_expiry: OnExpiry,
}

impl NewGate {
    /// What it asks.
    #[must_use]
    pub const fn kind(&self) -> GateKind {
        if self.is_budget { GateKind::Budget } else { GateKind::Approval }
    }
}

/// A gate.
#[derive(Debug, Clone, PartialEq)]
pub struct GateRow {
    /// Its id.
    pub id: GateId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// The task.
    pub task: TaskRef,
    /// The task's name in the plan.
    pub task_key: String,
    /// Its place among its siblings.
    pub task_index: u32,
    /// The run's name.
    pub run_name: String,
    /// The owner of the run.
    pub owner: Option<String>,
    /// Who started the run: the actor of its first event.
    pub started_by: String,
    /// Which step waits for it.
    pub step: StepKey,
    /// That step's name.
    pub step_name: String,
    /// What it asks.
    pub kind: GateKind,
    /// How far it is.
    pub status: GateStatus,
    /// The least role of whoever decides.
    pub role: Role,
    /// Whether whoever started the run may decide.
    pub allow_self: bool,
    /// What is asked, in words.
    pub message: Option<String>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When its time is over.
    pub expires_at: Option<Timestamp>,
    /// What happens then.
    pub on_expiry: OnExpiry,
    /// Who decided.
    pub decided_by: Option<Actor>,
    /// Why, in their words.
    pub comment: Option<String>,
    /// When.
    pub decided_at: Option<Timestamp>,
}

impl GateRow {
    /// What is decided because its time is over; `None` while it is not, when somebody has decided, and when it holds.
    #[must_use]
    pub fn expiry(&self, now: Timestamp) -> Option<Decision> {
        let is_due = self.status == GateStatus::Open && self.expires_at.is_some_and(|at| at <= now);
        (is_due && self.on_expiry != OnExpiry::Hold).then(|| Decision {
            gate: self.id,
            approve: self.on_expiry == OnExpiry::Approve,
            comment: None,
            grant: None,
            actor: Actor::system("scheduler"),
            now,
        })
    }

    /// Its end.
    #[must_use]
    pub fn end(&self, status: GateStatus, comment: Option<String>) -> GateEnd {
        let (step, step_name) = (self.step, self.step_name.clone());
        GateEnd { n: self.task.n, gate: self.id, kind: self.kind, status, step, step_name, comment }
    }
}

/// Which gates a list shows.
#[derive(Debug, Clone, Default)]
pub struct GateFilter {
    /// Only those of this run.
    pub run: Option<RunId>,
    /// Only those of runs of this owner.
    pub owner: Option<String>,
    /// Only open ones.
    pub open: bool,
    /// Only those after this one: the last of the page before. Newest first.
    pub before: Option<GateId>,
    /// At most so many.
    pub limit: u32,
}

/// Somebody's decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// About which gate.
    pub gate: GateId,
    /// Whether the attempt may go on.
    pub approve: bool,
    /// Why.
    pub comment: Option<String>,
    /// What the run may use more, if the gate is about its budget. `None`: as much again as its plan says.
    pub grant: Option<Allowance>,
    /// Who decides.
    pub actor: Actor,
    /// The present moment.
    pub now: Timestamp,
}

impl Decision {
    /// Whether it says again what this gate's decision was, by the same actor.
    #[must_use]
    pub fn repeats(&self, gate: &GateRow) -> bool {
        let status = if self.approve { GateStatus::Approved } else { GateStatus::Rejected };
        gate.status == status && gate.decided_by.as_ref() == Some(&self.actor)
    }

    /// The error of the step that waited for a gate which so ends; `None` when it may go on.
    #[must_use]
    pub fn failure(&self, kind: GateKind, status: GateStatus) -> Option<Failure> {
        let why = match (&self.comment, status) {
            _ if self.approve => return None,
            (_, GateStatus::Expired) => "nobody decided in time".into(),
            (Some(comment), _) => format!("`{}` rejected it: {comment}", self.actor.id),
            (None, _) => format!("`{}` rejected it", self.actor.id),
        };
        let kind = if kind == GateKind::Budget { FailureKind::Budget } else { FailureKind::Gate };
        Some(Failure::new(kind, why))
    }
}

/// What became of a decision.
#[derive(Debug, Clone, PartialEq)]
pub enum Decided {
    /// It counts.
    Done(GateRow),
    /// Somebody has decided before, or it is not needed any more: nothing changed.
    Before(GateRow),
}

/// A folder, as it is stored: an archive in parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedWork {
    /// Its number: a later one replaces an earlier one.
    pub number: u32,
    /// Its parts.
    pub parts: u32,
    /// Its bytes.
    pub bytes: u64,
    /// The SHA-256 of all of them, in hexadecimal.
    pub checksum: String,
}

/// A part of a folder that is being saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkPart {
    /// The task.
    pub task: TaskRef,
    /// The attempt.
    pub attempt: u32,
    /// The lease: see [`StepWrite::lease`].
    pub lease: LeaseId,
    /// The number of what is being saved.
    pub number: u32,
    /// The part, from 0.
    pub part: u32,
    /// At most [`crate::limits::WORK_PART_BYTES_MAX`].
    pub bytes: Vec<u8>,
}

/// Steps, gates, saved folders.
#[async_trait]
pub trait Steps {
    /// Where the attempt under this lease stands.
    ///
    /// # Errors
    /// `NotFound` when there is no such task in scope.
    async fn standing(&self, scope: Scope, task: TaskRef, attempt: u32) -> StoreResult<Standing>;

    /// Writes changes of an attempt's steps, with their events and all that budgets count, in one transaction. A change that
    /// stands already is passed over, so that whoever got no answer may ask again. Natural key: (task, [`StepKey`]).
    async fn write_steps(
        &self,
        scope: Scope,
        write: &StepWrite,
        actor: &Actor,
        now: Timestamp,
    ) -> StoreResult<StepsWritten>;

    /// All steps of a task, by attempt, round, position and try, after this one; at most `limit`.
    async fn steps(&self, scope: Scope, task: TaskRef, after: Option<StepKey>, limit: u32)
    -> StoreResult<Vec<StepRow>>;

    /// A gate; `None` when it does not exist or is not in scope.
    async fn gate(&self, scope: Scope, gate: GateId) -> StoreResult<Option<GateRow>>;

    /// Gates, newest first.
    async fn gates(&self, scope: Scope, filter: &GateFilter) -> StoreResult<Vec<GateRow>>;

    /// Decides about a gate: gate, step, events and, if nothing else is waited for, the task's way back to its queue in one
    /// transaction. The first decision counts.
    ///
    /// # Errors
    /// `NotFound` when it does not exist or is not in scope.
    async fn decide(&self, scope: Scope, decision: &Decision) -> StoreResult<Decided>;

    /// Open gates whose time is over and that do not hold, the longest due first; at most `limit`.
    async fn expired_gates(&self, scope: Scope, now: Timestamp, limit: u32) -> StoreResult<Vec<GateId>>;

    /// When the next gate expires.
    async fn next_expiry(&self, scope: Scope) -> StoreResult<Option<Timestamp>>;

    /// Does to a gate whose time is over what it says of that. False when it is not open any more, or has time left.
    async fn expire_gate(&self, scope: Scope, gate: GateId, now: Timestamp) -> StoreResult<bool>;

    /// Stores a part of a folder. False when the lease is not the present one.
    async fn save_part(&self, scope: Scope, part: &WorkPart) -> StoreResult<bool>;

    /// The parts of this number are complete: this is the folder from now on, and earlier ones are removed. False when the
    /// lease is not the present one.
    async fn keep_work(&self, scope: Scope, at: (TaskRef, u32, LeaseId), saved: &SavedWork) -> StoreResult<bool>;

    /// A part of a saved folder; `None` when it is not there.
    async fn work_part(&self, scope: Scope, at: (TaskRef, u32), number: u32, part: u32)
    -> StoreResult<Option<Vec<u8>>>;

    /// Removes what is saved of a task's folders. Nothing is no error. False when the lease is not the present one: what is saved
    /// is somebody else's by now.
    async fn drop_work(&self, scope: Scope, at: (TaskRef, u32, LeaseId)) -> StoreResult<bool>;
}
