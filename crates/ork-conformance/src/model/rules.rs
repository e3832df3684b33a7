//! The rules of a run, applied until nothing moves.

use std::collections::BTreeMap;

use ork_core::attempt::{Circumstances, Failure, Outcome, Tally, Verdict, judge};
use ork_core::event::{Actor, EventRow, EventType, TaskSet};
use ork_core::graph::{Ended, Expansion, Lease, OpenAs, Phase};
use ork_core::json::Json;
use ork_core::limits;
use ork_core::plan::{OnFailure, RunIf};
use ork_core::state::{Reason, RunStatus, TaskStatus, is_bad_end};
use ork_core::store::{AttemptRow, GateStatus, Settle};
use serde_json::{Value, json};

use super::{Left, Moved, Order, Place, Run, Task};

impl Task {
    pub(super) fn new(g: u32, index: u32) -> Self {
        Self {
            g,
            index,
            end: None,
            place: Place::None,
            attempt: 0,
            failures: 0,
            lost: 0,
            output: None,
            error: None,
            attempts: Vec::new(),
            ended_by_attempt: false,
            from: None,
            cancel_requested_at: None,
            finished_at: None,
            open: None,
            steps: BTreeMap::new(),
            gates: Vec::new(),
        }
    }

    /// Somebody has to decide before it goes on.
    pub(super) fn is_waiting(&self) -> bool {
        self.gates.iter().any(|gate| gate.status == GateStatus::Open)
    }

    pub(super) fn lease(&self) -> Option<&Lease> {
        match &self.place {
            Place::Leased(lease, _) => Some(lease),
            _ => None,
        }
    }

    pub(super) fn is_bad(&self) -> bool {
        self.end.is_some_and(|(status, reason)| is_bad_end(status, reason))
    }

    pub(super) fn is_unmet(&self) -> bool {
        self.end == Some((TaskStatus::Skipped, Some(Reason::Condition)))
    }
}

pub(super) fn payload(value: &Value) -> Option<Json> {
    Some(Json::from_stored(value.to_string()))
}

pub(super) fn reason(reason: Reason) -> Option<Json> {
    payload(&json!({ "reason": reason.word() }))
}

/// What a group is to those that need it.
impl Run {
    pub(super) fn tasks_of(&self, g: u32) -> impl Iterator<Item = (u32, &Task)> {
        self.groups[g as usize].tasks.iter().map(|n| (*n, &self.tasks[*n as usize]))
    }

    pub(super) fn live_of(&self, g: u32) -> Vec<u32> {
        self.tasks_of(g).filter(|(_, task)| task.end.is_none()).map(|(n, _)| n).collect()
    }

    pub(super) fn is_over(&self, g: u32) -> bool {
        self.tasks_of(g).all(|(_, task)| task.end.is_some())
    }

    pub(super) fn is_bad(&self, g: u32) -> bool {
        self.tasks_of(g).any(|(_, task)| task.is_bad())
    }

    pub(super) fn is_unmet(&self, g: u32) -> bool {
        self.tasks_of(g).all(|(_, task)| task.is_unmet())
    }

    pub(super) fn phase(&self, g: u32) -> Phase {
        let group = &self.groups[g as usize];
        if self.is_over(g) {
            Phase::Over
        } else if self.held || group.parents.iter().any(|parent| !self.is_over(*parent)) {
            Phase::Waiting
        } else if group.spec.evaluated && !group.evaluated {
            Phase::Evaluating
        } else {
            Phase::Released
        }
    }

    pub(super) fn live(&self) -> bool {
        self.tasks.iter().any(|task| task.end.is_none())
    }

    pub(super) fn any_failed(&self) -> bool {
        use TaskStatus::{Cancelled, Failed};
        self.tasks.iter().any(|task| matches!(task.end, Some((Failed | Cancelled, _))))
    }
}

/// What follows from what.
impl Run {
    /// Writes down events, one row each.
    pub(super) fn event(&mut self, event_type: EventType, tasks: &[u32], payload: Option<Json>) {
        let (actor, now) = self.by.clone();
        let rows: Vec<TaskSet> = if tasks.is_empty() {
            vec![TaskSet::default()]
        } else {
            tasks.iter().map(|n| TaskSet::of(vec![*n])).collect()
        };
        for tasks in rows {
            let seq = self.events.len() as u64 + 1;
            self.events.push(EventRow {
                run: self.new.id,
                seq,
                seq_last: seq,
                event_type,
                tasks,
                actor: actor.clone(),
                payload: payload.clone(),
                created_at: now,
            });
        }
    }

