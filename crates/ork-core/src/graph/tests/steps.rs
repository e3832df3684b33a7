//! Attempts with steps: they wait for decisions, are put away when their worker is lost or they are cancelled, and end once.

use std::collections::BTreeSet;

use super::world::World;
use crate::access::Role;
use crate::attempt::{Failure, FailureKind, Outcome};
use crate::check::check;
use crate::event::Actor;
use crate::graph::{OpenAs, OpenTask, OpenedGate, Reach, RunGraph};
use crate::id::{GateId, TaskRef};
use crate::ledger::Ledger;
use crate::plan::{Action, Concurrency, Node, OnFailure, Plan, RunIf};
use crate::state::{Reason, RunStatus, TaskStatus};
use crate::step::{Cost, OnExpiry, StepKey, StepPhase, StepStatus, StepType, Tokens};
use crate::store::{Decision, GateRow, GateStatus, NewGate, StepBegin, StepChange, StepEnd, StepWrite};

pub(crate) const fn key(attempt: u32, position: u32) -> StepKey {
    StepKey { attempt, round: 1, position, tried: 1 }
}

pub(crate) fn begin(key: StepKey, reserve: Option<Cost>) -> StepChange {
    StepChange::Begin(StepBegin {
        key,
        name: format!("s{}", key.position),
        phase: StepPhase::Execution,
        step_type: StepType::Gate,
        status: StepStatus::Running,
        model: None,
        prompt: None,
        reserve,
        allowance: None,
        at: crate::clock::Timestamp::from_micros(1_500_000),
    })
}

pub(crate) fn end(key: StepKey, status: StepStatus) -> StepChange {
    StepChange::End(StepEnd {
        key,
        status,
        output: None,
        error: None,
        exit_code: None,
        model: None,
        tokens: Tokens::default(),
        cost: Cost::default(),
        at: crate::clock::Timestamp::from_micros(1_600_000),
    })
}

fn gate(n: u32, step: StepKey) -> NewGate {
    NewGate {
        id: GateId::from_uuid(uuid::Uuid::from_u128(
            u128::from(n) << 32 | u128::from(step.attempt) << 16 | u128::from(step.position),
        )),
        step,
        step_name: format!("s{}", step.position),
        is_budget: false,
        role: Role::Operator,
        allow_self: true,
        message: None,
        expires_at: None,
        on_expiry: OnExpiry::Reject,
    }
}

/// What a store does for steps and gates.
impl World {
    /// Writes steps under the present lease of a task.
    pub(crate) fn write_steps(&mut self, n: u32, changes: Vec<StepChange>) {
        let task = TaskRef { run: self.head.run, n };
        let own = &self.tasks[n as usize];
        let lease = own.lease.clone().expect("a lease");
        let write = StepWrite { task, attempt: lease.attempt, lease: lease.id, changes };
        let mut ledger = Ledger::new(task, own.steps.values().cloned(), self.now);
        ledger.write(&write).expect("the changes are legal");
        let mut graph = self.load(Reach::Children, &BTreeSet::new());
        ledger.note(&mut graph);
        self.keep(n, &ledger);
        self.close(graph);
    }

    fn keep(&mut self, n: u32, ledger: &Ledger) {
        self.tasks[n as usize].steps.extend(ledger.changed().map(|row| (row.key, row.clone())));
    }

    pub(super) fn close_lost(&mut self, graph: &mut RunGraph) {
        for (n, attempt) in graph.attempts_over() {
            let steps = self.tasks[n as usize].steps.values().filter(|step| step.key.attempt == attempt).cloned();
            let mut ledger = Ledger::new(TaskRef { run: self.head.run, n }, steps, self.now);
            ledger.lose();
            ledger.note(graph);
            self.keep(n, &ledger);
        }
    }

    pub(super) fn open_gates(&mut self, opened: Vec<OpenedGate>) {
        for OpenedGate { n, gate } in opened {
            let now = self.now;
            let row = self.gate_row(n, &gate);
            let task = &mut self.tasks[n as usize];
            let step = task.steps.get_mut(&gate.step).expect("the step has begun");
            step.status = step.status.change_to(StepStatus::Waiting).expect("it runs");
            task.gates.push(GateRow { opened_at: now, ..row });
        }
    }

