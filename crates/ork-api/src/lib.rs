//! The JSON shapes of the HTTP API, which are also those of `--json` on the command line. Nothing but shapes: what fills
//! them is in `ork-server`. Names are those of the tables; moments are RFC 3339 in UTC; durations are integer `*_ms`.
#![deny(missing_docs)]

mod access;
mod artifact;
mod budget;
mod bulk;
mod event;
mod gate;
mod hook;
mod money;
mod problem;
mod prompt;
mod queue;
mod run;
mod schedule;
mod secret;
mod service;
mod step;
mod suggestion;
mod task;
mod webhook;
mod why;
mod workflow;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use access::{ChangeWorkspace, CreatedToken, NewToken, NewWorkspace, Revoked, Token, WhoAmI, Workspace};
pub use artifact::{
    Artifact, ArtifactForm, ArtifactVerified, CompleteUpload, NewArtifactByUrl, PresignUpload, Presigned, Uploaded,
};
pub use budget::{Allowance, Amount, Budget, DeletedBudget, DeletedPrice, Price, RunBudget, SetPrice};
pub use bulk::{Bulk, BulkAsk, BulkAsked, BulkPreview};
pub use event::{Actor, AppendEvents, AppendedEvents, Event, NewEvent, SealFinding, SealHead, VerifiedEvents};
pub use gate::{Decide, DecideByLink, Gate, Link, NewLink};
pub use hook::{DeletedHook, Hook, HookSecret, NewHook};
pub use money::{NoAmount, Usd};
pub use problem::{Fault, Problem};
pub use prompt::{Prompt, PromptSummary, PromptVariable, PromptVersion, PutPrompt};
pub use queue::{Queue, QueueAsked, QueuePause, Worker, WorkerStatus};
pub use run::{Asked, Group, Resolved, Retry, Run, RunPlan, RunSummary, Submit, Submitted};
pub use schedule::{Schedule, ScheduleAsked, ScheduleSummary};
pub use secret::{DeletedSecret, Secret, SecretSet, SetSecret};
pub use service::{Check, Ready, Version};
pub use step::{Spent, Step};
pub use suggestion::Suggestion;
pub use task::{Attempt, Failure, LogChunk, LogLine, LogLines, LogPage, Task, TaskAsked, TaskSummary, Usage};
pub use webhook::{
    ChangeEndpoint, DeletedEndpoint, Delivery, DeliveryAttempt, DeliveryDetail, Endpoint, EndpointSecret, NewEndpoint,
    NewWebhook, RedeliverFailed, Redelivered, RotateEndpoint,
};
pub use why::{Reason, RunWhy};
pub use workflow::{AppliedWorkflow, Definition, DeletedWorkflow, Revision, Validated, Workflow, WorkflowSummary};

/// An answer with its place in the order of all events.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Snapshot<T> {
    /// What was asked for.
    #[serde(flatten)]
    pub of: T,
    /// Where the event stream goes on: sent as `after`, it has everything that is not in this answer.
    pub as_of: String,
}

impl<T> Snapshot<T> {
    /// The same place of another view of it.
    pub fn map<U>(self, view: impl FnOnce(T) -> U) -> Snapshot<U> {
        Snapshot { of: view(self.of), as_of: self.as_of }
    }
}

/// A part of a list. Pages follow each other by `next_cursor`; nobody counts the whole.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// What to send as `cursor` for the next page; null when this was the last one.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// The same page with another view of its rows.
    pub fn map<U>(self, view: impl Fn(&T) -> U) -> Page<U> {
        Page { items: self.items.iter().map(view).collect(), next_cursor: self.next_cursor }
    }
}