    /// Ends one task, and everything that this makes impossible.
    pub(super) fn end_task(&mut self, n: u32, status: TaskStatus, reason: Option<Reason>, payload: Option<Json>) {
        let now = self.by.1;
        let task = &mut self.tasks[n as usize];
        assert!(task.end.is_none(), "task {n} is over already");
        (task.end, task.place, task.finished_at) = (Some((status, reason)), Place::None, Some(now));
        task.open = None;
        self.event(EventType::Task(status), &[n], payload);
    }

    /// Skips what can never run, until there is no more of it.
    pub(super) fn skip_what_cannot_run(&mut self) {
        let doomed = |run: &Self, g: u32| {
            let group = &run.groups[g as usize];
            let parents = &group.parents;
            let is_bad = parents.iter().any(|parent| run.is_bad(*parent));
            let all_over = !run.held && parents.iter().all(|parent| run.is_over(*parent));
            match group.spec.run_if {
                None if is_bad => Some(Reason::Upstream),
                None if all_over && !parents.is_empty() && parents.iter().all(|parent| run.is_unmet(*parent)) => {
                    Some(Reason::Condition)
                }
                Some(RunIf::Failed) if all_over && !is_bad => Some(Reason::Condition),
                _ => None,
            }
        };
        let next = |run: &Self| {
            (0..run.groups.len() as u32).filter(|g| !run.is_over(*g)).find_map(|g| doomed(run, g).map(|why| (g, why)))
        };
        while let Some((g, why)) = next(self) {
            for n in self.live_of(g) {
                self.end_task(n, TaskStatus::Skipped, Some(why), reason(why));
            }
        }
    }

    /// Cancels what is live and holds no lease. What has an attempt that is not over is put away.
    pub(super) fn sweep(&mut self, spare_run_if: bool, why: Reason) {
        for n in 0..self.tasks.len() as u32 {
            let task = &self.tasks[n as usize];
            let spared = spare_run_if && self.groups[task.g as usize].spec.run_if.is_some();
            if task.end.is_some() || task.lease().is_some() || spared {
                continue;
            }
            if task.open.is_some() {
                self.put_away(n);
            } else {
                self.end_task(n, TaskStatus::Cancelled, Some(why), reason(why));
            }
        }
        self.skip_what_cannot_run();
    }

    /// Notes a failure; true when the run stops because of it.
    fn fail(&mut self, n: u32, failure: Failure) -> bool {
        let key = self.groups[self.tasks[n as usize].g as usize].spec.key.clone();
        self.error.get_or_insert((key, failure));
        let stops = self.new.plan.on_failure == OnFailure::Stop && !self.stopping;
        self.stopping |= stops;
        stops
    }

    /// The end of a change: the run's own end, or the queue.
    pub(super) fn rest(&mut self, order: Order<'_>, queued: &mut i64) -> Moved {
        if self.status.is_terminal() {
            return Moved::default();
        }
        if !self.live() && !(self.awaits_result()) {
            let (status, why) = match self.cancelling {
                Some(Reason::Deadline) => (RunStatus::Failed, reason(Reason::Deadline)),
                Some(_) => (RunStatus::Cancelled, None),
                None if self.any_failed() => (RunStatus::Failed, None),
                None => (RunStatus::Success, None),
            };
            self.end(status, why);
            return Moved { ready: 0, ended: true };
        }
        Moved { ready: self.queue(order, queued), ended: false }
    }

    pub(super) fn awaits_result(&self) -> bool {
        self.new.plan.result.is_some()
            && !self.status.is_terminal()
            && !self.live()
            && !self.any_failed()
            && self.cancelling.is_none()
    }

    pub(super) fn end(&mut self, status: RunStatus, payload: Option<Json>) {
        (self.status, self.paused, self.held) = (status, false, false);
        self.finished_at = Some(self.by.1);
        self.by.0 = Actor::system("engine");
        self.event(EventType::Run(status), &[], payload);
    }

    /// Queues every task that may run and is nowhere.
    fn queue(&mut self, order: Order<'_>, queued: &mut i64) -> usize {
        let away = std::mem::take(&mut self.away);
        if (self.paused && self.cancelling.is_none()) || self.held {
            return 0;
        }
        let may_run = |n: &u32| {
            let task = &self.tasks[*n as usize];
            task.end.is_none()
                && !task.is_waiting()
                && task.place == Place::None
                && self.phase(task.g) == Phase::Released
        };
        let mut next: Vec<u32> = (0..self.tasks.len() as u32).filter(may_run).collect();
        if let Order::Groups(back) = order {
            let place = |n: &u32| {
                let at = |of: &[u32], class: usize| of.iter().position(|m| m == n).map(|at| (class, at));
                at(&away, 2).or_else(|| at(back, 1)).unwrap_or((0, 0))
            };
            next.sort_by_key(|n| (place(n), self.tasks[*n as usize].g, self.tasks[*n as usize].index));
        }
        let (mut ready, now) = (0, self.by.1);
        for n in next {
            *queued += 1;
            let task = &mut self.tasks[n as usize];
            let limited = self.groups[task.g as usize].spec.concurrency.is_some();
            task.place = if limited { Place::Held(*queued) } else { Place::Ready(*queued, now) };
            ready += usize::from(!limited);
        }
        ready
    }
}

