//! One run in memory: does what a store does with the core's answers, row by row, and loads no more than the core asks
//! for.

use std::collections::{BTreeMap, BTreeSet};

use crate::attempt::{Failure, Outcome, Tally};
use crate::clock::Timestamp;
use crate::event::{Actor, EventRow};
use crate::graph::{
    Changes, Expansion, Group, Head, Lease, LeaseId, NewRun, Phase, Pin, ProcessEnd, Reach, Reuse, RunGraph,
    Settlement, TaskWrite, TriggeredBy, birth,
};
use crate::id::{RunId, TaskRef, WorkerId, WorkspaceId};
use crate::json::Json;
use crate::plan::Plan;
use crate::state::{Reason, RunStatus, TaskStatus};
use crate::step::{StepKey, StepRow};
use crate::store::{AttemptRow, GateRow, RunDump, RunRow, TaskDump, TaskRow};

/// A stored task, with its place.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub g: u32,
    pub index: u32,
    pub write: TaskWrite,
    pub lease: Option<Lease>,
    pub ready: bool,
    pub held: bool,
    pub delayed: bool,
    pub cancel_requested_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub from: Option<TaskRef>,
    pub attempts: Vec<AttemptRow>,
    pub steps: BTreeMap<StepKey, StepRow>,
    pub gates: Vec<GateRow>,
}

/// One run, with everything that a store would keep of it.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub plan: Plan,
    pub head: Head,
    pub groups: BTreeMap<u32, Group>,
    pub tasks: Vec<Task>,
    pub evaluations: BTreeSet<u32>,
    pub evaluates_result: bool,
    pub events: Vec<EventRow>,
    pub error: Option<(String, Failure)>,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub now: Timestamp,
    leases: i64,
}

pub(crate) const RUN: u128 = 0x0192_0000_0000_7000_8000_0000_0000_0000;

fn actor() -> Actor {
    Actor::system("test")
}

fn fresh(n: u32) -> TaskWrite {
    super::super::settle::unattempted(n)
}

pub(crate) fn new_run(plan: &Plan, reuse: Vec<Reuse>) -> NewRun {
    NewRun {
        id: RunId::from_uuid(uuid::Uuid::from_u128(RUN)),
        workspace: WorkspaceId::DEFAULT,
        external_id: None,
        owner: None,
        plan: plan.clone(),
        plan_source: None,
        revision: None,
        input: Json::from_stored("{}"),
        priority: None,
        pin: Pin::Anywhere,
        project: None,
        triggered_by: TriggeredBy::Manual,
        retry_of: None,
        reuse,
        webhook: None,
        actor: actor(),
        now: Timestamp::from_micros(1_000_000),
    }
}

impl World {
    pub(crate) fn new(plan: &Plan, reuse: Vec<Reuse>) -> Self {
        let new = new_run(plan, reuse);
        let born = birth(&new, Default::default());
        let mut world = Self {
            plan: plan.clone(),
            head: born.head.clone(),
            groups: BTreeMap::new(),
            tasks: Vec::new(),
            evaluations: BTreeSet::new(),
            evaluates_result: false,
            events: Vec::new(),
            error: None,
            started_at: None,
            finished_at: None,
            now: new.now,
            leases: 0,
        };
        for group in born.groups.values() {
            world.create(group, 0);
        }
        for (n, from) in &born.reused_from {
            world.tasks[*n as usize].from = Some(*from);
        }
        world.write(born.head, born.groups, born.changes);
        world
    }

    fn create(&mut self, group: &Group, from: u32) {
        for index in from..group.rows() {
            assert_eq!(group.task(index) as usize, self.tasks.len(), "task numbers have no gap");
            self.tasks.push(Task {
                g: group.g,
                index,
                write: fresh(group.task(index)),
                lease: None,
                ready: false,
                held: false,
                delayed: false,
                cancel_requested_at: None,
                finished_at: None,
                from: None,
                attempts: Vec::new(),
                steps: BTreeMap::new(),
                gates: Vec::new(),
            });
        }
    }

