//! Runs that are not kept any more: gone as a whole, whoever fails where, while everything else goes on.

use std::time::Duration;

use ork_core::clock::{Clock, Timestamp};
use ork_core::event::Actor;
use ork_core::feed::FeedPosition;
use ork_core::id::RunId;
use ork_core::state::Reason;
use ork_core::store::{Events, Feed, Inspect, Retention, Runs, Scope};
use tokio::time::sleep;

use crate::faulty::Fault;
use crate::faulty::Fault::{After, Before, Panic};
use crate::world::World;

const WIDE: &str = "{name: wide, tasks: {a: {operation: nap, count: 700}, b: {operation: echo, depends_on: [a]}}}";
const DAY_MS: u64 = 86_400_000;

fn days_ago(world: &World, days: u64) -> Timestamp {
    Timestamp::from_micros(world.clock.now().micros() - i64::try_from(days * DAY_MS * 1000).unwrap())
}

/// A run that ended so long ago.
async fn old(world: &mut World, days: u64) -> RunId {
    let run = world.submit(WIDE).await;
    let at = days_ago(world, days);
    assert!(world.store.inner.cancel_run(Scope::All, run, Reason::Cancel, &Actor::user("ada"), at).await.unwrap());
    assert!(world.row(run).await.status.is_terminal());
    run
}

/// Everything that belonged to a run is gone, but for its tombstone.
async fn is_gone(world: &World, run: RunId) -> bool {
    let store = &world.store.inner;
    let tombstone = store.tombstone(Scope::All, run).await.unwrap();
    let row = store.run(Scope::All, run).await.unwrap();
    assert_eq!(tombstone.is_some(), row.is_none(), "there is one or the other");
    assert_eq!(store.dump(Scope::All, run).await.unwrap().is_none(), row.is_none(), "it is there as a whole, or not");
    row.is_none() && store.events(Scope::All, run, 0, 10).await.unwrap().is_empty()
}

async fn check(request: &'static str, faults: &[Fault]) {
    let mut world = World::new();
    let (first, second, young) = (old(&mut world, 40).await, old(&mut world, 31).await, old(&mut world, 29).await);
    let head = world.store.inner.feed_head().await.unwrap();
    world.store.plan(request, faults);
    let _one = world.engine_with(|config| config.keeps_house = true).await;
    let _two = world.engine_with(|config| config.keeps_house = true).await;
    // What is at work meanwhile notices nothing.
    let busy = world.submit("{name: busy, tasks: {a: {operation: nap, count: 40, params: {ms: 100}}}}").await;
    let shown = world.end_within(busy, Duration::from_secs(5)).await;
    assert!(shown.starts_with("run success"), "{request} {faults:?}: {shown}");
    for _ in 0..600 {
        if is_gone(&world, first).await && is_gone(&world, second).await {
            break;
        }
        sleep(Duration::from_secs(1)).await;
    }
    assert!(is_gone(&world, first).await && is_gone(&world, second).await, "{request} {faults:?}");
    assert!(!is_gone(&world, young).await, "it is kept");
    assert_eq!(world.store.unused(), 0, "{request} {faults:?}: a fault did not happen");
    // Whoever had read all events reads those that came since, and whoever begins anew those that there are.
    for (after, runs) in [(head, vec![busy]), (FeedPosition::START, vec![busy, young])] {
        let page = world.store.inner.feed(Scope::All, after, 1_000).await.unwrap();
        assert!(page.rows.iter().all(|row| runs.contains(&row.event.run)), "{request} {faults:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn old_runs_go_as_a_whole_whoever_fails_where() {
    check("sweep", &[]).await;
    for request in ["hold_duty", "sweep", "workspaces", "prunable", "prune_runs"] {
        for faults in [&[Before][..], &[After], &[Panic], &[Before, Before, After]] {
            check(request, faults).await;
        }
    }
}
