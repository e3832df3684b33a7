//! Each rule breaks on its own kind of mistake, and no other rule does.

use super::{check, rules};
use crate::artifact::{ArtifactAt, ArtifactRow, NewArtifact, Provenance};
use crate::attempt::{Failure, FailureKind, Outcome};
use crate::blobs::BlobKey;
use crate::clock::Timestamp;
use crate::event::{Actor, EventType, TaskSet};
use crate::graph::tests::steps;
use crate::graph::tests::world::World;
use crate::graph::{Phase, RunGraph};
use crate::id::{ArtifactId, WorkspaceId};
use crate::json::Json;
use crate::plan::{Action, Concurrency, Fan, Node, OnFailure, Plan, RunIf};
use crate::retry::RetryPolicy;
use crate::state::{Reason, TaskStatus};
use crate::step::{Allowance, Cost, StepStatus};
use crate::store::{BudgetPeriod, BudgetRow, RunDump};

fn node(key: &str, depends_on: &[u32]) -> Node {
    Node { depends_on: depends_on.to_vec(), ..Node::new(key, Action::operation("op", serde_json::Value::Null)) }
}

fn exit_1() -> Outcome {
    Outcome::Failed(Failure::new(FailureKind::Exit { code: 1 }, "exit 1"))
}

/// A live run with a task in every place: 0 has succeeded, 1 runs, 2 is ready, 3 is held, 4 is delayed, 5 and 6 wait for
/// parents, 7 waits for its evaluation, 8 failed, 9 was skipped for that.
fn live() -> World {
    let again = RetryPolicy { max_attempts: 2, ..RetryPolicy::default() };
    let nodes = vec![
        node("done", &[]),
        node("runs", &[]),
        node("ready", &[]),
        Node { concurrency: Some(Concurrency { key: "k".into(), limit: 1 }), ..node("held", &[]) },
        Node { retry: again, ..node("delayed", &[]) },
        Node { fan: Fan::Count(2), ..node("waits", &[1]) },
        Node { when: Some("x".into()), ..node("evaluating", &[0]) },
        node("failed", &[]),
        node("skipped", &[7]),
    ];
    let mut world =
        World::new(&Plan { name: "live".into(), nodes, on_failure: OnFailure::Continue, ..Plan::default() }, vec![]);
    world.claim(10);
    world.start(1);
    world.settle(vec![
        (0, Outcome::Success { output: Some(Json::from_stored("1")) }),
        (2, Outcome::HandedBack),
        (4, exit_1()),
        (8, exit_1()),
    ]);
    world
}

/// A run whose only task is over.
fn over(cancelled: bool) -> World {
    let mut world = World::new(&Plan { name: "over".into(), nodes: vec![node("a", &[])], ..Plan::default() }, vec![]);
    if cancelled {
        world.ask(|graph| graph.cancel(Reason::Cancel));
    } else {
        world.claim(1);
        world.settle(vec![(0, Outcome::Success { output: None })]);
    }
    world
}

/// Breaks a good run, and expects that exactly these rules see it.
#[track_caller]
fn breaks(rule: &'static str, world: World, harm: impl FnOnce(&mut RunDump)) {
    let mut dump = world.dump();
    assert_eq!(check(&dump), [], "the run is good before it is harmed");
    harm(&mut dump);
    let mut fired: Vec<&str> = check(&dump).iter().map(|violation| violation.rule).collect();
    fired.dedup();
    assert_eq!(fired, [rule], "{:#?}", check(&dump));
    TRIED.lock().unwrap().insert(rule);
}

static TRIED: std::sync::Mutex<std::collections::BTreeSet<&'static str>> =
    std::sync::Mutex::new(std::collections::BTreeSet::new());

#[test]
fn each_rule_fires_alone() {
    places();
    requests();
    counters();
    history();
    steps_and_budgets();
    artifacts();
    let tried: Vec<&str> = TRIED.lock().unwrap().iter().copied().collect();
    let mut all = rules();
    all.sort_unstable();
    assert_eq!(tried, all, "every rule has its mistake");
}

