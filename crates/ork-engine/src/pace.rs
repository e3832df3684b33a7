//! How many tasks end during a round trip to the database: so many may be claimed ahead of free slots.

use std::time::Duration;

use tokio::time::Instant;

/// What is older than about this counts half.
const MEMORY: Duration = Duration::from_millis(50);
/// How long outcomes gather while nobody waits for them.
pub const GATHER: Duration = Duration::from_millis(2);
/// Round trips whose worth of tasks is claimed ahead: one is on its way while the tasks of another are at work.
const ROUNDS: f64 = 2.0;

/// The recent past of an engine's rounds.
#[derive(Debug, Default)]
pub struct Pace {
    began: Option<Instant>,
    /// Tasks that ended, and in how many seconds.
    ended: f64,
    seconds: f64,
    /// A round trip, the slowest of late.
    round: f64,
}

impl Pace {
    /// A round begins that settles so many tasks.
    pub fn begin(&mut self, ended: usize) {
        let now = Instant::now();
        if let Some(before) = self.began.replace(now) {
            self.ended += ended as f64;
            self.seconds += now.duration_since(before).as_secs_f64();
        }
        while self.seconds > 2.0 * MEMORY.as_secs_f64() {
            (self.ended, self.seconds) = (self.ended / 2.0, self.seconds / 2.0);
        }
    }

    /// The round is over.
    pub fn end(&mut self) {
        let took = self.began.map_or(0.0, |began| began.elapsed().as_secs_f64());
        self.round = took.max(self.round * 0.9);
    }

    /// Tasks that will end during the next round trips; none when they last long.
    pub fn ahead(&self) -> usize {
        let seconds = self.round * ROUNDS + GATHER.as_secs_f64();
        if self.seconds > 0.0 { (self.ended / self.seconds * seconds).round() as usize } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rounds of `ended` tasks each, one every `period` ms, each of which takes `round` ms.
    async fn ahead(ended: usize, period: u64, round: u64) -> usize {
        let mut pace = Pace::default();
        for _ in 0..100 {
            pace.begin(ended);
            tokio::time::sleep(Duration::from_millis(round)).await;
            pace.end();
            tokio::time::sleep(Duration::from_millis(period - round)).await;
        }
        pace.ahead()
    }

    #[tokio::test(start_paused = true)]
    async fn short_tasks_are_claimed_ahead_and_long_ones_are_not() {
        assert_eq!(Pace::default().ahead(), 0);
        assert_eq!(ahead(1_000, 10, 10).await, 2_200);
        assert_eq!(ahead(2, 2, 1).await, 4);
        assert_eq!(ahead(4, 1_000, 3).await, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_fast_once_is_forgotten() {
        let mut pace = Pace::default();
        for _ in 0..10 {
            pace.begin(1_000);
            tokio::time::sleep(Duration::from_millis(10)).await;
            pace.end();
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
        pace.begin(4);
        assert!(pace.ahead() < 4, "{}", pace.ahead());
    }
}
