//! Brings cancel requests to the attempts that they concern.

use std::sync::Arc;
use std::time::Duration;

use ork_core::attempt::Outcome;
use ork_core::graph::LeaseId;
use ork_core::id::TaskRef;
use tokio::time::sleep;

use crate::parts::Parts;

/// How often somebody looks while there are attempts.
const PERIOD: Duration = Duration::from_secs(1);

pub async fn run(parts: Arc<Parts>) {
    loop {
        tokio::select! {
            biased;
            () = parts.pokes.controls.notified() => {}
            () = sleep(PERIOD) => {}
        }
        let count = parts.desk.count();
        if count.live + count.waiting == 0 {
            continue;
        }
        match parts.store.cancel_requests(parts.identity.now()).await {
            Ok(cancelled) => apply(&parts, cancelled),
            Err(error) => parts.store_failed("controls", &error),
        }
    }
}

/// Stops the attempts that somebody wants to end. One that has not begun is settled at once.
pub fn apply(parts: &Parts, cancelled: Vec<(TaskRef, LeaseId)>) {
    for key in cancelled {
        if let Some(ticket) = parts.desk.cancel(key) {
            ticket.settle(parts, Outcome::Cancelled);
        }
    }
}