fn places() {
    breaks("one-place", live(), |dump| dump.tasks[2].ready = 2);
    breaks("terminal-has-no-place", live(), |dump| dump.tasks[0].ready = 1);
    breaks("live-has-a-place", live(), |dump| {
        dump.tasks[2].ready = 0;
        dump.tasks[2].row.status = TaskStatus::Pending;
    });
    breaks("live-has-a-place", live(), |dump| {
        dump.tasks[5].ready = 1;
        dump.tasks[5].row.status = TaskStatus::Queued;
    });
    breaks("evaluations-match", live(), |dump| dump.evaluations.clear());
    breaks("evaluations-match", live(), |dump| dump.evaluations.push(8));
    breaks("retry-has-a-time", live(), |dump| dump.tasks[4].row.available_at = None);
    breaks("status-is-derived", live(), |dump| dump.tasks[2].row.status = TaskStatus::Pending);
    breaks("status-is-derived", live(), |dump| dump.tasks[3].row.held = false);
    breaks("end-has-a-reason", live(), |dump| dump.tasks[8].row.error = None);
    breaks("end-has-a-reason", live(), |dump| dump.tasks[9].row.reason = None);
    breaks("end-has-a-reason", live(), |dump| dump.tasks[0].row.finished_at = None);
}

fn requests() {
    let mut paused = live();
    paused.pause();
    breaks("paused-queues-nothing", paused, |dump| dump.tasks[2].ready = 1);
    breaks("cancelled-starts-nothing", live(), |dump| {
        dump.head.cancelling = Some(Reason::Cancel);
        // Everything but the ready task is where a cancel would have left it.
        dump.tasks.truncate(3);
        dump.groups.truncate(3);
        dump.evaluations.clear();
        dump.groups[0].spec.children.clear();
        dump.groups[1].spec.children.clear();
        dump.head.tasks_total = 3;
        (dump.head.tasks_left, dump.head.tasks_bad) = (2, 0);
        (dump.row.tasks_total, dump.row.tasks_left, dump.row.tasks_bad) = (3, 2, 0);
    });
    breaks("stopped-starts-nothing", two_roots(), |dump| dump.head.stopping = true);
    breaks("held-starts-nothing", two_roots(), |dump| dump.head.held = true);
    breaks("upstream-is-skipped", always(), |dump| dump.groups[1].spec.run_if = None);
}

fn two_roots() -> World {
    World::new(&Plan { name: "two".into(), nodes: vec![node("a", &[]), node("b", &[])], ..Plan::default() }, vec![])
}

/// A task that runs although what it needs failed.
fn always() -> World {
    let nodes = vec![node("a", &[]), Node { run_if: Some(RunIf::Always), ..node("b", &[0]) }];
    let on_failure = OnFailure::Continue;
    let mut world = World::new(&Plan { name: "always".into(), nodes, on_failure, ..Plan::default() }, vec![]);
    world.claim(1);
    world.settle(vec![(0, exit_1())]);
    world
}

fn counters() {
    breaks("ids-agree", live(), |dump| dump.row.workspace = WorkspaceId::from_uuid(uuid::Uuid::from_u128(9)));
    breaks("ids-agree", live(), |dump| dump.tasks[0].row.task.run = other_run(dump));
    breaks("groups-hold-their-tasks", live(), |dump| dump.tasks[6].row.task_index = 7);
    breaks("group-counters", live(), |dump| dump.groups[5].tasks_left = 1);
    breaks("group-counters", live(), |dump| dump.groups[7].tasks_bad = 2);
    breaks("group-counters", live(), |dump| dump.groups[5].ended = TaskSet::of(vec![5]));
    breaks("parent-counters", live(), |dump| dump.groups[5].parents_left = 2);
    breaks("parent-counters", live(), |dump| dump.groups[8].parents_bad = 0);
    breaks("head-counters", live(), |dump| dump.head.tasks_left -= 1);
    breaks("head-counters", live(), |dump| dump.row.tasks_bad = 0);
    breaks("run-ends-with-its-tasks", over(false), |dump| dump.evaluates_result = true);
    breaks("run-ends-with-its-tasks", over(false), |dump| dump.row.finished_at = None);
    breaks("run-ends-with-its-tasks", over(true), |dump| dump.head.cancelling = Some(Reason::Deadline));
    breaks("run-ends-with-its-tasks", over(false), |dump| dump.head.held = true);
}

