//! Steps, the decisions that they wait for, and folders.

use async_trait::async_trait;
use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::{Actor, EventType};
use ork_core::graph::{LeaseId, OpenAs, step_payload};
use ork_core::id::{GateId, TaskRef};
use ork_core::ledger::{Ledger, Refusal};
use ork_core::state::TaskStatus;
use ork_core::step::{Cost, StepKey, StepPhase, StepRow, StepStatus, StepType, Tokens};
use ork_core::store::{
    BudgetRow, Decided, Decision, GateFilter, GateKind, GateRow, GateStatus, NewGate, SavedWork, Scope, Standing,
    StepWrite, Steps, StepsWritten, WorkPart,
};
use serde_json::json;

use super::rules::payload;
use super::{Model, Order, Place, Run, State, Task};

impl Run {
    /// Opens gates, and lets their steps wait.
    pub(super) fn open_gates(&mut self, n: u32, lease: LeaseId, gates: Vec<NewGate>) {
        let now = self.by.1;
        for gate in gates {
            let mut said = step_payload(gate.step, &gate.step_name);
            self.event(EventType::Step(StepStatus::Waiting), &[n], payload(&said));
            said["gate"] = gate.id.to_string().into();
            said["role"] = gate.role.word().into();
            self.event(EventType::Gate(GateStatus::Open), &[n], payload(&said));
            let row = self.gate_row(n, &gate, now);
            let step = self.waiting_step(n, &gate, lease, now);
            let task = &mut self.tasks[n as usize];
            task.gates.push(row);
            task.gates.sort_by_key(|gate| gate.id);
            task.steps.entry(gate.step).or_insert(step).status = StepStatus::Waiting;
        }
    }

    fn gate_row(&self, n: u32, gate: &NewGate, now: Timestamp) -> GateRow {
        let task = &self.tasks[n as usize];
        GateRow {
            id: gate.id,
            workspace: self.new.workspace,
            task: TaskRef { run: self.new.id, n },
            task_key: self.groups[task.g as usize].spec.key.clone(),
            task_index: task.index,
            run_name: self.new.plan.name.clone(),
            owner: self.new.owner.clone(),
            started_by: self.new.actor.id.clone(),
            step: gate.step,
            step_name: gate.step_name.clone(),
            kind: gate.kind(),
            status: GateStatus::Open,
            role: gate.role,
            allow_self: gate.allow_self,
            message: gate.message.clone(),
            opened_at: now,
            expires_at: gate.expires_at,
            on_expiry: gate.on_expiry,
            decided_by: None,
            comment: None,
            decided_at: None,
        }
    }

    /// What a step is whose reservation did not fit, so that it has not begun.
    fn waiting_step(&self, n: u32, gate: &NewGate, lease: LeaseId, now: Timestamp) -> StepRow {
        let steps = &self.new.plan.nodes[self.tasks[n as usize].g as usize].action.steps;
        StepRow {
            task: TaskRef { run: self.new.id, n },
            key: gate.step,
            name: gate.step_name.clone(),
            phase: steps.get(gate.step.position as usize).map_or(StepPhase::Execution, |step| step.phase),
            step_type: if gate.is_budget { StepType::AiAction } else { StepType::Gate },
            status: StepStatus::Waiting,
            lease,
            output: None,
            error: None,
            exit_code: None,
            model: None,
            prompt: None,
            tokens: Tokens::default(),
            cost_tokens: 0,
            cost_micros: 0,
            reserved: Cost::default(),
            started_at: now,
            finished_at: None,
        }
    }

    /// Ends the gates of a task that nobody has decided.
    fn cancel_gates(&mut self, n: u32) {
        let now = self.by.1;
        let open: Vec<usize> = (self.tasks[n as usize].gates.iter().enumerate())
            .filter(|(_, gate)| gate.status == GateStatus::Open)
            .map(|(at, _)| at)
            .collect();
        for at in open {
            let gate = &mut self.tasks[n as usize].gates[at];
            (gate.status, gate.decided_at) = (GateStatus::Cancelled, Some(now));
            let mut said = step_payload(gate.step, &gate.step_name);
            said["gate"] = gate.id.to_string().into();
            self.event(EventType::Gate(GateStatus::Cancelled), &[n], payload(&said));
        }
    }

