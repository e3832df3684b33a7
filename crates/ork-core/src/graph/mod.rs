//! What happens to a run when something happens to one of its tasks.
//!
//! A plan's dependencies lie between its nodes, so the store counts between *groups* (a node and its fan-out siblings)
//! and never between tasks: a fan-in of 100,000 is one counter. A [`RunGraph`] is the part of a run that a transaction
//! has loaded and locked. It is told what happened, decides everything that follows, and hands back [`Changes`] for
//! the store to write. It reads no table and knows no clock.

mod birth;
mod cascade;
mod control;
mod open;
mod settle;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::attempt::{Failure, Usage};
use crate::clock::Timestamp;
use crate::event::{Actor, EventRow, EventType, TaskSet};
use crate::id::{RunId, TaskRef, WorkerId, WorkspaceId};
use crate::json::Json;
use crate::plan::{Concurrency, OnFailure, RunIf};
use crate::planted::{self, Bug};
use crate::retry::RetryPolicy;
use crate::state::{Reason, RunStatus, TaskStatus, words};
use crate::store::NewGate;
use crate::webhook::{Occasion, Wanted};

pub use birth::{Birth, NewRun, Pin, Reuse, Reused, RevisionRef, TriggeredBy, birth};
pub use open::{OpenTask, step_payload};
pub use settle::{Ended, Expansion, Settlement};

/// The token of one claim. Random, so that no crash can hand the same one out twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LeaseId(pub i64);

words!(
    /// How an attempt that is not over was left by its last lease.
    OpenAs {
        /// It waits for decisions, or goes on after them.
        Waiting = "waiting",
        /// Its worker was lost: its steps are to be put away.
        Lost = "lost",
        /// It was cancelled while it waited: its steps are to be put away.
        Cancelled = "cancelled",
    }
);

/// The narrow, hot part of a run: what each change of one of its tasks reads and writes.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// The run.
    pub run: RunId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// `pending`, `running`, or terminal; a pause is [`Head::paused`] beside it.
    pub status: RunStatus,
    /// It starts nothing until it is resumed.
    pub paused: bool,
    /// It waits for a slot of its concurrency key.
    pub held: bool,
    /// A task failed and the run stops: nothing without a `run_if` starts any more.
    pub stopping: bool,
    /// Why it is being cancelled: [`Reason::Cancel`] or [`Reason::Deadline`].
    pub cancelling: Option<Reason>,
    /// What it does when a task fails.
    pub on_failure: OnFailure,
    /// It has a `result` that must be evaluated before it ends.
    pub has_result: bool,
    /// Number of its last event.
    pub seq: u64,
    /// Its tasks so far, placeholders and siblings counted.
    pub tasks_total: u32,
    /// Those that are not terminal.
    pub tasks_left: u32,
    /// Those that failed or were cancelled.
    pub tasks_bad: u32,
    /// What somebody is told of: the one whom the run names, or an endpoint of its workspace.
    pub told: Wanted,
}

impl Head {
    /// The status that is shown.
    #[must_use]
    pub const fn shown(&self) -> RunStatus {
        if self.paused && !self.status.is_terminal() { RunStatus::Paused } else { self.status }
    }
}

/// How far a group is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It waits for its parents.
    Waiting,
    /// Its parents are over; its condition or its size must be evaluated.
    Evaluating,
    /// Its tasks may run.
    Released,
    /// All of its tasks are terminal.
    Over,
}

impl Phase {
    /// The word that is stored.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Evaluating => "evaluating",
            Self::Released => "released",
            Self::Over => "over",
        }
    }

    /// The phase of a stored word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Waiting, Self::Evaluating, Self::Released, Self::Over].into_iter().find(|phase| phase.word() == word)
    }
}

/// What of a group never changes after its birth.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupSpec {
    /// The node's name.
    pub key: String,
    /// The groups that need it, by number.
    pub children: Vec<u32>,
    /// How many groups it needs.
    pub parents: u32,
    /// See [`RunIf`].
    pub run_if: Option<RunIf>,
    /// A child has `run_if: failed`: when this group succeeds, that child may be skipped and its own children with it,
    /// so the whole graph is needed.
    pub deep: bool,
    /// It has a condition, or a size that is not known yet.
    pub evaluated: bool,
    /// Where its tasks are queued: see [`Pin::lane`].
    pub lane: String,
    /// Higher goes first.
    pub priority: i32,
    /// Its tasks share slots with others.
    pub concurrency: Option<Concurrency>,
    /// When a failed attempt is tried again.
    pub retry: RetryPolicy,
    /// An interrupted attempt is not repeated.
    pub at_most_once: bool,
}

