//! Which process carries a run of `ork run`, and the runs whose process is gone.

use std::collections::BTreeSet;

use anyhow::Result;
use ork_core::graph::Pin;
use ork_core::id::RunId;
use ork_core::store::{RunRow, WorkerRow};

use crate::exit_code::{Exit, Refusal};
use crate::world::World;

/// How old a run is before it is taken for one that lost its process, when no worker was ever seen to carry it: a run is
/// submitted a moment before its process enters as a worker.
const YOUNG_MS: u64 = 5_000;

/// The living worker that carries a run, if there is one.
pub async fn carrier(world: &World, run: RunId) -> Result<Option<WorkerRow>> {
    let lane = Pin::Process.lane("", run);
    let living = world.look().living(world.store.workers(world.scope()).await?);
    Ok(living.into_iter().find(|worker| worker.lanes.contains(&lane)))
}

/// Those of some runs that go on only if somebody resumes them: one look at the workers for all.
pub async fn orphans(world: &World, runs: &[RunRow]) -> Result<BTreeSet<RunId>> {
    let carried = |run: &&RunRow| run.in_process && !run.status.is_terminal();
    if runs.iter().all(|run| !carried(&run)) {
        return Ok(BTreeSet::new());
    }
    let workers = world.store.workers(world.scope()).await?;
    let living = world.look().living(workers.clone());
    let is_orphan = |run: &&RunRow| {
        let lane = Pin::Process.lane("", run.id);
        let served = |workers: &[WorkerRow]| workers.iter().any(|worker| worker.lanes.contains(&lane));
        let is_young = run.started_at.is_none() && world.now().since_ms(run.created_at) < YOUNG_MS;
        !served(&living) && (!is_young || served(&workers))
    };
    Ok(runs.iter().filter(carried).filter(is_orphan).map(|run| run.id).collect())
}

/// Whether a run goes on only if somebody resumes it.
pub async fn is_orphan(world: &World, run: &RunRow) -> Result<bool> {
    Ok(!orphans(world, std::slice::from_ref(run)).await?.is_empty())
}

/// What to say of an orphan.
pub fn gone(world: &World, run: RunId) -> String {
    format!("the process that carried the run is gone; go on with: ork run --resume {run}{}", world.flags())
}

/// Why an orphan is followed no longer.
pub fn refusal(world: &World, run: RunId) -> Refusal {
    Refusal::new(Exit::Failed, "the process that carried the run is gone")
        .hint(format!("ork run --resume {run}{}", world.flags()))
}
