//! What must hold at the moment when a step starts, and what must hold of an attempt's cleanup after it.

use std::sync::Arc;

use ork_core::attempt::FailureKind;
use ork_core::clock::Clock;
use ork_core::id::{RunId, TaskRef, WorkspaceId};
use ork_core::limits;
use ork_core::plan::Node;
use ork_core::step::{Cost, Step, StepKey, StepPhase, StepRow, StepStatus, StepType, StepWork};
use ork_core::store::{Prompts, Scope, StepChange, StepWrite, Steps, TaskRow, Workers};

use crate::witness::{Execution, Witness};
use crate::world::{World, lock};

/// Steps of one task that are looked at, at the most: more than any task of a world has.
pub const STEPS_MAX: u32 = 10_000;

/// A step that is about to start.
struct Starting<'a> {
    world: &'a Arc<World>,
    task: TaskRef,
    key: StepKey,
    step: &'a Step,
    node: &'a Node,
    /// What is stored of the task's steps.
    rows: &'a [StepRow],
}

/// Compares a step that is about to start with what is stored and with what was seen.
pub async fn check_step(world: &Arc<World>, row: &TaskRow, node: &Node, key: StepKey, place: (usize, u32)) {
    let task = row.task;
    let Some(step) = node.action.steps.get(key.position as usize) else { return };
    let rows = world.store.steps(Scope::All, task, None, STEPS_MAX).await.unwrap_or_default();
    let starting = Starting { world, task, key, step, node, rows: &rows };
    let Some(own) = rows.iter().find(|row| row.key == key) else {
        return starting.problem("starts and is not stored");
    };
    if !is_current(world, row, own).await {
        if !lock(&world.weather).is_excused(place.0) {
            starting.problem("starts without the lease of its attempt");
        }
        return lock(&world.witness).mark("step started without a lease");
    }
    starting.check_others();
    starting.check_order();
    starting.check_cleanup(row);
}

/// Whether a step belongs to the lease that its task has now.
async fn is_current(world: &World, row: &TaskRow, own: &StepRow) -> bool {
    let Some(worker) = row.worker else { return false };
    let leases = world.store.leases_of(worker, usize::MAX).await.unwrap_or_default();
    let lease = leases.into_iter().find(|lease| lease.task == row.task);
    lease.is_some_and(|lease| lease.id == own.lease) && own.status == StepStatus::Running
}

impl Starting<'_> {
    fn problem(&self, what: &str) {
        let StepKey { attempt, round, position, tried } = self.key;
        let name = self.world.name(self.task);
        self.world.problem(format!("{name}: step {round}.{position}.{tried} of attempt {attempt} {what}"));
    }

    /// Whether another step may run at this one's side.
    fn is_beside(&self, key: StepKey) -> bool {
        let judges = |step: &Step| {
            let is_judge =
                matches!(step.work, StepWork::GateCommand(_) | StepWork::GateRun(_) | StepWork::GateCondition(_));
            is_judge && step.phase == self.step.phase
        };
        let other = self.node.action.steps.get(key.position as usize);
        (key.attempt, key.round) == (self.key.attempt, self.key.round) && judges(self.step) && other.is_some_and(judges)
    }

    /// Nothing else of the task is at work, but gates beside a gate.
    fn check_others(&self) {
        for row in self.rows.iter().filter(|row| row.key.attempt == self.key.attempt && row.key != self.key) {
            if !row.status.is_terminal() && !self.is_beside(row.key) {
                self.problem(&format!("starts while `{}` is {}", row.name, row.status));
            }
        }
        let running: Vec<Execution> = {
            let witness = lock(&self.world.witness);
            witness.of_task(self.task).filter(|execution| execution.stopped.is_none()).cloned().collect()
        };
        for other in running {
            let is_beside = other.step.is_some_and(|key| self.is_beside(key));
            if !is_beside && !lock(&self.world.weather).is_excused(other.place.0) {
                self.problem(&format!("starts while {:?} of attempt {} is at work", other.step, other.attempt));
            }
        }
    }

    /// All steps before it have had their turn.
    fn check_order(&self) {
        for (position, step) in (0..self.key.position).zip(&self.node.action.steps) {
            let round = if step.phase == StepPhase::Setup { 1 } else { self.key.round };
            let of_it = |key: StepKey| (key.attempt, key.round, key.position) == (self.key.attempt, round, position);
            if !self.rows.iter().any(|row| of_it(row.key)) {
                self.problem(&format!("starts before `{}`", step.name));
            }
        }
    }

    /// What the attempts before it began is put away, and nothing that was put away is put away again.
    fn check_cleanup(&self, row: &TaskRow) {
        for attempt in 1..self.key.attempt {
            let witness = lock(&self.world.witness);
            let missing = not_put_away(&witness, self.node, (self.task, attempt), self.rows);
            drop(witness);
            if let (Some(missing), false) = (missing, row.lost >= limits::LOST_MAX) {
                self.problem(&format!("starts before attempt {attempt} was put away: {missing}"));
            }
        }
        let is_again = |row: &&StepRow| {
            (row.key.attempt, row.key.position) == (self.key.attempt, self.key.position)
                && row.phase == StepPhase::Cleanup
                && row.status == StepStatus::Success
        };
        if self.rows.iter().any(|row| is_again(&row)) {
            self.problem("puts away a second time");
        }
    }
}

