//! The store as one reader sees it.

use std::fmt;

use ork_api::Snapshot;
use ork_core::clock::Timestamp;
use ork_core::store::{Scope, Store, WorkerRow};

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

    /// Those of the workers that live.
    #[must_use]
    pub fn living(&self, workers: Vec<WorkerRow>) -> Vec<WorkerRow> {
        workers.into_iter().filter(|worker| worker.ended_at.is_none() && (self.lives)(worker, self.now)).collect()
    }
}
