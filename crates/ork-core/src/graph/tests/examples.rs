//! Examples: a small plan, a few commands, and the events that they give.

use super::world::{RUN, World};
use crate::attempt::{Failure, FailureKind, Outcome};
use crate::graph::{Expansion, Reuse, Reused, RunGraph};
use crate::id::{RunId, TaskRef};
use crate::plan::{Action, Concurrency, Fan, Node, OnFailure, Plan, RunIf};
use crate::state::{Reason, RunStatus};

fn node(key: &str, depends_on: &[u32]) -> Node {
    Node { depends_on: depends_on.to_vec(), ..Node::new(key, Action::operation("op", serde_json::Value::Null)) }
}

fn plan(nodes: Vec<Node>) -> Plan {
    Plan { name: "example".into(), nodes, ..Plan::default() }
}

fn success() -> Outcome {
    Outcome::Success { output: None }
}

fn failed() -> Outcome {
    Outcome::Failed(Failure::new(FailureKind::Exit { code: 1 }, "exit 1"))
}

fn template() -> Failure {
    Failure::new(FailureKind::Template, "undefined")
}

fn siblings(size: u32, unmet: &[u32]) -> Expansion {
    Expansion::Siblings { size, items: None, unmet: unmet.to_vec() }
}

fn reuse(g: u32, size: u32, done: &[u32]) -> Reuse {
    let from = |n| TaskRef { run: RunId::from_uuid(uuid::Uuid::from_u128(RUN + (1 << 64))), n };
    Reuse {
        g,
        size,
        items: None,
        done: done.iter().map(|i| Reused { index: *i, output: None, from: from(*i) }).collect(),
    }
}

impl World {
    /// Settles these tasks, claiming whatever can be claimed before.
    fn end(&mut self, all: &[(u32, Outcome)]) {
        self.claim(100);
        assert!(self.settle(all.to_vec()));
    }
}

/// Compares the events after the first one, one line each, and looks for anything that is wrong with the run.
#[track_caller]
fn check(world: &World, expected: &str) {
    let lines: Vec<String> = (world.events.iter().skip(1))
        .map(|event| {
            let payload = event.payload.as_ref().map_or("", |json| json.as_str());
            format!("{} {} {payload}", event.event_type.word(), event.tasks).trim().replace("  ", " ")
        })
        .collect();
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(lines, expected, "\n{}", lines.join("\n"));
    assert_eq!(crate::check::check(&world.dump()), []);
}

#[test]
fn a_failure_skips_what_needs_it_and_stops_the_rest() {
    let cleanup = Node { run_if: Some(RunIf::Always), ..node("cleanup", &[0, 2]) };
    let mut world =
        World::new(&plan(vec![node("a", &[]), node("b", &[0]), node("c", &[]), node("d", &[2]), cleanup]), vec![]);
    world.claim(1);
    world.settle(vec![(0, failed())]);
    check(
        &world,
        r#"run.running
           task.dispatched 0 {"attempt":1}
           task.failed 0 {"attempt":1}
           task.skipped 1 {"reason":"upstream"}
           task.cancelled 2-3 {"reason":"stop"}"#,
    );
    world.end(&[(4, success())]);
    assert_eq!((world.head.status, world.error.map(|(key, _)| key)), (RunStatus::Failed, Some("a".into())));
}

#[test]
fn a_failure_leaves_other_branches_alone_when_told_to_go_on() {
    let nodes = vec![node("a", &[]), node("b", &[0]), node("c", &[1]), node("d", &[])];
    let mut world = World::new(&Plan { on_failure: OnFailure::Continue, ..plan(nodes) }, vec![]);
    world.end(&[(0, failed()), (3, success())]);
    check(
        &world,
        r#"run.running
           task.dispatched 0,3 {"attempt":1}
           task.failed 0 {"attempt":1}
           task.skipped 1-2 {"reason":"upstream"}
           task.success 3 {"attempt":1}
           run.failed"#,
    );
}

#[test]
fn success_skips_what_waits_for_a_failure_and_what_needs_only_that() {
    let nodes = vec![node("a", &[]), Node { run_if: Some(RunIf::Failed), ..node("alarm", &[0]) }, node("after", &[1])];
    let mut world = World::new(&plan(nodes), vec![]);
    world.end(&[(0, success())]);
    check(
        &world,
        r#"run.running
           task.dispatched 0 {"attempt":1}
           task.success 0 {"attempt":1}
           task.skipped 1-2 {"reason":"condition"}
           run.success"#,
    );
}

#[test]
fn a_lost_attempt_that_a_stop_overtakes_is_not_queued() {
    let nodes = vec![Node { fan: Fan::Count(2), ..node("a", &[]) }, node("b", &[])];
    let mut world = World::new(&plan(nodes), vec![]);
    world.claim(3);
    world.settle(vec![(0, Outcome::lost("w")), (2, failed())]);
    check(
        &world,
        r#"run.running
           task.dispatched 0,2 {"attempt":1}
           task.queued 0 {"attempt":1,"reason":"lost"}
           task.failed 2 {"attempt":1}
           task.cancelled 0 {"reason":"stop"}"#,
    );
    assert!(!world.tasks[0].ready);
}

