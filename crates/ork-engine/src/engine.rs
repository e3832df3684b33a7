//! Starts an engine, and keeps its loops going.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use ork_core::clock::{Clock, Entropy};
use ork_core::error::{StoreError, StoreResult};
use ork_core::store::Store;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use crate::attempt::panic_message;
use crate::handle::EngineHandle;
use crate::parts::{Parts, lock};
use crate::{
    EngineConfig, Executors, Liveness, announcer, controls, courier, dispatcher, heart, identity, janitor, logs,
    packer, reaper, runner, scheduler, sealer, settler, spool, timekeeper,
};

/// What an engine lives in.
pub struct Engine {
    /// The database.
    pub store: Arc<dyn Store>,
    /// The time: [`crate::DatabaseClock`], or a simulated one.
    pub clock: Arc<dyn Clock>,
    /// The source of ids, lease tokens and jitter.
    pub entropy: Box<dyn Entropy + Send>,
    /// Who can prove that a worker is dead.
    pub liveness: Arc<dyn Liveness>,
}

/// How long a loop that panicked rests before it begins again.
const REST: Duration = Duration::from_secs(1);
/// How often at most the slow loops are woken by changes of others: a busy database changes all the time.
const SLOW_PERIOD: Duration = Duration::from_millis(100);

type Loop = fn(Arc<Parts>) -> BoxFuture<'static, ()>;

/// The loops that hold nothing a panic could lose, by name: they begin again.
const LOOPS: [(&str, Loop); 11] = [
    ("announcer", |parts| Box::pin(announcer::run(parts))),
    ("scribe", |parts| Box::pin(logs::run(parts))),
    ("controls", |parts| Box::pin(controls::run(parts))),
    ("scheduler", |parts| Box::pin(scheduler::run(parts))),
    ("timekeeper", |parts| Box::pin(timekeeper::run(parts))),
    ("janitor", |parts| Box::pin(janitor::run(parts))),
    ("packer", |parts| Box::pin(packer::run(parts))),
    ("sealer", |parts| Box::pin(sealer::run(parts))),
    ("reaper", |parts| Box::pin(reaper::run(parts))),
    ("courier", |parts| Box::pin(courier::run(parts))),
    ("listener", |parts| Box::pin(listen(parts))),
];

/// The loops that hold claims or outcomes: after a panic in one of them the engine ends, and the reaper of another one
/// settles what was lost.
const VITAL_LOOPS: [(&str, Loop); 2] =
    [("runner", |parts| Box::pin(runner::run(parts))), ("settler", |parts| Box::pin(settler::run(parts)))];

impl Engine {
    /// Enters the worker in the database and starts the loops on the present tokio runtime.
    ///
    /// # Errors
    /// When the worker cannot be entered.
    pub async fn start(self, executors: Executors, config: EngineConfig) -> StoreResult<EngineHandle> {
        let Self { store, clock, entropy, liveness } = self;
        let parts = Arc::new(Parts::new(store, clock, entropy, executors, liveness, config));
        identity::enter(&parts, parts.identity.now()).await?;
        spool::recover(&parts, None).await?;
        let dispatcher = spawn(&parts, "dispatcher", |parts| Box::pin(dispatcher::run(parts)), false);
        for (name, run) in VITAL_LOOPS {
            spawn(&parts, name, run, false);
        }
        for (name, run) in LOOPS {
            spawn(&parts, name, run, true);
        }
        if parts.config.heart_thread {
            let started = heart::run_on_thread(Arc::clone(&parts));
            started.map_err(|error| StoreError::Unavailable(format!("failed to start the heart's thread: {error}")))?;
        } else {
            spawn(&parts, "heart", |parts| Box::pin(heart::run(parts)), false);
        }
        Ok(EngineHandle::new(parts, dispatcher))
    }
}

fn spawn(parts: &Arc<Parts>, name: &'static str, run: Loop, begins_again: bool) -> JoinHandle<()> {
    let task = tokio::spawn(supervise(Arc::clone(parts), name, run, begins_again));
    lock(&parts.loops).push(task.abort_handle());
    task
}

/// Runs a loop. A panic in it is told, and then either the loop begins again or the engine ends.
async fn supervise(parts: Arc<Parts>, name: &'static str, run: Loop, begins_again: bool) {
    while let Err(panic) = AssertUnwindSafe(run(Arc::clone(&parts))).catch_unwind().await {
        let message = format!("the {name} panicked: {}", panic_message(panic.as_ref()));
        parts.observers.trouble(name, &message);
        if !begins_again {
            return parts.end(Some(message));
        }
        sleep(REST).await;
    }
}

/// Wakes the other loops when the store says that something changed.
async fn listen(parts: Arc<Parts>) {
    let mut slow_due = Instant::now();
    let mut is_due = false;
    loop {
        // Waited for to its end: one that is dropped may take a change with it.
        let mut changed = pin!(parts.store.changed());
        loop {
            tokio::select! {
                biased;
                () = &mut changed => break,
                () = sleep_until(slow_due), if is_due => {
                    is_due = false;
                    slow_due = wake_slow(&parts);
                }
            }
        }
        parts.pokes.dispatcher.notify_one();
        if slow_due <= Instant::now() {
            slow_due = wake_slow(&parts);
        } else {
            is_due = true;
        }
        // A store that always says so must not keep the others from their turn.
        tokio::task::yield_now().await;
    }
}

/// Wakes the loops that look at more than the queue; says when they may be woken again.
fn wake_slow(parts: &Parts) -> Instant {
    parts.pokes.controls.notify_one();
    parts.pokes.scheduler.notify_one();
    parts.pokes.courier.notify_one();
    Instant::now() + SLOW_PERIOD
}