    fn gate_row(&self, n: u32, gate: &NewGate) -> GateRow {
        GateRow {
            id: gate.id,
            workspace: self.head.workspace,
            task: TaskRef { run: self.head.run, n },
            task_key: String::new(),
            task_index: self.tasks[n as usize].index,
            run_name: self.plan.name.clone(),
            owner: None,
            started_by: "test".into(),
            step: gate.step,
            step_name: gate.step_name.clone(),
            kind: gate.kind(),
            status: GateStatus::Open,
            role: gate.role,
            allow_self: gate.allow_self,
            message: None,
            opened_at: self.now,
            expires_at: gate.expires_at,
            on_expiry: gate.on_expiry,
            decided_by: None,
            comment: None,
            decided_at: None,
        }
    }

    fn cancel_gates(&mut self, graph: &mut RunGraph, n: u32) {
        let mut ends = Vec::new();
        for gate in self.tasks[n as usize].gates.iter_mut().filter(|gate| gate.status == GateStatus::Open) {
            gate.status = GateStatus::Cancelled;
            ends.push(gate.end(GateStatus::Cancelled, None));
        }
        graph.end_gates(&ends);
    }

    fn open_task(&self, n: u32) -> OpenTask {
        let task = &self.tasks[n as usize];
        let is_waiting = task.write.status == TaskStatus::Waiting;
        OpenTask { g: task.g, n, attempt: task.write.attempt + 1, is_waiting }
    }

    pub(super) fn wind_up(&mut self, graph: &mut RunGraph, tasks: &[u32]) {
        let open: Vec<OpenTask> = tasks.iter().map(|n| self.open_task(*n)).collect();
        for n in tasks {
            self.cancel_gates(graph, *n);
            let task = &mut self.tasks[*n as usize];
            (task.ready, task.held, task.write.status) = (false, false, TaskStatus::Pending);
            let lost = task.write.open_as == Some(OpenAs::Lost);
            task.write.open_as = Some(if lost { OpenAs::Lost } else { OpenAs::Cancelled });
        }
        graph.wind_up(&open);
    }

    /// Decides the first open gate of a task.
    pub(crate) fn decide(&mut self, n: u32, approve: bool) -> bool {
        let now = self.now;
        let open = |gate: &&mut GateRow| gate.status == GateStatus::Open;
        let Some(gate) = self.tasks[n as usize].gates.iter_mut().find(open) else { return false };
        gate.status = if approve { GateStatus::Approved } else { GateStatus::Rejected };
        let (actor, comment) = (Actor::user("ada"), None);
        let decision = Decision { gate: gate.id, approve, comment, grant: None, actor, now };
        let gate = gate.clone();
        let mut ledger = Ledger::new(gate.task, self.tasks[n as usize].steps.values().cloned(), now);
        ledger.decide(gate.step, decision.failure(gate.kind, gate.status));
        self.keep(n, &ledger);
        let mut graph = self.whole();
        graph.end_gates(&[gate.end(gate.status, None)]);
        if !approve {
            self.cancel_gates(&mut graph, n);
        }
        if self.tasks[n as usize].gates.iter().all(|gate| gate.status != GateStatus::Open) {
            let task = self.open_task(n);
            self.tasks[n as usize].write.status = TaskStatus::Pending;
            graph.go_on(task);
        }
        self.close(graph);
        true
    }
}

fn node(key: &str, depends_on: &[u32]) -> Node {
    Node { depends_on: depends_on.to_vec(), ..Node::new(key, Action::operation("op", serde_json::Value::Null)) }
}

fn world(nodes: Vec<Node>) -> World {
    World::new(&Plan { name: "steps".into(), nodes, ..Plan::default() }, vec![])
}

/// The step at `position` of the present attempt waits for a decision.
pub(crate) fn waits(world: &mut World, n: u32, positions: &[u32]) {
    let attempt = world.tasks[n as usize].lease.as_ref().expect("a lease").attempt;
    world.write_steps(n, positions.iter().map(|at| begin(key(attempt, *at), None)).collect());
    let gates = positions.iter().map(|at| gate(n, key(attempt, *at))).collect();
    world.settle(vec![(n, Outcome::Waiting { gates })]);
}

/// The events of a task's own, without the first ones, and a look for anything that is wrong.
#[track_caller]
fn told(world: &World) -> Vec<&str> {
    assert_eq!(check(&world.dump()), []);
    world.events.iter().skip(1).map(|event| event.event_type.word()).collect()
}