    /// What a transaction loads: never more than `reach` says, so that a reach that is too short is found.
    pub(crate) fn load(&self, reach: Reach, own: &BTreeSet<u32>) -> RunGraph {
        let mut wanted: BTreeSet<u32> = own.clone();
        match reach {
            Reach::Whole => wanted.extend(self.groups.keys()),
            Reach::Children => {
                wanted.extend(own.iter().filter_map(|g| self.groups.get(g)).flat_map(|g| g.spec.children.clone()));
            }
        }
        let groups = wanted.iter().filter_map(|g| self.groups.get(g).cloned()).collect();
        RunGraph::new(self.head.clone(), groups, actor(), self.now)
    }

    pub(crate) fn whole(&self) -> RunGraph {
        self.load(Reach::Whole, &BTreeSet::new())
    }

    /// Writes what the core decided; with a sweep between its halves, if one is due.
    pub(crate) fn close(&mut self, mut graph: RunGraph) {
        self.close_lost(&mut graph);
        if let Some(sweep) = graph.take_sweep() {
            for write in graph.take_task_writes() {
                self.put(write);
            }
            self.open_gates(graph.take_gates());
            for (g, reason) in graph.take_skipped() {
                self.skip(g, reason);
            }
            let (mut cancelled, mut open) = (Vec::new(), Vec::new());
            for n in 0..self.tasks.len() {
                let task = &mut self.tasks[n];
                let spared = sweep.spare_run_if && graph.groups[&task.g].spec.run_if.is_some();
                if spared || task.lease.is_some() || task.write.status.is_terminal() {
                    continue;
                }
                if task.write.open_as.is_some() {
                    open.push(n as u32);
                    continue;
                }
                let write = TaskWrite {
                    status: TaskStatus::Cancelled,
                    reason: Some(sweep.reason),
                    ended: None,
                    ..task.write.clone()
                };
                cancelled.push((task.g, task.write.n));
                self.put(write);
            }
            self.evaluations.retain(|g| sweep.spare_run_if && graph.groups[g].spec.run_if.is_some());
            cancelled.sort_unstable();
            graph.swept(&cancelled, sweep.reason);
            self.wind_up(&mut graph, &open);
        }
        let (head, groups, changes) = graph.finish();
        self.write(head, groups, changes);
    }

    fn put(&mut self, write: TaskWrite) {
        let now = self.now;
        let task = &mut self.tasks[write.n as usize];
        assert!(!task.write.status.is_terminal(), "task {} is over and gets {:?}", write.n, write);
        let failure = write.error.clone();
        if write.open_as.is_some() {
            let error = write.error.clone().or_else(|| task.write.error.clone());
            task.write = TaskWrite { error, ..write };
        } else if let Some(ended) = &write.ended {
            task.attempts.push(AttemptRow {
                attempt: write.attempt,
                lease: ended.lease,
                worker: ended.worker,
                execution_name: ended.execution_name.clone(),
                outcome: Some(ended.outcome.into()),
                error: failure,
                end: ended.end,
                dispatched_at: ended.dispatched_at,
                started_at: ended.started_at,
                finished_at: Some(ended.finished_at),
            });
            task.write = write;
        } else {
            // An end without an attempt leaves what the attempts before it counted.
            let old = &task.write;
            let error = write.error.clone().or_else(|| old.error.clone());
            task.write = TaskWrite { attempt: old.attempt, failures: old.failures, lost: old.lost, error, ..write };
        }
        (task.ready, task.held, task.delayed) = (false, false, task.write.status == TaskStatus::Retrying);
        if task.write.status.is_terminal() {
            task.finished_at = Some(now);
        }
    }

