//! What the owner of an engine holds.

use std::sync::Arc;
use std::time::Duration;

use ork_core::attempt::Outcome;
use ork_core::executor::StopCause;
use ork_core::graph::NewRun;
use ork_core::id::WorkerId;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::figures::Meter;
use crate::observe::Observations;
use crate::parts::{Parts, Phase};

/// A running engine. Dropping it ends the engine where it stands, as a crash would: nothing is settled, and the
/// leases are another engine's to reap. [`EngineHandle::drain`] ends it in order.
pub struct EngineHandle {
    parts: Arc<Parts>,
    dispatcher: Option<JoinHandle<()>>,
}

/// How long attempts that were told to stop may take.
const STOP_GRACE: Duration = Duration::from_secs(60);
/// How long the store may take for the last outcomes, and for the last logs.
const FLUSH: Duration = Duration::from_secs(15);

impl EngineHandle {
    pub(crate) const fn new(parts: Arc<Parts>, dispatcher: JoinHandle<()>) -> Self {
        Self { parts, dispatcher: Some(dispatcher) }
    }

    /// The worker that this engine is. Another one after it was declared dead.
    #[must_use]
    pub fn worker(&self) -> WorkerId {
        self.parts.identity.now()
    }

    /// Says that this process changed something: submitted a run, asked for a cancel.
    pub fn wake(&self) {
        self.parts.poke_all();
    }

    /// Keeps the plan of a run that this process submits, so that it need not be read again.
    pub fn seed(&self, new: &NewRun) {
        self.parts.plans.seed(new);
    }

    /// What the engine does from now on. A watcher that is too slow misses the oldest.
    #[must_use]
    pub fn observe(&self) -> Observations {
        self.parts.observers.subscribe()
    }

    /// Attempts that are claimed and not over.
    #[must_use]
    pub fn attempts(&self) -> usize {
        let count = self.parts.desk.count();
        count.live + count.waiting
    }

    /// What reads its figures.
    #[must_use]
    pub fn meter(&self) -> Meter {
        Meter::of(&self.parts)
    }

    /// Ends when the engine is over.
    ///
    /// # Errors
    /// When a loop failed so that the engine could not go on.
    pub async fn stopped(&self) -> Result<(), String> {
        self.parts.until_over().await.map_or(Ok(()), Err)
    }

    /// Ends the engine in order: it claims nothing more from this moment, hands back what has not begun, waits up to
    /// `grace` for what has, stops the rest and hands that back too, settles everything, and leaves.
    ///
    /// # Errors
    /// When the engine had failed already, or when something could not be settled in time: its leases are another
    /// engine's to reap.
    pub async fn drain(mut self, grace: Duration) -> Result<(), String> {
        let parts = Arc::clone(&self.parts);
        if let Phase::Over(problem) = &*parts.phase.borrow() {
            return problem.clone().map_or(Ok(()), Err);
        }
        parts.phase.send_if_modified(|phase| {
            let is_working = *phase == Phase::Working;
            if is_working {
                *phase = Phase::Draining;
            }
            is_working
        });
        for ticket in parts.desk.close() {
            ticket.settle(&parts, Outcome::HandedBack);
        }
        if timeout(grace, parts.desk.wait_empty()).await.is_err() {
            parts.desk.stop_all(StopCause::Drain);
        }
        let stopped = timeout(STOP_GRACE, parts.desk.wait_empty()).await.is_ok();
        let flush = async {
            if let Some(dispatcher) = self.dispatcher.take() {
                // A claim may be under way, and what it gives must be handed back too. Its panic has ended the engine.
                let _ = dispatcher.await;
            }
            parts.outbox.flush().await;
        };
        let settled = timeout(FLUSH, flush).await.is_ok();
        let logged = timeout(FLUSH, parts.logs.flush()).await.is_ok();
        let left = self.leave().await;
        let failed = match &*parts.phase.borrow() {
            Phase::Over(problem) => problem.clone(),
            _ => None,
        };
        parts.end(None);
        let problems = [
            (stopped, "some attempts did not stop"),
            (settled, "some outcomes could not be settled"),
            (logged, "some logs could not be stored"),
        ];
        let problem = problems.iter().find(|(done, _)| !done).map(|(_, problem)| (*problem).to_owned());
        failed.or(problem).or(left).map_or(Ok(()), Err)
    }

    async fn leave(&self) -> Option<String> {
        let worker = self.worker();
        let retired = self.parts.store.retire_worker(worker, self.parts.clock.now()).await;
        self.parts.liveness.leave(worker);
        retired.err().map(|error| format!("failed to leave: {error}"))
    }
}

impl Drop for EngineHandle {
    fn drop(&mut self) {
        self.parts.end(None);
    }
}
