//! Claims tasks when there may be some and no settle takes a claim along, and puts what was claimed on the desk.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ork_core::attempt::Outcome;
use ork_core::clock::Timestamp;
use ork_core::store::{Claim, Claimed};
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use crate::backoff::Backoff;
use crate::desk::Ticket;
use crate::expressions;
use crate::observe::Observation;
use crate::parts::{Parts, Phase};

pub async fn run(parts: Arc<Parts>) {
    let mut phase = parts.phase.subscribe();
    let mut backoff = Backoff::new();
    let mut look = every(Duration::from_millis(parts.config.poll_ms));
    parts.claims.hunger();
    loop {
        if let Some(next) = parts.claims.next(&parts) {
            claim(&parts, next, &mut backoff).await;
        } else if parts.is_working() {
            wait(&parts, &mut phase, &mut look).await;
        } else {
            return;
        }
    }
}

fn every(period: Duration) -> Interval {
    let mut interval = interval_at(Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

async fn wait(parts: &Parts, phase: &mut watch::Receiver<Phase>, look: &mut Interval) {
    tokio::select! {
        biased;
        _ = phase.changed() => {}
        () = parts.pokes.dispatcher.notified() => parts.claims.hunger(),
        () = parts.pokes.room.notified() => {}
        _ = look.tick() => {
            hand_back_stale(parts);
            parts.claims.hunger();
        }
    }
}

/// Gives others what was claimed ahead of slots that did not become free.
fn hand_back_stale(parts: &Parts) {
    let poll_us = i64::try_from(parts.config.poll_ms).unwrap_or(i64::MAX).saturating_mul(1_000);
    let before = Timestamp::from_micros(parts.clock.now().micros().saturating_sub(poll_us));
    for ticket in parts.desk.take_stale(before) {
        ticket.settle(parts, Outcome::HandedBack);
    }
}

async fn claim(parts: &Parts, claim: Claim, backoff: &mut Backoff) {
    match parts.store.claim(&claim).await {
        Ok(claimed) => {
            backoff.reset();
            hand_over(parts, &claim, claimed).await;
        }
        Err(error) => {
            parts.store_failed("dispatcher", &error);
            parts.claims.failed(claim);
            backoff.wait().await;
        }
    }
}

/// Puts what was claimed on the desk, each with its plan.
pub async fn hand_over(parts: &Parts, claim: &Claim, claimed: Vec<Claimed>) {
    let count = claimed.len();
    if count > 0 {
        let tickets = tickets(parts, claim, claimed).await;
        if parts.observers.are_there() {
            for ticket in &tickets {
                parts.observers.tell(|| Observation::Dispatched(ticket.subject()));
            }
        }
        for ticket in parts.desk.push(tickets) {
            ticket.settle(parts, Outcome::HandedBack);
        }
        parts.pokes.runner.notify_one();
    }
    parts.claims.answered(claim, count);
}

async fn tickets(parts: &Parts, claim: &Claim, claimed: Vec<Claimed>) -> Vec<Ticket> {
    let runs: BTreeSet<_> = claimed.iter().map(|claimed| claimed.task.run).collect();
    let mut backoff = Backoff::new();
    let plans = loop {
        match parts.plans.fetch(parts.store.as_ref(), parts.config.scope, &runs).await {
            Ok(plans) => break plans,
            Err(error) => {
                parts.store_failed("dispatcher", &error);
                backoff.wait().await;
            }
        }
    };
    let mut tickets = Vec::with_capacity(claimed.len());
    for claimed in claimed {
        match plans.get(&claimed.task.run) {
            Some(Ok(plan)) => {
                let (lease, worker, plan) = (claim.lease, claim.worker, Arc::clone(plan));
                tickets.push(Ticket { claimed, lease, worker, plan });
            }
            Some(Err(problem)) => refuse(parts, claim, claimed, problem),
            None => refuse(parts, claim, claimed, "the run has no plan any more"),
        }
    }
    tickets
}

/// Fails an attempt whose plan cannot be used.
fn refuse(parts: &Parts, claim: &Claim, claimed: Claimed, problem: &str) {
    let plan = Arc::new(crate::plans::RunPlan::unusable(claimed.task.run, claimed.workspace));
    let ticket = Ticket { claimed, lease: claim.lease, worker: claim.worker, plan };
    ticket.settle(parts, Outcome::Failed(expressions::failed(problem)));
}
