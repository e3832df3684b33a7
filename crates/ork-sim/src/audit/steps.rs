//! What is stored of steps, gates and budgets, against what was seen.

use ork_core::attempt::FailureKind;
use ork_core::limits;
use ork_core::state::TaskStatus;
use ork_core::step::{Cost, StepKey, StepRow, StepStatus, StepType};
use ork_core::store::{GateKind, GateStatus, TaskDump};

use crate::rules::steps::not_put_away;
use crate::witness::steps::{Call, CallEnd};
use crate::witness::{End, Witness};
use crate::world::{World, lock};

/// What of a task's steps and gates is not as it was seen.
pub fn compare(world: &World, task: &TaskDump) -> Vec<String> {
    let Some(node) = world.node(task.row.task).filter(|node| !node.action.steps.is_empty()) else { return Vec::new() };
    let witness = lock(&world.witness);
    let mut wrong = Vec::new();
    for over in &task.attempts {
        let at = (task.row.task, over.attempt);
        let is_last = over.attempt == task.row.attempt;
        // Nobody is given a task any more that three workers died with.
        let is_given_up = is_last && task.row.lost >= limits::LOST_MAX;
        if let (Some(missing), false) = (not_put_away(&witness, &node, at, &task.steps), is_given_up) {
            wrong.push(format!("attempt {} is over and was not put away: {missing}", over.attempt));
        }
    }
    wrong.extend(compare_executions(&witness, task));
    wrong.extend(compare_calls(&witness, task));
    wrong.extend(compare_gates(&witness, task));
    if task.row.status == TaskStatus::Waiting {
        let open = task.gates.iter().any(|gate| gate.status == GateStatus::Open);
        let busy = witness.of_task(task.row.task).find(|execution| execution.stopped.is_none());
        let busy = busy.filter(|execution| !lock(&world.weather).is_excused(execution.place.0));
        if !open || task.lease.is_some() || task.ready > 0 || task.held > 0 || task.delayed > 0 || busy.is_some() {
            wrong.push(format!("waits, with an open gate: {open}, and is at work: {busy:?}, {:?}", task.lease));
        }
    }
    wrong
}

/// Each execution is stored, and whatever is stored as a success of a command or a model was seen as one.
fn compare_executions(witness: &Witness, task: &TaskDump) -> Vec<String> {
    let mut wrong = Vec::new();
    for execution in witness.of_task(task.row.task) {
        let Some(key) = execution.step else { continue };
        if !task.steps.iter().any(|row| row.key == key) {
            wrong.push(format!("{key:?} was executed and is not stored"));
        }
    }
    for row in task.steps.iter().filter(|row| row.status == StepStatus::Success && is_executed(row, task)) {
        let seen = witness.of_task(task.row.task).find(|execution| execution.step == Some(row.key));
        if !seen.is_some_and(|execution| matches!(execution.stopped, Some((_, End::Success)))) {
            wrong.push(format!("`{}` is a success, and was seen as {seen:?}", row.name));
        }
    }
    wrong
}

/// Whether a step is one that somebody executes; gates with a condition, and those that ask, are not.
fn is_executed(row: &StepRow, task: &TaskDump) -> bool {
    let asks = task.gates.iter().any(|gate| gate.step == row.key);
    !asks && matches!(row.step_type, StepType::Command | StepType::AiAction)
}

/// Each call stands in the books of both sides, and is charged what it used, or all that it could use if nobody knows.
fn compare_calls(witness: &Witness, task: &TaskDump) -> Vec<String> {
    let mut wrong = Vec::new();
    let at = task.row.task;
    for row in &task.steps {
        let asks = task.gates.iter().any(|gate| gate.step == row.key);
        if let Some(call) = witness.steps.calls.get(&(at, row.key)) {
            if !is_charged(row, call) {
                wrong.push(format!("`{}` is charged {:?} for {call:?}", row.name, row.cost()));
            }
        } else if row.step_type == StepType::AiAction {
            let is_lost = row.error.as_ref().is_some_and(|error| error.kind == FailureKind::Lost);
            if row.cost() != Cost::default() && !is_lost && !asks {
                wrong.push(format!("`{}` is charged {:?} and asked no model", row.name, row.cost()));
            }
        } else {
            let told = witness.steps.told.get(&(at, row.key)).copied().unwrap_or_default();
            if row.cost() != Cost::default() && row.cost() != told {
                wrong.push(format!("`{}` is charged {:?} and said {told:?}", row.name, row.cost()));
            }
        }
    }
    wrong
}

fn is_charged(row: &StepRow, call: &Call) -> bool {
    if !row.status.is_terminal() {
        return row.reserved == call.most;
    }
    let (used, none) = (row.cost() == call.used, row.cost() == Cost::default());
    row.cost() == call.most
        || match call.end {
            CallEnd::Told => used,
            CallEnd::Refused => none,
            CallEnd::Unknown => false,
        }
}

/// Decisions stand.
fn compare_gates(witness: &Witness, task: &TaskDump) -> Vec<String> {
    let mut wrong = Vec::new();
    for gate in &task.gates {
        let seen = witness.steps.decision(gate.id);
        let is_right = match (gate.status, seen) {
            (GateStatus::Open | GateStatus::Cancelled, seen) => seen.is_none(),
            (stored, seen) => seen == Some(stored),
        };
        if !is_right {
            wrong.push(format!("the gate of `{}` is {:?}, and was seen as {seen:?}", gate.step_name, gate.status));
        }
        let is_granted = gate.kind == GateKind::Budget && gate.status == GateStatus::Approved;
        if is_granted && is_over_by_itself(task, gate.step.attempt) && !is_tried_again(task, gate.step) {
            wrong.push(format!("`{}` has got a larger budget, and was not tried again", gate.step_name));
        }
    }
    wrong
}

/// Whether nobody had to end the attempt.
fn is_over_by_itself(task: &TaskDump, attempt: u32) -> bool {
    let over = task.attempts.iter().find(|row| row.attempt == attempt);
    over.is_some_and(|row| matches!(row.outcome.as_deref(), Some("success" | "failed")))
}

fn is_tried_again(task: &TaskDump, step: StepKey) -> bool {
    task.steps.iter().any(|row| {
        let is_same = (row.key.attempt, row.key.round, row.key.position) == (step.attempt, step.round, step.position);
        is_same && row.key.tried > step.tried
    })
}
