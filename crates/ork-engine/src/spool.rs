//! Outcomes on disk while the database is away.
//!
//! An outcome waits in memory until the store has answered. When the store cannot be reached it is put on disk as well, so
//! that the end of this process does not make others repeat work that is done: the next engine on this machine settles what
//! is kept before it claims anything, and whoever finds the worker dead does so before it gives up the worker's leases.

use std::collections::BTreeSet;
use std::sync::Arc;

use ork_core::error::StoreResult;
use ork_core::event::{Actor, ActorKind};
use ork_core::id::WorkerId;
use ork_core::limits;
use ork_core::store::Settle;
use tokio::task::spawn_blocking;

use crate::parts::Parts;

/// A place on this machine's disk for outcomes, of one database. Its methods block.
pub trait Spool: Send + Sync {
    /// Keeps outcomes of a worker. They are on disk when it returns.
    ///
    /// # Errors
    /// When they cannot be written.
    fn keep(&self, worker: WorkerId, settles: &[Settle]) -> Result<(), String>;

    /// All that is kept, by worker, in the order in which it came. The same outcome may be there twice.
    ///
    /// # Errors
    /// When it cannot be read.
    fn kept(&self) -> Result<Vec<(WorkerId, Vec<Settle>)>, String>;

    /// Forgets a worker's outcomes: they are settled.
    fn forget(&self, worker: WorkerId);
}

/// Keeps outcomes that could not be settled now. What cannot be kept waits in memory alone, and that is told.
pub async fn keep(parts: &Parts, settles: Vec<Settle>) {
    let Some(spool) = parts.config.spool.as_ref().filter(|_| !settles.is_empty()).map(Arc::clone) else { return };
    let worker = parts.identity.now();
    let kept = spawn_blocking(move || spool.keep(worker, &settles)).await;
    if let Ok(Err(problem)) = kept {
        parts.observers.trouble("settler", format!("failed to keep outcomes on disk: {problem}"));
    }
}

/// Everything of this process's worker is settled.
pub async fn forget(parts: &Parts) {
    let Some(spool) = parts.config.spool.as_ref().map(Arc::clone) else { return };
    let worker = parts.identity.now();
    // What is not forgotten is settled again, and nothing comes of it.
    let _ = spawn_blocking(move || spool.forget(worker)).await;
}

/// Settles what workers of this machine have kept that are gone: one of them, or all.
///
/// # Errors
/// When the store cannot be reached; what is kept stays.
pub async fn recover(parts: &Parts, only: Option<WorkerId>) -> StoreResult<()> {
    let Some(spool) = parts.config.spool.as_ref().map(Arc::clone) else { return Ok(()) };
    let reader = Arc::clone(&spool);
    let kept = match spawn_blocking(move || reader.kept()).await {
        Ok(Ok(kept)) => kept,
        Ok(Err(problem)) => {
            parts.observers.trouble("reaper", format!("failed to read outcomes on disk: {problem}"));
            return Ok(());
        }
        Err(_) => return Ok(()),
    };
    for (worker, settles) in kept {
        let is_alive =
            worker == parts.identity.now() || parts.liveness.is_dead(&parts.config.host, worker) == Some(false);
        if is_alive || only.is_some_and(|only| only != worker) {
            continue;
        }
        let mut is_settled = true;
        for batch in batches(settles) {
            is_settled &= settle(parts, worker, &batch).await?;
        }
        // What the store does not take stays here, and is tried again by whoever comes next.
        if is_settled {
            let spool = Arc::clone(&spool);
            let _ = spawn_blocking(move || spool.forget(worker)).await;
        }
    }
    Ok(())
}

/// Settles a batch on behalf of a worker. One outcome that the store cannot take must not keep the others: then each goes
/// alone. True when all were taken.
async fn settle(parts: &Parts, worker: WorkerId, batch: &[Settle]) -> StoreResult<bool> {
    let actor = Actor { kind: ActorKind::Worker, id: worker.to_string() };
    let mut is_settled = true;
    let mut open: Vec<&[Settle]> = vec![batch];
    while let Some(some) = open.pop() {
        match parts.store.settle(parts.config.scope, some, &actor, parts.clock.now()).await {
            Ok(outcomes) => outcomes.ended.iter().for_each(|run| parts.outputs.forget(*run)),
            Err(error) if error.is_transient() => return Err(error),
            Err(_) if some.len() > 1 => open.extend(some.chunks(1).rev()),
            Err(error) => {
                parts.observers.trouble("reaper", format!("failed to settle what `{worker}` kept: {error}"));
                is_settled = false;
            }
        }
    }
    Ok(is_settled)
}

/// Batches that hold no task twice, in order; of the same outcome one.
fn batches(settles: Vec<Settle>) -> Vec<Vec<Settle>> {
    let mut seen = BTreeSet::new();
    let mut batches = vec![Vec::new()];
    let mut tasks = BTreeSet::new();
    for settle in settles {
        if !seen.insert((settle.task, settle.attempt, settle.lease)) {
            continue;
        }
        if tasks.len() == limits::BATCH_MAX || !tasks.insert(settle.task) {
            batches.push(Vec::new());
            tasks = BTreeSet::from([settle.task]);
        }
        if let Some(batch) = batches.last_mut() {
            batch.push(settle);
        }
    }
    batches.retain(|batch| !batch.is_empty());
    batches
}
