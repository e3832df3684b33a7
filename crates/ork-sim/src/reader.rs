//! Somebody who follows the events of a run by a cursor, over the same network as everybody.

use std::sync::Arc;
use std::time::Duration;

use ork_core::event::EventRow;
use ork_core::id::RunId;
use ork_core::store::{Events, Scope};
use tokio::time::sleep;

use crate::faults::FaultyStore;
use crate::weather::Who;
use crate::world::{World, lock};

/// How often a reader asks for more.
const PERIOD: Duration = Duration::from_millis(700);
/// Rows that it takes at once.
const PAGE: u32 = 3;

/// Follows a run's events for as long as the world lasts. What it has read is compared at the end.
pub async fn follow(world: Arc<World>, run: RunId) {
    let store = FaultyStore::new(Arc::clone(&world), Who::Users);
    loop {
        let after = lock(&world.read).get(&run).and_then(|read| read.last()).map_or(0, |last| last.seq_last);
        let rows = store.events(Scope::All, run, after, PAGE).await.unwrap_or_default();
        let is_behind = rows.len() >= PAGE as usize;
        lock(&world.read).entry(run).or_default().extend(rows);
        if !is_behind {
            sleep(PERIOD).await;
        }
    }
}

/// Whether what a reader has read is what is stored, from the beginning and without a gap.
#[must_use]
pub fn is_prefix(read: &[EventRow], stored: &[EventRow]) -> bool {
    stored.starts_with(read)
}
