//! Events.

use async_trait::async_trait;

use super::Scope;
use crate::clock::Timestamp;
use crate::error::{StoreError, StoreResult};
use crate::event::{Actor, BotType, EventRow, EventType, TaskSet};
use crate::id::RunId;
use crate::json::Json;
use crate::limits::BOT_EVENTS_MAX;

/// An event that a bot writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// What happened, in the bots' own words.
    pub event_type: BotType,
    /// To which task, by number; `None` for the run itself.
    pub task: Option<u32>,
    /// What else there is to say.
    pub payload: Option<Json>,
}

/// Events that a bot writes into a run, all of them or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvents {
    /// The run, over or not.
    pub run: RunId,
    /// The bot's own name for this request, unique in the run: whoever got no answer sends the same again. Without one, the same
    /// again are other events.
    pub key: Option<String>,
    /// The events, in order.
    pub events: Vec<NewEvent>,
    /// Who writes them.
    pub actor: Actor,
    /// The present moment.
    pub now: Timestamp,
}

/// Events that were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The number of the first.
    pub seq: u64,
    /// The number of the last.
    pub seq_last: u64,
    /// They were written by an earlier request of the same name.
    pub repeated: bool,
}

impl NewEvents {
    /// Whether these rows are what an earlier request of this name has written.
    #[must_use]
    pub fn are(&self, rows: &[EventRow]) -> bool {
        let is = |new: &NewEvent, row: &EventRow| {
            row.event_type == EventType::Bot(new.event_type)
                && row.tasks == new.tasks()
                && row.payload == new.payload
                && row.actor == self.actor
        };
        self.events.len() == rows.len() && self.events.iter().zip(rows).all(|(new, row)| is(new, row))
    }

    /// What is said of a name that stands for other events.
    #[must_use]
    pub fn conflict(&self) -> StoreError {
        let key = self.key.as_deref().unwrap_or_default();
        StoreError::Conflict(format!("other events of `{}` were written under the name `{key}`", self.run))
    }

    /// What is said when the run has as many events of bots as it may have.
    #[must_use]
    pub fn too_many(&self) -> StoreError {
        StoreError::Limit(format!("`{}` would have more than {BOT_EVENTS_MAX} events of bots", self.run))
    }
}

impl NewEvent {
    /// To which tasks.
    #[must_use]
    pub fn tasks(&self) -> TaskSet {
        TaskSet::of(self.task.into_iter().collect())
    }
}

/// Events of runs.
#[async_trait]
pub trait Events {
    /// The rows of a run that hold an event after number `after`, in order, at most `limit` rows.
    async fn events(&self, scope: Scope, run: RunId, after: u64, limit: u32) -> StoreResult<Vec<EventRow>>;

    /// Writes a bot's events into a run, also into one that is over. Natural key: the run and the request's name, if it has one.
    ///
    /// # Errors
    /// `NotFound` when there is no such run; `Conflict` when the name stands for other events, or a task is not there; `Limit` when
    /// the run would have more than [`crate::limits::BOT_EVENTS_MAX`] of them.
    async fn append_events(&self, scope: Scope, new: &NewEvents) -> StoreResult<Appended>;
}
