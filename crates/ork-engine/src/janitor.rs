//! Removes what is not kept any more, in pieces so small that nobody waits for them: runs that ended long ago, and bytes that no
//! artifact names.

use std::sync::Arc;
use std::time::Duration;

use ork_core::blobs::Blobs;
use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::id::WorkspaceId;
use ork_core::limits::PAGE_MAX;
use ork_core::store::{Scope, Store, WorkspaceRow};
use tokio::time::{Instant, sleep};

use crate::collector::remove_loose;
use crate::parts::Parts;

/// How often it is looked whether something is to be removed.
const PERIOD: Duration = Duration::from_secs(60);
/// Between two pieces those who claim and settle have their turn: for so many times as long as the piece took.
const REST: u32 = 4;
const REST_MIN: Duration = Duration::from_millis(5);
const DUTY: &str = "janitor";
const HOLD_MS: u64 = 120_000;
/// Rows of a piece: a few milliseconds.
const PIECE: u32 = 500;
/// Runs of a piece, and of a workspace before another one has its turn.
const RUNS: u32 = 50;

pub async fn run(parts: Arc<Parts>) {
    if !parts.config.keeps_house {
        return;
    }
    let mut held_until = parts.clock.now();
    loop {
        let began = Instant::now();
        let rest = match round(&parts, &mut held_until).await {
            Ok(true) => (began.elapsed() * REST).clamp(REST_MIN, PERIOD),
            Ok(false) => PERIOD,
            Err(error) => {
                parts.store_failed("janitor", &error);
                PERIOD
            }
        };
        sleep(rest).await;
    }
}

/// One piece. False when there is nothing to remove, or another process has the duty.
async fn round(parts: &Parts, held_until: &mut Timestamp) -> StoreResult<bool> {
    let (store, now) = (parts.store.as_ref(), parts.clock.now());
    if held_until.since_ms(now) < HOLD_MS / 2 {
        let until = now.plus_ms(HOLD_MS);
        if !store.hold_duty(DUTY, parts.identity.now(), now, until).await? {
            return Ok(false);
        }
        *held_until = until;
    }
    // What was begun first.
    if store.sweep(PIECE).await?.more {
        return Ok(true);
    }
    let mut did = false;
    for workspace in workspaces(store).await? {
        let Some(until) = workspace.settings.kept_since(now) else { continue };
        match prune(store, workspace.id, until, now).await {
            Ok(pruned) => did |= pruned > 0,
            Err(error) if error.is_transient() => return Err(error),
            // The others have their turn.
            Err(error) => parts.observers.trouble("janitor", format!("workspace `{}`: {error}", workspace.name)),
        }
    }
    if let Some(blobs) = &parts.config.blobs {
        let removed = remove_loose(store, blobs.as_ref(), now).await?;
        if let Some(trouble) = removed.trouble() {
            parts.observers.trouble("janitor", trouble);
        }
        did |= removed.more;
    }
    Ok(did)
}

async fn workspaces(store: &dyn Store) -> StoreResult<Vec<WorkspaceRow>> {
    let mut found: Vec<WorkspaceRow> = Vec::new();
    loop {
        let after = found.last().map(|row| row.name.clone());
        let page = store.workspaces(Scope::All, after.as_deref(), PAGE_MAX).await?;
        let is_last = page.len() < PAGE_MAX as usize;
        found.extend(page);
        if is_last {
            return Ok(found);
        }
    }
}

/// Replaces some runs that ended before a moment by their tombstones; how many.
async fn prune(store: &dyn Store, workspace: WorkspaceId, until: Timestamp, now: Timestamp) -> StoreResult<u64> {
    let runs = store.prunable(workspace, until, RUNS).await?;
    if runs.is_empty() {
        return Ok(0);
    }
    store.prune_runs(Scope::One(workspace), &runs, now).await
}

/// Removes all runs of a workspace that ended before a moment, piece by piece; how many. Where it is said where bytes are, those that
/// no artifact names go too; what cannot be removed is left for the janitor.
///
/// # Errors
/// When the store does not answer. What was removed so far is gone, and asking again goes on.
pub async fn prune_all(
    store: &dyn Store,
    blobs: Option<&dyn Blobs>,
    workspace: WorkspaceId,
    until: Timestamp,
    now: Timestamp,
) -> StoreResult<u64> {
    let mut pruned = 0;
    loop {
        let some = prune(store, workspace, until, now).await?;
        while store.sweep(PIECE).await?.more {}
        pruned += some;
        if some > 0 {
            continue;
        }
        if let Some(blobs) = blobs {
            while remove_loose(store, blobs, now).await?.more {}
        }
        return Ok(pruned);
    }
}
