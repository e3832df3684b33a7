//! Who waits for work is told that there is some: at once in this process, by NOTIFY in others.
//!
//! NOTIFY inside a data transaction would make commits wait for each other (PostgreSQL takes one lock for all of them), so
//! it is sent afterwards, on a connection of its own: at once when none is in flight, and gathered behind one that is. It
//! carries the lowest keys that were queued, which is all that another process's [`Marks`] need to know, and whether events
//! were written, which is all that readers of the event stream need to know.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_postgres::{AsyncMessage, Config, NoTls};
use uuid::Uuid;

use crate::marks::{Key, Marks, Place};

const CHANNEL: &str = "ork";
/// PostgreSQL refuses payloads of 8,000 bytes.
const PAYLOAD_BYTES_MAX: usize = 7_900;
/// The payload that says that no mark is good any more.
const ANEW: &str = "*";
/// How long a change of another process may go unnoticed.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Between two that say nothing but that events were written: each costs a transaction, and most commits write events.
const EVENTS_EVERY: Duration = Duration::from_millis(5);
/// What a payload begins with when events were written.
const EVENTS: char = '+';
/// What a payload says that names no place.
const LOOK: &str = "?";
/// Between two attempts to listen again.
const RETRY_EVERY: Duration = Duration::from_millis(500);

/// Something that others want to know once it is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// Tasks were queued in this place, this key the lowest.
    Queued(Place, Key),
    /// What was held back may be claimed, wherever it is in the queue.
    Anew,
    /// Something else that an engine should look at: a cancel, an evaluation, a free slot.
    Look,
    /// Events were written.
    Events,
}

/// Both ends of all wake-ups of one store.
#[derive(Default)]
pub struct Bell {
    /// Where claims begin to look.
    pub marks: Marks,
    changed: Notify,
    fed: Notify,
    waiting: AtomicUsize,
    outbox: Mutex<Outbox>,
    post: Notify,
}

#[derive(Default)]
struct Outbox {
    queued: BTreeMap<Place, Key>,
    anew: bool,
    look: bool,
    events: bool,
}

impl Bell {
    /// Makes known what a committed transaction noted.
    pub fn ring(&self, notes: Vec<Note>) {
        if notes.is_empty() {
            return;
        }
        let is_work = notes.iter().any(|note| *note != Note::Events);
        {
            let mut outbox = self.outbox.lock().unwrap_or_else(PoisonError::into_inner);
            for note in notes {
                match note {
                    Note::Queued(place, key) => {
                        self.marks.lower(&place, key);
                        let lowest = outbox.queued.entry(place).or_insert(key);
                        *lowest = key.min(*lowest);
                    }
                    Note::Anew => {
                        self.marks.forget();
                        outbox.anew = true;
                    }
                    Note::Look => outbox.look = true,
                    Note::Events => {
                        outbox.events = true;
                        self.fed.notify_one();
                    }
                }
            }
        }
        if is_work {
            self.wake();
        }
        self.post.notify_one();
    }

    fn wake(&self) {
        self.changed.notify_waiters();
        // Nobody waits: whoever comes next must not wait for what is there already.
        if self.waiting.load(Ordering::SeqCst) == 0 {
            self.changed.notify_one();
        }
    }

    /// Ends at the next wake-up, or after a second.
    pub async fn changed(&self) {
        let next = self.changed.notified();
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let _counted = scopeguard(&self.waiting);
        let _ = tokio::time::timeout(LOOK_EVERY, next).await;
    }

    /// Ends when events may have been written, or after a second.
    pub async fn fed(&self) {
        tokio::time::timeout(LOOK_EVERY, self.fed.notified()).await.ok();
    }

    /// Whether there is nothing to say but that events were written.
    fn has_only_events(&self) -> bool {
        let outbox = self.outbox.lock().unwrap_or_else(PoisonError::into_inner);
        outbox.events && !outbox.look && !outbox.anew && outbox.queued.is_empty()
    }

    fn take_payload(&self) -> Option<String> {
        let mut outbox = self.outbox.lock().unwrap_or_else(PoisonError::into_inner);
        let Outbox { queued, anew, look, events } = std::mem::take(&mut *outbox);
        drop(outbox);
        if queued.is_empty() && !anew && !look && !events {
            return None;
        }
        let mut payload = if events { EVENTS.to_string() } else { String::new() };
        if anew {
            return Some(payload + ANEW);
        }
        if queued.is_empty() {
            payload.push_str(if look { LOOK } else { "" });
        }
        for ((lane, workspace), (rank, seq)) in &queued {
            payload.push_str(&format!("{workspace} {rank} {seq} {lane}\n"));
        }
        Some(if payload.len() > PAYLOAD_BYTES_MAX { format!("{EVENTS}{ANEW}") } else { payload })
    }

    fn take_note_of(&self, payload: &str) {
        let work = payload.strip_prefix(EVENTS);
        if work.is_some() {
            self.fed.notify_one();
        }
        let payload = work.unwrap_or(payload);
        if payload.is_empty() {
            return;
        }
        if payload == ANEW {
            self.marks.forget();
        }
        for (place, key) in payload.lines().filter_map(parse_line) {
            self.marks.lower(&place, key);
        }
        self.wake();
    }

    /// Listens and notifies for ever, on one connection.
    pub async fn serve(self: Arc<Self>, config: Config) {
        loop {
            let _ = self.serve_once(&config).await;
            tokio::time::sleep(RETRY_EVERY).await;
        }
    }

    async fn serve_once(self: &Arc<Self>, config: &Config) -> Result<(), tokio_postgres::Error> {
        let (client, mut connection) = config.connect(NoTls).await?;
        let bell = Arc::clone(self);
        let mut ears = tokio::spawn(async move {
            while let Some(message) = poll_fn(|cx| connection.poll_message(cx)).await {
                match message {
                    Ok(AsyncMessage::Notification(n)) => bell.take_note_of(n.payload()),
                    Ok(_) => {}
                    Err(_) => return,
                }
            }
        });
        client.batch_execute(&format!("LISTEN {CHANNEL}")).await?;
        // Nothing is lost with a word that is not durable, and nobody waits for a disk.
        client.batch_execute("SET synchronous_commit = off").await?;
        // What was queued while nobody listened is below the marks.
        self.marks.forget();
        self.wake();
        self.fed.notify_one();
        let notify = client.prepare("SELECT pg_notify($1, $2)").await?;
        loop {
            tokio::select! {
                _ = &mut ears => return Ok(()),
                () = self.post.notified() => {}
            }
            while let Some(payload) = self.take_payload() {
                client.execute(&notify, &[&CHANNEL, &payload]).await?;
                if self.has_only_events() {
                    tokio::time::sleep(EVENTS_EVERY).await;
                }
            }
        }
    }
}

fn parse_line(line: &str) -> Option<(Place, Key)> {
    let mut parts = line.splitn(4, ' ');
    let workspace: Uuid = parts.next()?.parse().ok()?;
    let key = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some(((parts.next()?.to_owned(), workspace), key))
}

/// Counts one less when it is dropped, however the wait ends.
fn scopeguard(count: &AtomicUsize) -> impl Drop + '_ {
    struct Less<'a>(&'a AtomicUsize);
    impl Drop for Less<'_> {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    Less(count)
}