#[test]
fn an_expansion_gives_siblings_and_skips_unmet_ones() {
    let mut world = World::new(
        &plan(vec![Node { fan: Fan::CountOf("{{ 3 }}".into()), ..node("a", &[]) }, node("b", &[0])]),
        vec![],
    );
    assert!(world.expand(0, siblings(3, &[1, 1])));
    assert!(!world.expand(0, siblings(3, &[])), "a second answer changes nothing");
    world.end(&[(0, success()), (3, success())]);
    check(
        &world,
        r#"task.expanded 0 {"size":3}
           task.skipped 2 {"reason":"condition"}
           run.running
           task.dispatched 0,3 {"attempt":1}
           task.success 0,3 {"attempt":1}"#,
    );
    assert!(world.tasks[1].ready, "b may run");
}

#[test]
fn nothing_to_expand_is_success_and_too_much_is_failure() {
    let nodes = vec![Node { fan: Fan::Count(0), ..node("a", &[]) }, node("b", &[0]), node("c", &[1])];
    let mut none = World::new(&plan(nodes.clone()), vec![]);
    none.expand(0, siblings(0, &[]));
    check(&none, "task.success 0");
    assert_eq!(none.tasks[0].write.output.as_ref().map(|json| json.as_str()), Some("[]"));
    let mut many = World::new(&plan(nodes), vec![]);
    many.expand(0, siblings(100_000, &[]));
    check(
        &many,
        r#"task.failed 0 {"reason":"template"}
           task.skipped 1-2 {"reason":"upstream"}
           run.failed"#,
    );
}

#[test]
fn what_was_reused_keeps_its_end_when_its_group_is_skipped_failed_or_expanded() {
    let group = Node { fan: Fan::Count(3), when: Some("x".into()), ..node("g", &[]) };
    let begin = || World::new(&plan(vec![group.clone()]), vec![reuse(0, 3, &[1, 1])]);
    let mut skipped = begin();
    skipped.expand(0, Expansion::Skipped);
    check(
        &skipped,
        r#"task.success 1 {"reason":"reused"}
           task.skipped 0,2 {"reason":"condition"}
           run.success"#,
    );
    let mut failed = begin();
    failed.expand(0, Expansion::Failed(template()));
    check(
        &failed,
        r#"task.success 1 {"reason":"reused"}
           task.failed 0,2 {"reason":"template"}
           run.failed"#,
    );
    let mut unmet = begin();
    unmet.expand(0, siblings(3, &[0, 1]));
    check(
        &unmet,
        r#"task.success 1 {"reason":"reused"}
           task.skipped 0 {"reason":"condition"}"#,
    );
}

#[test]
fn a_run_that_is_taken_over_whole_is_over_at_birth() {
    let world = World::new(&plan(vec![node("a", &[]), node("b", &[0])]), vec![reuse(0, 1, &[0]), reuse(1, 1, &[0, 7])]);
    check(
        &world,
        r#"task.success 0-1 {"reason":"reused"}
           run.success"#,
    );
}

#[test]
fn an_empty_plan_succeeds_at_once_even_without_a_slot() {
    let slot = Some(Concurrency { key: "k".into(), limit: 1 });
    check(&World::new(&plan(vec![]), vec![]), "run.success");
    check(&World::new(&Plan { concurrency: slot, ..plan(vec![]) }, vec![]), "run.success");
    let mut result = World::new(&Plan { result: Some(serde_json::Value::Null), ..plan(vec![]) }, vec![]);
    check(&result, "");
    result.ask(|graph| graph.conclude(Some(&template())));
    check(&result, r#"run.failed  {"reason":"template"}"#.replace("  ", " ").as_str());
}

#[test]
fn a_held_run_skips_what_cannot_run_and_starts_nothing() {
    let nodes = vec![node("a", &[]), node("b", &[]), node("c", &[0, 1]), node("d", &[2])];
    let slot = Some(Concurrency { key: "k".into(), limit: 1 });
    let mut world = World::new(&Plan { concurrency: slot, ..plan(nodes) }, vec![]);
    world.cancel_task(0);
    check(
        &world,
        r#"task.cancel_requested 0
           task.cancelled 0 {"reason":"cancel"}
           task.skipped 2-3 {"reason":"upstream"}"#,
    );
    assert!(world.ask(RunGraph::admit) && world.claim(10) == [1]);
    world.settle(vec![(1, success())]);
    assert_eq!(world.head.status, RunStatus::Failed);
}

#[test]
fn a_cancelled_run_ends_when_its_last_lease_does() {
    let mut world = World::new(&plan(vec![node("a", &[]), node("b", &[])]), vec![]);
    world.claim(1);
    world.pause();
    assert!(world.ask(|graph| graph.cancel(Reason::Deadline)));
    assert!(!world.ask(|graph| graph.cancel(Reason::Cancel)));
    world.settle(vec![(0, Outcome::lost("w"))]);
    check(
        &world,
        r#"run.paused
           run.cancel_requested {"reason":"deadline"}
           task.cancelled 1 {"reason":"deadline"}
           run.running
           task.dispatched 0 {"attempt":1}
           task.cancelled 0 {"reason":"unproven"}
           run.failed {"reason":"deadline"}"#,
    );
}

#[test]
fn a_paused_run_may_end_and_queues_nothing_before_it_goes_on() {
    let mut world = World::new(&plan(vec![node("a", &[]), node("b", &[0])]), vec![]);
    world.claim(1);
    world.pause();
    world.settle(vec![(0, success())]);
    assert!(world.claim(1).is_empty());
    assert!(world.ask(RunGraph::resume));
    world.claim(1);
    world.pause();
    world.settle(vec![(1, success())]);
    assert_eq!((world.head.status, world.head.paused), (RunStatus::Success, false));
    assert_eq!(crate::check::check(&world.dump()), []);
}