/// A node of the run with its fan-out siblings: the unit in which dependencies are counted.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Its number: the node's position in the plan.
    pub g: u32,
    /// What never changes.
    pub spec: GroupSpec,
    /// How far it is.
    pub phase: Phase,
    /// The number of its first task: the one without fan-out, or the placeholder, or sibling 0.
    pub first: u32,
    /// The number of sibling 1; the others follow.
    pub rest: u32,
    /// How many siblings it has; `None` before it is expanded.
    pub size: Option<u32>,
    /// The list that a dynamic `each` gave.
    pub items: Option<Json>,
    /// Tasks that were over before the group was released, because they were taken over from an earlier run or cancelled
    /// alone. What skips or fails the whole group leaves them as they are. Stored as [`TaskSet`] writes it.
    pub ended: TaskSet,
    /// Tasks that are not terminal.
    pub tasks_left: u32,
    /// Tasks with a bad end: see [`crate::state::is_bad_end`].
    pub tasks_bad: u32,
    /// Tasks that were skipped by condition.
    pub tasks_unmet: u32,
    /// Parents that are not over.
    pub parents_left: u32,
    /// Parents that are over with a bad end.
    pub parents_bad: u32,
    /// Parents that are over, all of them skipped by condition.
    pub parents_unmet: u32,
}

impl Group {
    /// How many task rows it has: its siblings, or its one placeholder.
    #[must_use]
    pub fn rows(&self) -> u32 {
        self.size.unwrap_or(1).max(1)
    }

    /// The number of the sibling with this index.
    #[must_use]
    pub const fn task(&self, index: u32) -> u32 {
        if index == 0 { self.first } else { self.rest + index - 1 }
    }

    /// The numbers of all of its tasks.
    #[must_use]
    pub fn tasks(&self) -> TaskSet {
        let mut set = TaskSet::default();
        set.push_range(self.first, self.first);
        if self.rows() > 1 {
            set.push_range(self.rest, self.rest + self.rows() - 2);
        }
        set
    }

    /// The numbers of those that are not over, in a group that is not released yet.
    #[must_use]
    pub fn live_before_release(&self) -> TaskSet {
        self.tasks().without(&self.ended)
    }

    /// Whether its tasks ended so that what needs it cannot run.
    #[must_use]
    pub const fn is_bad(&self) -> bool {
        self.tasks_bad > 0
    }

    /// Whether all of its tasks were skipped by condition.
    #[must_use]
    pub fn is_unmet(&self) -> bool {
        self.tasks_unmet == self.rows()
    }
}

/// How much of a run must be loaded and locked before a change can be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// The groups of the tasks themselves, and their children.
    Children,
    /// Every group of the run.
    Whole,
}

/// A new state of one task, to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskWrite {
    /// Which.
    pub n: u32,
    /// Terminal, or `retrying`, or `pending` when it goes back to its queue.
    pub status: TaskStatus,
    /// Why, where the status does not say it.
    pub reason: Option<Reason>,
    /// The attempt that ended. When the task ends without one ([`TaskWrite::ended`] is `None`), the stored attempt,
    /// failures, lost workers and last error stay as they are, unless this write has an error of its own.
    pub attempt: u32,
    /// Failed attempts, this one included.
    pub failures: u32,
    /// Lost workers, this one included.
    pub lost: u32,
    /// When a retry is due.
    pub available_at: Option<Timestamp>,
    /// What it gave.
    pub output: Option<Json>,
    /// What went wrong.
    pub error: Option<Failure>,
    /// How the attempt went, for the task row or, if the task goes on, for the `attempts` table; `None` when the task
    /// ended without one.
    pub ended: Option<Ended>,
    /// The attempt is not over, though its lease is: it has no row in the `attempts` table yet, and the stored attempt is the one
    /// before it.
    pub open_as: Option<OpenAs>,
}

/// A gate that is opened.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenedGate {
    /// Of which task, by number.
    pub n: u32,
    /// The gate.
    pub gate: NewGate,
}

/// The end of a gate.
#[derive(Debug, Clone, PartialEq)]
pub struct GateEnd {
    /// Of which task, by number.
    pub n: u32,
    /// The gate.
    pub gate: crate::id::GateId,
    /// What it asked.
    pub kind: crate::store::GateKind,
    /// How it ended.
    pub status: crate::store::GateStatus,
    /// Which step waited for it.
    pub step: crate::step::StepKey,
    /// That step's name.
    pub step_name: String,
    /// Why, in words.
    pub comment: Option<String>,
}

/// A task that is to be queued again, alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requeue {
    /// Which.
    pub n: u32,
    /// Its group.
    pub g: u32,
    /// The attempt that it is queued for.
    pub attempt: u32,
}

