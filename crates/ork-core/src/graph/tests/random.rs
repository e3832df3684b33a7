//! No sequence of commands reaches an illegal state, and every run ends.

use proptest::collection::vec;
use proptest::prelude::*;

use super::world::World;
use crate::attempt::{Failure, FailureKind, Outcome};
use crate::check::check;
use crate::graph::{Expansion, Phase, Reuse, Reused, RunGraph};
use crate::id::{RunId, TaskRef};
use crate::plan::{Action, Concurrency, Fan, Node, OnFailure, Plan, RunIf};
use crate::retry::RetryPolicy;
use crate::state::{Reason, TaskStatus};

#[derive(Debug, Clone)]
enum Command {
    Claim(usize),
    Start(u32),
    Settle(Vec<(u32, u8)>),
    Expand(u32, u8, u32, u32),
    CancelTask(u32),
    Cancel(bool),
    Pause,
    Resume,
    Admit,
    Conclude(bool),
    Wait,
    Late(u32),
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        5 => (1..4_usize).prop_map(Command::Claim),
        2 => any::<u32>().prop_map(Command::Start),
        8 => vec((any::<u32>(), 0..10_u8), 1..4).prop_map(Command::Settle),
        4 => (any::<u32>(), 0..5_u8, 0..4_u32, any::<u32>()).prop_map(|(g, kind, size, bits)| Command::Expand(g, kind, size, bits)),
        1 => any::<u32>().prop_map(Command::CancelTask),
        1 => prop::bool::weighted(0.7).prop_map(Command::Cancel),
        1 => Just(Command::Pause),
        2 => Just(Command::Resume),
        3 => Just(Command::Admit),
        1 => any::<bool>().prop_map(Command::Conclude),
        2 => Just(Command::Wait),
        1 => any::<u32>().prop_map(Command::Late),
    ]
}

fn node(at: u32) -> impl Strategy<Value = Node> {
    let fan = prop_oneof![
        4 => Just(Fan::One),
        1 => (0..4_u32).prop_map(Fan::Count),
        1 => Just(Fan::CountOf("{{ n }}".into())),
    ];
    let run_if = prop_oneof![4 => Just(None), 1 => Just(Some(RunIf::Always)), 1 => Just(Some(RunIf::Failed))];
    let parents = vec(any::<bool>(), at as usize);
    (parents, fan, prop::bool::weighted(0.15), run_if, 1..3_u32, prop::bool::weighted(0.1), prop::bool::weighted(0.15))
        .prop_map(move |(parents, fan, when, run_if, max_attempts, at_most_once, limited)| Node {
            depends_on: (0..at).filter(|parent| parents[*parent as usize] && (at - parent < 4)).collect(),
            fan,
            when: when.then(|| "true".into()),
            run_if,
            retry: RetryPolicy { max_attempts, ..RetryPolicy::default() },
            at_most_once,
            concurrency: limited.then(|| Concurrency { key: "k".into(), limit: 1 }),
            ..Node::new(format!("t{at}"), Action::operation("op", serde_json::Value::Null))
        })
}

/// A plan that is printed as one short line for each node.
#[derive(Clone)]
struct Short(Plan);

impl std::fmt::Debug for Short {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plan = &self.0;
        writeln!(f, "{:?} held={} result={}", plan.on_failure, plan.concurrency.is_some(), plan.result.is_some())?;
        for node in &plan.nodes {
            let limited = node.concurrency.is_some();
            write!(f, "  {} <- {:?} {:?} when={} ", node.key, node.depends_on, node.fan, node.when.is_some())?;
            writeln!(f, "{:?} x{} once={} limited={limited}", node.run_if, node.retry.max_attempts, node.at_most_once)?;
        }
        Ok(())
    }
}

fn plan() -> impl Strategy<Value = Short> {
    (0..8_u32).prop_flat_map(|len| {
        let nodes: Vec<_> = (0..len).map(node).collect();
        (nodes, any::<bool>(), prop::bool::weighted(0.2), prop::bool::weighted(0.2))
            .prop_map(|(nodes, go_on, held, result)| Plan {
                name: "random".into(),
                nodes,
                on_failure: if go_on { OnFailure::Continue } else { OnFailure::Stop },
                concurrency: held.then(|| Concurrency { key: "r".into(), limit: 1 }),
                result: result.then(|| serde_json::json!("{{ 1 }}")),
                ..Plan::default()
            })
            .prop_map(Short)
    })
}

/// For some nodes, some siblings that an earlier run finished.
fn reuse(plan: &Plan, bits: &[u8]) -> Vec<Reuse> {
    let from = RunId::from_uuid(uuid::Uuid::from_u128(super::world::RUN + (1 << 64)));
    let mut all = Vec::new();
    for ((g, node), bits) in (0_u32..).zip(&plan.nodes).zip(bits) {
        let size = node.fan.size().unwrap_or(3);
        let done: Vec<Reused> = (0..size.max(1))
            .filter(|index| bits >> index & 1 == 1)
            .map(|index| Reused { index, output: None, from: TaskRef { run: from, n: index } })
            .collect();
        if !done.is_empty() {
            all.push(Reuse { g, size, items: None, done });
        }
    }
    all
}