fn other_run(dump: &RunDump) -> crate::id::RunId {
    crate::id::RunId::from_uuid(uuid::Uuid::from_u128(dump.head.run.uuid().as_u128() + (1 << 64)))
}

fn history() {
    breaks("values-are-json", live(), |dump| dump.tasks[0].row.output = Some(Json::from_stored("{")));
    breaks("lease-is-current", live(), |dump| dump.tasks[1].lease.as_mut().unwrap().attempt = 2);
    breaks("attempts-are-contiguous", live(), |dump| dump.tasks[0].attempts[0].attempt = 2);
    breaks("attempts-are-contiguous", live(), |dump| dump.tasks[2].attempts[0].finished_at = None);
    breaks("failures-are-counted", live(), |dump| dump.tasks[4].row.failures = 0);
    breaks("failures-are-counted", live(), |dump| dump.tasks[2].row.lost = 1);
    breaks("events-are-contiguous", live(), |dump| {
        let last = dump.events.last_mut().unwrap();
        (last.seq, last.seq_last) = (last.seq + 1, last.seq_last + 1);
        (dump.head.seq, dump.row.seq) = (dump.head.seq + 1, dump.row.seq + 1);
    });
    breaks("events-are-contiguous", live(), |dump| dump.head.seq += 1);
    breaks("one-terminal-event", live(), |dump| again(dump, EventType::Task(TaskStatus::Failed), vec![0]));
    breaks("one-terminal-event", over(false), |dump| {
        again(dump, EventType::Run(crate::state::RunStatus::Failed), vec![])
    });
    breaks("task-events-replay", live(), |dump| again(dump, EventType::Task(TaskStatus::Running), vec![5]));
    breaks("task-events-replay", live(), |dump| again(dump, EventType::Task(TaskStatus::Retrying), vec![5]));
    breaks("run-events-replay", live(), |dump| again(dump, EventType::RunResumed, vec![]));
    breaks("run-events-replay", live(), |dump| again(dump, EventType::RunCreated, vec![]));
}

/// A run whose only task has a step, and waits for a decision if it is so asked.
fn stepped(waits: bool) -> World {
    let mut world = World::new(&Plan { name: "steps".into(), nodes: vec![node("a", &[])], ..Plan::default() }, vec![]);
    world.claim(1);
    if waits {
        steps::waits(&mut world, 0, &[0]);
    } else {
        world.write_steps(0, vec![steps::begin(steps::key(1, 0), None)]);
    }
    world
}

fn steps_and_budgets() {
    breaks("gates-are-waited-for", stepped(true), |dump| {
        dump.tasks[0].steps[0].status = StepStatus::Success;
        dump.tasks[0].steps[0].finished_at = Some(Timestamp::from_micros(1));
    });
    breaks("gates-are-waited-for", stepped(true), |dump| dump.tasks[0].steps.clear());
    breaks("status-is-derived", stepped(true), |dump| dump.tasks[0].gates.clear());
    breaks("steps-run-under-a-lease", stepped(false), |dump| dump.tasks[0].steps[0].key.attempt = 2);
    let mut ended = stepped(false);
    ended.write_steps(0, vec![steps::end(steps::key(1, 0), StepStatus::Success)]);
    ended.settle(vec![(0, Outcome::Success { output: None })]);
    breaks("ended-attempts-have-ended-steps", ended.clone(), |dump| {
        dump.tasks[0].steps[0].status = StepStatus::Running;
        dump.tasks[0].steps[0].finished_at = None;
    });
    breaks("budget-adds-up", ended.clone(), |dump| dump.tasks[0].steps[0].reserved.tokens = 1);
    breaks("budget-adds-up", ended, |dump| {
        dump.budget = Some(BudgetRow {
            workspace: dump.row.workspace,
            run: Some(dump.row.id),
            period: BudgetPeriod::Total,
            since: Timestamp::default(),
            allowance: Allowance::default(),
            used: Cost { tokens: 1, micros: 0 },
            reserved: Cost::default(),
        });
    });
}

