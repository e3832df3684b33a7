//! One client's stream.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;
use std::sync::Arc;

use ork_core::error::StoreResult;
use ork_core::feed::FeedPosition;
use ork_core::id::RunId;
use ork_core::store::FeedRow;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::topics::Topics;
use super::{Live, News, RETRY};
use crate::caller::Caller;
use crate::refused::{Answer, Code, Refused};
use crate::server::Server;
use crate::view;

/// Text that is handed over at once; a little more when an event is large. And events of a row that are looked at at once.
const TEXT_BYTES: usize = 16 << 10;
const EVENTS: usize = 64;
/// Runs that a stream remembers.
const SEEN_MAX: usize = 1_000;
/// What a browser waits before it comes again.
const COME_AGAIN_MS: u32 = 1_000;

/// A stream at its place.
pub struct Tail {
    server: Arc<Server>,
    caller: Caller,
    topics: Topics,
    /// Behind the last event that was sent or passed over.
    pub(super) at: FeedPosition,
    /// Runs that were looked up, and whether they are there for the caller.
    seen: BTreeMap<RunId, bool>,
    /// Rows that were read and are not sent yet, and how far they go.
    rows: VecDeque<Arc<FeedRow>>,
    read: FeedPosition,
    news: watch::Receiver<News>,
    restored: u64,
    /// What is said first.
    first: Option<String>,
    beat_at: Instant,
    check_at: Instant,
    _seat: Seat,
}

/// One of the streams that a server has room for.
struct Seat(Arc<Server>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.live.open.send_modify(|streams| *streams -= 1);
    }
}

impl Seat {
    fn take(server: &Arc<Server>) -> Answer<Self> {
        let live = &server.live;
        let max = live.options.streams_max;
        let taken = live.open.send_if_modified(|streams| {
            let has_room = *streams < max;
            *streams += usize::from(has_room);
            has_room
        });
        if taken {
            return Ok(Self(Arc::clone(server)));
        }
        Err(Refused::new(Code::TooManyStreams, format!("{max} streams are open, and that is all there may be")))
    }
}

impl Tail {
    /// Opens a stream after a cursor, or from now on.
    pub async fn open(
        server: &Arc<Server>,
        caller: Caller,
        topics: Topics,
        cursor: Option<FeedPosition>,
    ) -> Answer<Self> {
        let seat = Seat::take(server)?;
        let head = server.store.feed_head().await?;
        let news = server.live.news.subscribe();
        let options = &server.live.options;
        let is_lost = |at: &FeedPosition| *at > head || *at < options.floor;
        let at = cursor.filter(|at| !is_lost(at)).unwrap_or(head);
        let mut first = format!("retry: {COME_AGAIN_MS}\nid: {at}\n\n");
        if cursor.as_ref().is_some_and(is_lost) {
            first.push_str(&reset(head));
        }
        let (restored, now) = (news.borrow().restored, Instant::now());
        Ok(Self {
            server: Arc::clone(server),
            caller,
            topics,
            at,
            seen: BTreeMap::new(),
            rows: VecDeque::new(),
            read: at,
            news,
            restored,
            first: Some(first),
            beat_at: now + options.heartbeat,
            check_at: now + options.check,
            _seat: seat,
        })
    }

    /// What is sent next; `None` when the stream ends. It is asked for again once the client has taken that.
    pub async fn next(&mut self) -> Option<String> {
        let text = match self.first.take() {
            Some(first) => first,
            None => self.wait().await?,
        };
        self.beat_at = Instant::now() + self.live().options.heartbeat;
        Some(text)
    }

    async fn wait(&mut self) -> Option<String> {
        loop {
            let news = *self.news.borrow_and_update();
            if news.closed || !self.is_admitted().await {
                return None;
            }
            if news.restored != self.restored {
                self.restored = news.restored;
                self.rows.clear();
                (self.at, self.read) = (news.head, news.head);
                return Some(reset(news.head));
            }
            match self.advance().await {
                Ok(text) if !text.is_empty() => return Some(text),
                // There may be more behind what is not for this client.
                Ok(_) if self.read < news.head => {
                    // Whoever reads for all streams may wait for this very thread.
                    tokio::task::yield_now().await;
                    continue;
                }
                Ok(_) => {}
                Err(_) => sleep(RETRY).await,
            }
            tokio::select! {
                changed = self.news.changed() => changed.ok()?,
                () = sleep_until(self.check_at) => {}
                () = sleep_until(self.beat_at) => return Some(format!(":\nid: {}\n\n", self.at)),
            }
        }
    }

    /// Whether the caller may still be told: a token may have been revoked, or its role changed.
    async fn is_admitted(&mut self) -> bool {
        if Instant::now() < self.check_at {
            return true;
        }
        self.check_at = Instant::now() + self.live().options.check;
        self.caller.is_admitted(&self.server).await
    }

    /// Reads on when everything is sent, and writes what is for this client; empty when nothing is.
    async fn advance(&mut self) -> StoreResult<String> {
        if self.rows.is_empty() {
            let scope = self.caller.scope();
            let (rows, read) = self.live().after(self.server.store.as_ref(), scope, self.read).await?;
            for row in rows {
                let is_wanted = scope.admits(row.workspace) && self.topics.want(&row.event);
                if is_wanted && self.sees(row.event.run).await? {
                    self.rows.push_back(row);
                }
            }
            self.read = read;
        }
        let mut text = String::new();
        while let Some(row) = self.rows.front().cloned() {
            if text.len() >= TEXT_BYTES {
                return Ok(text);
            }
            self.write(&row, &mut text).await?;
            if self.at >= row.end() {
                self.rows.pop_front();
            }
        }
        self.at = self.read;
        Ok(text)
    }

    /// Whether a run is there for the caller. An owner never changes, so that it is looked up once.
    async fn sees(&mut self, run: RunId) -> StoreResult<bool> {
        if self.caller.only_owner.is_none() {
            return Ok(true);
        }
        if let Some(seen) = self.seen.get(&run) {
            return Ok(*seen);
        }
        let is_there = self.server.look(&self.caller).run(run).await?.is_some();
        if self.seen.len() >= SEEN_MAX {
            self.seen.clear();
        }
        self.seen.insert(run, is_there);
        Ok(is_there)
    }

    /// Writes the next events of a row.
    async fn write(&mut self, row: &FeedRow, text: &mut String) -> StoreResult<()> {
        let (event, store) = (&row.event, self.caller.store.as_ref());
        let after = if self.at < row.position(event.seq) { event.seq - 1 } else { self.at.seq() };
        let tasks: Vec<u32> = event.tasks.iter_after(after + 1 - event.seq).take(EVENTS).collect();
        let names = self.live().names(store, self.caller.scope(), event.run, &tasks).await?;
        for event in view::events_after(event, &names, after).take(EVENTS) {
            self.at = row.position(event.seq);
            let data = serde_json::to_string(&event).unwrap_or_default();
            // Writing to a text cannot fail.
            let _ = write!(text, "id: {}\nevent: {}\ndata: {data}\n\n", self.at, event.event_type);
        }
        Ok(())
    }

    fn live(&self) -> &Live {
        &self.server.live
    }
}

/// The client must look at everything anew, and goes on from there.
fn reset(head: FeedPosition) -> String {
    format!("id: {head}\nevent: reset\ndata: {{\"as_of\":\"{head}\"}}\n\n")
}
