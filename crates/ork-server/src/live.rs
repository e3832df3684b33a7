//! Events as they come, to any number of clients.
//!
//! One task of the process reads what was committed, once for all, and keeps the last of it in a [`Ring`]. Every stream has
//! a place of its own in the order of all events: it reads from the ring while it is inside, and from the database when it
//! has fallen behind. So there is no queue for a client, and a slow one costs what a fast one costs. A client that takes
//! nothing at all is cut by [`crate::patience`]; it knows its place, and comes back to it.

mod known;
mod ring;
mod tail;
#[cfg(test)]
mod tests;
mod topics;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ork_core::error::StoreResult;
use ork_core::feed::FeedPosition;
use ork_core::id::RunId;
use ork_core::limits::STREAMS_MAX;
use ork_core::store::{FeedRow, Scope, Store};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::names::Names;
use known::Known;
use ring::Ring;

pub use tail::Tail;
pub use topics::Topics;

/// Rows that are read at once.
const PAGE: u32 = 500;
/// After a database that did not answer.
const RETRY: Duration = Duration::from_millis(500);
/// Between two looks for what another transaction holds back: first, and at most.
const HELD_FIRST: Duration = Duration::from_millis(1);
const HELD_MAX: Duration = Duration::from_millis(100);

/// How streams behave. Programs take the default; tests are in a hurry.
#[derive(Debug, Clone)]
pub struct LiveOptions {
    /// A stream that has nothing to say says so this often.
    pub heartbeat: Duration,
    /// How often it is looked whether a stream's caller is still admitted.
    pub check: Duration,
    /// Streams at once.
    pub streams_max: usize,
    /// Cursors before this place are too old: what came after them is not kept any more. Everything is kept today.
    pub floor: FeedPosition,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(15),
            check: Duration::from_secs(5),
            streams_max: STREAMS_MAX,
            floor: FeedPosition::START,
        }
    }
}

/// What the streams of a server share.
#[derive(Debug)]
pub struct Live {
    options: LiveOptions,
    ring: Mutex<Ring>,
    known: Mutex<Known>,
    news: watch::Sender<News>,
    open: watch::Sender<usize>,
}

/// What streams wake up for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct News {
    /// So far is read.
    head: FeedPosition,
    /// Counts how often the database went back behind what was read of it: somebody restored it.
    restored: u64,
    /// The server ends.
    closed: bool,
}

impl Live {
    /// Nothing is read before a stream is open and [`Self::follow`] runs.
    #[must_use]
    pub fn new(options: LiveOptions) -> Self {
        let news = News { head: FeedPosition::START, restored: 0, closed: false };
        Self {
            options,
            ring: Mutex::default(),
            known: Mutex::default(),
            news: watch::Sender::new(news),
            open: watch::Sender::new(0),
        }
    }

    /// Ends all streams: the server stops.
    pub(crate) fn close(&self) {
        self.news.send_modify(|news| news.closed = true);
    }

    /// Reads what is committed as long as there is a stream, for ever. Nothing is read without one.
    pub(crate) async fn follow(&self, store: &dyn Store) {
        let mut open = self.open.subscribe();
        // The other end of the channel is here: it is not closed.
        while open.wait_for(|streams| *streams > 0).await.is_ok() {
            self.read_on(store).await;
            // First of all nothing is read any more: a stream that came meanwhile would look into an empty ring for what is said to
            // be there.
            self.news.send_modify(|news| news.head = FeedPosition::START);
            self.ring().restart(FeedPosition::START);
        }
    }

    async fn read_on(&self, store: &dyn Store) {
        let mut at = self.begin(store, None).await;
        let mut pause = HELD_FIRST;
        while *self.open.borrow() > 0 {
            let Ok(page) = store.feed(Scope::All, at, PAGE).await else {
                sleep(RETRY).await;
                at = self.begin(store, Some(at)).await;
                continue;
            };
            if page.next > at {
                at = page.next;
                pause = HELD_FIRST;
                self.ring().push(page.rows);
                self.news.send_modify(|news| news.head = at);
            }
            if page.held_back {
                tokio::select! {
                    () = sleep(pause) => {}
                    () = store.feed_changed() => {}
                }
                pause = (pause * 2).min(HELD_MAX);
            } else if !page.more {
                store.feed_changed().await;
            }
        }
    }

    /// Where to read on: where it was, unless the database went back behind that; at its head in the beginning.
    async fn begin(&self, store: &dyn Store, was_at: Option<FeedPosition>) -> FeedPosition {
        loop {
            match (store.feed_head().await, was_at) {
                (Ok(head), Some(at)) if head >= at => return at,
                (Ok(head), _) => {
                    self.ring().restart(head);
                    self.news.send_modify(|news| {
                        news.head = head;
                        news.restored += u64::from(was_at.is_some());
                    });
                    return head;
                }
                (Err(_), _) => sleep(RETRY).await,
            }
        }
    }

    /// Rows after a place, and how far they go: from the ring, or from the database when they are no longer in it.
    async fn after(
        &self,
        store: &dyn Store,
        scope: Scope,
        at: FeedPosition,
    ) -> StoreResult<(Vec<Arc<FeedRow>>, FeedPosition)> {
        let kept = self.ring().after(at, PAGE as usize);
        let begins = match kept {
            Ok(found) => return Ok(found),
            Err(begins) => begins,
        };
        let page = store.feed(scope, at, PAGE).await?;
        // What the ring begins after may be gone from the database, and then nothing leads up to it.
        let next = if page.rows.is_empty() && !page.more { page.next.max(begins) } else { page.next };
        Ok((page.rows.into_iter().map(Arc::new).collect(), next))
    }

    /// The names of a run's tasks, these among them.
    async fn names(&self, store: &dyn Store, scope: Scope, run: RunId, tasks: &[u32]) -> StoreResult<Arc<Names>> {
        if tasks.is_empty() {
            return Ok(Arc::default());
        }
        let known = self.known().get(run);
        if let Some(names) = known.filter(|names| tasks.iter().all(|n| names.place(*n).is_some())) {
            return Ok(names);
        }
        let names = Arc::new(Names::read(store, scope, run).await?);
        self.known().put(run, Arc::clone(&names));
        Ok(names)
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