    fn write(&mut self, head: Head, groups: BTreeMap<u32, Group>, changes: Changes) {
        for g in &changes.expanded {
            self.create(&groups[g], 1);
        }
        self.head = head;
        for (g, group) in groups {
            let known = self.groups.get(&g) == Some(&group);
            assert!(known || changes.groups.contains(&g) || changes.events[0].seq == 1, "group {g} changed unsaid");
            if group.phase != Phase::Evaluating {
                self.evaluations.remove(&g);
            }
            self.groups.insert(g, group);
        }
        for write in changes.tasks {
            self.put(write);
        }
        self.open_gates(changes.gates);
        for (g, reason) in changes.skipped {
            self.skip(g, reason);
        }
        for g in changes.released {
            for n in self.live_of(g) {
                self.enqueue(n);
            }
        }
        for task in changes.requeued.into_iter().chain(changes.wound_up) {
            self.enqueue(task.n);
        }
        if changes.resumed && !self.head.held {
            for n in 0..self.tasks.len() {
                let task = &self.tasks[n];
                let idle = task.lease.is_none()
                    && !task.delayed
                    && !task.write.status.is_terminal()
                    && task.write.status != TaskStatus::Waiting;
                if idle && self.groups[&task.g].phase == Phase::Released {
                    self.enqueue(task.write.n);
                }
            }
        }
        self.evaluations.extend(changes.evaluations);
        self.evaluates_result |= changes.wants_result;
        self.error = self.error.take().or(changes.error);
        self.started_at = self.started_at.or(changes.started_at);
        self.events.extend(changes.events);
        if changes.ended.is_some() {
            self.finished_at = Some(self.now);
            self.evaluates_result = false;
            self.evaluations.clear();
        }
    }

    fn skip(&mut self, g: u32, reason: Reason) {
        for n in self.live_of(g) {
            self.put(TaskWrite { status: TaskStatus::Skipped, reason: Some(reason), ..fresh(n) });
        }
    }

    fn live_of(&self, g: u32) -> Vec<u32> {
        self.tasks.iter().filter(|t| t.g == g && !t.write.status.is_terminal()).map(|t| t.write.n).collect()
    }

    fn enqueue(&mut self, n: u32) {
        let task = &mut self.tasks[n as usize];
        assert!(!task.write.status.is_terminal() && task.lease.is_none(), "task {n} cannot be queued");
        task.delayed = false;
        task.write.status = TaskStatus::Pending;
        let limited = self.groups[&task.g].spec.concurrency.is_some();
        (task.ready, task.held) = (!limited, limited);
    }
}

/// What is asked of the run. Each answers whether it did anything.
impl World {
    pub(crate) fn claim(&mut self, limit: usize) -> Vec<u32> {
        self.leases += 1;
        let ready: Vec<u32> = self.tasks.iter().filter(|t| t.ready).map(|t| t.write.n).take(limit).collect();
        for n in &ready {
            let run = self.head.run;
            let task = &mut self.tasks[*n as usize];
            task.ready = false;
            task.lease = Some(Lease {
                task: TaskRef { run, n: *n },
                g: task.g,
                attempt: task.write.attempt + 1,
                id: LeaseId(self.leases),
                worker: WorkerId::from_uuid(uuid::Uuid::from_u128(7)),
                dispatched_at: self.now,
                started_at: None,
                execution_name: None,
            });
        }
        ready
    }

    pub(crate) fn start(&mut self, n: u32) -> bool {
        let now = self.now;
        let Some(lease) = self.tasks[n as usize].lease.as_mut().filter(|lease| lease.started_at.is_none()) else {
            return false;
        };
        lease.started_at = Some(now);
        let (lease, own) = (lease.clone(), BTreeSet::new());
        let mut graph = self.load(Reach::Children, &own);
        graph.announce(&[lease], true);
        self.close(graph);
        true
    }