/// An artifact of the run, its bytes under this key.
fn kept(dump: &mut RunDump, id: u128, key: &str) {
    let artifact = NewArtifact {
        id: ArtifactId::from_uuid(uuid::Uuid::from_u128(id)),
        run: dump.head.run,
        from: Provenance { n: Some(0), ..Provenance::default() },
        name: "a".into(),
        kind: "file".into(),
        content_type: "text/plain".into(),
        at: ArtifactAt::Kept { key: BlobKey::parse(key).unwrap(), size: 1, checksum: "c".into() },
        meta: None,
    };
    let mut graph = RunGraph::new(dump.head.clone(), Vec::new(), Actor::system("test"), Timestamp::default());
    graph.note_artifact(&artifact);
    let (head, _, changes) = graph.finish();
    dump.row.seq = head.seq;
    dump.head = head;
    dump.events.extend(changes.events);
    let (workspace, owner, created_at) = (dump.row.workspace, dump.row.owner.clone(), Timestamp::default());
    dump.artifacts.push(ArtifactRow { workspace, owner, artifact, created_at });
}

fn artifacts() {
    for world in [live(), over(false), over(true)] {
        let mut dump = world.dump();
        kept(&mut dump, 1, "w/r/1");
        kept(&mut dump, 2, "w/r/2");
        assert_eq!(check(&dump), [], "also when the run is over");
    }
    breaks("artifacts-are-told", live(), |dump| {
        kept(dump, 1, "w/r/1");
        dump.artifacts.clear();
    });
    breaks("artifacts-are-told", live(), |dump| {
        kept(dump, 1, "w/r/1");
        dump.artifacts[0].artifact.name = "b".into();
    });
    breaks("artifacts-are-told", live(), |dump| {
        kept(dump, 1, "w/r/1");
        dump.events.last_mut().unwrap().event_type = EventType::TaskCancelRequested;
    });
    breaks("artifacts-are-told", over(false), |dump| {
        kept(dump, 1, "w/r/1");
        let payload = dump.events.last().unwrap().payload.clone();
        again(dump, EventType::ArtifactCreated, vec![0]);
        dump.events.last_mut().unwrap().payload = payload;
    });
    breaks("bytes-are-named-once", live(), |dump| {
        kept(dump, 1, "w/r/1");
        kept(dump, 2, "w/r/1");
    });
    breaks("bytes-are-named-once", live(), |dump| {
        kept(dump, 1, "w/r/1");
        dump.artifacts[0].artifact.run = other_run(dump);
    });
}

/// Adds one more event, numbered well.
fn again(dump: &mut RunDump, event_type: EventType, tasks: Vec<u32>) {
    let mut event = dump.events[0].clone();
    event.tasks = TaskSet::of(tasks);
    event.event_type = event_type;
    event.seq = dump.head.seq + 1;
    event.seq_last = dump.head.seq + event.tasks.len().max(1);
    event.created_at = Timestamp::from_micros(2_000_000);
    (dump.head.seq, dump.row.seq) = (event.seq_last, event.seq_last);
    dump.events.push(event);
}

#[test]
fn a_good_run_has_no_violations_wherever_it_stands() {
    let mut held = World::new(
        &Plan {
            concurrency: Some(Concurrency { key: "k".into(), limit: 1 }),
            nodes: vec![node("a", &[])],
            ..Plan::default()
        },
        vec![],
    );
    assert_eq!(check(&held.dump()), []);
    held.ask(RunGraph::admit);
    assert_eq!(check(&held.dump()), []);
    let live = live();
    assert_eq!(live.groups[&6].phase, Phase::Evaluating);
    assert_eq!(check(&live.dump()), []);
}
