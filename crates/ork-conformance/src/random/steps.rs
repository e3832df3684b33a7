//! Attempts with steps, at random: what a worker writes of them, and what is decided.

use ork_core::access::Role;
use ork_core::attempt::{Failure, FailureKind, Outcome};
use ork_core::event::Actor;
use ork_core::graph::OpenAs;
use ork_core::id::{GateId, TaskRef};
use ork_core::step::{Allowance, Cost, OnExpiry, StepKey, StepPhase, StepStatus, StepType, Tokens};
use ork_core::store::{
    Decision, GateFilter, NewGate, Scope, Standing, StepBegin, StepChange, StepEnd, StepWrite, Steps,
};

use super::{Command, Given, World};
use crate::bed::ada;
use crate::model::Model;
use crate::plans::small;

impl World {
    /// Something that happens to a step or a gate.
    pub(super) async fn step_or_gate(&mut self, model: &Model) -> Option<Command> {
        if self.random.below(3) > 0 {
            return self.write_steps();
        }
        let filter = GateFilter { open: self.random.below(4) > 0, limit: 20, ..GateFilter::default() };
        let gates = model.gates(Scope::All, &filter).await.ok()?;
        let gate = self.pick(&gates)?.id;
        if self.random.below(4) == 0 {
            return Some(Command::Expire(gate));
        }
        let grant = (self.random.below(2) == 0).then_some(Allowance { tokens: Some(10), micros: None });
        let actor = if self.random.below(3) == 0 { Actor::user("bob") } else { ada() };
        let approve = self.random.below(3) > 0;
        Some(Command::Decide(Decision { gate, approve, comment: None, grant, actor, now: self.now }))
    }

    fn write_steps(&mut self) -> Option<Command> {
        let given = self.lease()?;
        let changes = (0..=self.random.below(2)).map(|_| self.change(given.claimed.attempt)).collect();
        let (task, attempt) = (given.claimed.task, given.claimed.attempt);
        Some(Command::Steps(StepWrite { task, attempt, lease: given.lease, changes }))
    }

    fn change(&mut self, attempt: u32) -> StepChange {
        let key = StepKey { attempt, round: 1, position: small(&mut self.random, 3), tried: 1 };
        if self.random.below(2) == 0 {
            let status = if self.random.below(6) == 0 { StepStatus::Skipped } else { StepStatus::Running };
            let tokens = self.random.below(60);
            let reserve = (self.random.below(2) == 0).then_some(Cost { tokens, micros: tokens });
            let allowance = (self.random.below(3) == 0).then_some(Allowance { tokens: Some(70), micros: None });
            return StepChange::Begin(StepBegin {
                key,
                name: format!("s{}", key.position),
                phase: StepPhase::Execution,
                step_type: StepType::AiAction,
                status,
                model: None,
                prompt: None,
                reserve: reserve.filter(|_| status == StepStatus::Running),
                allowance,
                at: self.now,
            });
        }
        let tokens = self.random.below(50);
        let failed = self.random.below(4) == 0;
        StepChange::End(StepEnd {
            key,
            status: if failed { StepStatus::Failed } else { StepStatus::Success },
            output: None,
            error: failed.then(|| Failure::new(FailureKind::Ai, "too busy")),
            exit_code: None,
            model: None,
            tokens: Tokens { input: tokens, output: 0, cached: 0 },
            cost: Cost { tokens, micros: tokens },
            at: self.now,
        })
    }

    /// What an engine would make of an outcome where there are steps: it waits now and then, puts away what is to be put away, and
    /// succeeds only when all of its steps are over.
    pub(super) async fn with_steps(&mut self, model: &Model, given: Given, outcome: Outcome) -> Outcome {
        let (task, attempt) = (given.claimed.task, given.claimed.attempt);
        let Ok(stands) = model.standing(Scope::All, task, attempt).await else { return outcome };
        match (&outcome, stands.open_as) {
            (Outcome::Failed(Failure { kind: FailureKind::Lost, .. }), _) => return outcome,
            (_, Some(OpenAs::Lost)) if self.random.below(2) == 0 => return Outcome::WoundUp { failure: stands.error },
            (_, Some(OpenAs::Cancelled)) if self.random.below(2) == 0 => return Outcome::WoundUp { failure: None },
            _ => {}
        }
        let runs = stands.steps.iter().any(|step| step.status == StepStatus::Running);
        if !runs && self.random.below(6) == 0 {
            let gates = (0..=self.random.below(2)).map(|at| self.gate(task, &stands, attempt, at)).collect();
            return Outcome::Waiting { gates };
        }
        let open = stands.steps.iter().any(|step| !step.status.is_terminal());
        if open && matches!(outcome, Outcome::Success { .. }) {
            return Outcome::Failed(Failure::new(FailureKind::Gate, "a step is not over"));
        }
        outcome
    }

    /// Whether a step of the attempt runs: then something was begun.
    pub(super) async fn runs_a_step(model: &Model, given: Given) -> bool {
        let stands = model.standing(Scope::All, given.claimed.task, given.claimed.attempt).await;
        stands.is_ok_and(|stands| stands.steps.iter().any(|step| step.status == StepStatus::Running))
    }

    /// A gate of a step that has not begun.
    fn gate(&mut self, task: TaskRef, stands: &Standing, attempt: u32, at: u64) -> NewGate {
        let free = stands.steps.iter().map(|step| step.key.position + 1).max().unwrap_or(0).max(10);
        let position = free + u32::try_from(at).unwrap_or(0);
        let on_expiry = self.pick(&[OnExpiry::Reject, OnExpiry::Approve, OnExpiry::Hold]).unwrap_or_default();
        NewGate {
            id: GateId::new(self.now, &mut self.random),
            step: StepKey { attempt, round: 1, position, tried: 1 },
            step_name: format!("g{position} of {}", task.n),
            is_budget: self.random.below(3) == 0,
            role: Role::Operator,
            allow_self: true,
            message: None,
            expires_at: (self.random.below(2) == 0).then(|| self.now.plus_ms(3_000)),
            on_expiry,
        }
    }
}