    pub(crate) fn settle(&mut self, settles: Vec<(u32, Outcome)>) -> bool {
        let mut reach = Reach::Children;
        let (mut own, mut settlements) = (BTreeSet::new(), Vec::new());
        for (n, outcome) in settles {
            let task = &mut self.tasks[n as usize];
            let Some(lease) = task.lease.take() else { continue };
            reach = reach.max(outcome.reach(self.groups[&task.g].spec.deep));
            own.insert(task.g);
            settlements.push(Settlement {
                lease,
                outcome,
                tally: Tally {
                    failures: task.write.failures,
                    lost: task.write.lost,
                    begun: task.steps.keys().any(|key| key.attempt == task.write.attempt + 1),
                    open_as: task.write.open_as,
                },
                cancel_requested: task.cancel_requested_at.is_some(),
                started_at: None,
                finished_at: self.now,
                end: ProcessEnd::default(),
                random: 0,
            });
        }
        let any = !settlements.is_empty();
        let mut graph = self.load(reach, &own);
        graph.settle(settlements);
        self.close(graph);
        any
    }

    pub(crate) fn promote(&mut self) -> bool {
        if self.head.paused || self.head.held {
            return false;
        }
        let due: Vec<u32> = (self.tasks.iter())
            .filter(|t| t.delayed && t.write.available_at.is_some_and(|at| at <= self.now))
            .map(|t| t.write.n)
            .collect();
        for n in &due {
            self.enqueue(*n);
        }
        !due.is_empty()
    }

    pub(crate) fn expand(&mut self, g: u32, expansion: Expansion) -> bool {
        let mut graph = self.load(expansion.reach(), &BTreeSet::from([g]));
        let took = graph.expand(g, expansion);
        self.close(graph);
        took
    }

    pub(crate) fn cancel_task(&mut self, n: u32) -> bool {
        let mut graph = self.whole();
        let task = &mut self.tasks[n as usize];
        if task.write.status.is_terminal() || task.cancel_requested_at.is_some() {
            return false;
        }
        task.cancel_requested_at = Some(self.now);
        let (is_leased, is_open) = (task.lease.is_some(), task.write.open_as.is_some());
        graph.cancel_task(task.g, n, is_leased || is_open);
        if is_open && !is_leased {
            self.wind_up(&mut graph, &[n]);
        }
        self.close(graph);
        true
    }

    pub(crate) fn pause(&mut self) -> bool {
        let mut graph = self.whole();
        let took = graph.pause();
        if took && self.head.cancelling.is_none() {
            for task in &mut self.tasks {
                (task.ready, task.held) = (false, false);
            }
        }
        self.close(graph);
        took
    }

    pub(crate) fn ask(&mut self, what: impl FnOnce(&mut RunGraph) -> bool) -> bool {
        let mut graph = self.whole();
        let took = what(&mut graph);
        self.close(graph);
        took
    }

    /// Gives held tasks their slots: a limit counts leases and queued tasks.
    pub(crate) fn admit(&mut self) -> bool {
        let mut took = self.ask(RunGraph::admit);
        for n in 0..self.tasks.len() {
            let Some(limit) = self.groups[&self.tasks[n].g].spec.concurrency.clone() else { continue };
            let same = |t: &&Task| self.groups[&t.g].spec.concurrency.as_ref().is_some_and(|c| c.key == limit.key);
            let taken = self.tasks.iter().filter(same).filter(|t| t.lease.is_some() || t.ready).count();
            if self.tasks[n].held && taken < limit.limit as usize {
                (self.tasks[n].held, self.tasks[n].ready, took) = (false, true, true);
            }
        }
        took
    }
}

/// The run as a store would show it.
impl World {
    pub(crate) fn status(&self, n: u32) -> TaskStatus {
        let task = &self.tasks[n as usize];
        match (&task.lease, task.write.status) {
            (_, status) if status.is_terminal() => status,
            (Some(lease), _) if lease.started_at.is_some() => TaskStatus::Running,
            (Some(_), _) => TaskStatus::Dispatched,
            (None, TaskStatus::Waiting) => TaskStatus::Waiting,
            _ if self.head.paused && self.head.cancelling.is_none() => TaskStatus::Paused,
            _ if task.ready || task.held => TaskStatus::Queued,
            (None, status) => status,
        }
    }

