//! Gathers what `ork_core::why` needs to know, and chooses what to say of a whole run.

mod slots;

use std::collections::{BTreeMap, BTreeSet};

use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::EventType;
use ork_core::id::{RunId, TaskRef};
use ork_core::limits::PAGE_MAX;
use ork_core::plan::Plan;
use ork_core::state::{self, RunStatus, TaskStatus};
use ork_core::store::{
    GateFilter, GateRow, GroupRow, QueuePause, ROWS_MAX, RunRow, Scope, StoredPlan, TaskFilter, TaskRow, WorkerRow,
};
use ork_core::why::{Around, Slots, Why, why_task};

use crate::look::Look;
use crate::names::Names;

/// Why one task is where it is.
#[derive(Debug)]
pub struct Reason {
    /// What the task is called.
    pub name: String,
    /// The task.
    pub task: TaskRow,
    /// The reason.
    pub why: Why,
    /// `waits for …`; a command at its end finds the same database.
    pub text: String,
    /// The same with the task's name in front.
    pub sentence: String,
}

/// Unfinished tasks of a run that are looked at for the one that holds it up.
const LOOK_MAX: u32 = 200;
/// Workers whose tasks are counted.
const WORKERS_MAX: usize = 20;
/// Tasks of a worker that are counted.
const COUNT_MAX: usize = 10_000;
/// Pages of events, the newest, in which the pause is looked for.
const PAGES_MAX: u64 = 20;

/// What is the same for all tasks of a run.
struct Gathered {
    run: RunRow,
    names: Names,
    plan: Plan,
    /// Workers that live.
    workers: Vec<WorkerRow>,
    /// Those that do not.
    gone: Vec<WorkerRow>,
    paused: Option<(String, Timestamp)>,
    /// The pauses of queues.
    pauses: Vec<QueuePause>,
    run_slots: Option<Slots>,
    /// How the slots of tasks' concurrency keys stand, for those that somebody waits for.
    slots: BTreeMap<String, Slots>,
    /// Tasks that failed, for those that did not run for such a reason.
    failed: Vec<TaskRow>,
    /// Tasks at work on the workers that serve a lane, for those that something is queued in.
    at_work: BTreeMap<String, u32>,
    /// Open gates, for those that wait.
    gates: Vec<GateRow>,
}

/// Why a task is where it is; `None` when it does not exist.
///
/// # Errors
/// When the store cannot be read.
pub async fn of_task(look: Look<'_>, task: TaskRef) -> StoreResult<Option<Reason>> {
    let Some(task) = look.store.task(look.scope, task).await? else { return Ok(None) };
    let Some(gathered) = gather(look, task.task.run, std::slice::from_ref(&task)).await? else { return Ok(None) };
    Ok(gathered.explain(look, task))
}

/// Why a run is not over: the one unfinished task that says most. `None` when it is over or does not exist.
///
/// # Errors
/// When the store cannot be read.
pub async fn of_run(look: Look<'_>, run: RunId) -> StoreResult<Option<Reason>> {
    Ok(all_of_run(look, run).await?.into_iter().next())
}

/// What holds a run up, what says most first; of tasks that only wait for others of them at most one.
///
/// # Errors
/// When the store cannot be read.
pub async fn all_of_run(look: Look<'_>, run: RunId) -> StoreResult<Vec<Reason>> {
    let live = TaskStatus::ALL.iter().copied().filter(|status| !status.is_terminal()).collect();
    let filter = TaskFilter { statuses: live, limit: LOOK_MAX, ..TaskFilter::default() };
    let tasks = look.store.tasks(look.scope, run, &filter).await?;
    let Some(gathered) = gather(look, run, &tasks).await? else { return Ok(Vec::new()) };
    let mut reasons: Vec<Reason> = tasks.into_iter().filter_map(|task| gathered.explain(look, task)).collect();
    reasons.sort_by_key(|reason| rank(&reason.why));
    let waits = |reason: &Reason| matches!(reason.why, Why::Parents { .. });
    if reasons.first().is_some_and(|first| !waits(first)) {
        reasons.retain(|reason| !waits(reason));
    }
    // They are about the run, and the same for each of its tasks.
    reasons.dedup_by(|a, b| is_of_run(&a.why) && a.why == b.why);
    Ok(reasons)
}