    /// Has the steps of an attempt put away that is cancelled.
    pub(super) fn put_away(&mut self, n: u32) {
        let waited = self.tasks[n as usize].is_waiting();
        self.cancel_gates(n);
        let task = &mut self.tasks[n as usize];
        task.place = Place::None;
        if let Some(left) = task.open.as_mut().filter(|left| left.open_as != OpenAs::Lost) {
            left.open_as = OpenAs::Cancelled;
        }
        let said = payload(&json!({ "attempt": task.attempt + 1, "reason": "cleanup" }));
        if waited {
            self.event(EventType::Task(TaskStatus::Queued), &[n], said);
        }
        self.away.retain(|other| *other != n);
        self.away.push(n);
    }

    fn keep(&mut self, n: u32, ledger: &mut Ledger) {
        for (status, said) in ledger.take_notes() {
            self.event(EventType::Step(status), &[n], Some(said));
        }
        self.tasks[n as usize].steps.extend(ledger.changed().map(|row| (row.key, row.clone())));
    }

    /// Closes the steps of an attempt that is over. The workspace's budgets are settled by [`State::charge_lost`].
    pub(super) fn lose_steps(&mut self, n: u32, attempt: u32) {
        let steps = self.tasks[n as usize].steps.values().filter(|step| step.key.attempt == attempt).cloned();
        let open: Vec<StepRow> = steps.filter(|step| !step.status.is_terminal()).collect();
        let mut ledger = Ledger::new(TaskRef { run: self.new.id, n }, open.clone(), self.by.1);
        ledger.add_budgets(self.budget.clone());
        ledger.lose();
        self.keep(n, &mut ledger);
        self.budget = ledger.budgets().first().cloned();
        self.lost_steps.extend(open.into_iter().map(|step| step.reserved));
    }

    /// Ends an open gate, the step that waits for it and, if nothing else is waited for, the wait of its task.
    fn close_gate(&mut self, id: GateId, decision: &Decision, rejected: GateStatus) -> Option<GateRow> {
        let status = if decision.approve { GateStatus::Approved } else { rejected };
        let (n, at) = (0_u32..)
            .zip(&self.tasks)
            .find_map(|(n, task)| task.gates.iter().position(|gate| gate.id == id).map(|at| (n, at)))?;
        let gate = &mut self.tasks[n as usize].gates[at];
        (gate.status, gate.decided_at) = (status, Some(decision.now));
        (gate.decided_by, gate.comment) = (Some(decision.actor.clone()), decision.comment.clone());
        let gate = gate.clone();
        let mut said = step_payload(gate.step, &gate.step_name);
        let step_said = payload(&said);
        said["gate"] = id.to_string().into();
        if let Some(comment) = &gate.comment {
            said["comment"] = comment.as_str().into();
        }
        self.event(EventType::Gate(status), &[n], payload(&said));
        if decision.approve && gate.kind == GateKind::Budget {
            let of_plan = self.new.plan.budget.map(|budget| budget.allowance).unwrap_or_default();
            if let Some(budget) = &mut self.budget {
                budget.grant(decision.grant.unwrap_or(of_plan));
                let said = json!({ "gate": gate.id.to_string(), "limit": budget.allowance });
                self.event(EventType::BudgetRaised, &[n], payload(&said));
            }
        } else {
            let step = self.tasks[n as usize].steps.get(&gate.step).cloned();
            let mut ledger = Ledger::new(gate.task, step, decision.now);
            ledger.decide(gate.step, decision.failure(gate.kind, status));
            self.keep(n, &mut ledger);
            let ended = if decision.approve { StepStatus::Success } else { StepStatus::Failed };
            self.event(EventType::Step(ended), &[n], step_said);
        }
        if !decision.approve {
            self.cancel_gates(n);
        }
        let task = &self.tasks[n as usize];
        if !task.is_waiting() {
            let said = payload(&json!({ "attempt": task.attempt + 1, "reason": "gate" }));
            self.event(EventType::Task(TaskStatus::Queued), &[n], said);
        }
        Some(gate)
    }
}

impl State {
    fn gate_rows(&self, scope: Scope) -> impl Iterator<Item = &GateRow> {
        let runs = self.runs.values().filter(move |run| scope.admits(run.new.workspace));
        runs.flat_map(|run| run.tasks.iter().flat_map(|task| &task.gates))
    }

    fn gate_row(&self, scope: Scope, id: GateId) -> Option<GateRow> {
        self.gate_rows(scope).find(|gate| gate.id == id).cloned()
    }

    fn close(&mut self, gate: &GateRow, decision: &Decision, rejected: GateStatus) -> Option<GateRow> {
        let run = self.change(Scope::All, gate.task.run, &decision.actor, decision.now)?;
        let closed = run.close_gate(gate.id, decision, rejected);
        self.rest(gate.task.run, Order::Groups(&[]));
        closed
    }

