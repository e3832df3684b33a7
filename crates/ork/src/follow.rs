//! The events of a run as they come, from whichever process carries it.

use ork_core::error::StoreResult;
use ork_core::event::{EventRow, EventType};
use ork_core::id::RunId;
use ork_core::limits::PAGE_MAX;
use ork_server::Look;

use crate::names::Names;

/// Reads on from where it was.
pub struct Follower {
    pub run: RunId,
    after: u64,
    pub names: Names,
}

impl Follower {
    /// Begins after event number `after`; 0 for all.
    pub fn new(run: RunId, after: u64) -> Self {
        Self { run, after, names: Names::default() }
    }

    /// What has happened since the last time, at most one page. Empty when nothing has.
    pub async fn next(&mut self, look: Look<'_>) -> StoreResult<Vec<EventRow>> {
        let rows = look.store.events(look.scope, self.run, self.after, PAGE_MAX).await?;
        let expands = |row: &EventRow| row.event_type == EventType::TaskExpanded;
        if !rows.is_empty() && (self.names.groups().is_empty() || rows.iter().any(expands)) {
            self.names = Names::read(look.store, look.scope, self.run).await?;
        }
        self.after = rows.last().map_or(self.after, |row| row.seq_last);
        Ok(rows)
    }
}
