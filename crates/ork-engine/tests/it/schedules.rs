//! Runs that begin by themselves (G17): one for each time, whoever fails where.

use std::time::Duration;

use ork_core::clock::{Clock, Timestamp};
use ork_core::event::Actor;
use ork_core::id::{RevisionId, WorkflowId, WorkspaceId};
use ork_core::json::Json;
use ork_core::store::{
    CatchUp, Expected, NewRevision, NewSchedule, Overlap, RunFilter, RunRow, Runs, ScheduleSpec, Schedules, Scope,
    Workflows,
};
use ork_workflow::Times;
use tokio::time::sleep;

use crate::faulty::Fault;
use crate::faulty::Fault::{After, Before, Panic};
use crate::world::World;

const OWN: Scope = Scope::One(WorkspaceId::DEFAULT);
const QUICK: &str = "{name: quick, tasks: {a: {operation: echo}}}";
/// Runs of it take 150 seconds.
const SLOW: &str = "{name: slow, tasks: {a: {operation: nap, params: {ms: 150000}}}}";

/// Stores a workflow whose runs begin each minute.
async fn apply(world: &World, source: &str, overlap: Overlap, catch_up: CatchUp) {
    apply_at(world, source, "* * * * *", (overlap, catch_up)).await;
}

async fn apply_at(world: &World, source: &str, cron: &str, (overlap, catch_up): (Overlap, CatchUp)) {
    let timezone = "UTC".into();
    let spec = ScheduleSpec { cron: cron.into(), timezone, input: Json::from_stored("{}"), overlap, catch_up };
    store(world, "each-minute", 1, source, spec).await;
}

async fn store(world: &World, name: &str, number: u128, source: &str, spec: ScheduleSpec) {
    let now = world.clock.now();
    let next_at = Times::new(&spec.cron, "UTC").unwrap().next(now).unwrap();
    let new = NewRevision {
        workspace: WorkspaceId::DEFAULT,
        name: name.into(),
        workflow: WorkflowId::from_uuid(uuid::Uuid::from_u128(number << 64)),
        revision: RevisionId::from_uuid(uuid::Uuid::from_u128(number << 64 | 1)),
        description: None,
        source: source.into(),
        hash: source.into(),
        schedule: Some(NewSchedule { spec, next_at }),
        expected: Expected::Anything,
        actor: Actor::user("ada"),
        now,
    };
    world.store.inner.apply_workflow(&new).await.unwrap();
}

async fn runs(world: &World) -> Vec<RunRow> {
    let filter = RunFilter { limit: 200, ..RunFilter::default() };
    let mut rows = world.store.inner.runs(OWN, &filter).await.unwrap();
    rows.reverse();
    rows
}

/// The minutes, from the first one after the world began, for which there is a run.
async fn minutes(world: &World, began: Timestamp) -> Vec<u64> {
    let rows = runs(world).await;
    let minute = |row: &RunRow| {
        let name = row.external_id.clone().unwrap();
        let at: jiff::Timestamp = name.rsplit('/').next().unwrap().parse().unwrap();
        let at = Timestamp::from_micros(at.as_microsecond());
        assert!(row.created_at >= at, "{name} was early: {}", row.created_at);
        assert_eq!(row.triggered_by, "schedule");
        at.since_ms(began) / 60_000
    };
    rows.iter().map(minute).collect()
}

fn keeps_house(config: &mut ork_engine::EngineConfig) {
    config.keeps_house = true;
}

