//! Says that the worker lives, and notices when it was declared dead.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::time::sleep;

use crate::attempt::panic_message;
use crate::controls;
use crate::identity;
use crate::parts::Parts;

pub async fn run(parts: Arc<Parts>) {
    loop {
        tokio::select! {
            biased;
            _ = parts.until_over() => return,
            () = sleep(Duration::from_millis(parts.config.heartbeat_ms)) => beat(&parts).await,
        }
    }
}

/// The same on a thread of its own, so that a blocked runtime loses no lease.
///
/// # Errors
/// When there is no thread to be had.
pub fn run_on_thread(parts: Arc<Parts>) -> std::io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let beat = move || {
        let result = catch_unwind(AssertUnwindSafe(|| runtime.block_on(run(Arc::clone(&parts)))));
        if let Err(panic) = result {
            parts.end(Some(format!("the heart panicked: {}", panic_message(panic.as_ref()))));
        }
    };
    std::thread::Builder::new().name("ork-heart".into()).spawn(beat)?;
    Ok(())
}

async fn beat(parts: &Parts) {
    follow_clock(parts).await;
    let worker = parts.identity.now();
    let now = parts.clock.now();
    let heartbeat = match parts.store.beat(worker, now).await {
        Ok(heartbeat) => heartbeat,
        Err(error) => return parts.store_failed("heart", &error),
    };
    parts.store_answered(now);
    if heartbeat.alive {
        return controls::apply(parts, heartbeat.cancelled);
    }
    parts.observers.trouble("heart", format!("`{worker}` was declared dead: its tasks are stopped here"));
    parts.desk.disown(worker);
    if !parts.is_working() {
        return;
    }
    match identity::renew(parts).await {
        Ok(_) => parts.pokes.dispatcher.notify_one(),
        // The next beat finds the old worker dead again.
        Err(error) => parts.store_failed("heart", &error),
    }
}

async fn follow_clock(parts: &Parts) {
    let Some(clock) = &parts.config.database_clock else { return };
    if let Err(error) = clock.follow(parts.store.as_ref()).await {
        return parts.store_failed("heart", &error);
    }
    if let Some(skew) = clock.skew_micros() {
        let message = format!("the database's clock is {} ms ahead of this machine's", skew / 1000);
        parts.observers.trouble("clock", message);
    }
}