fn lost(world: &mut World, n: u32) {
    world.settle(vec![(n, Outcome::lost("w"))]);
}

fn wound_up(failed: bool) -> Outcome {
    let failure = failed.then(|| Failure::new(FailureKind::Lost, "the worker died"));
    Outcome::WoundUp { failure }
}

fn end_of(world: &World, n: u32) -> (TaskStatus, Option<Reason>) {
    (world.tasks[n as usize].write.status, world.tasks[n as usize].write.reason)
}

#[test]
fn an_attempt_waits_and_goes_on_as_the_same() {
    let mut world = world(vec![node("a", &[])]);
    world.claim(1);
    waits(&mut world, 0, &[0, 1]);
    assert_eq!((world.status(0), world.claim(1).len()), (TaskStatus::Waiting, 0));
    assert!(world.decide(0, true));
    assert_eq!(world.status(0), TaskStatus::Waiting, "another gate is open");
    assert!(world.decide(0, true));
    assert_eq!(world.status(0), TaskStatus::Queued);
    world.claim(1);
    assert_eq!(world.tasks[0].lease.as_ref().map(|lease| lease.attempt), Some(1));
    world.settle(vec![(0, Outcome::Success { output: None })]);
    assert_eq!(world.tasks[0].attempts.len(), 1, "it was one attempt");
    let words = told(&world);
    let gates: Vec<&str> = words.iter().copied().filter(|word| word.starts_with("gate.")).collect();
    assert_eq!(gates, ["gate.open", "gate.open", "gate.approved", "gate.approved"]);
    assert_eq!(words.last(), Some(&"run.success"));
}

#[test]
fn a_rejection_cancels_the_other_gates() {
    let mut world = world(vec![node("a", &[])]);
    world.claim(1);
    waits(&mut world, 0, &[0, 1]);
    world.decide(0, false);
    assert_eq!(world.status(0), TaskStatus::Queued);
    let statuses: Vec<GateStatus> = world.tasks[0].gates.iter().map(|gate| gate.status).collect();
    assert_eq!(statuses, [GateStatus::Rejected, GateStatus::Cancelled]);
    assert_eq!(world.tasks[0].steps[&key(1, 0)].error.as_ref().map(|e| e.kind.word()), Some("gate"));
    world.claim(1);
    world.write_steps(0, vec![end(key(1, 1), StepStatus::Cancelled)]);
    world.settle(vec![(0, Outcome::Failed(Failure::new(FailureKind::Gate, "no")))]);
    assert_eq!(end_of(&world, 0), (TaskStatus::Failed, None));
    told(&world);
}

#[test]
fn a_lost_attempt_is_put_away_before_the_next() {
    let mut world = world(vec![node("a", &[])]);
    for round in 1..=2 {
        world.claim(1);
        let attempt = world.tasks[0].lease.as_ref().expect("a lease").attempt;
        assert_eq!(attempt, round);
        world.write_steps(0, vec![begin(key(attempt, 0), None)]);
        lost(&mut world, 0);
        assert_eq!((world.tasks[0].write.open_as, world.status(0)), (Some(OpenAs::Lost), TaskStatus::Queued));
        world.claim(1);
        assert_eq!(world.tasks[0].lease.as_ref().map(|lease| lease.attempt), Some(attempt), "it is the same attempt");
        world.settle(vec![(0, wound_up(true))]);
        assert_eq!(world.tasks[0].steps[&key(attempt, 0)].status, StepStatus::Failed, "what ran is closed");
        told(&world);
    }
    world.claim(1);
    world.write_steps(0, vec![begin(key(3, 0), None)]);
    lost(&mut world, 0);
    assert_eq!(end_of(&world, 0), (TaskStatus::Failed, Some(Reason::Poison)), "nobody touches it any more");
    assert!(world.tasks[0].steps.values().all(|step| step.status.is_terminal()));
    told(&world);
}

#[test]
fn one_that_begun_nothing_is_lost_as_ever() {
    let mut world = world(vec![node("a", &[])]);
    world.claim(1);
    lost(&mut world, 0);
    assert_eq!((world.tasks[0].write.open_as, world.tasks[0].attempts.len()), (None, 1));
    told(&world);
}

