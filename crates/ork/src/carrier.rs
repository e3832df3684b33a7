//! Which process carries a run of `ork run`, and the runs whose process is gone.

use std::collections::BTreeSet;

use anyhow::Result;
use ork_api::{Worker, WorkerStatus};
use ork_core::id::RunId;
use ork_core::store::RunRow;

use crate::exit_code::{Exit, Refusal};
use crate::history::History;

/// How old a run is before it is taken for one that lost its process, when no worker was ever seen to carry it: a run is
/// submitted a moment before its process enters as a worker.
const YOUNG_MS: u64 = 5_000;

fn carries(worker: &Worker, run: RunId) -> bool {
    worker.in_process && worker.queues.iter().any(|carried| *carried == run.to_string())
}

/// The living worker that carries a run, if there is one.
pub async fn carrier(history: &History, run: RunId) -> Result<Option<Worker>> {
    let workers = history.workers().await?;
    Ok(workers.into_iter().find(|worker| worker.status == WorkerStatus::Alive && carries(worker, run)))
}

/// Those of some runs that go on only if somebody resumes them: one look at the workers for all.
pub async fn orphans(history: &History, runs: &[RunRow]) -> Result<BTreeSet<RunId>> {
    let carried = |run: &&RunRow| run.in_process && !run.status.is_terminal();
    if runs.iter().all(|run| !carried(&run)) {
        return Ok(BTreeSet::new());
    }
    let workers = history.workers().await?;
    let is_orphan = |run: &&RunRow| {
        let mut carriers = workers.iter().filter(|worker| carries(worker, run.id)).peekable();
        let is_known = carriers.peek().is_some();
        let is_young = run.started_at.is_none() && history.now().since_ms(run.created_at) < YOUNG_MS;
        !carriers.any(|worker| worker.status == WorkerStatus::Alive) && (!is_young || is_known)
    };
    Ok(runs.iter().filter(carried).filter(is_orphan).map(|run| run.id).collect())
}

/// Whether a run goes on only if somebody resumes it.
pub async fn is_orphan(history: &History, run: &RunRow) -> Result<bool> {
    Ok(!orphans(history, std::slice::from_ref(run)).await?.is_empty())
}

/// The command line that goes on with an orphan: where the database is, and not against a server.
pub fn resume(history: &History, run: RunId) -> String {
    match history.here() {
        Some(world) => format!("ork run --resume {run}{}", world.flags()),
        None => format!("ork run --resume {run}, where it was started"),
    }
}

/// What to say of an orphan.
pub fn gone(history: &History, run: RunId) -> String {
    format!("the process that carried the run is gone; go on with: {}", resume(history, run))
}

/// Why an orphan is followed no longer.
pub fn refusal(history: &History, run: RunId) -> Refusal {
    Refusal::new(Exit::Failed, "the process that carried the run is gone").hint(resume(history, run))
}