#[tokio::test(start_paused = true)]
async fn each_time_has_its_run() {
    let mut world = World::new();
    let began = world.clock.now();
    apply(&world, QUICK, Overlap::Skip, CatchUp::Latest).await;
    let _engine = world.engine_with(keeps_house).await;
    sleep(Duration::from_secs(5 * 60 + 5)).await;
    assert_eq!(minutes(&world, began).await, [1, 2, 3, 4, 5]);
    for row in runs(&world).await {
        assert!(row.created_at.micros() % 60_000_000 < 2_000_000, "a second late at the most: {}", row.created_at);
        assert_eq!(row.status.word(), "success");
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_point_leaves_one_run_for_each_time() {
    for request in ["due_schedules", "hold_duty", "run", "revision_source", "fire_schedule"] {
        for faults in [&[Before][..], &[After], &[Panic], &[Before, After, After, Before], &[After, Panic, Before]] {
            check(request, faults).await;
        }
    }
}

async fn check(request: &'static str, faults: &[Fault]) {
    let mut world = World::new();
    let began = world.clock.now();
    apply(&world, QUICK, Overlap::Allow, CatchUp::All).await;
    let _first = world.engine_with(keeps_house).await;
    let _second = world.engine_with(keeps_house).await;
    sleep(Duration::from_secs(65)).await;
    world.store.plan(request, faults);
    sleep(Duration::from_secs(4 * 60)).await;
    assert_eq!(minutes(&world, began).await, [1, 2, 3, 4, 5], "{request} {faults:?}");
    assert_eq!(world.store.unused(), 0, "{request} {faults:?}: a fault did not happen");
}

/// However many there are for which no run can be created, the others are not kept waiting.
#[tokio::test(start_paused = true)]
async fn those_that_cannot_begin_keep_no_other_waiting() {
    let mut world = World::new();
    let began = world.clock.now();
    for number in 2..300 {
        let spec = ScheduleSpec {
            cron: "* * * * *".into(),
            timezone: "Nowhere/AtAll".into(),
            input: Json::from_stored("{}"),
            overlap: Overlap::Allow,
            catch_up: CatchUp::All,
        };
        store(&world, &format!("stuck-{number}"), number, QUICK, spec).await;
    }
    // It is due after all of them.
    let (timezone, input) = ("UTC".into(), Json::from_stored("{}"));
    let (overlap, catch_up) = (Overlap::Allow, CatchUp::All);
    let spec = ScheduleSpec { cron: "* * * * *".into(), timezone, input, overlap, catch_up };
    store(&world, "each-minute", 1 << 20, QUICK, spec).await;
    let _engine = world.engine_with(keeps_house).await;
    sleep(Duration::from_secs(3 * 60 + 5)).await;
    assert_eq!(minutes(&world, began).await, [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn two_nodes_create_one_run() {
    let mut world = World::new();
    let began = world.clock.now();
    apply(&world, QUICK, Overlap::Allow, CatchUp::All).await;
    // Both believe that they have the duty.
    world.store.delay("fire_schedule", Duration::from_secs(20));
    let _first = world.engine_with(keeps_house).await;
    let _second = world.engine_with(keeps_house).await;
    sleep(Duration::from_secs(10 * 60)).await;
    let mut found = minutes(&world, began).await;
    let all = found.len();
    found.dedup();
    assert_eq!(found.len(), all);
    assert!(all >= 9, "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn missed_times_follow_the_policy() {
    for (catch_up, expected) in [(CatchUp::None, &[][..]), (CatchUp::Latest, &[30]), (CatchUp::All, &[10, 20, 30])] {
        let mut world = World::new();
        let began = world.clock.now();
        apply_at(&world, QUICK, "*/10 * * * *", (Overlap::Allow, catch_up)).await;
        sleep(Duration::from_secs(35 * 60)).await;
        let _engine = world.engine_with(keeps_house).await;
        sleep(Duration::from_secs(60)).await;
        assert_eq!(minutes(&world, began).await, expected, "{catch_up:?}");
        // And from then on each has its own.
        sleep(Duration::from_secs(15 * 60)).await;
        assert_eq!(minutes(&world, began).await, [expected, &[40, 50]].concat(), "{catch_up:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn runs_overlap_as_the_policy_says() {
    // For ten minutes runs of 150 seconds, one wanted each minute.
    let live_at_once = async |overlap| {
        let mut world = World::new();
        apply(&world, SLOW, overlap, CatchUp::Latest).await;
        let _engine = world.engine_with(keeps_house).await;
        let (mut most, mut held) = (0, 0);
        for _ in 0..600 {
            sleep(Duration::from_secs(1)).await;
            let live: Vec<RunRow> = runs(&world).await.into_iter().filter(|row| !row.status.is_terminal()).collect();
            most = most.max(live.iter().filter(|row| !row.held).count());
            held = held.max(live.iter().filter(|row| row.held).count());
        }
        (most, held, runs(&world).await.len())
    };
    let (most, held, all) = live_at_once(Overlap::Skip).await;
    assert_eq!((most, held), (1, 0));
    assert!((3..=4).contains(&all), "{all}");
    let (most, held, all) = live_at_once(Overlap::Queue).await;
    assert_eq!((most, held), (1, 1), "one waits, and no more");
    assert!((4..=6).contains(&all), "{all}");
    let (most, _, all) = live_at_once(Overlap::Allow).await;
    assert!(most >= 2 && (9..=11).contains(&all), "{most} {all}");
}

#[tokio::test(start_paused = true)]
async fn a_disabled_schedule_begins_nothing_and_an_enabled_one_not_at_once() {
    let mut world = World::new();
    apply(&world, QUICK, Overlap::Allow, CatchUp::All).await;
    let store = world.store.clone();
    let ada = Actor::user("ada");
    let by = (&ada, world.clock.now());
    store.inner.disable_schedule(WorkspaceId::DEFAULT, "each-minute", by).await.unwrap();
    let _engine = world.engine_with(keeps_house).await;
    sleep(Duration::from_secs(5 * 60 + 10)).await;
    assert_eq!(runs(&world).await.len(), 0);
    let now = world.clock.now();
    let next = Times::new("* * * * *", "UTC").unwrap().next(now);
    store.inner.enable_schedule(WorkspaceId::DEFAULT, "each-minute", next, (&ada, now)).await.unwrap();
    sleep(Duration::from_secs(2)).await;
    let wait = next.unwrap().since_ms(world.clock.now());
    assert_eq!(runs(&world).await.len(), usize::from(wait == 0));
    sleep(Duration::from_millis(wait + 2_000)).await;
    assert_eq!(runs(&world).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn engines_that_carry_one_run_leave_schedules_alone() {
    let mut world = World::new();
    apply(&world, QUICK, Overlap::Allow, CatchUp::All).await;
    let _engine = world.engine().await;
    sleep(Duration::from_secs(5 * 60)).await;
    assert_eq!(runs(&world).await.len(), 0);
}