    pub(crate) fn run_status(&self) -> RunStatus {
        let shown = self.head.shown();
        let leased = self.tasks.iter().any(|task| task.lease.is_some());
        if shown == RunStatus::Pending && leased { RunStatus::Running } else { shown }
    }

    fn task_row(&self, task: &Task) -> TaskRow {
        let spec = &self.groups[&task.g].spec;
        let last = task.attempts.last();
        TaskRow {
            task: TaskRef { run: self.head.run, n: task.write.n },
            g: task.g,
            key: spec.key.clone(),
            task_index: task.index,
            status: self.status(task.write.n),
            reason: task.write.reason,
            attempt: match &task.lease {
                Some(lease) => lease.attempt,
                None => task.write.attempt + u32::from(task.write.open_as.is_some()),
            },
            failures: task.write.failures,
            lost: task.write.lost,
            max_attempts: spec.retry.max_attempts,
            lane: spec.lane.clone(),
            concurrency_key: spec.concurrency.as_ref().map(|c| c.key.clone()),
            held: task.held,
            available_at: task.write.available_at,
            output: task.write.output.clone(),
            error: task.write.error.clone(),
            progress: None,
            worker: task.lease.as_ref().map(|l| l.worker).or(last.map(|a| a.worker)),
            execution_name: None,
            end: ProcessEnd::default(),
            reused_from: task.from,
            dispatched_at: None,
            started_at: None,
            finished_at: task.finished_at,
            cancel_requested_at: task.cancel_requested_at,
        }
    }

    fn run_row(&self) -> RunRow {
        let head = &self.head;
        RunRow {
            id: head.run,
            workspace: head.workspace,
            external_id: None,
            owner: None,
            name: self.plan.name.clone(),
            status: self.run_status(),
            cancelling: head.cancelling,
            held: head.held,
            priority: 0,
            labels: BTreeMap::new(),
            result: None,
            error: None,
            triggered_by: "manual".into(),
            retry_of: None,
            host: None,
            in_process: false,
            project: None,
            concurrency_key: self.plan.concurrency.as_ref().map(|c| c.key.clone()),
            tasks_total: head.tasks_total,
            tasks_left: head.tasks_left,
            tasks_bad: head.tasks_bad,
            progress: 0,
            seq: head.seq,
            deadline_at: None,
            cancel_requested_at: head.cancelling.and(Some(self.now)),
            cancel_requested_by: head.cancelling.filter(|why| *why == Reason::Cancel).map(|_| "test".into()),
            created_at: Timestamp::from_micros(1_000_000),
            started_at: self.started_at,
            finished_at: self.finished_at,
            revision: None,
            acknowledged_at: None,
            acknowledged_by: None,
        }
    }

    pub(crate) fn dump(&self) -> RunDump {
        let tasks = self.tasks.iter().map(|task| TaskDump {
            row: self.task_row(task),
            lease: task.lease.clone(),
            ready: u32::from(task.ready),
            held: u32::from(task.held),
            delayed: u32::from(task.delayed),
            attempts: task.attempts.clone(),
            open_as: task.write.open_as.filter(|_| task.lease.is_none()),
            steps: task.steps.values().cloned().collect(),
            gates: task.gates.clone(),
        });
        RunDump {
            row: self.run_row(),
            head: self.head.clone(),
            groups: self.groups.values().cloned().collect(),
            tasks: tasks.collect(),
            evaluations: self.evaluations.iter().copied().collect(),
            evaluates_result: self.evaluates_result,
            budget: None,
            artifacts: Vec::new(),
            events: self.events.clone(),
        }
    }
}
