//! The JSON shapes of the HTTP API, which are also those of `--json` on the command line. Nothing but shapes: what fills
//! them is in `ork-server`. Names are those of the tables; moments are RFC 3339 in UTC; durations are integer `*_ms`.
#![deny(missing_docs)]

mod event;
mod problem;
mod queue;
mod run;
mod service;
mod suggestion;
mod task;
mod why;
mod workflow;

use serde::Serialize;
use utoipa::ToSchema;

pub use event::{Actor, Event};
pub use problem::{Fault, Problem};
pub use queue::{Queue, QueueAsked, QueuePause, Worker, WorkerStatus};
pub use run::{Asked, Retry, Run, RunSummary, Submit, Submitted};
pub use service::{Check, Ready, Version};
pub use suggestion::Suggestion;
pub use task::{Attempt, Failure, LogPiece, Task, TaskAsked, TaskSummary, Usage};
pub use why::{Reason, RunWhy};
pub use workflow::{AppliedWorkflow, Definition, DeletedWorkflow, Revision, Validated, Workflow, WorkflowSummary};

/// A part of a list. Pages follow each other by `next_cursor`; nobody counts the whole.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// What to send as `cursor` for the next page; null when this was the last one.
    pub next_cursor: Option<String>,
}
