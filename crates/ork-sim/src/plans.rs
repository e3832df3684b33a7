//! Random plans: all shapes that a graph can have, in small.

pub mod steps;

use ork_core::plan::{Action, Concurrency, Fan, Node, OnFailure, Plan, RunIf};
use ork_core::retry::{RetryOn, RetryPolicy};
use serde_json::{Value, json};

use crate::dice::Dice;

/// The operation that every node serves.
pub const OPERATION: &str = "work";

/// Tasks with these keys share slots: key and limit.
const KEYS: [(&str, u32); 2] = [("a", 1), ("b", 2)];
/// Runs with this key share slots.
const RUN_KEY: (&str, u32) = ("r", 2);

/// How a plan is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Temper {
    /// Anything goes.
    Wild,
    /// Nothing in it keeps a task from running once a worker is free: for measuring how soon it runs again.
    Eager,
}

/// A random plan of one to nine nodes.
#[must_use]
pub fn random(dice: &mut Dice, temper: Temper) -> Plan {
    let len = dice.between(1, 9);
    let shape = dice.below(5);
    let wild = temper == Temper::Wild;
    let mut nodes: Vec<Node> = Vec::new();
    for at in 0..u32::try_from(len).unwrap_or(1) {
        let depends_on = parents(dice, shape, at);
        let node = if wild { wild_node(dice, at, &nodes, depends_on) } else { eager_node(dice, at, depends_on) };
        nodes.push(node);
    }
    let result = (wild && dice.percent(25)).then(|| json!({"last": format!("{{{{ tasks.t{}.status }}}}", len - 1)}));
    let mut plan = Plan {
        name: "random".into(),
        nodes,
        on_failure: if dice.percent(50) { OnFailure::Continue } else { OnFailure::Stop },
        timeout_ms: (wild && dice.percent(15)).then(|| dice.between(3_000, 40_000)),
        priority: i32::try_from(dice.below(3)).unwrap_or(0),
        concurrency: (wild && dice.percent(15)).then(|| Concurrency { key: RUN_KEY.0.into(), limit: RUN_KEY.1 }),
        result,
        ..Plan::default()
    };
    steps::put_budget(dice, &mut plan);
    plan
}

/// What a node needs: a chain, layers of three, a fan-in, nothing, or anything before it.
fn parents(dice: &mut Dice, shape: u64, at: u32) -> Vec<u32> {
    match shape {
        0 => at.checked_sub(1).into_iter().collect(),
        1 => (0..at).filter(|parent| parent / 3 + 1 == at / 3).collect(),
        2 if at >= 4 => (0..at).filter(|_| dice.percent(80)).collect(),
        2 | 3 => Vec::new(),
        _ => (0..at).filter(|_| dice.percent(35)).collect(),
    }
}

fn eager_node(dice: &mut Dice, at: u32, depends_on: Vec<u32>) -> Node {
    let mut node = base(dice, at, depends_on);
    if dice.percent(20) {
        node.fan = Fan::Count(u32::try_from(dice.between(1, 4)).unwrap_or(1));
    }
    node
}

fn base(dice: &mut Dice, at: u32, depends_on: Vec<u32>) -> Node {
    let action = if dice.percent(50) {
        Action::operation(OPERATION, Value::Null)
    } else {
        Action::command(vec!["simulated".into()])
    };
    let retry = RetryPolicy {
        max_attempts: u32::try_from(dice.between(1, 3)).unwrap_or(1),
        delay_ms: dice.between(50, 2_000),
        ..RetryPolicy::default()
    };
    Node { depends_on, retry, ..Node::new(format!("t{at}"), action) }
}

fn wild_node(dice: &mut Dice, at: u32, before: &[Node], depends_on: Vec<u32>) -> Node {
    let mut node = base(dice, at, depends_on);
    // What an expression reads: the output of a parent, which is an object with `n`, `list` and `ok`.
    let parent = node.depends_on.first().and_then(|parent| before.get(*parent as usize));
    let output = parent.map(|parent| match parent.fan {
        Fan::One => format!("tasks.{}.output", parent.key),
        _ => format!("tasks.{}.outputs[0]", parent.key),
    });
    node.fan = fan(dice, output.as_deref());
    if let Some(output) = &output {
        node.when = dice.percent(15).then(|| format!("{output}.ok"));
        if dice.percent(20) {
            node.action.params = json!({"n": format!("{{{{ {output}.n }}}}")});
        }
        node.run_if = match dice.below(10) {
            0 => Some(RunIf::Always),
            1 => Some(RunIf::Failed),
            _ => None,
        };
    }
    if !node.fan.is_one() && dice.percent(10) {
        node.when = Some("task.index != 1".into());
    }
    node.timeout_ms = dice.percent(30).then(|| dice.between(300, 6_000));
    node.priority = dice.percent(20).then(|| i32::try_from(dice.below(5)).unwrap_or(0));
    node.at_most_once = dice.percent(15);
    if dice.percent(25) {
        let (key, limit) = KEYS[dice.index(KEYS.len())];
        node.concurrency = Some(Concurrency { key: key.into(), limit });
    }
    if dice.percent(10) {
        node.retry.retry_on = vec![RetryOn::ExitCode(75), RetryOn::Timeout];
    }
    if dice.percent(25) {
        steps::put(dice, &mut node);
    }
    node
}

fn fan(dice: &mut Dice, output: Option<&str>) -> Fan {
    match (dice.below(20), output) {
        (0 | 1, _) => Fan::Count(u32::try_from(dice.below(4)).unwrap_or(1)),
        (2, _) => Fan::Each(vec![json!("x"), json!({"y": 1}), json!(null)]),
        (3 | 4, Some(output)) => Fan::CountOf(format!("{output}.n")),
        (5 | 6, Some(output)) => Fan::EachOf(format!("{{{{ {output}.list }}}}")),
        _ => Fan::One,
    }
}
