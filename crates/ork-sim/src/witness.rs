//! The outside witness: executions as the executors saw them, in a list that Ork does not know.

pub mod steps;

use std::collections::{BTreeMap, BTreeSet};

use ork_core::graph::LeaseId;
use ork_core::id::{RunId, TaskRef};
use ork_core::step::StepKey;
use tokio::time::Instant;

use self::steps::StepsSeen;

/// How an execution stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It did its work.
    Success,
    /// It failed by itself.
    Failure,
    /// It was told to stop, and did.
    Stopped,
    /// A handler that did not stop was dropped.
    Dropped,
    /// Its node died with it.
    Died,
}

/// One execution of one attempt, or of one step of it: a command, or a call of a model.
#[derive(Debug, Clone)]
pub struct Execution {
    /// The task.
    pub task: TaskRef,
    /// The attempt.
    pub attempt: u32,
    /// Which try of which step.
    pub step: Option<StepKey>,
    /// Where it ran: the node and which of its lives.
    pub place: (usize, u32),
    /// Its number among all starts and stops.
    pub started: u64,
    /// The number and the manner of its end.
    pub stopped: Option<(u64, End)>,
}

/// A task that was running when its node was killed.
#[derive(Debug, Clone, Copy)]
pub struct Loss {
    /// The task.
    pub task: TaskRef,
    /// The attempt that died.
    pub attempt: u32,
    /// When.
    pub at: Instant,
}

/// What was seen.
#[derive(Debug, Default)]
pub struct Witness {
    /// Every execution, in the order of their starts.
    pub executions: Vec<Execution>,
    by_task: BTreeMap<TaskRef, Vec<usize>>,
    order: u64,
    /// Runs whose submit was accepted.
    pub submitted: BTreeSet<RunId>,
    /// The groups of the tasks that were claimed.
    pub groups: BTreeMap<TaskRef, u32>,
    /// What was seen of steps.
    pub steps: StepsSeen,
    /// How often the outcome of a (task, attempt) was accepted, or that of one of the leases of an attempt with steps.
    accepted: BTreeMap<(TaskRef, u32, Option<LeaseId>), u32>,
    /// Tasks that were running on a node that was killed, and are not seen running again yet.
    pub losses: Vec<Loss>,
    /// Milliseconds from a kill until the task was running again, the longest of all.
    pub recovery_ms_max: u64,
    /// Runs that are paused, since when in milliseconds.
    pub paused_since_ms: BTreeMap<RunId, u64>,
    /// Runs that were cancelled, and when that was accepted, which can be long after it was asked for.
    pub cancelled_since_ms: BTreeMap<RunId, u64>,
    /// What was wrong.
    pub problems: Vec<String>,
    /// Things that must happen now and then, or else the worlds are too tame.
    pub marks: BTreeMap<&'static str, u64>,
}

impl Witness {
    fn next(&mut self) -> u64 {
        self.order += 1;
        self.order
    }

    /// Something interesting happened.
    pub fn mark(&mut self, what: &'static str) {
        *self.marks.entry(what).or_default() += 1;
    }

    /// An execution begins; its number.
    pub fn start(&mut self, task: TaskRef, attempt: u32, step: Option<StepKey>, place: (usize, u32)) -> usize {
        let started = self.next();
        let at = self.executions.len();
        self.executions.push(Execution { task, attempt, step, place, started, stopped: None });
        self.by_task.entry(task).or_default().push(at);
        let found = self.losses.iter().position(|loss| loss.task == task && loss.attempt < attempt);
        if let Some(loss) = found.map(|at| self.losses.remove(at)) {
            let took = u64::try_from(loss.at.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.recovery_ms_max = self.recovery_ms_max.max(took);
        }
        at
    }

    /// An execution ends; a second end is none.
    pub fn stop(&mut self, at: usize, end: End) -> bool {
        let order = self.next();
        let execution = &mut self.executions[at];
        let is_first = execution.stopped.is_none();
        if is_first {
            execution.stopped = Some((order, end));
        }
        is_first
    }

    /// A node dies, and everything on it.
    pub fn kill(&mut self, place: (usize, u32)) {
        let order = self.next();
        for execution in self.executions.iter_mut().filter(|e| e.place == place && e.stopped.is_none()) {
            execution.stopped = Some((order, End::Died));
            self.losses.push(Loss { task: execution.task, attempt: execution.attempt, at: Instant::now() });
        }
    }

    /// The executions of a task.
    pub fn of_task(&self, task: TaskRef) -> impl Iterator<Item = &Execution> {
        self.by_task.get(&task).into_iter().flatten().map(|at| &self.executions[*at])
    }

    /// The executions of an attempt.
    pub fn of_attempt(&self, task: TaskRef, attempt: u32) -> impl Iterator<Item = &Execution> {
        self.of_task(task).filter(move |execution| execution.attempt == attempt)
    }

    /// Counts an accepted outcome.
    pub fn accept(&mut self, task: TaskRef, attempt: u32, lease: Option<LeaseId>) {
        let count = self.accepted.entry((task, attempt, lease)).or_default();
        *count += 1;
        if *count > 1 {
            self.problems.push(format!("{}: attempt {attempt} was settled {count} times", task.id()));
        }
    }

    /// The attempts of a task whose outcomes were accepted.
    pub fn accepted_of(&self, task: TaskRef) -> impl Iterator<Item = u32> {
        self.accepted.range((task, 0, None)..(task, u32::MAX, None)).map(|((_, attempt, _), _)| *attempt)
    }

    /// Outcomes that were accepted.
    #[must_use]
    pub fn settled(&self) -> u64 {
        self.accepted.len() as u64
    }
}
