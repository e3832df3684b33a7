//! Random steps: all phases, gates that pass by themselves and gates that ask, models, and what a plan may use of them.

use std::collections::BTreeMap;

use ork_core::access::Role;
use ork_core::plan::{Action, Node, Plan};
use ork_core::retry::RetryPolicy;
use ork_core::step::{AiStep, Allowance, Approval, OnExpiry, PlanBudget, Rates, Step, StepPhase, StepWork};
use serde_json::json;

use crate::dice::Dice;

/// A model that has a price.
pub const MODEL: &str = "priced";
/// A model that has none: a budget in money refuses it.
pub const MODEL_UNPRICED: &str = "unpriced";
/// What the tokens of [`MODEL`] cost.
pub const RATES: Rates = Rates { input: 1_000_000, output: 3_000_000, cached: 500_000 };
/// The stored prompt, and its variable: which step asks.
pub const PROMPT: (&str, &str) = ("ask", "who");
/// Which attempt and round asks, as an expression; what follows is the step's position.
const WHO: &str = "{{ task.id }}/{{ task.attempt }}/{{ task.round }}/";

/// Gives a node steps in place of its command.
pub fn put(dice: &mut Dice, node: &mut Node) {
    let mut steps = Vec::new();
    for phase in phases(dice) {
        let step = step(dice, phase, &steps);
        steps.push(step);
    }
    let rounds = u32::try_from(dice.between(1, 3)).unwrap_or(1);
    node.action = Action { executor: Action::PROCESS.into(), steps, rounds, ..Action::default() };
    Node::QUEUE_DEFAULT.clone_into(&mut node.queue);
}

/// Gives a plan that speaks to models a budget that now and then does not suffice.
pub fn put_budget(dice: &mut Dice, plan: &mut Plan) {
    let asks_models = |node: &Node| node.action.steps.iter().any(|step| matches!(step.work, StepWork::Ai(_)));
    if !plan.nodes.iter().any(asks_models) {
        return;
    }
    plan.prompts = BTreeMap::from([(PROMPT.0.to_owned(), 1)]);
    if dice.percent(30) {
        let tokens = dice.percent(70).then(|| dice.between(500, 6_000));
        let micros = (tokens.is_none() || dice.percent(40)).then(|| dice.between(800, 9_000));
        plan.budget = Some(PlanBudget { allowance: Allowance { tokens, micros }, asks: dice.percent(50) });
    }
}

fn phases(dice: &mut Dice) -> Vec<StepPhase> {
    use StepPhase::{Cleanup, Execution, Setup, Validation};
    let counts = [(Setup, dice.below(2)), (Execution, dice.between(1, 2)), (Validation, dice.below(4))];
    let cleanup = [(Cleanup, dice.below(3))];
    counts.into_iter().chain(cleanup).flat_map(|(phase, count)| (0..count).map(move |_| phase)).collect()
}

fn step(dice: &mut Dice, phase: StepPhase, before: &[Step]) -> Step {
    let work = work(dice, phase, before);
    let is_gate = matches!(work, StepWork::GateCommand(_) | StepWork::GateCondition(_) | StepWork::Approval(_));
    let has_retry = dice.percent(25) && !is_gate;
    let retry = RetryPolicy {
        max_attempts: if has_retry { 3 } else { 1 },
        delay_ms: dice.between(10, 1_500),
        ..RetryPolicy::default()
    };
    let timeout_ms = dice.percent(25).then(|| dice.between(100, 3_000));
    Step {
        name: format!("s{}", before.len()),
        phase,
        when: dice.percent(10).then(|| when(dice, before)),
        timeout_ms: timeout_ms.filter(|_| !matches!(work, StepWork::Approval(_))),
        retry,
        continue_on_error: dice.percent(12),
        env: BTreeMap::new(),
        work,
    }
}

fn when(dice: &mut Dice, before: &[Step]) -> String {
    match (before.last(), dice.below(3)) {
        (_, 0) => "task.round < 2".into(),
        (Some(last), 1) => format!("steps.{}.status == 'success'", last.name),
        _ => "task.attempt != 2".into(),
    }
}

fn work(dice: &mut Dice, phase: StepPhase, before: &[Step]) -> StepWork {
    let command = || vec!["simulated".to_owned()];
    // A cleanup that nothing but its own time limit could keep from being begun.
    if phase == StepPhase::Cleanup {
        return StepWork::Command(command());
    }
    let gives = |step: &&Step| matches!(step.work, StepWork::Command(_));
    let given = before.iter().rfind(gives).map(|step| step.name.clone());
    match (phase, dice.below(100), given) {
        (StepPhase::Validation, 0..40, _) | (_, 0..5, _) => StepWork::GateCommand(command()),
        (StepPhase::Validation, 40..55, Some(given)) => StepWork::GateCondition(format!("steps.{given}.output.ok")),
        (StepPhase::Validation, 55..90, _) | (_, 5..15, _) => StepWork::Approval(approval(dice)),
        (_, 15..45, _) => StepWork::Ai(Box::new(ai(dice, before.len()))),
        _ => StepWork::Command(command()),
    }
}

fn approval(dice: &mut Dice) -> Approval {
    Approval {
        role: Role::Operator,
        expires_ms: dice.percent(40).then(|| dice.between(500, 15_000)),
        on_expiry: [OnExpiry::Reject, OnExpiry::Approve, OnExpiry::Hold][dice.index(3)],
        allow_self: true,
        message: dice.percent(30).then(|| "attempt {{ task.attempt }}?".into()),
    }
}

fn ai(dice: &mut Dice, position: usize) -> AiStep {
    let who = format!("{WHO}{position}");
    let is_stored = dice.percent(50);
    let named = if dice.percent(50) { PROMPT.0.to_owned() } else { format!("{}@2", PROMPT.0) };
    AiStep {
        prompt: is_stored.then_some(named),
        text: (!is_stored).then(|| format!("asked by {who}")),
        vars: if is_stored { BTreeMap::from([(PROMPT.1.to_owned(), json!(who))]) } else { BTreeMap::new() },
        model: if dice.percent(10) { MODEL_UNPRICED.into() } else { MODEL.into() },
        max_tokens: u32::try_from(dice.between(20, 400)).unwrap_or(20),
        budget: dice.percent(15).then(|| Allowance { tokens: Some(dice.between(600, 3_000)), micros: None }),
        ..AiStep::default()
    }
}
