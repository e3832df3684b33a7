//! The attempts that this engine has claimed: those that wait for a slot, and those at work.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ork_core::clock::Timestamp;
use ork_core::executor::StopCause;
use ork_core::graph::LeaseId;
use ork_core::id::{TaskRef, WorkerId};
use ork_core::store::Claimed;
use tokio::sync::Notify;

use crate::lines::Lines;
use crate::live::Live;
use crate::parts::lock;
use crate::plans::RunPlan;

/// A claimed attempt that has not begun.
pub struct Ticket {
    pub claimed: Claimed,
    pub lease: LeaseId,
    pub worker: WorkerId,
    pub plan: Arc<RunPlan>,
}

/// A task can be here twice: under a lease that was lost, and under the one that it was claimed with again.
type Key = (TaskRef, LeaseId);

#[derive(Default)]
pub struct Desk {
    state: Mutex<State>,
    /// The last attempt at work has ended.
    pub emptied: Notify,
}

#[derive(Default)]
struct State {
    waiting: Lines,
    live: BTreeMap<Key, Arc<Live>>,
    is_closed: bool,
}

/// How many there are.
#[derive(Debug, Clone, Copy)]
pub struct Count {
    pub waiting: usize,
    pub live: usize,
}

impl Desk {
    pub fn count(&self) -> Count {
        let state = lock(&self.state);
        Count { waiting: state.waiting.len(), live: state.live.len() }
    }

    /// Takes what was claimed; gives it back when the desk is closed.
    pub fn push(&self, tickets: Vec<Ticket>) -> Vec<Ticket> {
        let mut state = lock(&self.state);
        if state.is_closed {
            return tickets;
        }
        tickets.into_iter().for_each(|ticket| state.waiting.push(ticket));
        Vec::new()
    }

    /// Turns waiting attempts into live ones, of each workspace in turn, as long as there are slots; at most `limit`.
    pub fn take(&self, capacity: usize, limit: usize, begin: impl Fn(Ticket) -> Arc<Live>) -> Vec<Arc<Live>> {
        let mut state = lock(&self.state);
        let free = capacity.saturating_sub(state.live.len()).min(limit);
        let waiting = &mut state.waiting;
        let begun: Vec<_> = std::iter::from_fn(|| waiting.pop()).take(free).map(begin).collect();
        state.live.extend(begun.iter().map(|live| (live.key(), Arc::clone(live))));
        begun
    }

    /// A live attempt has ended. Its outcome is handed on before anybody can see that it is not here any more.
    pub fn remove(&self, key: Key, hand_on: impl FnOnce()) {
        let mut state = lock(&self.state);
        state.live.remove(&key);
        hand_on();
        if state.live.is_empty() {
            self.emptied.notify_waiters();
        }
    }

    /// Brings a cancel request to its attempt. One that has not begun is taken from the desk, to be settled.
    pub fn cancel(&self, key: Key) -> Option<Ticket> {
        let mut state = lock(&self.state);
        if let Some(live) = state.live.get(&key) {
            live.stop(StopCause::Cancel);
            return None;
        }
        state.waiting.take_if(|ticket| (ticket.claimed.task, ticket.lease) == key).pop()
    }

    /// Takes from the desk what was claimed before and has not begun.
    pub fn take_stale(&self, before: Timestamp) -> Vec<Ticket> {
        let mut state = lock(&self.state);
        // In each line the oldest come first.
        state.waiting.take_while(|ticket| ticket.claimed.dispatched_at < before)
    }

    /// Takes nothing more; gives back what has not begun.
    pub fn close(&self) -> Vec<Ticket> {
        let mut state = lock(&self.state);
        state.is_closed = true;
        state.waiting.take_if(|_| true)
    }

    /// Stops all attempts at work.
    pub fn stop_all(&self, cause: StopCause) {
        for live in lock(&self.state).live.values() {
            live.stop(cause);
        }
    }

    /// Stops the attempts of a worker that was declared dead, and forgets those that have not begun: their leases are
    /// the reaper's.
    pub fn disown(&self, worker: WorkerId) {
        let mut state = lock(&self.state);
        state.waiting.take_if(|ticket| ticket.worker == worker);
        for live in state.live.values().filter(|live| live.ticket.worker == worker) {
            live.stop(StopCause::Drain);
        }
    }

    /// Drops everything where it stands.
    pub fn abort_all(&self) {
        let (waiting, live) = {
            let mut state = lock(&self.state);
            state.is_closed = true;
            (std::mem::take(&mut state.waiting), std::mem::take(&mut state.live))
        };
        drop(waiting);
        self.emptied.notify_waiters();
        for live in live.into_values() {
            live.abort();
        }
    }

    pub async fn wait_empty(&self) {
        loop {
            let emptied = self.emptied.notified();
            if lock(&self.state).live.is_empty() {
                return;
            }
            emptied.await;
        }
    }
}