    fn own_task(&self, scope: Scope, task: TaskRef) -> Option<&Task> {
        self.run(scope, task.run)?.tasks.get(task.n as usize)
    }

    pub(super) fn is_leased(&self, scope: Scope, (task, attempt, lease): (TaskRef, u32, LeaseId)) -> bool {
        let own = self.own_task(scope, task).and_then(Task::lease);
        own.is_some_and(|own| (own.attempt, own.id) == (attempt, lease))
    }

    /// What was reserved for steps that are lost is used, of the budgets of their workspace too.
    pub(super) fn charge_lost(&mut self, now: Timestamp) {
        for run in self.runs.values_mut() {
            for lost in std::mem::take(&mut run.lost_steps) {
                for budget in self.budgets.values_mut().filter(|budget| budget.workspace == run.new.workspace) {
                    *budget = budget.clone().at(now);
                    budget.reserved = budget.reserved.minus(lost);
                    budget.used = budget.used.plus(lost);
                }
            }
        }
    }
}

#[async_trait]
impl Steps for Model {
    async fn standing(&self, scope: Scope, task: TaskRef, attempt: u32) -> StoreResult<Standing> {
        let state = self.state();
        let own = state.own_task(scope, task).ok_or_else(|| StoreError::NotFound(format!("task `{}`", task.id())))?;
        Ok(Standing {
            open_as: own.open.map(|left| left.open_as),
            steps: own.steps.values().filter(|step| step.key.attempt == attempt).cloned().collect(),
            gates: own.gates.iter().filter(|gate| gate.step.attempt == attempt).cloned().collect(),
            saved: state.saved.get(&(task, attempt)).cloned(),
            error: own.error.clone(),
        })
    }

    async fn write_steps(
        &self,
        scope: Scope,
        write: &StepWrite,
        actor: &Actor,
        now: Timestamp,
    ) -> StoreResult<StepsWritten> {
        let mut state = self.state();
        if !state.is_leased(scope, (write.task, write.attempt, write.lease)) {
            return Ok(StepsWritten::Stale);
        }
        let shared: Vec<BudgetRow> = state.budgets.values().cloned().collect();
        let Some(run) = state.change(scope, write.task.run, actor, now) else { return Ok(StepsWritten::Stale) };
        let workspace = run.new.workspace;
        let n = write.task.n;
        let steps: Vec<StepRow> = run.tasks[n as usize].steps.values().cloned().collect();
        let mut ledger = Ledger::new(write.task, steps.clone(), now);
        for step in &steps {
            let same = steps.iter().filter(|other| other.key.position == step.key.position);
            let taken = same.fold(Cost::default(), |sum, other| sum.plus(other.cost()).plus(other.reserved));
            ledger.add_taken(step.key.position, taken);
        }
        let counts = ledger.counts(write);
        if counts {
            let own = shared.into_iter().filter(|budget| budget.workspace == workspace);
            ledger.add_budgets(run.budget.clone().into_iter().chain(own));
        }
        match ledger.write(write) {
            Err(Refusal::Illegal(error)) => return Err(error),
            Err(Refusal::Short(short)) => {
                let is_said = |event: &ork_core::event::EventRow| {
                    event.event_type == EventType::BudgetExceeded
                        && event.payload.as_ref().is_some_and(|said| said.as_str().starts_with(&short.mark()))
                };
                if !run.events.iter().any(is_said) {
                    run.event(EventType::BudgetExceeded, &[n], Some(short.payload()));
                }
                return Ok(StepsWritten::OverBudget(short.shortage));
            }
            Ok(()) => {}
        }
        run.keep(n, &mut ledger);
        for budget in ledger.budgets() {
            if budget.run.is_some() {
                run.budget = Some(budget.clone());
            }
        }
        for budget in ledger.budgets().iter().filter(|budget| budget.run.is_none()) {
            state.budgets.insert((workspace, budget.period), budget.clone());
        }
        Ok(StepsWritten::Done)
    }

    async fn steps(
        &self,
        scope: Scope,
        task: TaskRef,
        after: Option<StepKey>,
        limit: u32,
    ) -> StoreResult<Vec<StepRow>> {
        let state = self.state();
        let Some(own) = state.own_task(scope, task) else { return Ok(Vec::new()) };
        let wanted = own.steps.values().filter(|step| after.is_none_or(|after| step.key > after));
        Ok(wanted.take(limit as usize).cloned().collect())
    }

    async fn gate(&self, scope: Scope, gate: GateId) -> StoreResult<Option<GateRow>> {
        Ok(self.state().gate_row(scope, gate))
    }

