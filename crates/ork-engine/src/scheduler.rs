//! Does what stored state waits for: retries that are due, slots that are free, deadlines that have passed, expressions
//! that must be evaluated.

use std::sync::Arc;
use std::time::Duration;

use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::event::Actor;
use ork_core::limits;
use ork_core::state::Reason;
use tokio::time::sleep;

use crate::evaluation;
use crate::parts::Parts;

/// How often somebody looks when nothing says that there is something to do: for what other processes left.
const PERIOD_MS: u64 = 2_000;
/// Evaluations, and overdue runs, of one round.
const ROUND_MAX: usize = 100;
/// Gates of one round.
const GATES_MAX: u32 = 100;

/// What a round left.
struct Left {
    more: bool,
    next_at: Option<Timestamp>,
}

pub async fn run(parts: Arc<Parts>) {
    loop {
        let wait_ms = match round(&parts).await {
            Ok(Left { more: true, .. }) => 0,
            Ok(Left { next_at, .. }) => wait_ms(parts.clock.now(), next_at),
            Err(error) => {
                parts.store_failed("scheduler", &error);
                PERIOD_MS
            }
        };
        tokio::select! {
            biased;
            () = parts.pokes.scheduler.notified() => {}
            () = sleep(Duration::from_millis(wait_ms)) => {}
        }
    }
}

/// Until `next_at`, and a moment more so that it is then in the past; not longer than the period.
fn wait_ms(now: Timestamp, next_at: Option<Timestamp>) -> u64 {
    next_at.map_or(PERIOD_MS, |at| at.since_ms(now) + 1).min(PERIOD_MS)
}

async fn round(parts: &Parts) -> StoreResult<Left> {
    let (store, scope) = (&parts.store, parts.config.scope);
    let now = parts.clock.now();
    let promoted = store.promote(scope, now, limits::BATCH_MAX).await?;
    let admitted = store.admit(scope, now).await?;
    if promoted.queued + admitted.queued > 0 {
        parts.pokes.dispatcher.notify_one();
    }
    let overdue = store.overdue(scope, now, ROUND_MAX).await?;
    for run in &overdue {
        let done = store.cancel_run(scope, *run, Reason::Deadline, &Actor::system("scheduler"), now).await;
        report(parts, done)?;
        parts.pokes.controls.notify_one();
    }
    let expired = store.expired_gates(scope, now, GATES_MAX).await?;
    for gate in &expired {
        if report(parts, store.expire_gate(scope, *gate, now).await)? == Some(true) {
            parts.pokes.dispatcher.notify_one();
        }
    }
    let evaluations = store.evaluations(scope, parts.config.only_run, ROUND_MAX).await?;
    let mut evaluated = 0;
    for evaluation in &evaluations {
        let done = evaluation::carry_out(parts, evaluation).await;
        evaluated += usize::from(report(parts, done)? == Some(true));
    }
    // What was evaluated can have brought up more of the same.
    let more = promoted.more || admitted.more || overdue.len() >= ROUND_MAX || evaluated > 0;
    let more = more || expired.len() >= GATES_MAX as usize;
    let next_expiry = store.next_expiry(scope).await?;
    let next_at = promoted.next_at.into_iter().chain(admitted.next_at).chain(next_expiry).min();
    Ok(Left { more, next_at })
}

/// Ends the round when the database is away; an error of one row does not keep the others.
fn report<T>(parts: &Parts, done: StoreResult<T>) -> StoreResult<Option<T>> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(error) if error.is_transient() => Err(error),
        Err(error) => {
            parts.observers.trouble("scheduler", error);
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_sleeps_until_something_is_due() {
        let now = Timestamp::default().plus_ms(10_000);
        assert_eq!(wait_ms(now, None), PERIOD_MS);
        assert_eq!(wait_ms(now, Some(now.plus_ms(300))), 301);
        assert_eq!(wait_ms(now, Some(Timestamp::default())), 1);
        assert_eq!(wait_ms(now, Some(now.plus_ms(60_000))), PERIOD_MS);
    }
}
