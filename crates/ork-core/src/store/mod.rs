//! What a store can do: one trait per noun, one method per transition, one transaction per method.
//!
//! Each write is idempotent by a natural key, so that a caller that never got its answer may ask again. Callers never
//! begin or commit. `now` is always handed in; stores read no clock. Every method takes the [`Scope`] that it may
//! touch.

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant),* }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word that is stored, shown and sent.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// The value of a word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

mod access;
mod artifacts;
mod bulk;
mod events;
mod feed;
mod hooks;
mod inspect;
mod logs;
mod pauses;
mod prompts;
mod queue;
mod retention;
mod runs;
mod schedules;
mod seals;
mod secrets;
mod steps;
mod tasks;
mod upkeep;
mod webhooks;
mod workers;
mod workflows;

use std::sync::Arc;

use async_trait::async_trait;

use crate::error::StoreResult;
use crate::id::WorkspaceId;

pub use access::{Access, Grant, TokenHash, TokenRow, WorkspaceRow};
pub use artifacts::{ArtifactFilter, Artifacts, ArtifactsCreated, KeptUnder, LooseBlob};
pub use bulk::{Bulk, BulkAction, BulkRow, BulkStatus, BulkStep};
pub use events::{Appended, Events, NewEvent, NewEvents};
pub use feed::{Feed, FeedPage, FeedRow};
pub use hooks::{HookRow, Hooks};
pub use inspect::{Inspect, LaneRow, RunDump, TaskDump};
pub use logs::{LogChunk, LogPack, LogPage, LogPart, LogQuery, Logs, Packable, Packed, PartKept};
pub use pauses::{Pauses, QueuePause, queue_of};
pub use prompts::{BudgetPeriod, BudgetRow, NewPrompt, PriceRow, PromptRow, PromptVariable, Prompts, fits};
pub use queue::{Claim, Claimed, Heartbeat, Outcomes, ProgressNote, Queue, Settle, Settled, Start};
pub use retention::{Retention, SealHead, Swept, Tombstone};
pub use runs::{RunFilter, RunRow, Runs, Span, StoredPlan, Submitted};
pub use schedules::{CatchUp, Fired, Firing, NewSchedule, Overlap, ScheduleRow, ScheduleSpec, Schedules};
pub use seals::{SealKeyRow, Seals};
pub use secrets::{NewSecret, Reseal, SealedAt, SealedSecret, SecretRow, Secrets};
pub use steps::{
    BudgetKind, Decided, Decision, GateFilter, GateKind, GateRow, GateStatus, NewGate, SavedWork, Shortage, Standing,
    StepBegin, StepChange, StepEnd, StepWrite, Steps, StepsWritten, WorkPart,
};
pub use tasks::{AttemptRow, GroupCount, GroupRow, OutputRow, TaskFilter, TaskRow, Tasks};
pub use upkeep::{Evaluation, EvaluationTarget, Maintained, Upkeep};
pub use webhooks::{
    Addressee, Attempted, Deliveries, DeliveryFilter, DeliveryRow, DeliveryStatus, DeliveryTry, Due, DueKey,
    EndpointChange, EndpointRow, Endpoints, Verdict,
};
pub use workers::{WorkerRow, Workers};
pub use workflows::{Applied, Current, Deleted, Expected, NewRevision, RevisionRow, WorkflowRow, Workflows};

/// Rows that a store gives at once: a page, and one more that tells whether another page follows.
pub const ROWS_MAX: u32 = crate::limits::PAGE_MAX + 1;

/// Which workspaces a request may see and change. The API's requests have one; the engine's loops serve all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One tenant.
    One(WorkspaceId),
    /// Every tenant: for the engine's own loops, never for a request.
    All,
}

impl Scope {
    /// Whether rows of this workspace may be touched.
    #[must_use]
    pub fn admits(self, workspace: WorkspaceId) -> bool {
        match self {
            Self::One(own) => own == workspace,
            Self::All => true,
        }
    }
}

/// A database that holds Ork's state.
#[async_trait]
pub trait Store:
    Runs
    + Tasks
    + Queue
    + Workers
    + Upkeep
    + Events
    + Seals
    + Feed
    + Logs
    + Inspect
    + Access
    + Workflows
    + Pauses
    + Bulk
    + Secrets
    + Schedules
    + Retention
    + Endpoints
    + Deliveries
    + Hooks
    + Steps
    + Prompts
    + Artifacts
    + Send
    + Sync
{
    /// Ends when something may have changed for an engine: work was queued, a cancel was asked for. May end for no
    /// reason; may miss a change of another process for up to a second. Callers look again in any case.
    async fn changed(&self);

    /// How far the database's clock is ahead of this machine's, in microseconds. SQLite has none of its own: 0.
    ///
    /// # Errors
    /// When the database cannot be reached.
    async fn clock_ahead_micros(&self, local: crate::clock::Timestamp) -> StoreResult<i64>;

    /// Looks whether this build can work with the database as it is now. Answers what can take back a commit that was
    /// acknowledged, in words; nothing, when every commit waits for the disk.
    ///
    /// # Errors
    /// `Incompatible` when the schema is not this build's; `Unavailable` when the database cannot be reached.
    async fn check(&self) -> StoreResult<Vec<String>>;

    /// The same store for the requests of one workspace, and of one owner of runs if one is named. On PostgreSQL the database
    /// itself then shows nothing else, whatever a statement forgets, and `Scope::All` is refused; on SQLite the scopes alone
    /// keep tenants apart.
    fn tenant(self: Arc<Self>, workspace: WorkspaceId, owner: Option<&str>) -> Arc<dyn Store>;
}
