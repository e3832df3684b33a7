//! Steps, the decisions that they wait for, and what they cost.

use crate::graph::OpenAs;
use crate::state::TaskStatus;
use crate::step::{Cost, StepStatus};
use crate::store::{GateStatus, RunDump};

pub(super) fn gates_are_waited_for(dump: &RunDump, wrong: &mut Vec<String>) {
    for task in &dump.tasks {
        for gate in task.gates.iter().filter(|gate| gate.status == GateStatus::Open) {
            let step = task.steps.iter().find(|step| step.key == gate.step).map(|step| step.status);
            if task.row.status != TaskStatus::Waiting || step != Some(StepStatus::Waiting) {
                let step = step.map_or("missing", StepStatus::word);
                wrong.push(format!(
                    "{} is open, its task {} is {}, its step {step}",
                    gate.id, task.row.task.n, task.row.status
                ));
            }
        }
    }
}

/// What runs is under the lease of its attempt, or was, and is to be put away.
pub(super) fn steps_run_under_a_lease(dump: &RunDump, wrong: &mut Vec<String>) {
    for task in dump.tasks.iter().filter(|task| !task.row.status.is_terminal()) {
        let put_away = matches!(task.open_as, Some(OpenAs::Lost | OpenAs::Cancelled));
        for step in task.steps.iter().filter(|step| step.status == StepStatus::Running) {
            let leased = task.lease.as_ref().is_some_and(|lease| lease.attempt == step.key.attempt);
            let rests = put_away && step.key.attempt == task.row.attempt;
            if !leased && !rests {
                wrong.push(format!("step `{}` of task {} runs without a lease", step.name, task.row.task.n));
            }
        }
    }
}

pub(super) fn ended_attempts_have_ended_steps(dump: &RunDump, wrong: &mut Vec<String>) {
    for task in &dump.tasks {
        let ended = task.attempts.iter().map(|attempt| attempt.attempt).max().unwrap_or(0);
        for step in task.steps.iter().filter(|step| step.key.attempt <= ended && !step.status.is_terminal()) {
            wrong.push(format!(
                "step `{}` of attempt {} of task {} is {}, and the attempt is over",
                step.name, step.key.attempt, task.row.task.n, step.status
            ));
        }
        for step in task.steps.iter().filter(|step| step.status.is_terminal() != step.finished_at.is_some()) {
            wrong.push(format!(
                "step `{}` of task {} is {}, and when it ended says otherwise",
                step.name, task.row.task.n, step.status
            ));
        }
    }
}

/// What a run has used and reserved is what its steps have.
pub(super) fn budget_adds_up(dump: &RunDump, wrong: &mut Vec<String>) {
    let steps = || dump.tasks.iter().flat_map(|task| &task.steps);
    let reserved = steps().fold(Cost::default(), |sum, step| sum.plus(step.reserved));
    let used = steps().fold(Cost::default(), |sum, step| sum.plus(step.cost()));
    for step in steps().filter(|step| step.status.is_terminal() && step.reserved != Cost::default()) {
        wrong.push(format!("step `{}` of task {} is over, and something is reserved for it", step.name, step.task.n));
    }
    if let Some(budget) = &dump.budget
        && (budget.used, budget.reserved) != (used, reserved)
    {
        wrong.push(format!(
            "the budget has {:?} used and {:?} reserved; the steps have {used:?} and {reserved:?}",
            budget.used, budget.reserved
        ));
    }
}
