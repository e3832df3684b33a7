//! The time of the database, on this machine.
#![expect(clippy::disallowed_methods, reason = "here time enters the program")]

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use ork_core::clock::{Clock, Timestamp};
use ork_core::error::StoreResult;
use ork_core::store::Store;

/// A clock that follows the database's: measured at connect and at each heartbeat, carried on by the monotonic clock in
/// between. It never goes back, unless a measurement moves it by more than [`DatabaseClock::STEP_MICROS_MAX`].
#[derive(Debug)]
pub struct DatabaseClock {
    origin: Instant,
    /// What is added to the monotonic time since `origin`.
    offset: AtomicI64,
    /// The last time that was given.
    last: AtomicI64,
    /// How far the database was ahead of this machine at the last measurement.
    ahead: AtomicI64,
}

impl DatabaseClock {
    /// A measured time that is so much earlier than the last one given is believed; of a smaller step back nobody hears.
    pub const STEP_MICROS_MAX: i64 = 2_000_000;

    /// How far apart the two clocks may be before somebody should hear of it.
    pub const SKEW_MICROS_MAX: i64 = 2_000_000;

    /// A clock that shows this machine's time until it has followed a database.
    #[must_use]
    pub fn local() -> Self {
        let clock = Self {
            origin: Instant::now(),
            offset: AtomicI64::new(0),
            last: AtomicI64::new(i64::MIN),
            ahead: AtomicI64::new(0),
        };
        clock.set(wall(), 0);
        clock
    }

    /// Measures the database's clock.
    ///
    /// # Errors
    /// When the database cannot be reached; the clock goes on as it was.
    pub async fn follow(&self, store: &dyn Store) -> StoreResult<()> {
        let local = wall();
        let ahead = store.clock_ahead_micros(local).await?;
        // The round trip is in neither: `ahead` is a difference, and the time that it is added to is read again.
        self.set(wall(), ahead);
        Ok(())
    }

    /// How far the database's clock was ahead of this machine's at the last measurement, in microseconds, when that is
    /// more than [`DatabaseClock::SKEW_MICROS_MAX`] either way.
    #[must_use]
    pub fn skew_micros(&self) -> Option<i64> {
        let ahead = self.ahead.load(Ordering::Relaxed);
        (ahead.abs() > Self::SKEW_MICROS_MAX).then_some(ahead)
    }

    fn set(&self, wall: Timestamp, ahead: i64) {
        let now = wall.micros().saturating_add(ahead);
        self.ahead.store(ahead, Ordering::Relaxed);
        self.offset.store(now.saturating_sub(self.elapsed()), Ordering::Relaxed);
        if self.last.load(Ordering::Relaxed).saturating_sub(now) > Self::STEP_MICROS_MAX {
            self.last.store(now, Ordering::Relaxed);
        }
    }

    fn elapsed(&self) -> i64 {
        i64::try_from(self.origin.elapsed().as_micros()).unwrap_or(i64::MAX)
    }
}

impl Clock for DatabaseClock {
    fn now(&self) -> Timestamp {
        let now = self.offset.load(Ordering::Relaxed).saturating_add(self.elapsed());
        Timestamp::from_micros(self.last.fetch_max(now, Ordering::Relaxed).max(now))
    }
}

fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_steps_back_are_not_seen_and_large_ones_are() {
        let clock = DatabaseClock::local();
        let shown = clock.now();
        clock.set(wall(), -1_000_000);
        assert!(clock.now() >= shown && clock.skew_micros().is_none());
        clock.set(wall(), -60_000_000);
        assert!(clock.now() < shown && clock.skew_micros() == Some(-60_000_000));
        clock.set(wall(), 60_000_000);
        assert!(clock.now() > shown.plus_ms(59_000));
    }
}
