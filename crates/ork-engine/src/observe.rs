//! What an engine tells those who watch it, such as a progress display.

use std::sync::Arc;

use ork_core::attempt::Failure;
use ork_core::executor::{Progress, Stream};
use ork_core::id::{RunId, TaskRef};
use ork_core::store::Settled;
use tokio::sync::broadcast;

/// Which attempt an observation is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The task.
    pub task: TaskRef,
    /// Its name in the plan.
    pub key: Arc<str>,
    /// Its place among its siblings.
    pub index: u32,
    /// The attempt.
    pub attempt: u32,
}

/// Something that this engine did or saw. Not the history: that is in the store.
#[derive(Debug, Clone, PartialEq)]
pub enum Observation {
    /// It took a task.
    Dispatched(Subject),
    /// The work began.
    Started(Subject),
    /// The work wrote something.
    Log {
        /// Whose.
        subject: Subject,
        /// To which stream.
        stream: Stream,
        /// What.
        bytes: Arc<[u8]>,
    },
    /// The work said how far it is.
    Progress {
        /// Whose.
        subject: Subject,
        /// How far.
        progress: Progress,
    },
    /// The attempt's outcome is stored, or was refused.
    Settled {
        /// Whose.
        subject: Subject,
        /// See `ork_core::attempt::Outcome::word`.
        outcome: &'static str,
        /// What went wrong.
        failure: Option<Failure>,
        /// What the store answered.
        settled: Settled,
    },
    /// A run ended by something that this engine settled or concluded.
    RunEnded(RunId),
    /// Something that the people who run this engine should hear of.
    Trouble {
        /// Which part of the engine says so.
        part: &'static str,
        /// What it is.
        message: String,
    },
}

/// Observations that a watcher has not read are kept up to this number; then the oldest are dropped.
const KEPT_MAX: usize = 4_096;

/// The watcher's end: `recv` says how many were dropped when it came too late.
pub type Observations = broadcast::Receiver<Observation>;

/// The engine's end.
pub struct Observers {
    sender: broadcast::Sender<Observation>,
}

impl Observers {
    pub fn new() -> Self {
        Self { sender: broadcast::Sender::new(KEPT_MAX) }
    }

    pub fn subscribe(&self) -> Observations {
        self.sender.subscribe()
    }

    /// Tells the watchers. What is told is made only if there are any.
    pub fn tell(&self, observation: impl FnOnce() -> Observation) {
        if self.sender.receiver_count() > 0 {
            // The last watcher may have left in between.
            let _ = self.sender.send(observation());
        }
    }

    pub fn are_there(&self) -> bool {
        self.sender.receiver_count() > 0
    }

    pub fn trouble(&self, part: &'static str, message: impl ToString) {
        self.tell(|| Observation::Trouble { part, message: message.to_string() });
    }
}
