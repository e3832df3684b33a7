//! A reader of the order of all events, as an event stream is one.

use std::collections::BTreeMap;

use ork_core::event::EventRow;
use ork_core::feed::FeedPosition;
use ork_core::id::RunId;
use ork_core::store::{Feed, FeedPage, FeedRow, Scope, Store};

/// How often is looked until nothing is held back: other databases of a cluster have transactions too.
const LOOKS_MAX: u32 = 100_000;

/// What somebody has read who goes on from where they were.
#[derive(Debug)]
pub struct Reader {
    /// Whose events.
    pub scope: Scope,
    /// Behind the last one.
    pub at: FeedPosition,
    /// What was read so far.
    pub rows: Vec<FeedRow>,
}

impl Reader {
    /// Begins before all events.
    #[must_use]
    pub fn new(scope: Scope) -> Self {
        Self { scope, at: FeedPosition::START, rows: Vec::new() }
    }

    /// Reads one page.
    ///
    /// # Panics
    /// When it is not one; so does [`Self::rest`].
    pub async fn page(&mut self, store: &(impl Feed + ?Sized), limit: u32) -> FeedPage {
        let page = store.feed(self.scope, self.at, limit).await.expect("the feed is read");
        assert!(page.rows.len() <= limit as usize && page.next >= self.at, "{page:?}");
        assert!(page.rows.is_sorted_by_key(FeedRow::end), "{page:?}");
        self.at = page.next;
        self.rows.extend(page.rows.iter().cloned());
        page
    }

    /// Reads to the end.
    pub async fn rest(&mut self, store: &(impl Feed + ?Sized), limit: u32) {
        for _ in 0..LOOKS_MAX {
            let page = self.page(store, limit).await;
            if !page.more && !page.held_back {
                return;
            }
        }
        panic!("something is held back for ever behind {}", self.at);
    }

    /// Looks for what is wrong: each event of each run must have been read once, in the run's order, and under its workspace.
    ///
    /// # Errors
    /// What differs.
    pub async fn check(&self, store: &dyn Store) -> Result<(), String> {
        let mut read: BTreeMap<RunId, Vec<&EventRow>> = BTreeMap::new();
        for row in &self.rows {
            read.entry(row.event.run).or_default().push(&row.event);
        }
        let ids = store.run_ids(self.scope, None, u32::MAX >> 1).await.map_err(|error| error.to_string())?;
        for id in &ids {
            let stored = store.events(self.scope, *id, 0, u32::MAX >> 1).await.map_err(|error| error.to_string())?;
            let read = read.remove(id).unwrap_or_default();
            if stored.iter().collect::<Vec<_>>() != read {
                return Err(format!("the feed of {id} differs\n- {stored:?}\n+ {read:?}"));
            }
            let workspace =
                store.run(self.scope, *id).await.map_err(|error| error.to_string())?.map(|row| row.workspace);
            let theirs = self.rows.iter().filter(|row| row.event.run == *id);
            if theirs.clone().any(|row| Some(row.workspace) != workspace) {
                return Err(format!("the feed of {id} names another workspace"));
            }
        }
        if read.is_empty() { Ok(()) } else { Err(format!("the feed has runs that do not exist: {read:?}")) }
    }
}