fn outcome(kind: u8) -> Outcome {
    match kind {
        0..4 => Outcome::Success { output: None },
        4 | 5 => Outcome::Failed(Failure::new(FailureKind::Exit { code: 1 }, "exit 1")),
        6 => Outcome::lost("w"),
        7 => Outcome::Cancelled,
        8 => Outcome::HandedBack,
        _ => Outcome::Failed(Failure::new(FailureKind::Timeout, "too long")),
    }
}

fn expansion(kind: u8, size: u32, bits: u32) -> Expansion {
    match kind {
        0 => Expansion::Failed(Failure::new(FailureKind::Template, "undefined")),
        1 => Expansion::Skipped,
        2 => Expansion::Siblings {
            size: if bits.is_multiple_of(4) { 200_000 } else { size },
            items: None,
            unmet: vec![],
        },
        _ => Expansion::Siblings { size, items: None, unmet: (0..4).filter(|i| bits >> i & 1 == 1).collect() },
    }
}

impl World {
    fn pick(&self, at: u32) -> Option<u32> {
        u32::try_from(self.tasks.len()).ok().filter(|len| *len > 0).map(|len| at % len)
    }

    fn leased(&self, at: u32) -> Option<u32> {
        let leased: Vec<u32> = self.tasks.iter().filter(|t| t.lease.is_some()).map(|t| t.write.n).collect();
        leased.get(at as usize % leased.len().max(1)).copied()
    }

    fn apply(&mut self, command: &Command) {
        match command {
            Command::Claim(limit) => drop(self.claim(*limit)),
            Command::Start(at) => drop(self.leased(*at).map(|n| self.start(n))),
            Command::Settle(all) => {
                let mut settles: Vec<(u32, Outcome)> = Vec::new();
                for (at, kind) in all {
                    if let Some(n) = self.leased(*at).filter(|n| settles.iter().all(|(m, _)| m != n)) {
                        settles.push((n, outcome(*kind)));
                    }
                }
                self.settle(settles);
            }
            Command::Expand(at, kind, size, bits) => {
                let g = self.evaluations.iter().copied().nth(*at as usize % self.evaluations.len().max(1));
                if let Some(g) = g {
                    assert!(self.expand(g, expansion(*kind, *size, *bits)), "group {g} was to be evaluated");
                }
            }
            Command::CancelTask(at) => drop(self.pick(*at).map(|n| self.cancel_task(n))),
            Command::Cancel(asked) => {
                let reason = if *asked { Reason::Cancel } else { Reason::Deadline };
                self.ask(|graph| graph.cancel(reason));
            }
            Command::Pause => drop(self.pause()),
            Command::Resume => drop(self.ask(RunGraph::resume)),
            Command::Admit => drop(self.admit()),
            Command::Conclude(well) => {
                let failure = Failure::new(FailureKind::Template, "undefined");
                self.ask(|graph| graph.conclude(if *well { None } else { Some(&failure) }));
            }
            Command::Wait => {
                self.now = self.now.plus_ms(100_000);
                self.promote();
            }
            Command::Late(at) => drop(self.pick(*at).map(|n| {
                self.ask(|graph| {
                    graph.late(n, 1, &Outcome::HandedBack);
                    true
                })
            })),
        }
    }

    /// Does the command, and says what became wrong by it.
    fn step(&mut self, command: &Command) -> Result<(), String> {
        let run = self.run_status();
        let before: Vec<TaskStatus> = (0..self.tasks.len()).map(|n| self.status(u32::try_from(n).unwrap())).collect();
        self.apply(command);
        if let Some(wrong) = check(&self.dump()).first() {
            return Err(format!("after {command:?}: {wrong}"));
        }
        if run != self.run_status() {
            run.change_to(self.run_status()).map_err(|e| format!("after {command:?}: {e}"))?;
        }
        for (n, from) in (0_u32..).zip(before) {
            let to = self.status(n);
            if from != to {
                from.change_to(to).map_err(|e| format!("after {command:?}, task {n}: {e}"))?;
            }
        }
        Ok(())
    }

    /// Lets everything go its way, successfully.
    fn drive(&mut self) -> Result<(), String> {
        for _ in 0..200 {
            if self.head.status.is_terminal() {
                return Ok(());
            }
            self.step(&Command::Resume)?;
            self.step(&Command::Admit)?;
            self.step(&Command::Wait)?;
            self.step(&Command::Expand(0, 3, 1, 0))?;
            self.step(&Command::Claim(10))?;
            self.step(&Command::Settle((0..6).map(|at| (at, 0)).collect()))?;
            self.step(&Command::Conclude(true))?;
        }
        let open: Vec<(u32, Phase)> = self.groups.values().map(|group| (group.g, group.phase)).collect();
        Err(format!("the run is stuck: {open:?}"))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_goes_wrong_and_every_run_ends(
        plan in plan(),
        bits in vec(prop_oneof![3 => Just(0_u8), 1 => 0..8_u8], 8),
        commands in vec(command(), 0..60),
    ) {
        let mut world = World::new(&plan.0, reuse(&plan.0, &bits));
        if let Some(wrong) = check(&world.dump()).first() {
            return Err(TestCaseError::fail(format!("at birth: {wrong}")));
        }
        for command in &commands {
            world.step(command).map_err(TestCaseError::fail)?;
        }
        world.drive().map_err(TestCaseError::fail)?;
    }
}
