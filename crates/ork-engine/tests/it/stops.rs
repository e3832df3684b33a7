//! Timeouts, cancels, deadlines and drains.

use std::time::Duration;

use ork_core::clock::Clock;
use ork_core::event::Actor;
use ork_core::id::TaskRef;
use ork_core::state::Reason;
use ork_core::store::{Runs, Scope, Tasks};
use ork_engine::{EngineConfig, Executors, Handlers};
use tokio::time::{Instant, sleep};

use crate::world::{World, check};

const HANG: &str = "{name: hang, tasks: {a: {operation: hang}, b: {operation: echo, depends_on: [a]}}}";

#[tokio::test(start_paused = true)]
async fn an_attempt_that_is_too_slow_fails_and_may_be_tried_again() {
    check(
        "{name: slow, tasks: {a: {operation: hang, timeout: 2s, retry: {max_attempts: 2, delay: 1s}}}}",
        "
        run failed
        a[0] failed attempt 2 error: ran longer than its timeout of 2000 ms
        ",
    )
    .await;
    // One that does not listen is dropped after a grace.
    check(
        "{name: deaf, tasks: {a: {operation: stubborn, timeout: 2s}}}",
        "
        run failed
        a[0] failed error: ran longer than its timeout of 2000 ms
        ",
    )
    .await;
    check("{name: fast, tasks: {a: {operation: nap, params: {ms: 1999}, timeout: 2s}}}", "run success\na[0] success")
        .await;
}

async fn cancel(operation: &str, most: Duration) {
    let mut world = World::new();
    let _engine = world.engine().await;
    let text = HANG.replace("operation: hang", &format!("operation: {operation}"));
    let run = world.submit(&text).await;
    world.wait_for_status(run, "running").await;
    let begin = Instant::now();
    let actor = Actor::user("tester");
    assert!(world.store.inner.cancel_run(Scope::All, run, Reason::Cancel, &actor, world.clock.now()).await.unwrap());
    assert_eq!(world.end(run).await, "run cancelled\na[0] cancelled (cancel)\nb[0] cancelled (cancel)");
    assert!(begin.elapsed() <= most, "{:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_cancel_reaches_the_work() {
    cancel("hang", Duration::from_secs(2)).await;
    cancel("stubborn", Duration::from_secs(7)).await;
}

#[tokio::test(start_paused = true)]
async fn a_single_task_can_be_cancelled() {
    let mut world = World::new();
    let _engine = world.engine().await;
    let run =
        world.submit("{name: two, on_failure: continue, tasks: {a: {operation: hang}, b: {operation: nap}}}").await;
    world.wait_for_status(run, "running").await;
    let (task, actor) = (TaskRef { run, n: 0 }, Actor::user("tester"));
    assert!(world.store.inner.cancel_task(Scope::All, task, &actor, world.clock.now()).await.unwrap());
    assert_eq!(world.end(run).await, "run failed\na[0] cancelled (cancel)\nb[0] success");
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_slot_is_cancelled_before_it_begins() {
    let mut world = World::new();
    let _engine = world.engine_with(|config| config.capacity = 1).await;
    let run = world.submit("{name: queue, tasks: {a: {operation: hang, count: 3}}}").await;
    world.wait_for_status(run, "running").await;
    let actor = Actor::user("tester");
    world.store.inner.cancel_run(Scope::All, run, Reason::Cancel, &actor, world.clock.now()).await.unwrap();
    world.end_within(run, Duration::from_secs(2)).await;
    let started: Vec<bool> = world.dump(run).await.tasks.iter().map(|task| task.row.started_at.is_some()).collect();
    assert_eq!(started, [true, false, false]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_passes_its_deadline_fails() {
    let mut world = World::new();
    let _engine = world.engine().await;
    let begin = Instant::now();
    let run = world.submit(&HANG.replace("name: hang,", "name: hang, timeout: 10s,")).await;
    assert_eq!(world.end(run).await, "run failed\na[0] cancelled (deadline)\nb[0] cancelled (deadline)");
    let took = begin.elapsed();
    assert!(took >= Duration::from_secs(10) && took < Duration::from_secs(13), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_drain_waits_and_then_hands_back() {
    let mut world = World::new();
    let engine = world.engine_with(|config| config.capacity = 2).await;
    let run = world
        .submit(
            "
            name: drain
            tasks:
              short: {operation: nap, priority: 2, params: {ms: 3000}}
              long: {operation: hang, priority: 1}
              waiting: {operation: echo, count: 3}
            ",
        )
        .await;
    world.wait_for_status(run, "running").await;
    let begin = Instant::now();
    engine.drain(Duration::from_secs(10)).await.unwrap();
    let took = begin.elapsed();
    assert!(took >= Duration::from_secs(10) && took < Duration::from_secs(11), "{took:?}");
    let dump = world.dump(run).await;
    let shown: Vec<String> =
        dump.tasks.iter().map(|task| format!("{} {} {}", task.row.key, task.row.status, task.row.failures)).collect();
    assert_eq!(shown, ["short success 0", "long queued 0", "waiting queued 0", "waiting queued 0", "waiting queued 0"]);
    assert!(dump.tasks.iter().all(|task| task.lease.is_none()));
    let claims = world.store.calls("claim");
    sleep(Duration::from_secs(5)).await;
    assert_eq!(world.store.calls("claim"), claims);
}

#[tokio::test(start_paused = true)]
async fn an_idle_engine_leaves_at_once() {
    let mut world = World::new();
    let engine = world.engine().await;
    sleep(Duration::from_millis(1)).await;
    let begin = Instant::now();
    engine.drain(Duration::from_secs(30)).await.unwrap();
    assert!(begin.elapsed() < Duration::from_millis(10), "{:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_a_worker_cannot_do_waits_without_its_slot_for_one_that_can() {
    let mut world = World::new();
    let lanes = |config: &mut EngineConfig| (config.lanes, config.capacity) = (vec!["echo".into(), "later".into()], 1);
    let engine = world.engine_with(lanes).await;
    let mut seen = engine.observe();
    let run = world.submit("{name: misfit, tasks: {a: {operation: later}}}").await;
    let other = world.submit("{name: other, tasks: {a: {operation: echo, params: 1}}}").await;
    assert_eq!(world.end_within(other, Duration::from_secs(2)).await, "run success\na[0] success 1");
    sleep(Duration::from_secs(60)).await;
    let task = world.dump(run).await.tasks[0].row.clone();
    assert!((2..=3).contains(&task.attempt) && task.failures == 0, "{task:?}");
    let mut told = 0;
    while let Ok(observation) = seen.try_recv() {
        told += u32::from(format!("{observation:?}").contains("worker `w0` does not serve the operation `later`"));
    }
    assert_eq!(told, task.attempt);
    engine.drain(Duration::from_secs(1)).await.unwrap();
    let served = Handlers::default().with("later", |_| async { Ok(None) });
    let _engine = world.start(Executors { handlers: served, ..Executors::default() }, lanes).await;
    let end = world.end_within(run, Duration::from_secs(35)).await;
    assert_eq!(end, format!("run success\na[0] success attempt {}", task.attempt + 1));
}
