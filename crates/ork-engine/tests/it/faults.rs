//! A store that is slow, away, or does what nobody hears of.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::faulty::Fault;
use crate::faulty::Fault::{After, Before, Corrupt, Panic};
use crate::world::{World, trim};

const WIDE: &str =
    "{name: wide, tasks: {a: {operation: echo, count: 20}, b: {operation: echo, depends_on: [a], params: 7}}}";

/// Faults in one kind of request, while a fan-out and its fan-in are done; each task is dispatched once.
async fn check(request: &'static str, faults: &[Fault]) {
    let mut world = World::new();
    let engine = world.engine().await;
    world.store.plan(request, faults);
    let run = world.submit(WIDE).await;
    let shown = world.end(run).await;
    let mut expected: Vec<String> = (0..20).map(|n| format!("a[{n}] success null")).collect();
    expected.insert(0, "run success".into());
    expected.push("b[0] success 7".into());
    assert_eq!(shown, expected.join("\n"), "{request} {faults:?}");
    assert_eq!(world.store.unused(), 0, "{request} {faults:?}: a fault did not happen");
    let late = world.dump(run).await.events.iter().filter(|event| event.event_type.word() == "attempt.late").count();
    assert_eq!(late, 0);
    engine.drain(Duration::from_secs(1)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_asked_for_again() {
    for request in ["claim", "settle"] {
        check(request, &[After]).await;
        check(request, &[Before, After, After, Before]).await;
    }
    check("plans", &[After, Before]).await;
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_cannot_be_taken_keeps_no_other() {
    check("settle", &[Corrupt]).await;
    // Without its claim first, and then halved until it is alone: the whole twice, ten, five, two, one.
    let mut world = World::new();
    let _engine = world.engine().await;
    world.store.plan("settle", &[Corrupt; 6]);
    let run = world.submit("{name: wide, tasks: {a: {operation: echo, count: 20}}}").await;
    let begin = Instant::now();
    sleep(Duration::from_secs(5)).await;
    assert_eq!(world.dump(run).await.tasks.iter().filter(|task| task.lease.is_some()).count(), 1);
    assert!(world.end(run).await.starts_with("run success"));
    assert!(begin.elapsed() < Duration::from_secs(40));
}

#[tokio::test(start_paused = true)]
async fn outcomes_that_gather_become_one_batch() {
    let mut world = World::new();
    let _engine = world.engine().await;
    world.store.delay("settle", Duration::from_secs(2));
    let run = world.submit("{name: slow, tasks: {a: {operation: nap, each: [1, 2, 3, 4, 5, 6], params: {ms: '{{ task.item * 100 }}'}}}}").await;
    world.end(run).await;
    assert_eq!(world.store.calls("settle"), 2);
}

#[tokio::test(start_paused = true)]
async fn results_are_kept_while_the_database_is_away() {
    let mut world = World::new();
    let _engine = world.engine().await;
    let run = world.submit("{name: away, tasks: {a: {operation: nap, count: 5}}}").await;
    world.wait_for_status(run, "dispatched").await;
    world.store.plan("settle", &[Before; 20]);
    let shown = world.end(run).await;
    assert!(!shown.contains("attempt"), "{shown}");
    assert_eq!(world.store.unused(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_upkeep_loop_that_panics_begins_again() {
    let mut world = World::new();
    let engine = world.engine().await;
    let mut seen = engine.observe();
    world.store.plan("promote", &[Panic]);
    world.store.plan("workers", &[Panic]);
    let run = world.submit("{name: r, tasks: {a: {operation: flaky, retry: {max_attempts: 2}}}}").await;
    assert_eq!(world.end(run).await, "run success\na[0] success attempt 2");
    sleep(Duration::from_secs(5)).await;
    assert_eq!(world.store.unused(), 0);
    let mut told = Vec::new();
    while let Ok(observation) = seen.try_recv() {
        if let ork_engine::Observation::Trouble { part, message } = observation {
            told.push(format!("{part}: {message}"));
        }
    }
    told.sort();
    assert_eq!(
        told,
        ["reaper: the reaper panicked: a bug in `workers`", "scheduler: the scheduler panicked: a bug in `promote`"]
    );
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_lost_its_settler_stops_with_an_error() {
    let mut world = World::new();
    let engine = world.engine().await;
    world.store.plan("settle", &[Panic]);
    let run = world.submit("{name: r, tasks: {a: {operation: echo}}}").await;
    assert_eq!(engine.stopped().await, Err("the settler panicked: a bug in `settle`".into()));
    drop(engine);
    // Another one finds what it left.
    let _other = world.engine().await;
    let shown = world.end_within(run, Duration::from_secs(40)).await;
    assert_eq!(shown, trim("run success\na[0] success attempt 2 null"));
}
