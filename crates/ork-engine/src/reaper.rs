//! Settles what dead workers left.
//!
//! A worker on this machine is dead when its proof of life is gone. Any worker is taken for dead when its heartbeat is
//! too old; but only after the database has answered for the time of a whole lease, since during an outage nobody
//! could be heard.

use std::sync::Arc;
use std::time::Duration;

use ork_core::attempt::Outcome;
use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::event::Actor;
use ork_core::graph::{Lease, ProcessEnd};
use ork_core::limits;
use ork_core::planted::{self, Bug};
use ork_core::store::{Settle, WorkerRow};
use tokio::time::sleep;

use crate::observe::Observation;
use crate::parts::Parts;
use crate::spool;

pub async fn run(parts: Arc<Parts>) {
    loop {
        if let Err(error) = round(&parts).await {
            parts.store_failed("reaper", &error);
        }
        sleep(Duration::from_millis(parts.config.reap_ms)).await;
    }
}

async fn round(parts: &Parts) -> StoreResult<()> {
    let workers = parts.store.workers(parts.config.scope).await?;
    let now = parts.clock.now();
    parts.store_answered(now);
    let own = parts.identity.now();
    for worker in workers.iter().filter(|worker| worker.id != own) {
        if worker.ended_at.is_some() || declare_dead(parts, worker, now).await? {
            // One worker's bad row must not keep the others' tasks.
            if let Err(error) = reap(parts, worker).await {
                parts.store_failed("reaper", &error);
            }
        }
    }
    Ok(())
}

/// Strikes off a worker that is dead. True when it is struck off now, by whomever.
async fn declare_dead(parts: &Parts, worker: &WorkerRow, now: Timestamp) -> StoreResult<bool> {
    let is_proven = parts.liveness.is_dead(&worker.host, worker.id) == Some(true) && !planted::is(Bug::AgeOnlyReaping);
    let ttl_ms = parts.config.lease_ttl_ms;
    let may_expire = parts.health.has_lasted(now, ttl_ms) || planted::is(Bug::ReaperWithoutHoldOff);
    let is_old = now.since_ms(worker.heartbeat_at) > ttl_ms && may_expire;
    if !is_proven && !is_old {
        return Ok(false);
    }
    let how = if is_proven { "its process is gone" } else { "it was not heard of for too long" };
    parts.observers.trouble("reaper", format!("worker `{}` is dead: {how}", worker.name));
    parts.store.retire_worker(worker.id, now).await?;
    if is_proven {
        parts.liveness.bury(worker.id);
    }
    Ok(true)
}

/// Settles the leases of a worker that is struck off: it gets no more, so there is an end to them.
async fn reap(parts: &Parts, worker: &WorkerRow) -> StoreResult<()> {
    spool::recover(parts, Some(worker.id)).await?;
    let mut last = None;
    loop {
        let leases = parts.store.leases_of(worker.id, limits::BATCH_MAX).await?;
        // A lease that is still there after it was settled is one that the store cannot settle: not again in this round.
        if leases.is_empty() || last == leases.first().map(|lease| (lease.task, lease.id)) {
            return Ok(());
        }
        last = leases.first().map(|lease| (lease.task, lease.id));
        let now = parts.clock.now();
        let settles: Vec<Settle> = leases.iter().map(|lease| lost(parts, worker, lease, now)).collect();
        match settle(parts, &settles).await {
            Err(error) if !error.is_transient() => settle_singly(parts, &settles).await?,
            answer => answer?,
        }
    }
}

/// One row that the store cannot settle must not keep the others.
async fn settle_singly(parts: &Parts, settles: &[Settle]) -> StoreResult<()> {
    for one in settles {
        match settle(parts, std::slice::from_ref(one)).await {
            Err(error) if !error.is_transient() => {
                parts.observers.trouble("reaper", format!("failed to settle `{}`: {error}", one.task.id()));
            }
            answer => answer?,
        }
    }
    Ok(())
}

async fn settle(parts: &Parts, settles: &[Settle]) -> StoreResult<()> {
    let now = parts.clock.now();
    let outcomes = parts.store.settle(parts.config.scope, settles, &Actor::system("reaper"), now).await?;
    parts.pokes.dispatcher.notify_one();
    parts.pokes.scheduler.notify_one();
    for run in outcomes.ended {
        parts.outputs.forget(run);
        parts.observers.tell(|| Observation::RunEnded(run));
    }
    Ok(())
}

fn lost(parts: &Parts, worker: &WorkerRow, lease: &Lease, now: Timestamp) -> Settle {
    Settle {
        task: lease.task,
        attempt: lease.attempt,
        lease: lease.id,
        outcome: Outcome::lost(&worker.name),
        started_at: lease.started_at,
        finished_at: now,
        end: ProcessEnd::default(),
        random: parts.random(),
    }
}
