//! Claims.

use std::collections::BTreeSet;

use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::graph::LeaseId;
use ork_core::id::{RunId, TaskRef, WorkerId, WorkspaceId};
use ork_core::limits;
use ork_core::store::{Claim, Claimed, QueuePause, Scope, queue_of};
use rusqlite::{Connection, params};

use crate::change::execute;
use crate::connection::failed;
use crate::pauses;
use crate::rows::{Cell, get, run_key, worker_key, workspace_key};
use crate::sql;

/// The head of one workspace's part of one lane.
struct Candidate {
    rank: i64,
    seq: i64,
    lane: usize,
    run: RunId,
    n: u32,
    g: u32,
    task_index: u32,
    attempt: u32,
    key: Option<String>,
}

pub fn claim(db: &Connection, claim: &Claim) -> StoreResult<Vec<Claimed>> {
    if claim.again {
        let claimed = claimed_before(db, claim.worker, claim.lease)?;
        if !claimed.is_empty() {
            return Ok(claimed);
        }
    }
    let mut alive = db.prepare_cached(sql::workers::ALIVE).map_err(failed)?;
    if !alive.exists(params![worker_key(claim.worker)]).map_err(failed)? {
        return Ok(Vec::new());
    }
    let limit = claim.limit.min(limits::BATCH_MAX);
    let paused = pauses::list(db, claim.scope)?;
    let mut open: Vec<WorkspaceId> = workspaces(db, claim)?.into_iter().collect();
    if open.len() > 1 {
        // Whoever is first gets the larger part of an uneven share, so it must not always be the same one.
        let at = usize::try_from(claim.lease.0.unsigned_abs() % open.len() as u64).unwrap_or(0);
        open.rotate_left(at);
    }
    let mut claimed = Vec::with_capacity(limit);
    while claimed.len() < limit && !open.is_empty() {
        let share = (limit - claimed.len()).div_ceil(open.len());
        let mut still_open = Vec::new();
        for workspace in open {
            let wanted = share.min(limit - claimed.len());
            let taken = take(db, (claim, &paused), workspace, wanted, &mut claimed)?;
            if taken == wanted {
                still_open.push(workspace);
            }
        }
        open = still_open;
    }
    Ok(claimed)
}

fn workspaces(db: &Connection, claim: &Claim) -> StoreResult<BTreeSet<WorkspaceId>> {
    if let Scope::One(own) = claim.scope {
        return Ok(BTreeSet::from([own]));
    }
    let mut found = BTreeSet::new();
    let mut statement = db.prepare_cached(sql::queue::WORKSPACES).map_err(failed)?;
    for lane in &claim.lanes {
        let rows = statement.query_map(params![lane], |row| row.get::<_, Cell<WorkspaceId>>(0)).map_err(failed)?;
        for row in rows {
            found.insert(row.map_err(failed)?.0);
        }
    }
    Ok(found)
}

/// Takes up to `wanted` tasks of one workspace, over all lanes that are not paused in the order of the queue.
fn take(
    db: &Connection,
    (claim, paused): (&Claim, &[QueuePause]),
    workspace: WorkspaceId,
    wanted: usize,
    into: &mut Vec<Claimed>,
) -> StoreResult<usize> {
    if wanted == 0 {
        return Ok(0);
    }
    let mut candidates = Vec::with_capacity(wanted);
    let mut heads = db.prepare_cached(sql::queue::HEAD).map_err(failed)?;
    let is_paused = |lane: &str| paused.iter().any(|p| p.workspace == workspace && p.queue == queue_of(lane));
    for (lane, name) in claim.lanes.iter().enumerate().filter(|(_, name)| !is_paused(name)) {
        let rows = heads
            .query_map(params![name, workspace_key(workspace), i64::try_from(wanted).unwrap_or(i64::MAX)], |row| {
                Ok(Candidate {
                    rank: row.get(0)?,
                    seq: row.get(1)?,
                    lane,
                    run: row.get::<_, Cell<RunId>>(2)?.0,
                    n: row.get(3)?,
                    g: row.get(4)?,
                    task_index: row.get(5)?,
                    attempt: row.get(6)?,
                    key: row.get(7)?,
                })
            })
            .map_err(failed)?;
        for row in rows {
            candidates.push(row.map_err(failed)?);
        }
    }
    if claim.lanes.len() > 1 {
        candidates.sort_by_key(|candidate| (candidate.rank, candidate.seq));
        candidates.truncate(wanted);
    }
    for candidate in &candidates {
        lease(db, claim, workspace, candidate)?;
        into.push(Claimed {
            workspace,
            task: TaskRef { run: candidate.run, n: candidate.n },
            g: candidate.g,
            task_index: candidate.task_index,
            attempt: candidate.attempt,
            dispatched_at: claim.now,
        });
    }
    Ok(candidates.len())
}

fn lease(db: &Connection, claim: &Claim, workspace: WorkspaceId, candidate: &Candidate) -> StoreResult<()> {
    let lane = &claim.lanes[candidate.lane];
    execute(db, sql::queue::TAKE, params![lane, workspace_key(workspace), candidate.rank, candidate.seq])?;
    execute(
        db,
        sql::leases::INSERT,
        params![
            run_key(candidate.run),
            candidate.n,
            workspace_key(workspace),
            candidate.g,
            candidate.task_index,
            candidate.attempt,
            claim.lease.0,
            worker_key(claim.worker),
            candidate.key,
            claim.now.micros(),
        ],
    )?;
    Ok(())
}

fn claimed_before(db: &Connection, worker: WorkerId, lease: LeaseId) -> StoreResult<Vec<Claimed>> {
    let mut statement = db.prepare_cached(sql::leases::CLAIMED).map_err(failed)?;
    let rows = statement
        .query_map(params![worker_key(worker), lease.0], |row| {
            Ok(Claimed {
                workspace: get(row, "workspace_id")?,
                task: TaskRef { run: get(row, "run_id")?, n: row.get("n")? },
                g: row.get("g")?,
                task_index: row.get("task_index")?,
                attempt: row.get("attempt")?,
                dispatched_at: get::<Timestamp>(row, "dispatched_at")?,
            })
        })
        .map_err(failed)?;
    rows.collect::<Result<_, _>>().map_err(failed)
}
