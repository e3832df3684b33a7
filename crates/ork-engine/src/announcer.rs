//! Writes down that attempts have begun, and how far they are.
//!
//! A start is a write of its own, so it waits a moment: an attempt that ends within it carries its beginning in its
//! outcome, and ten thousand short processes cost no start at all.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ork_core::graph::LeaseId;
use ork_core::id::TaskRef;
use ork_core::limits;
use ork_core::store::{ProgressNote, Start};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::backoff::Backoff;
use crate::parts::{Parts, lock};

type Key = (TaskRef, LeaseId);

/// How long a start waits for its attempt's end.
const START_DELAY: Duration = Duration::from_millis(50);
/// How often progress is stored.
const PROGRESS_PERIOD: Duration = Duration::from_secs(1);

/// What is to be written down.
#[derive(Default)]
pub struct Notes {
    state: Mutex<State>,
    filled: Notify,
}

#[derive(Default)]
struct State {
    starts: BTreeMap<Key, Start>,
    /// The latest of each attempt.
    progress: BTreeMap<Key, ProgressNote>,
}

impl Notes {
    pub fn started(&self, start: Start) {
        lock(&self.state).starts.insert((start.task, start.lease), start);
        self.filled.notify_one();
    }

    pub fn progressed(&self, note: ProgressNote) {
        lock(&self.state).progress.insert((note.task, note.lease), note);
        self.filled.notify_one();
    }

    /// The attempt has ended.
    pub fn forget(&self, key: Key) {
        let mut state = lock(&self.state);
        state.starts.remove(&key);
        state.progress.remove(&key);
    }

    fn take_starts(&self) -> Vec<Start> {
        take(&mut lock(&self.state).starts)
    }

    fn take_progress(&self) -> Vec<ProgressNote> {
        take(&mut lock(&self.state).progress)
    }

    fn are_empty(&self) -> bool {
        let state = lock(&self.state);
        state.starts.is_empty() && state.progress.is_empty()
    }
}

fn take<T>(map: &mut BTreeMap<Key, T>) -> Vec<T> {
    let mut taken = Vec::new();
    while taken.len() < limits::BATCH_MAX
        && let Some((_, note)) = map.pop_first()
    {
        taken.push(note);
    }
    taken
}

pub async fn run(parts: Arc<Parts>) {
    let mut progress_due = Instant::now();
    let mut backoff = Backoff::new();
    loop {
        parts.notes.filled.notified().await;
        while !parts.notes.are_empty() {
            sleep(START_DELAY).await;
            announce(&parts, &mut backoff).await;
            if progress_due <= Instant::now() {
                progress_due = Instant::now() + PROGRESS_PERIOD;
                store_progress(&parts).await;
            }
        }
    }
}

async fn announce(parts: &Parts, backoff: &mut Backoff) {
    let starts = parts.notes.take_starts();
    if starts.is_empty() {
        return;
    }
    match parts.store.start(parts.config.scope, &starts, &parts.actor(), parts.clock.now()).await {
        Ok(_) => backoff.reset(),
        Err(error) => {
            parts.store_failed("announcer", &error);
            if error.is_transient() {
                // Nothing is lost if an attempt has ended meanwhile: the store leaves out what has no lease.
                for start in starts {
                    parts.notes.started(start);
                }
            }
            backoff.wait().await;
        }
    }
}

async fn store_progress(parts: &Parts) {
    let notes = parts.notes.take_progress();
    if notes.is_empty() {
        return;
    }
    // Not repeated: the next report says more.
    if let Err(error) = parts.store.progress(parts.config.scope, &notes).await {
        parts.store_failed("announcer", &error);
    }
}