#[test]
fn a_cancel_puts_away_what_waits() {
    let mut world = world(vec![node("a", &[]), node("b", &[])]);
    world.claim(1);
    waits(&mut world, 0, &[0]);
    world.pause();
    assert!(world.ask(|graph| graph.cancel(Reason::Cancel)));
    assert_eq!((end_of(&world, 1).0, world.head.status.is_terminal()), (TaskStatus::Cancelled, false));
    assert_eq!((world.tasks[0].write.open_as, world.status(0)), (Some(OpenAs::Cancelled), TaskStatus::Queued));
    // Neither a pause nor its end touches it.
    assert!(world.ask(RunGraph::resume) && world.pause());
    told(&world);
    assert!(!world.decide(0, true));
    world.claim(1);
    world.settle(vec![(0, Outcome::HandedBack)]);
    assert_eq!(world.tasks[0].write.open_as, Some(OpenAs::Cancelled), "nothing was done");
    world.claim(1);
    world.settle(vec![(0, wound_up(false))]);
    assert_eq!(end_of(&world, 0), (TaskStatus::Cancelled, Some(Reason::Cancel)));
    assert_eq!((world.head.status, world.tasks[0].attempts.len()), (RunStatus::Cancelled, 1));
    told(&world);
}

#[test]
fn a_single_task_that_waits_is_cancelled() {
    let mut world = world(vec![node("a", &[]), node("b", &[0])]);
    world.claim(1);
    waits(&mut world, 0, &[0]);
    assert!(world.cancel_task(0) && !world.cancel_task(0));
    assert_eq!(world.status(0), TaskStatus::Queued);
    told(&world);
    world.claim(1);
    world.settle(vec![(0, wound_up(false))]);
    assert_eq!((end_of(&world, 0).0, end_of(&world, 1).0), (TaskStatus::Cancelled, TaskStatus::Skipped));
    told(&world);
}

#[test]
fn a_stop_spares_what_runs_in_spite_of_it() {
    let always = Node { run_if: Some(RunIf::Always), ..node("c", &[]) };
    let mut world = world(vec![node("a", &[]), node("b", &[]), always]);
    world.claim(3);
    waits(&mut world, 1, &[0]);
    waits(&mut world, 2, &[0]);
    world.settle(vec![(0, Outcome::Failed(Failure::new(FailureKind::Exit { code: 1 }, "exit 1")))]);
    assert_eq!((world.status(1), world.status(2)), (TaskStatus::Queued, TaskStatus::Waiting));
    told(&world);
    world.claim(1);
    world.settle(vec![(1, wound_up(false))]);
    assert_eq!(end_of(&world, 1), (TaskStatus::Cancelled, Some(Reason::Stop)));
    told(&world);
}

#[test]
fn what_waits_in_the_batch_that_stops_the_run_is_put_away_once() {
    let mut world = world(vec![node("a", &[]), node("b", &[]), node("c", &[])]);
    world.claim(3);
    world.write_steps(0, vec![begin(key(1, 0), None)]);
    world.write_steps(1, vec![begin(key(1, 0), None)]);
    world.settle(vec![
        (0, Outcome::Waiting { gates: vec![gate(0, key(1, 0))] }),
        (1, Outcome::lost("w")),
        (2, Outcome::Failed(Failure::new(FailureKind::Exit { code: 1 }, "exit 1"))),
    ]);
    assert_eq!(world.tasks[0].write.open_as, Some(OpenAs::Cancelled));
    assert_eq!(world.tasks[1].write.open_as, Some(OpenAs::Lost));
    assert_eq!(world.claim(3).len(), 2);
    world.settle(vec![(0, wound_up(false)), (1, wound_up(true))]);
    assert_eq!((end_of(&world, 0).0, end_of(&world, 1).0), (TaskStatus::Cancelled, TaskStatus::Failed));
    told(&world);
}

#[test]
fn a_decision_in_a_paused_run_waits_for_its_end() {
    let slots = Some(Concurrency { key: "k".into(), limit: 1 });
    let mut world = World::new(
        &Plan {
            name: "paused".into(),
            nodes: vec![Node { concurrency: slots, ..node("a", &[]) }],
            on_failure: OnFailure::Continue,
            ..Plan::default()
        },
        vec![],
    );
    world.admit();
    world.claim(1);
    waits(&mut world, 0, &[0]);
    world.pause();
    world.decide(0, true);
    assert_eq!(world.status(0), TaskStatus::Paused);
    told(&world);
    world.ask(RunGraph::resume);
    assert!(world.admit());
    assert_eq!(world.claim(1), [0]);
    told(&world);
}
