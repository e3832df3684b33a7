//! How long to wait after an error of the store.

use std::time::Duration;

/// Waits that grow: 50 ms, doubled each time, at most 2 s.
pub struct Backoff {
    next_ms: u64,
}

const FIRST_MS: u64 = 50;
const MOST_MS: u64 = 2_000;

impl Backoff {
    pub const fn new() -> Self {
        Self { next_ms: FIRST_MS }
    }

    /// The wait before the next try.
    pub fn next(&mut self) -> Duration {
        let ms = self.next_ms;
        self.next_ms = (ms * 2).min(MOST_MS);
        Duration::from_millis(ms)
    }

    pub async fn wait(&mut self) {
        tokio::time::sleep(self.next()).await;
    }

    /// After a success.
    pub const fn reset(&mut self) {
        self.next_ms = FIRST_MS;
    }
}
