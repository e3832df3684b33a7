//! The events of a run as they come, from whichever process carries it.

use anyhow::Result;
use ork_core::event::{EventRow, EventType};
use ork_core::id::RunId;

use crate::history::{Bell, History};
use crate::names::Names;

/// Reads on from where it was.
pub struct Follower {
    pub run: RunId,
    after: u64,
    pub names: Names,
    bell: Option<Box<dyn Bell>>,
}

impl Follower {
    /// Begins after event number `after`; 0 for all.
    pub fn new(run: RunId, after: u64) -> Self {
        Self { run, after, names: Names::default(), bell: None }
    }

    /// Ends when it is time to look again.
    pub async fn wait(&mut self, history: &History) {
        let run = self.run;
        self.bell.get_or_insert_with(|| history.bell(run)).ring().await;
    }

    /// What has happened since the last time, at most one page. Empty when nothing has.
    pub async fn next(&mut self, history: &History) -> Result<Vec<EventRow>> {
        let rows = history.events(self.run, self.after).await?;
        let expands = |row: &EventRow| row.event_type == EventType::TaskExpanded;
        if !rows.is_empty() && (self.names.groups().is_empty() || rows.iter().any(expands)) {
            self.names = history.names(self.run).await?;
        }
        self.after = rows.last().map_or(self.after, |row| row.seq_last);
        Ok(rows)
    }
}
