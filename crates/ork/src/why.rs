//! Gathers what `ork_core::why` needs to know, and chooses what to say of a whole run.

use anyhow::Result;
use ork_core::graph::Phase;
use ork_core::id::{RunId, TaskRef};
use ork_core::plan::Plan;
use ork_core::state::TaskStatus;
use ork_core::store::{GroupRow, RunRow, TaskFilter, TaskRow, WorkerRow};
use ork_core::why::{Around, Why, why_task};
use ork_engine::{EngineConfig, Liveness};

use crate::host;
use crate::liveness::LockFiles;
use crate::names::Names;
use crate::world::{SCOPE, World};

/// Why one task is where it is.
pub struct Reason {
    /// What the task is called.
    pub name: String,
    pub task: TaskRow,
    pub why: Why,
    /// `it needs …`, with the task's name in front.
    pub sentence: String,
}

/// Unfinished tasks of a run that are looked at for the one that holds it up.
const LOOK_MAX: u32 = 200;

/// What is the same for all tasks of a run.
struct Gathered {
    run: RunRow,
    names: Names,
    /// The groups that each group needs, by number.
    parents: Vec<Vec<u32>>,
    /// Workers that live.
    workers: Vec<WorkerRow>,
}

/// Why a task is where it is; `None` when it does not exist.
pub async fn of_task(world: &World, task: TaskRef) -> Result<Option<Reason>> {
    let Some(gathered) = gather(world, task.run).await? else { return Ok(None) };
    let found = world.store.task(SCOPE, task).await?;
    Ok(found.and_then(|task| gathered.explain(world, task)))
}

/// Why a run is not over: the one unfinished task that says most. `None` when it is over or does not exist.
pub async fn of_run(world: &World, run: RunId) -> Result<Option<Reason>> {
    Ok(all_of_run(world, run).await?.into_iter().next())
}

/// What holds a run up, what says most first; of tasks that only wait for others of them at most one.
pub async fn all_of_run(world: &World, run: RunId) -> Result<Vec<Reason>> {
    let Some(gathered) = gather(world, run).await? else { return Ok(Vec::new()) };
    let live = TaskStatus::ALL.iter().copied().filter(|status| !status.is_terminal()).collect();
    let filter = TaskFilter { statuses: live, limit: LOOK_MAX, ..TaskFilter::default() };
    let tasks = world.store.tasks(SCOPE, run, &filter).await?;
    let mut reasons: Vec<Reason> = tasks.into_iter().filter_map(|task| gathered.explain(world, task)).collect();
    reasons.sort_by_key(|reason| rank(&reason.why));
    let waits = |reason: &Reason| matches!(reason.why, Why::Parents { .. });
    if reasons.first().is_some_and(|first| !waits(first)) {
        reasons.retain(|reason| !waits(reason));
    }
    // They are about the run, and the same for each of its tasks.
    reasons.dedup_by(|a, b| is_of_run(&a.why) && a.why == b.why);
    Ok(reasons)
}

/// The lower, the more it says about why nothing goes on.
const fn rank(why: &Why) -> u8 {
    match why {
        Why::CarrierGone { .. } | Why::Paused { .. } | Why::RunHeld { .. } => 0,
        Why::NoWorker { .. } | Why::OtherHost { .. } | Why::Unserved { .. } => 1,
        Why::SlotTaken { .. } => 2,
        Why::Retry { .. } => 3,
        Why::Running { .. } | Why::Outside => 4,
        Why::Queued { .. } | Why::Evaluation => 5,
        Why::Parents { .. } | Why::Over { .. } => 6,
    }
}

const fn is_of_run(why: &Why) -> bool {
    rank(why) == 0
}

async fn gather(world: &World, id: RunId) -> Result<Option<Gathered>> {
    let store = &world.store;
    let Some(run) = store.run(SCOPE, id).await? else { return Ok(None) };
    let plans = store.plans(SCOPE, &[id]).await?;
    let plan: Plan = match plans.first() {
        Some(stored) => serde_json::from_str(stored.plan.as_str())?,
        None => Plan::default(),
    };
    let workers = living(world, store.workers(SCOPE).await?)?;
    Ok(Some(Gathered {
        run,
        names: Names::read(store.as_ref(), SCOPE, id).await?,
        parents: plan.nodes.into_iter().map(|node| node.depends_on).collect(),
        workers,
    }))
}

/// Workers whose process exists, as far as can be told from here.
pub fn living(world: &World, workers: Vec<WorkerRow>) -> Result<Vec<WorkerRow>> {
    let locks = LockFiles::new(world.database.locks()?, host::identity());
    let now = world.now();
    let ttl_ms = EngineConfig::default().lease_ttl_ms;
    let lives = |worker: &WorkerRow| match locks.is_dead(&worker.host, worker.id) {
        Some(is_dead) => !is_dead,
        None => now.since_ms(worker.heartbeat_at) <= ttl_ms,
    };
    Ok(workers.into_iter().filter(|worker| worker.ended_at.is_none() && lives(worker)).collect())
}

impl Gathered {
    fn explain(&self, world: &World, task: TaskRow) -> Option<Reason> {
        let group = self.names.groups().iter().find(|group| group.g == task.g)?;
        let parents: Vec<GroupRow> = self.parents.get(task.g as usize).map_or_else(Vec::new, |parents| {
            let open = |group: &&GroupRow| parents.contains(&group.g) && group.phase != Phase::Over;
            self.names.groups().iter().filter(open).cloned().collect()
        });
        let is_orphan = task.status.is_leased()
            && self.run.in_process
            && !self.workers.iter().any(|worker| Some(worker.id) == task.worker);
        let why = if is_orphan {
            Why::CarrierGone { run: self.run.id }
        } else {
            why_task(Around {
                task: &task,
                run: &self.run,
                group,
                parents: &parents,
                workers: &self.workers,
                paused: None,
                slots: None,
                ahead: None,
                now: world.now(),
            })
        };
        let name = self.names.of_task(&task);
        let sentence = if is_of_run(&why) { why.to_string() } else { format!("{name}: {why}") };
        Some(Reason { name, task, why, sentence })
    }
}
