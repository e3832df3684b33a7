//! Virtual time.

use ork_core::clock::{Clock, Timestamp};
use tokio::time::Instant;

/// When every world begins: 2023-11-14T22:13:20Z.
const BEGINNING_MICROS: i64 = 1_700_000_000_000_000;

/// The time of the world, or of a node whose clock is a little off. It is the paused clock of the tokio runtime.
#[derive(Debug, Clone, Copy)]
pub struct WorldClock {
    origin: Instant,
    skew_micros: i64,
}

impl WorldClock {
    /// A clock that begins now.
    #[must_use]
    pub fn begin() -> Self {
        Self { origin: Instant::now(), skew_micros: 0 }
    }

    /// The same, off by so much.
    #[must_use]
    pub const fn skewed_by_ms(self, ms: i64) -> Self {
        Self { origin: self.origin, skew_micros: ms * 1000 }
    }

    /// Milliseconds since the world began.
    #[must_use]
    pub fn ms(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The instant so many milliseconds after the beginning.
    #[must_use]
    pub fn at_ms(&self, ms: u64) -> Instant {
        self.origin + std::time::Duration::from_millis(ms)
    }
}

impl Clock for WorldClock {
    fn now(&self) -> Timestamp {
        let micros = i64::try_from(self.origin.elapsed().as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(BEGINNING_MICROS.saturating_add(micros).saturating_add(self.skew_micros))
    }
}

/// Milliseconds since the beginning of the world at this moment.
#[must_use]
pub fn ms_of(at: Timestamp) -> u64 {
    at.since_ms(Timestamp::from_micros(BEGINNING_MICROS))
}
