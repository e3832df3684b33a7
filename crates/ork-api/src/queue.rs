//! Queues, and who serves them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A queue, or the part of it that belongs to a host.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Queue {
    /// Its name.
    pub queue: String,
    /// The host whose workers alone may take these tasks.
    pub host: Option<String>,
    /// Tasks that can be taken.
    pub queued: u32,
    /// Tasks that wait for a slot of their concurrency key.
    pub held: u32,
    /// Tasks that wait for their next attempt.
    pub retrying: u32,
    /// Tasks that a worker has.
    pub at_work: u32,
    /// Those of the four counts above that ended at the limit, so that there may be more.
    pub more: Vec<String>,
    /// When the oldest of those that can be taken was queued.
    pub oldest_queued_at: Option<String>,
    /// Who paused it, and when; null when nobody did. While it is paused it gives no tasks.
    pub paused: Option<QueuePause>,
    /// The workers that serve it.
    pub workers: Vec<String>,
    /// How many tasks they take at once.
    pub capacity: u32,
}

/// That a queue is paused.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct QueuePause {
    /// By whom.
    pub by: String,
    /// Since when.
    pub at: String,
}

/// What became of a wish about a queue.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct QueueAsked {
    /// The queue.
    pub queue: String,
    /// Whether this request changed something. False when it was so already.
    pub asked: bool,
    /// Who paused it, and when; null when it is not paused now.
    pub paused: Option<QueuePause>,
}

/// Whether a worker lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WorkerStatus {
    /// It does.
    Alive,
    /// Its process is gone, or was not heard of for 15 s, and nobody has settled what it had.
    Dead,
    /// It was struck off and still has something.
    Gone,
}

impl WorkerStatus {
    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Dead => "dead",
            Self::Gone => "gone",
        }
    }
}

/// A worker process.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Worker {
    /// Its id: another one after each restart.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The machine that it runs on.
    pub host: String,
    /// The queues that it serves, or the run that it carries.
    pub queues: Vec<String>,
    /// It carries one run and serves nothing else.
    pub in_process: bool,
    /// How many tasks it takes at once.
    pub capacity: u32,
    /// How many it has.
    pub at_work: usize,
    /// Whether it lives.
    pub status: WorkerStatus,
    /// Its version of Ork.
    pub version: String,
    /// When it began.
    pub started_at: String,
    /// When it was last heard of.
    pub heartbeat_at: String,
}