    async fn gates(&self, scope: Scope, filter: &GateFilter) -> StoreResult<Vec<GateRow>> {
        let state = self.state();
        let is_wanted = |gate: &&GateRow| {
            filter.run.is_none_or(|run| gate.task.run == run)
                && (filter.owner.is_none() || gate.owner == filter.owner)
                && (!filter.open || gate.status == GateStatus::Open)
                && filter.before.is_none_or(|before| gate.id < before)
        };
        let mut found: Vec<GateRow> = state.gate_rows(scope).filter(is_wanted).cloned().collect();
        found.sort_by_key(|gate| std::cmp::Reverse(gate.id));
        found.truncate(filter.limit as usize);
        Ok(found)
    }

    async fn decide(&self, scope: Scope, decision: &Decision) -> StoreResult<Decided> {
        let mut state = self.state();
        let missing = || StoreError::NotFound(format!("gate `{}`", decision.gate));
        let gate = state.gate_row(scope, decision.gate).ok_or_else(missing)?;
        if gate.status != GateStatus::Open {
            return Ok(if decision.repeats(&gate) { Decided::Done(gate) } else { Decided::Before(gate) });
        }
        let closed = state.close(&gate, decision, GateStatus::Rejected);
        closed.map(Decided::Done).ok_or_else(missing)
    }

    async fn expired_gates(&self, scope: Scope, now: Timestamp, limit: u32) -> StoreResult<Vec<GateId>> {
        let state = self.state();
        let mut due: Vec<(Option<Timestamp>, GateId)> = (state.gate_rows(scope))
            .filter(|gate| gate.expiry(now).is_some())
            .map(|gate| (gate.expires_at, gate.id))
            .collect();
        due.sort_unstable();
        Ok(due.into_iter().map(|(_, id)| id).take(limit as usize).collect())
    }

    async fn next_expiry(&self, scope: Scope) -> StoreResult<Option<Timestamp>> {
        let state = self.state();
        let ever = Timestamp::from_micros(i64::MAX);
        Ok(state.gate_rows(scope).filter(|gate| gate.expiry(ever).is_some()).filter_map(|gate| gate.expires_at).min())
    }

    async fn expire_gate(&self, scope: Scope, gate: GateId, now: Timestamp) -> StoreResult<bool> {
        let mut state = self.state();
        let Some(gate) = state.gate_row(scope, gate) else { return Ok(false) };
        let Some(decision) = gate.expiry(now) else { return Ok(false) };
        Ok(state.close(&gate, &decision, GateStatus::Expired).is_some())
    }

    async fn save_part(&self, scope: Scope, part: &WorkPart) -> StoreResult<bool> {
        let mut state = self.state();
        let held = state.is_leased(scope, (part.task, part.attempt, part.lease));
        if held {
            state.parts.insert((part.task, part.attempt, part.number, part.part), part.bytes.clone());
        }
        Ok(held)
    }

    async fn keep_work(&self, scope: Scope, at: (TaskRef, u32, LeaseId), saved: &SavedWork) -> StoreResult<bool> {
        let mut state = self.state();
        let (task, attempt, _) = at;
        if !state.is_leased(scope, at) {
            return Ok(false);
        }
        if state.saved.get(&(task, attempt)).is_some_and(|kept| kept.number >= saved.number) {
            return Ok(true);
        }
        let is_own = |key: &(TaskRef, u32, u32, u32)| {
            (key.0, key.1, key.2) == (task, attempt, saved.number) && key.3 < saved.parts
        };
        if state.parts.keys().filter(|key| is_own(key)).count() < saved.parts as usize {
            return Err(StoreError::Conflict("parts are missing".into()));
        }
        state.saved.retain(|(other, _), _| *other != task);
        state.saved.insert((task, attempt), saved.clone());
        state.parts.retain(|key, _| key.0 != task || is_own(key));
        Ok(true)
    }

    async fn work_part(
        &self,
        scope: Scope,
        (task, attempt): (TaskRef, u32),
        number: u32,
        part: u32,
    ) -> StoreResult<Option<Vec<u8>>> {
        let state = self.state();
        let known = state.own_task(scope, task).is_some();
        Ok(state.parts.get(&(task, attempt, number, part)).filter(|_| known).cloned())
    }

    async fn drop_work(&self, scope: Scope, at: (TaskRef, u32, LeaseId)) -> StoreResult<bool> {
        let mut state = self.state();
        let (task, ..) = at;
        if !state.is_leased(scope, at) {
            return Ok(false);
        }
        state.saved.retain(|(other, _), _| *other != task);
        state.parts.retain(|key, _| key.0 != task);
        Ok(true)
    }
}