/// The first tasks of a run that failed, by number.
///
/// # Errors
/// When the store cannot be read.
pub async fn failures(look: Look<'_>, run: RunId, limit: u32) -> StoreResult<Vec<TaskRow>> {
    let filter = TaskFilter { statuses: vec![TaskStatus::Failed], limit, ..TaskFilter::default() };
    look.store.tasks(look.scope, run, &filter).await
}

/// The lower, the more it says about why nothing goes on.
const fn rank(why: &Why) -> u8 {
    match why {
        Why::CarrierGone { .. } | Why::Paused { .. } | Why::RunHeld { .. } => 0,
        Why::QueuePaused { .. }
        | Why::NoWorker { .. }
        | Why::OtherHost { .. }
        | Why::WorkerGone { .. }
        | Why::Unserved { .. } => 1,
        Why::SlotTaken { .. } => 2,
        Why::Retry { .. } => 3,
        Why::Gate { .. } => 4,
        Why::Running { .. } | Why::Outside => 5,
        Why::Queued { .. } | Why::Evaluation => 6,
        Why::Parents { .. } | Why::Over { .. } => 7,
    }
}

const fn is_of_run(why: &Why) -> bool {
    rank(why) == 0
}

/// A stored plan, read.
///
/// # Errors
/// When it is not one.
pub fn plan(stored: &StoredPlan) -> StoreResult<Plan> {
    serde_json::from_str(stored.plan.as_str()).map_err(|error| StoreError::Corrupt {
        table: "runs",
        column: "plan",
        row: stored.run.to_string(),
        problem: error.to_string(),
    })
}

/// Looks at everything around some tasks of a run; `None` when the run does not exist.
async fn gather(look: Look<'_>, id: RunId, tasks: &[TaskRow]) -> StoreResult<Option<Gathered>> {
    let store = look.store;
    let Some(run) = store.run(look.scope, id).await? else { return Ok(None) };
    let plans = store.plans(look.scope, &[id]).await?;
    let plan: Plan = match plans.first() {
        Some(stored) => plan(stored)?,
        None => Plan::default(),
    };
    let all = store.workers(look.scope).await?;
    let workers = look.living(all.clone());
    let gone = all.into_iter().filter(|worker| workers.iter().all(|lives| lives.id != worker.id)).collect();
    let names = Names::read(store, look.scope, id).await?;
    let (paused, run_slots) = (paused(look, &run).await?, slots::of_run(look, &run, &plan).await?);
    let slots = slots::of_tasks(look, tasks, &plan).await?;
    let at_work = at_work(look, tasks, &workers).await?;
    // Of this run's tenant only, whoever looks.
    let pauses = store.queue_pauses(Scope::One(run.workspace)).await?;
    let failed = if tasks.iter().any(|task| task.reason == Some(state::Reason::Upstream)) {
        failures(look, id, LOOK_MAX).await?
    } else {
        Vec::new()
    };
    let gates = if tasks.iter().any(|task| task.status == TaskStatus::Waiting) {
        let filter = GateFilter { run: Some(id), open: true, limit: ROWS_MAX, ..GateFilter::default() };
        store.gates(look.scope, &filter).await?
    } else {
        Vec::new()
    };
    Ok(Some(Gathered { failed, run, names, plan, workers, gone, paused, pauses, run_slots, slots, at_work, gates }))
}

