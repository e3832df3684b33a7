//! Tasks and attempts.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::Spent;

/// What went wrong.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Failure {
    /// Its kind, such as `exit` or `timeout`.
    pub kind: String,
    /// The exit code, for `exit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// The signal, for `signal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// What happened, in words.
    pub message: String,
}

/// What an attempt used.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    /// User and system time of its processes.
    pub cpu_ms: u64,
    /// The largest resident set of any of its processes.
    pub memory_bytes_max: u64,
}

/// A task, as lists show it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TaskSummary {
    /// Its id.
    pub id: String,
    /// Its run.
    pub run_id: String,
    /// Its name in the plan.
    pub key: String,
    /// Its place among its siblings.
    pub task_index: u32,
    /// `pending`, `queued`, `dispatched`, `running`, `waiting`, `retrying`, `paused`, `success`, `failed`, `skipped` or
    /// `cancelled`.
    pub status: String,
    /// Why, where the status does not say it.
    pub reason: Option<String>,
    /// It waits for a slot of its concurrency key.
    pub held: bool,
    /// Dispatches so far.
    pub attempt: u32,
    /// Attempts that failed or timed out.
    pub failures: u32,
    /// Failures that end it.
    pub max_attempts: u32,
    /// The queue that it waits in: `NAME`, or `NAME@HOST`.
    pub queue: String,
    /// The tasks that share it share a limit.
    pub concurrency_key: Option<String>,
    /// When it is tried again.
    pub available_at: Option<String>,
    /// What went wrong last.
    pub error: Option<Failure>,
    /// 0 to 100.
    pub progress: Option<u8>,
    /// What it is at.
    pub stage: Option<String>,
    /// What it says about that.
    pub message: Option<String>,
    /// The executor's name for its last attempt.
    pub execution_name: Option<String>,
    /// The worker of its last attempt.
    pub worker_id: Option<String>,
    /// How the process of its last attempt ended.
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// What its last attempt used.
    pub usage: Usage,
    /// The task that it was taken over from.
    pub reused_from: Option<String>,
    /// When its last attempt was dispatched.
    pub dispatched_at: Option<String>,
    /// When its last attempt's work began.
    pub started_at: Option<String>,
    /// When it was over.
    pub finished_at: Option<String>,
    /// When somebody asked for its end.
    pub cancel_requested_at: Option<String>,
}

/// A task.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Task {
    /// What lists show of it.
    #[serde(flatten)]
    pub summary: TaskSummary,
    /// What it gave.
    pub output: Option<Value>,
    /// What its models have used; null when it has no steps, and in lists.
    #[serde(default)]
    pub spent: Option<Spent>,
}

/// One try of a task.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Attempt {
    /// Its number, from 1.
    pub attempt: u32,
    /// Its worker.
    pub worker_id: String,
    /// The executor's name for it.
    pub execution_name: Option<String>,
    /// How it ended; null while it goes on.
    pub outcome: Option<String>,
    /// What went wrong.
    pub error: Option<Failure>,
    /// How its process ended.
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// What it used.
    pub usage: Usage,
    /// When it was dispatched.
    pub dispatched_at: String,
    /// When its work began.
    pub started_at: Option<String>,
    /// When it ended.
    pub finished_at: Option<String>,
}

/// What became of a wish about a task.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TaskAsked {
    /// The task.
    pub task_id: String,
    /// Whether this request changed something. False when it was so already, or there is nothing to change.
    pub asked: bool,
    /// The task's status now.
    pub status: String,
}

/// A piece of a log, as one of its streams brought it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LogChunk {
    /// Bytes of the log before it, both streams and Ork's notes together.
    pub offset: u64,
    /// `stdout`, `stderr`, or `ork` for Ork's own notes.
    pub stream: String,
    /// The bytes, in Base64: a piece may begin in the middle of a letter, and need not be text.
    pub base64: String,
}

/// A part of a log.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LogPage {
    /// The attempt.
    pub attempt: u32,
    /// The chunks, in order.
    pub chunks: Vec<LogChunk>,
    /// What to send as `from` for the next part; null when this was the last one so far.
    pub next: Option<u64>,
}

/// A line of a log.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LogLine {
    /// Its number, from 1.
    pub line: u64,
    /// Bytes of the log before it.
    pub offset: u64,
    /// The stream that began it: `stdout`, `stderr`, or `ork` for Ork's own notes.
    pub stream: String,
    /// What it says. Bytes that are no text are replaced; control characters and escapes are as the task wrote them.
    pub text: String,
    /// Whether it has its line break: otherwise more of it may follow.
    pub complete: bool,
}

/// Lines of a log.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LogLines {
    /// The attempt.
    pub attempt: u32,
    /// The lines, in order.
    pub lines: Vec<LogLine>,
    /// What to send as `after_line` to read on.
    pub after_line: u64,
    /// Whether there is more already.
    pub more: bool,
}
