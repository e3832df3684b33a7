//! Since when the database has answered without a break.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use ork_core::clock::Timestamp;

use crate::parts::lock;

/// Heartbeats are old after an outage, or after this machine slept, because nobody could write one. So age proves
/// nothing until everybody has had the time of a full lease to be heard again.
pub struct Health {
    stretch: Mutex<Option<Stretch>>,
    is_away: AtomicBool,
}

#[derive(Clone, Copy)]
struct Stretch {
    from: Timestamp,
    to: Timestamp,
}

impl Health {
    pub const fn new() -> Self {
        Self { stretch: Mutex::new(None), is_away: AtomicBool::new(false) }
    }

    /// The database answered at `now`. More than `gap_ms_max` after its last answer a new stretch begins. True when it was
    /// away before.
    pub fn answered(&self, now: Timestamp, gap_ms_max: u64) -> bool {
        let mut stretch = lock(&self.stretch);
        let from = stretch.filter(|old| now.since_ms(old.to) <= gap_ms_max).map_or(now, |old| old.from);
        *stretch = Some(Stretch { from, to: now });
        self.is_away.swap(false, Ordering::Relaxed)
    }

    /// The database did not answer. True when it did before.
    pub fn failed(&self) -> bool {
        *lock(&self.stretch) = None;
        !self.is_away.swap(true, Ordering::Relaxed)
    }

    /// Whether it has answered for `ms` up to `now`.
    pub fn has_lasted(&self, now: Timestamp, ms: u64) -> bool {
        lock(&self.stretch).is_some_and(|stretch| now.since_ms(stretch.from) >= ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::default().plus_ms(ms)
    }

    /// Answers at these times, an outage where there is none; whether 15 s of health have passed at the last one.
    fn check(answers: &[Option<u64>]) -> bool {
        let health = Health::new();
        for answer in answers {
            match answer {
                Some(ms) => drop(health.answered(at(*ms), 7_500)),
                None => drop(health.failed()),
            }
        }
        let last = answers.iter().flatten().max().copied().unwrap_or_default();
        health.has_lasted(at(last), 15_000)
    }

    #[test]
    fn only_an_unbroken_stretch_counts() {
        assert!(check(&[Some(0), Some(5_000), Some(10_000), Some(15_000)]));
        assert!(!check(&[Some(0), Some(5_000), Some(10_000), Some(14_999)]));
        assert!(!check(&[Some(0), Some(5_000), None, Some(10_000), Some(16_000)]));
        // The machine slept: no error, and yet nobody was heard.
        assert!(!check(&[Some(0), Some(5_000), Some(13_000), Some(20_000)]));
    }
}