/// Who paused a run, and when. Little happens to a paused run, so that is among its last events.
async fn paused(look: Look<'_>, run: &RunRow) -> StoreResult<Option<(String, Timestamp)>> {
    if run.status != RunStatus::Paused {
        return Ok(None);
    }
    let page = u64::from(PAGE_MAX);
    for back in 1..=PAGES_MAX {
        let after = run.seq.saturating_sub(back * page);
        let rows = look.store.events(look.scope, run.id, after, PAGE_MAX).await?;
        let pause = rows.iter().rfind(|row| row.event_type == EventType::Run(RunStatus::Paused));
        if let Some(row) = pause {
            return Ok(Some((row.actor.id.clone(), row.created_at)));
        }
        if after == 0 {
            break;
        }
    }
    Ok(None)
}

/// How much the workers have to do that could take these tasks, by lane.
async fn at_work(look: Look<'_>, tasks: &[TaskRow], workers: &[WorkerRow]) -> StoreResult<BTreeMap<String, u32>> {
    let mut counted = BTreeMap::new();
    for task in tasks.iter().filter(|task| task.status == TaskStatus::Queued && !task.held) {
        let serving: Vec<&WorkerRow> = workers.iter().filter(|worker| worker.lanes.contains(&task.lane)).collect();
        if counted.contains_key(&task.lane) || serving.len() > WORKERS_MAX {
            continue;
        }
        let mut sum = 0;
        for worker in serving {
            sum += look.store.leases_of(worker.id, COUNT_MAX).await?.len();
        }
        counted.insert(task.lane.clone(), u32::try_from(sum).unwrap_or(u32::MAX));
    }
    Ok(counted)
}

impl Gathered {
    /// The failed task that kept one from running although it does not need it itself.
    fn cause(&self, task: &TaskRow) -> Option<String> {
        if task.reason != Some(state::Reason::Upstream) {
            return None;
        }
        let needs = |g: u32| self.plan.nodes.get(g as usize).map_or(&[][..], |node| &node.depends_on);
        if self.failed.iter().any(|failed| needs(task.g).contains(&failed.g)) {
            return None;
        }
        let (mut above, mut open) = (BTreeSet::new(), vec![task.g]);
        while let Some(g) = open.pop() {
            open.extend(needs(g).iter().filter(|parent| above.insert(**parent)));
        }
        self.failed.iter().find(|failed| above.contains(&failed.g)).map(|failed| self.names.of_task(failed))
    }

    fn explain(&self, look: Look<'_>, task: TaskRow) -> Option<Reason> {
        let group = self.names.groups().iter().find(|group| group.g == task.g)?;
        let node = self.plan.nodes.get(task.g as usize);
        let parents: Vec<GroupRow> = node.map_or_else(Vec::new, |node| {
            let is_parent = |group: &&GroupRow| node.depends_on.contains(&group.g);
            self.names.groups().iter().filter(is_parent).cloned().collect()
        });
        let cause = self.cause(&task);
        let why = why_task(Around {
            cause: cause.as_deref(),
            task: &task,
            run: &self.run,
            group,
            parents: &parents,
            timeout_ms: node.and_then(|node| node.timeout_ms),
            workers: &self.workers,
            gone: &self.gone,
            paused: self.paused.as_ref().map(|(by, at)| (by.as_str(), *at)),
            pauses: &self.pauses,
            run_slots: self.run_slots.as_ref(),
            slots: task.concurrency_key.as_ref().and_then(|key| self.slots.get(key)),
            at_work: self.at_work.get(&task.lane).copied(),
            // Of several the one that was opened first: newer ones come first.
            gate: self.gates.iter().rfind(|gate| gate.task == task.task),
            now: look.now,
        });
        let name = self.names.of_task(&task);
        let text = format!("{why}{}", if why.ends_in_command() { look.flags } else { "" });
        let sentence = if is_of_run(&why) { text.clone() } else { format!("{name}: {text}") };
        Some(Reason { name, task, why, text, sentence })
    }
}
