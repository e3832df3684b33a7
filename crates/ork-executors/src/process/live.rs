//! Which attempts this process has in hand.
//!
//! Being the adopter of orphans is a property of the whole process, so this is kept once a process, not once an
//! executor: a sweep must know every attempt that an orphan could belong to.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::param::clock_ticks_per_second;
use rustix::time::{ClockId, clock_gettime};

/// An attempt in hand.
#[derive(Debug, Clone, Copy)]
struct Live {
    /// Its first process; `None` while that is being started.
    leader: Option<i32>,
    /// When it was registered, before its first process began.
    since: u64,
}

/// Attempts in hand, by nonce.
static REGISTRY: Mutex<BTreeMap<String, Live>> = Mutex::new(BTreeMap::new());

fn registry() -> MutexGuard<'static, BTreeMap<String, Live>> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether `pid` is some attempt's first process.
pub fn is_leader(pid: i32) -> bool {
    registry().values().any(|live| live.leader == Some(pid))
}

/// Whether a child that was seen may be some attempt's first process, even one that is only just being named: one look,
/// since between two of them it could get its name and be missed by both.
pub fn may_be_leader(pid: i32) -> bool {
    registry().values().any(|live| live.leader.is_none_or(|leader| leader == pid))
}

/// Whether an attempt has this nonce.
pub fn has(nonce: &[u8]) -> bool {
    std::str::from_utf8(nonce).is_ok_and(|nonce| registry().contains_key(nonce))
}

/// Whether another attempt than `nonce` was there when a process began, and so may have started it.
pub fn may_be_of_another(start: u64, nonce: &str) -> bool {
    registry().iter().any(|(other, live)| other != nonce && live.since <= start)
}

/// An attempt's entry; it leaves the registry when this is dropped.
#[derive(Debug)]
pub struct Entry {
    nonce: String,
    since: u64,
}

impl Entry {
    /// Registers an attempt. Comes before its first process.
    pub fn new(nonce: &str) -> Self {
        let since = ticks_since_boot();
        registry().insert(nonce.to_owned(), Live { leader: None, since });
        Self { nonce: nonce.to_owned(), since }
    }

    /// Names its first process.
    pub fn lead(&self, leader: i32) {
        if let Some(live) = registry().get_mut(&self.nonce) {
            live.leader = Some(leader);
        }
    }

    /// When it was registered, in clock ticks since boot.
    pub const fn since(&self) -> u64 {
        self.since
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        registry().remove(&self.nonce);
    }
}

/// The unit in which the kernel states when a process began.
pub fn ticks_since_boot() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    let hz = clock_ticks_per_second();
    let (secs, nanos) = (u64::try_from(now.tv_sec).unwrap_or(0), u64::try_from(now.tv_nsec).unwrap_or(0));
    secs * hz + nanos * hz / 1_000_000_000
}