/// What of an attempt's cleanup is missing, if anything of the attempt was begun: each step of cleanup has run, unless its own
/// condition said no or it could not be told what to do, and one with which its worker died has run again.
#[must_use]
pub fn not_put_away(
    witness: &Witness,
    node: &Node,
    (task, attempt): (TaskRef, u32),
    rows: &[StepRow],
) -> Option<String> {
    let of_attempt = || rows.iter().filter(|row| row.key.attempt == attempt);
    let was_seen = |key: StepKey| witness.of_attempt(task, attempt).any(|execution| execution.step == Some(key));
    let has_begun = |row: &StepRow| match row.status {
        StepStatus::Skipped | StepStatus::Pending => false,
        StepStatus::Cancelled => was_seen(row.key),
        StepStatus::Running | StepStatus::Waiting | StepStatus::Success | StepStatus::Failed => true,
    };
    if !of_attempt().any(|row| row.phase != StepPhase::Cleanup && has_begun(row)) {
        return None;
    }
    let cleanup = (0_u32..).zip(&node.action.steps).filter(|(_, step)| step.phase == StepPhase::Cleanup);
    for (position, step) in cleanup {
        let Some(last) = of_attempt().filter(|row| row.key.position == position).max_by_key(|row| row.key) else {
            return Some(format!("`{}` did not run", step.name));
        };
        let failure = last.error.as_ref().map(|error| &error.kind);
        let (is_lost, is_void) = (failure == Some(&FailureKind::Lost), failure == Some(&FailureKind::Template));
        let is_over = last.status.is_terminal() && !is_lost;
        let has_run = last.status == StepStatus::Skipped || is_void || was_seen(last.key);
        if !is_over || !has_run {
            return Some(format!("`{}` is {}, {:?}", step.name, last.status, failure));
        }
    }
    None
}

/// Whether a write reserves something that was not reserved before.
pub async fn check_fresh(world: &World, write: &StepWrite) -> bool {
    let mut is_fresh = false;
    for change in &write.changes {
        let StepChange::Begin(begin) = change else { continue };
        if begin.reserve.is_none() {
            continue;
        }
        let rows = world.store.steps(Scope::All, write.task, None, STEPS_MAX).await.unwrap_or_default();
        is_fresh |= !rows.iter().any(|row| row.key == begin.key && row.step_type == StepType::AiAction);
    }
    is_fresh
}

/// What is reserved has just been granted: it fits into the run's budget, and the workspace's.
pub async fn check_budget(world: &World, run: RunId) {
    let of_run = world.store.run_budget(Scope::All, run).await.unwrap_or_default();
    let of_all = world.store.budgets(WorkspaceId::DEFAULT, world.clock.now()).await.unwrap_or_default();
    for budget in of_run.into_iter().chain(of_all) {
        if !budget.fits(Cost::default()) {
            let number = world.known(run).map_or(0, |known| known.number);
            world.problem(format!("r{number}: a call was let through that a budget is too small for: {budget:?}"));
        }
        lock(&world.witness).mark("reserved");
    }
}
