//! Plans for tests: made by hand, or at random.

use ork_core::clock::{Entropy, SeededEntropy};
use ork_core::plan::{Action, Concurrency, Fan, Node, OnFailure, Plan, RunIf};
use ork_core::retry::RetryPolicy;
use ork_core::step::{Allowance, PlanBudget};
use serde_json::Value;

/// A task that a handler serves.
pub fn node(key: &str, depends_on: &[u32]) -> Node {
    let action = Action::operation("work", Value::Null);
    Node { depends_on: depends_on.to_vec(), queue: Node::QUEUE_DEFAULT.into(), ..Node::new(key, action) }
}

/// A plan of these nodes.
pub fn plan(nodes: Vec<Node>) -> Plan {
    Plan { name: "conformance".into(), nodes, ..Plan::default() }
}

/// A policy that tries so often, a second apart.
pub fn tries(max_attempts: u32) -> RetryPolicy {
    RetryPolicy { max_attempts, jitter: 0.0, ..RetryPolicy::default() }
}

/// A limit of one.
pub fn one_at_a_time(key: &str) -> Option<Concurrency> {
    Some(Concurrency { key: key.into(), limit: 1 })
}

fn chance(random: &mut SeededEntropy, percent: u64) -> bool {
    random.below(100) < percent
}

/// A number below `bound` that fits a node's or sibling's number.
pub fn small(random: &mut SeededEntropy, bound: usize) -> u32 {
    u32::try_from(random.below(bound as u64)).unwrap_or(0)
}

fn random_node(random: &mut SeededEntropy, at: u32) -> Node {
    let depends_on: Vec<u32> = (at.saturating_sub(4)..at).filter(|_| random.below(100) < 45).collect();
    let fan = match random.below(10) {
        0 => Fan::Count(small(random, 4)),
        1 => Fan::CountOf("{{ n }}".into()),
        2 => Fan::Each(vec![Value::from(1), Value::from("x")]),
        _ => Fan::One,
    };
    let run_if = match random.below(10) {
        0 => Some(RunIf::Always),
        1 => Some(RunIf::Failed),
        _ => None,
    };
    Node {
        fan,
        run_if,
        when: chance(random, 15).then(|| "inputs.go".into()),
        retry: RetryPolicy { max_attempts: 1 + small(random, 3), ..RetryPolicy::default() },
        priority: chance(random, 20).then(|| i32::try_from(random.below(3)).unwrap_or(0)),
        queue: if chance(random, 20) { "second".into() } else { Node::QUEUE_DEFAULT.into() },
        concurrency: chance(random, 15).then(|| Concurrency { key: "slot".into(), limit: 2 }),
        at_most_once: chance(random, 10),
        ..node(&format!("t{at}"), &depends_on)
    }
}

/// A plan of up to eight nodes, with some of everything.
pub fn random_plan(random: &mut SeededEntropy) -> Plan {
    let len = small(random, 9);
    let nodes: Vec<Node> = (0..len).map(|at| random_node(random, at)).collect();
    Plan {
        on_failure: if chance(random, 50) { OnFailure::Stop } else { OnFailure::Continue },
        timeout_ms: chance(random, 15).then(|| 20_000 + random.next_u64() % 100_000),
        priority: i32::try_from(random.below(2)).unwrap_or(0),
        concurrency: chance(random, 20).then(|| Concurrency { key: "runs".into(), limit: 1 }),
        budget: chance(random, 30)
            .then_some(PlanBudget { allowance: Allowance { tokens: Some(100), micros: None }, asks: false }),
        result: chance(random, 20).then(|| Value::from("{{ 1 }}")),
        ..plan(nodes)
    }
}
