//! The store as one reader sees it.

use std::fmt;

use ork_api::Snapshot;
use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::id::RunId;
use ork_core::store::{RunFilter, RunRow, Scope, Store, WorkerRow};

use crate::refused::Answer;

/// Whether a worker's process exists, as far as can be told from here.
pub type Lives = dyn Fn(&WorkerRow, Timestamp) -> bool + Send + Sync;

/// What one reader may see, and when.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// The store.
    pub store: &'a dyn Store,
    /// Whose rows.
    pub scope: Scope,
    /// The one whose runs alone are there.
    pub only_owner: Option<&'a str>,
    /// The present moment.
    pub now: Timestamp,
    /// Whether a worker lives.
    pub lives: &'a Lives,
    /// The end of a command line that finds the same database.
    pub flags: &'a str,
}

impl fmt::Debug for Look<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Look").field("scope", &self.scope).field("now", &self.now).finish_non_exhaustive()
    }
}

impl Look<'_> {
    /// What `read` gives, and a cursor from before that: a stream that goes on from there misses nothing of it.
    pub(crate) async fn snapshot<T>(&self, read: impl Future<Output = Answer<T>>) -> Answer<Snapshot<T>> {
        let as_of = self.store.feed_head().await?.to_string();
        Ok(Snapshot { of: read.await?, as_of })
    }

    /// Whether a run is there for this reader.
    #[must_use]
    pub fn sees(&self, run: &RunRow) -> bool {
        self.only_owner.is_none() || self.only_owner == run.owner.as_deref()
    }

    /// A run, if it is there for this reader.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn run(&self, id: RunId) -> StoreResult<Option<RunRow>> {
        Ok(self.store.run(self.scope, id).await?.filter(|row| self.sees(row)))
    }

    /// Which of all runs are there for this reader.
    #[must_use]
    pub fn own(&self, filter: RunFilter) -> RunFilter {
        match self.only_owner {
            None => filter,
            Some(own) => RunFilter {
                // Whoever asks for somebody else's gets none.
                limit: if filter.owner.as_deref().is_none_or(|owner| owner == own) { filter.limit } else { 0 },
                owner: Some(own.to_owned()),
                ..filter
            },
        }
    }

    /// Those of the workers that live.
    #[must_use]
    pub fn living(&self, workers: Vec<WorkerRow>) -> Vec<WorkerRow> {
        workers.into_iter().filter(|worker| worker.ended_at.is_none() && (self.lives)(worker, self.now)).collect()
    }
}