/// Tasks that the store must cancel because they hold no lease: it alone knows which those are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sweep {
    /// Spare the groups that have a `run_if`.
    pub spare_run_if: bool,
    /// What the tasks get as their reason.
    pub reason: Reason,
}

/// What a store has to write after a change, beside the heads and groups themselves.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// Tasks with a new state.
    pub tasks: Vec<TaskWrite>,
    /// Groups all of whose tasks are skipped, with the reason.
    pub skipped: Vec<(u32, Reason)>,
    /// Groups all of whose live tasks are to be queued.
    pub released: Vec<u32>,
    /// Single tasks to be queued.
    pub requeued: Vec<Requeue>,
    /// Tasks to be queued so that the steps of their attempt are put away, even in a run that starts nothing more.
    pub wound_up: Vec<Requeue>,
    /// Gates to be opened; the steps that wait for them are `waiting` from now on.
    pub gates: Vec<OpenedGate>,
    /// Groups that wait for their evaluation.
    pub evaluations: Vec<u32>,
    /// Groups that were expanded: their further tasks are to be created, from index 1.
    pub expanded: Vec<u32>,
    /// The run's result must be evaluated.
    pub wants_result: bool,
    /// The run was resumed: queue every live task of a released group that holds no lease and waits for no retry.
    pub resumed: bool,
    /// Groups that were changed, by number.
    pub groups: Vec<u32>,
    /// The first failure of this change, with its task's key: the run's `error` unless it has one.
    pub error: Option<(String, Failure)>,
    /// The run's new terminal status.
    pub ended: Option<RunStatus>,
    /// The run was dispatched for the first time, at this moment.
    pub started_at: Option<Timestamp>,
    /// New events, numbered.
    pub events: Vec<EventRow>,
    /// What of it somebody is to be told.
    pub news: Vec<News>,
}

/// Something that somebody is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct News {
    /// What.
    pub occasion: Occasion,
    /// Of which task, by number; `None` means the run.
    pub task: Option<u32>,
}

/// The loaded and locked part of one run.
#[derive(Debug)]
pub struct RunGraph {
    /// Its head.
    pub head: Head,
    /// Its groups, by number: all of them, or those of the tasks at hand and their children.
    pub groups: BTreeMap<u32, Group>,
    changes: Changes,
    drafts: Vec<Draft>,
    dirty: std::collections::BTreeSet<u32>,
    sweep: Option<Sweep>,
    /// It had tasks left, or did not exist, when it was loaded.
    had_work: bool,
    /// What is taken over from an earlier run is being counted; nothing follows from it before all of it is.
    unborn: bool,
    now: Timestamp,
    actor: Actor,
}

/// An event without its number.
#[derive(Debug)]
struct Draft {
    event_type: EventType,
    tasks: Vec<TaskSet>,
    payload: Option<Json>,
    actor: Actor,
}

impl RunGraph {
    /// What a transaction has loaded: the head and the groups, for a change that `actor` makes at `now`.
    #[must_use]
    pub fn new(head: Head, groups: Vec<Group>, actor: Actor, now: Timestamp) -> Self {
        Self {
            had_work: head.tasks_left > 0 || head.seq == 0,
            unborn: false,
            head,
            groups: groups.into_iter().map(|group| (group.g, group)).collect(),
            changes: Changes::default(),
            drafts: Vec::new(),
            dirty: std::collections::BTreeSet::new(),
            sweep: None,
            now,
            actor,
        }
    }

    fn touch(&mut self, g: u32) -> Option<&mut Group> {
        self.dirty.insert(g);
        self.groups.get_mut(&g)
    }

    fn event(&mut self, event_type: EventType, tasks: TaskSet, payload: Option<Json>) {
        // Like events that follow each other become one row.
        if let Some(last) = self.drafts.last_mut()
            && last.event_type == event_type
            && !tasks.is_empty()
            && last.payload == payload
            && last.actor == self.actor
        {
            last.tasks.push(tasks);
            return;
        }
        self.draft(event_type, tasks, payload);
    }

    /// An event with a row of its own.
    fn draft(&mut self, event_type: EventType, tasks: TaskSet, payload: Option<Json>) {
        self.drafts.push(Draft { event_type, tasks: vec![tasks], payload, actor: self.actor.clone() });
    }

    /// Takes the sweep that the store must do now, after it has written [`RunGraph::take_task_writes`] and
    /// [`RunGraph::take_skipped`], if one is due.
    pub fn take_sweep(&mut self) -> Option<Sweep> {
        self.sweep.take()
    }

    /// Takes the task states decided so far: they must be written before a sweep looks for live tasks.
    pub fn take_task_writes(&mut self) -> Vec<TaskWrite> {
        std::mem::take(&mut self.changes.tasks)
    }

