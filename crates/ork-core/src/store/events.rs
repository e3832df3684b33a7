//! Events and logs.

use async_trait::async_trait;

use super::Scope;
use crate::error::StoreResult;
use crate::event::EventRow;
use crate::executor::Stream;
use crate::id::{RunId, TaskRef};

/// Events of runs.
#[async_trait]
pub trait Events {
    /// The rows of a run that hold an event after number `after`, in order, at most `limit` rows.
    async fn events(&self, scope: Scope, run: RunId, after: u64, limit: u32) -> StoreResult<Vec<EventRow>>;
}

/// A piece of one stream of one attempt's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogChunk {
    /// The task.
    pub task: TaskRef,
    /// The attempt.
    pub attempt: u32,
    /// Its place among all chunks of the attempt, both streams together, from 0: the order in which they were written.
    pub position: u32,
    /// The stream.
    pub stream: Stream,
    /// What was written.
    pub bytes: Vec<u8>,
}

/// Which part of a log is wanted.
#[derive(Debug, Clone, Copy)]
pub struct LogQuery {
    /// The task.
    pub task: TaskRef,
    /// The attempt.
    pub attempt: u32,
    /// Only chunks from this position on.
    pub from: u32,
    /// At most about so many bytes; at least one chunk if there is one.
    pub bytes_max: usize,
}

/// A part of a log.
#[derive(Debug, Clone, Default)]
pub struct LogPage {
    /// The chunks, by position.
    pub chunks: Vec<LogChunk>,
    /// Where to go on; `None` when this was the last chunk so far.
    pub next: Option<u32>,
}

/// Logs of attempts. Not events: the last second of a log may be lost in a crash.
#[async_trait]
pub trait Logs {
    /// Keeps chunks. A chunk that is there already is left as it is.
    async fn append_logs(&self, scope: Scope, chunks: &[LogChunk]) -> StoreResult<()>;

    /// A part of a log, from any node.
    async fn logs(&self, scope: Scope, query: LogQuery) -> StoreResult<LogPage>;
}