/// Attempts and expansions.
impl Run {
    /// Writes down that attempts were dispatched, and perhaps begun.
    pub(super) fn announce(&mut self, leases: &[Lease], running: bool) {
        let Some(first) = leases.iter().map(|lease| lease.dispatched_at).min() else { return };
        if self.status == RunStatus::Pending {
            self.status = RunStatus::Running;
            self.started_at = Some(first);
            self.event(EventType::Run(RunStatus::Running), &[], None);
        }
        for lease in leases {
            let attempt = payload(&json!({ "attempt": lease.attempt }));
            self.event(EventType::Task(TaskStatus::Dispatched), &[lease.task.n], attempt.clone());
            if running {
                self.event(EventType::Task(TaskStatus::Running), &[lease.task.n], attempt);
            }
        }
    }

    /// Applies one accepted outcome; true when the run stops because of it. `back` takes the task if it is requeued.
    pub(super) fn settle(&mut self, lease: &Lease, settle: &Settle, back: &mut Vec<u32>) -> bool {
        let n = lease.task.n;
        let group = &self.groups[lease.g as usize];
        let task = &self.tasks[n as usize];
        let around = Circumstances {
            retry: &group.spec.retry,
            at_most_once: group.spec.at_most_once,
            cancelling: self.cancelling.is_some() || task.cancel_requested_at.is_some(),
            stopping: self.stopping && group.spec.run_if.is_none(),
            untouched: settle.started_at.is_none() && lease.started_at.is_none(),
            now: self.by.1,
            random: settle.random,
        };
        let mut tally = Tally {
            failures: task.failures,
            lost: task.lost,
            begun: task.steps.keys().any(|key| key.attempt == lease.attempt),
            open_as: task.open.map(|left| left.open_as),
        };
        let verdict = judge(settle.outcome.clone(), &mut tally, &around);
        let ended = Ended {
            lease: lease.id,
            worker: lease.worker,
            execution_name: lease.execution_name.clone(),
            outcome: settle.outcome.word(),
            dispatched_at: lease.dispatched_at,
            started_at: settle.started_at.or(lease.started_at),
            finished_at: settle.finished_at,
            end: settle.end,
        };
        let task = &mut self.tasks[n as usize];
        task.place = Place::None;
        (task.failures, task.lost) = (tally.failures, tally.lost);
        let left = |open_as| Some(Left { open_as, lease: lease.id, outcome: settle.outcome.word() });
        match verdict {
            Verdict::Wait { gates } => {
                task.open = left(OpenAs::Waiting);
                self.event(EventType::Task(TaskStatus::Waiting), &[n], payload(&json!({ "attempt": lease.attempt })));
                self.open_gates(n, lease.id, gates);
                false
            }
            Verdict::Reopen { open_as, failure } => {
                task.open = left(open_as);
                task.error = failure.or(task.error.take());
                let why = if open_as == OpenAs::Waiting { "gate" } else { "cleanup" };
                let said = payload(&json!({ "attempt": lease.attempt, "reason": why }));
                self.event(EventType::Task(TaskStatus::Queued), &[n], said);
                if open_as == OpenAs::Waiting {
                    back.push(n)
                } else {
                    self.away.push(n)
                }
                false
            }
            verdict => {
                (task.attempt, task.open) = (lease.attempt, None);
                task.attempts.push(row(&ended, lease.attempt, &verdict));
                let succeeds = matches!(verdict, Verdict::Success { .. });
                let stops = self.follow(n, verdict, back, settle);
                if !succeeds {
                    self.lose_steps(n, lease.attempt);
                }
                stops
            }
        }
    }

