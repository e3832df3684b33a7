//! All events of all runs in one order: what event streams are made of.

use async_trait::async_trait;

use super::Scope;
use crate::error::StoreResult;
use crate::event::EventRow;
use crate::feed::FeedPosition;
use crate::id::WorkspaceId;

/// A row of events with its place in the order.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedRow {
    /// Its number in the order.
    pub feed: u64,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// What happened.
    pub event: EventRow,
}

impl FeedRow {
    /// The place behind its event number `seq`.
    #[must_use]
    pub const fn position(&self, seq: u64) -> FeedPosition {
        FeedPosition::new(self.feed, self.event.run, seq)
    }

    /// The place behind all of it.
    #[must_use]
    pub const fn end(&self) -> FeedPosition {
        self.position(self.event.seq_last)
    }
}

/// A stretch of the order.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedPage {
    /// Its rows that are in scope.
    pub rows: Vec<FeedRow>,
    /// Where to go on: behind the last row that was looked at, in scope or not. Never before where the reader was.
    pub next: FeedPosition,
    /// As many rows were looked at as were allowed: there may be more at once.
    pub more: bool,
    /// Events are committed that cannot be read yet, because a transaction that began before theirs is still at work and
    /// may write before them. Nobody says when it ends: look again soon.
    pub held_back: bool,
}

/// The order of all events.
#[async_trait]
pub trait Feed {
    /// The rows that hold an event after a place, in order. At most `limit` rows are looked at, so that a page costs the
    /// same however few of them are in scope. Of the first row some events may be at or before that place.
    ///
    /// A reader that goes on from `next` each time gets every event once, and those of one run by their numbers; nothing
    /// is ever committed before a place that was given out.
    async fn feed(&self, scope: Scope, after: FeedPosition, limit: u32) -> StoreResult<FeedPage>;

    /// The place behind the last event that can be read now; [`FeedPosition::START`] when there is none. Whatever is
    /// committed later comes after it.
    async fn feed_head(&self) -> StoreResult<FeedPosition>;

    /// Ends when events may have been written. May end for no reason; may miss what another process wrote for up to a
    /// second. For one waiter at a time: of several, one is told.
    async fn feed_changed(&self);
}
