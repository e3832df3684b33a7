//! Who does tasks' work: the executor of processes, and Rust handlers for operations.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use ork_core::ai::Ai;
use ork_core::executor::{AttemptIo, Executor, Program, Progress, StopCause, Stream};
use ork_core::id::{TaskRef, WorkspaceId};
use ork_core::json::Json;
use serde_json::Value;

/// What an engine can do. Default: nothing.
#[derive(Clone, Default)]
pub struct Executors {
    /// Runs commands and scripts. `None`: such tasks are handed back.
    pub process: Option<Arc<dyn Executor>>,
    /// Serve operations in this process.
    pub handlers: Handlers,
    /// Serve operations that have no handler, by their name: run by `process`, with the task's parameters.
    pub commands: BTreeMap<String, Program>,
    /// Speaks to models. `None`: steps that ask one fail.
    pub models: Option<Arc<dyn Ai>>,
}

/// What a handler gives: an output (`None` counts as `null`), or what went wrong, in words.
pub type HandlerResult = Result<Option<Json>, String>;

/// Serves an operation. It is called once for each attempt, and its future is polled on the engine's runtime: it must
/// not block. Work that does belongs in `tokio::task::spawn_blocking`.
///
/// When the attempt has to stop, [`HandlerContext::stopped`] ends; a handler that does not come to an end within 5 s
/// is dropped.
pub type Handler = Arc<dyn Fn(HandlerContext) -> BoxFuture<'static, HandlerResult> + Send + Sync>;

/// Handlers, by the name of their operation.
#[derive(Clone, Default)]
pub struct Handlers {
    by_operation: BTreeMap<String, Handler>,
}

impl Handlers {
    /// These handlers and one more; one of the same name is replaced.
    #[must_use]
    pub fn with<F, R>(mut self, operation: impl Into<String>, handler: F) -> Self
    where
        F: Fn(HandlerContext) -> R + Send + Sync + 'static,
        R: Future<Output = HandlerResult> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |context| Box::pin(handler(context)));
        self.by_operation.insert(operation.into(), handler);
        self
    }

    /// The handler of an operation.
    #[must_use]
    pub fn get(&self, operation: &str) -> Option<&Handler> {
        self.by_operation.get(operation)
    }
}

/// One attempt, as its handler sees it.
pub struct HandlerContext {
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// The task.
    pub task: TaskRef,
    /// Its name in the plan.
    pub key: Arc<str>,
    /// Its place among its siblings, from 0.
    pub index: u32,
    /// The number of this attempt, from 1.
    pub attempt: u32,
    /// The task's parameters, with every expression evaluated.
    pub params: Value,
    pub(crate) io: Arc<dyn AttemptIo>,
}

impl HandlerContext {
    /// Writes to the attempt's log. Never blocks.
    pub fn log(&self, stream: Stream, bytes: &[u8]) {
        self.io.log(stream, bytes);
    }

    /// Says how far the work is. Never blocks.
    pub fn progress(&self, progress: Progress) {
        self.io.progress(progress);
    }

    /// Ends when the attempt has to stop.
    pub async fn stopped(&self) -> StopCause {
        self.io.stopped().await
    }
}