    fn follow(&mut self, n: u32, verdict: Verdict, back: &mut Vec<u32>, settle: &Settle) -> bool {
        let attempt = self.tasks[n as usize].attempt;
        let said = payload(&json!({ "attempt": attempt }));
        let task = &mut self.tasks[n as usize];
        task.ended_by_attempt = verdict.is_final();
        let mut stops = false;
        match verdict {
            Verdict::Success { output } => {
                (task.output, task.error) = (output, None);
                self.end_task(n, TaskStatus::Success, None, said);
            }
            Verdict::Cancelled { reason: why } => {
                task.error = None;
                let why = if why == Reason::Cancel { self.cancelling.unwrap_or(why) } else { why };
                self.end_task(n, TaskStatus::Cancelled, Some(why), reason(why));
            }
            Verdict::Failed { failure, reason } => {
                task.error = Some(failure.clone());
                self.end_task(n, TaskStatus::Failed, reason, said);
                stops = self.fail(n, failure);
            }
            Verdict::Retry { available_at, failure } => {
                (task.error, task.place) = (Some(failure), Place::Delayed(available_at));
                self.event(EventType::Task(TaskStatus::Retrying), &[n], said);
            }
            Verdict::Requeue { failure } => {
                let why = if failure.is_some() { "lost" } else { "handed_back" };
                task.error = failure.or(task.error.take());
                back.push(n);
                self.event(
                    EventType::Task(TaskStatus::Queued),
                    &[n],
                    payload(&json!({ "attempt": attempt, "reason": why })),
                );
            }
            Verdict::Wait { .. } | Verdict::Reopen { .. } => unreachable!("the attempt is over"),
        }
        if self.tasks[n as usize].end.is_some() {
            self.tasks[n as usize].finished_at = Some(settle.finished_at);
        }
        self.skip_what_cannot_run();
        stops
    }

    pub(super) fn late(&mut self, n: u32, attempt: u32, outcome: &Outcome) {
        let said = payload(&json!({ "attempt": attempt, "outcome": outcome.word() }));
        self.event(EventType::AttemptLate, &[n], said);
    }

    /// Gives a group its siblings, or ends it.
    pub(super) fn expand(&mut self, g: u32, expansion: &Expansion) {
        let live = self.live_of(g);
        let total = self.tasks.len() as u32;
        let known = self.groups[g as usize].size.is_some();
        let mut stops = false;
        match expansion {
            Expansion::Failed(failure) => stops = self.fail_all(&live, failure),
            Expansion::Skipped => {
                for n in live {
                    self.end_task(n, TaskStatus::Skipped, Some(Reason::Condition), reason(Reason::Condition));
                }
            }
            Expansion::Siblings { size: 0, .. } if !known => {
                self.tasks[live[0] as usize].output = Some(Json::from_stored("[]"));
                self.end_task(live[0], TaskStatus::Success, None, None);
            }
            Expansion::Siblings { size, .. } if !known && total + (size - 1) > limits::TASKS_MAX => {
                let message =
                    format!("{size} siblings: a run has at most {} tasks, and this one has {total}", limits::TASKS_MAX);
                stops = self.fail_all(&live, &Failure::new(ork_core::attempt::FailureKind::Template, message));
            }
            Expansion::Siblings { size, items, unmet } => {
                if !known {
                    let group = &mut self.groups[g as usize];
                    (group.size, group.items, group.rest) = (Some(*size), items.clone(), total);
                    let first = group.tasks[0];
                    for index in 1..*size {
                        self.groups[g as usize].tasks.push(self.tasks.len() as u32);
                        self.tasks.push(Task::new(g, index));
                    }
                    self.event(EventType::TaskExpanded, &[first], payload(&json!({ "size": size })));
                }
                self.groups[g as usize].evaluated = true;
                for n in self.live_of(g) {
                    if unmet.contains(&self.tasks[n as usize].index) {
                        self.end_task(n, TaskStatus::Skipped, Some(Reason::Condition), reason(Reason::Condition));
                    }
                }
            }
        }
        self.skip_what_cannot_run();
        if stops {
            self.sweep(true, Reason::Stop);
        }
    }

    fn fail_all(&mut self, tasks: &[u32], failure: &Failure) -> bool {
        let mut stops = false;
        for n in tasks {
            self.tasks[*n as usize].error = Some(failure.clone());
            self.end_task(*n, TaskStatus::Failed, Some(Reason::Template), reason(Reason::Template));
            stops |= self.fail(*n, failure.clone());
        }
        stops
    }
}

fn row(ended: &Ended, attempt: u32, verdict: &Verdict) -> AttemptRow {
    let error = match verdict {
        Verdict::Failed { failure, .. } | Verdict::Retry { failure, .. } => Some(failure.clone()),
        Verdict::Requeue { failure } => failure.clone(),
        Verdict::Success { .. } | Verdict::Cancelled { .. } | Verdict::Wait { .. } | Verdict::Reopen { .. } => None,
    };
    AttemptRow {
        attempt,
        lease: ended.lease,
        worker: ended.worker,
        execution_name: ended.execution_name.clone(),
        outcome: Some(ended.outcome.into()),
        error,
        end: ended.end,
        dispatched_at: ended.dispatched_at,
        started_at: ended.started_at,
        finished_at: Some(ended.finished_at),
    }
}
