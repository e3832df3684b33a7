//! A few plans to draw.

use ork_core::plan::{Action, Fan, Node, Plan, RunIf};
use ork_core::state::{RunStatus, TaskStatus};
use ork_graph::{Graph, States};

/// A plan from lines such as `cut: probe list`.
pub fn plan(name: &str, lines: &str) -> Plan {
    let mut plan = Plan { name: name.into(), ..Plan::default() };
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (key, needs) = line.split_once(':').unwrap();
        let mut node = Node::new(key, Action::default());
        node.depends_on = needs.split_whitespace().map(|key| plan.position(key).unwrap()).collect();
        plan.nodes.push(node);
    }
    plan
}

pub fn chain() -> Graph {
    Graph::of_plan(&plan("chain", "fetch:\n build: fetch\n ship: build"))
}

pub fn diamond() -> Graph {
    Graph::of_plan(&plan("diamond", "probe:\n audio: probe\n video: probe\n mux: audio video\n report: probe mux"))
}

/// Fan-out of each kind, conditions, and a clean-up.
pub fn wide() -> Graph {
    let mut plan = plan(
        "highlight-reel",
        "list:\n cut: list\n caption: list\n join: cut caption\n notify: join\n tidy: list cut caption join",
    );
    plan.nodes[1].fan = Fan::Count(10_000);
    plan.nodes[2].fan = Fan::EachOf("tasks.list.output".into());
    plan.nodes[3].when = Some("tasks.list.output | length > 0 and inputs.project == \"home\"".into());
    plan.nodes[4].run_if = Some(RunIf::Failed);
    plan.nodes[5].run_if = Some(RunIf::Always);
    Graph::of_plan(&plan)
}

/// A run in the middle of everything.
pub fn running() -> Graph {
    use TaskStatus as T;
    let mut graph = wide();
    graph.status = Some(RunStatus::Running);
    let states: [&[TaskStatus]; 6] = [
        &[T::Success],
        &[T::Success, T::Success, T::Success, T::Running, T::Queued, T::Queued],
        &[T::Success, T::Failed, T::Success],
        &[T::Skipped],
        &[T::Retrying],
        &[T::Pending],
    ];
    for (node, statuses) in graph.nodes.iter_mut().zip(states) {
        node.size = Some(statuses.len() as u32);
        node.states = Some(statuses.iter().copied().collect::<States>());
    }
    graph
}