    /// Takes the groups that were skipped so far, with the reason: they too must be written before a sweep, which would
    /// cancel their tasks otherwise.
    pub fn take_skipped(&mut self) -> Vec<(u32, Reason)> {
        std::mem::take(&mut self.changes.skipped)
    }

    /// Takes the gates that were opened so far: a sweep cancels them too.
    pub fn take_gates(&mut self) -> Vec<OpenedGate> {
        std::mem::take(&mut self.changes.gates)
    }

    /// The attempts that are over by this change and did not succeed: (task, attempt). Steps of theirs that are not over have been
    /// lost.
    #[must_use]
    pub fn attempts_over(&self) -> Vec<(u32, u32)> {
        let over = |write: &&TaskWrite| write.ended.is_some() && write.open_as.is_none();
        let unclear = |write: &&TaskWrite| write.status != TaskStatus::Success;
        self.changes.tasks.iter().filter(over).filter(unclear).map(|write| (write.n, write.attempt)).collect()
    }

    /// Closes the change: the run's end if nothing is left, events numbered, groups listed.
    #[must_use]
    pub fn finish(mut self) -> (Head, BTreeMap<u32, Group>, Changes) {
        self.end_if_over();
        self.number_events();
        self.changes.groups = self.dirty.iter().copied().filter(|g| self.groups.contains_key(g)).collect();
        let over = self.head.status.is_terminal();
        let still = |g: &u32, phase: Phase| !over && self.groups.get(g).is_some_and(|group| group.phase == phase);
        let paused = self.head.paused || self.head.held;
        // Tasks that become free together are queued in the order of the file.
        self.changes.released.sort_unstable();
        self.changes.released.retain(|g| still(g, Phase::Released) && !paused);
        self.changes.requeued.retain(|task| still(&task.g, Phase::Released) && !paused);
        let resting = paused && self.head.cancelling.is_none();
        self.changes.wound_up.retain(|task| still(&task.g, Phase::Released) && !resting);
        self.changes.evaluations.retain(|g| still(g, Phase::Evaluating));
        (self.head, self.groups, self.changes)
    }

    /// Nothing is told of most runs, and then this costs nothing.
    fn note_news(&mut self, event_type: EventType, tasks: &TaskSet) {
        let Some(occasion) = occasion(event_type).filter(|occasion| self.head.told.has(*occasion)) else { return };
        if occasion == Occasion::TaskFinished {
            self.changes.news.extend(tasks.iter().map(|n| News { occasion, task: Some(n) }));
        } else {
            self.changes.news.push(News { occasion, task: None });
        }
    }

    fn number_events(&mut self) {
        for draft in std::mem::take(&mut self.drafts) {
            let tasks = merge(draft.tasks);
            self.note_news(draft.event_type, &tasks);
            let count = tasks.len().max(1);
            let seq = self.head.seq + 1;
            self.head.seq += if planted::is(Bug::EventNumberReused) { 1 } else { count };
            self.changes.events.push(EventRow {
                run: self.head.run,
                seq,
                seq_last: seq + count - 1,
                event_type: draft.event_type,
                tasks,
                actor: draft.actor,
                payload: draft.payload,
                created_at: self.now,
            });
        }
    }
}

/// What a webhook calls this event.
const fn occasion(event_type: EventType) -> Option<Occasion> {
    match event_type {
        EventType::Run(RunStatus::Running) => Some(Occasion::RunStarted),
        EventType::Run(status) if status.is_terminal() => Some(Occasion::RunFinished),
        EventType::Task(status) if status.is_terminal() => Some(Occasion::TaskFinished),
        _ => None,
    }
}

/// The union of disjoint sets.
fn merge(mut sets: Vec<TaskSet>) -> TaskSet {
    if sets.len() == 1 {
        return sets.remove(0);
    }
    TaskSet::of(sets.iter().flat_map(TaskSet::iter).collect())
}

/// A lease: the right of one worker to settle one attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Lease {
    /// The task.
    pub task: TaskRef,
    /// Its group.
    pub g: u32,
    /// The attempt that it allows.
    pub attempt: u32,
    /// Its token.
    pub id: LeaseId,
    /// Who holds it.
    pub worker: WorkerId,
    /// When it was given.
    pub dispatched_at: Timestamp,
    /// When the work began, if that was announced: then its `task.dispatched` and `task.running` events are written.
    pub started_at: Option<Timestamp>,
    /// The executor's name for the attempt.
    pub execution_name: Option<String>,
}

/// What an attempt used and how its process ended, as its executor saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProcessEnd {
    /// The exit code, if the process ended by itself.
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// What it used.
    pub usage: Usage,
}
