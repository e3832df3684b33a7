//! Workers that die, and the engines that take over.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ork_core::clock::Clock;
use ork_core::id::WorkerId;
use ork_core::store::{Scope, Settle, Workers};
use ork_engine::{Liveness, Spool};
use tokio::time::{Instant, sleep};

use crate::faulty::Fault;
use crate::world::World;

const NAPS: &str = "{name: naps, tasks: {a: {operation: nap, count: 3, params: {ms: 30000}}}}";

#[tokio::test(start_paused = true)]
async fn another_engine_takes_over_within_the_lease() {
    let mut world = World::new();
    let first = world.engine().await;
    let run = world.submit(NAPS).await;
    world.wait_for_status(run, "running").await;
    let _second = world.engine().await;
    sleep(Duration::from_secs(20)).await;
    drop(first);
    let begin = Instant::now();
    loop {
        sleep(Duration::from_millis(100)).await;
        let dump = world.dump(run).await;
        if dump.tasks.iter().all(|task| task.row.attempt == 2) {
            break;
        }
    }
    let took = begin.elapsed();
    assert!(took > Duration::from_secs(8) && took < Duration::from_secs(20), "{took:?}");
    assert!(world.end(run).await.starts_with("run success\na[0] success attempt 2"));
    let lost: Vec<u32> = world.dump(run).await.tasks.iter().map(|task| task.row.lost).collect();
    assert_eq!(lost, [1, 1, 1]);
    assert_eq!(world.store.inner.workers(Scope::All).await.unwrap().len(), 1);
}

/// Locks, as files would be: held by those in the set.
#[derive(Default)]
struct Locks(Mutex<BTreeSet<WorkerId>>);

impl Liveness for Locks {
    fn enter(&self, worker: WorkerId) -> Result<(), String> {
        self.0.lock().unwrap().insert(worker);
        Ok(())
    }

    fn leave(&self, worker: WorkerId) {
        self.0.lock().unwrap().remove(&worker);
    }

    fn is_dead(&self, host: &str, worker: WorkerId) -> Option<bool> {
        (host == "here").then(|| !self.0.lock().unwrap().contains(&worker))
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_worker_on_the_same_host_is_seen_at_once() {
    let mut world = World::new();
    let locks = Arc::new(Locks::default());
    world.liveness = Arc::clone(&locks) as _;
    let first = world.engine().await;
    let run = world.submit(NAPS).await;
    world.wait_for_status(run, "running").await;
    let _second = world.engine().await;
    sleep(Duration::from_secs(1)).await;
    locks.leave(first.worker());
    drop(first);
    sleep(Duration::from_millis(2_100)).await;
    assert!(world.dump(run).await.tasks.iter().all(|task| task.row.attempt == 2));
}

#[tokio::test(start_paused = true)]
async fn nobody_is_declared_dead_by_age_right_after_an_outage() {
    let mut world = World::new();
    let engines = [world.engine().await, world.engine().await];
    let workers = engines.each_ref().map(ork_engine::EngineHandle::worker);
    let run = world.submit(NAPS).await;
    world.wait_for_status(run, "running").await;
    // Nobody reaches the database for more than a lease: all heartbeats are old when it is back.
    for request in ["beat", "workers", "claim", "promote", "cancel_requests"] {
        world.store.plan(request, &[Fault::Before; 1_000]);
    }
    sleep(Duration::from_secs(25)).await;
    world.store.heal();
    assert!(world.end(run).await.starts_with("run success\na[0] success\n"));
    assert_eq!(engines.each_ref().map(ork_engine::EngineHandle::worker), workers);
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_was_declared_dead_goes_on_as_another_worker() {
    let mut world = World::new();
    let engine = world.engine().await;
    let old = engine.worker();
    let run = world.submit("{name: hang, tasks: {a: {operation: hang}}}").await;
    world.wait_for_status(run, "running").await;
    world.store.inner.retire_worker(old, world.clock.now()).await.unwrap();
    sleep(Duration::from_secs(10)).await;
    assert_ne!(engine.worker(), old);
    let dump = world.dump(run).await;
    assert_eq!((dump.tasks[0].row.worker, dump.tasks[0].row.attempt), (Some(engine.worker()), 2));
    assert_eq!(world.store.inner.workers(Scope::All).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_takes_its_workers_down_is_quarantined() {
    let mut world = World::new();
    let locks = Arc::new(Locks::default());
    world.liveness = Arc::clone(&locks) as _;
    let run = world.submit("{name: poison, tasks: {a: {operation: hang}}}").await;
    for _ in 0..3 {
        let engine = world.engine().await;
        sleep(Duration::from_secs(4)).await;
        locks.leave(engine.worker());
        drop(engine);
    }
    let _last = world.engine().await;
    let shown = world.end(run).await;
    assert!(
        shown.contains("a[0] failed (poison) attempt 3 error: quarantined after 3 workers died with it"),
        "{shown}"
    );
}

#[tokio::test(start_paused = true)]
async fn one_row_that_cannot_be_settled_keeps_no_other_from_being_reaped() {
    let mut world = World::new();
    let locks = Arc::new(Locks::default());
    world.liveness = Arc::clone(&locks) as _;
    let first = world.engine().await;
    let run = world.submit(NAPS).await;
    world.wait_for_status(run, "running").await;
    locks.leave(first.worker());
    drop(first);
    // The batch, and then the first of the three alone.
    world.store.plan("settle", &[Fault::Corrupt; 2]);
    let _second = world.engine().await;
    for expected in [[1, 2, 2], [2, 2, 2]] {
        sleep(Duration::from_millis(700)).await;
        let attempts: Vec<u32> = world.dump(run).await.tasks.iter().map(|task| task.row.attempt).collect();
        assert_eq!(attempts, expected);
    }
    assert_eq!(world.store.unused(), 0);
}

#[tokio::test(start_paused = true)]
async fn two_engines_share_the_work_and_agree() {
    let mut world = World::new();
    let _engines = [world.engine().await, world.engine().await];
    let run = world
        .submit("{name: share, tasks: {a: {operation: nap, count: 100, params: {ms: 10}}, b: {operation: echo, depends_on: [a]}}}")
        .await;
    assert!(world.end(run).await.ends_with("b[0] success null"));
}

#[tokio::test]
async fn the_heart_beats_on_a_thread_of_its_own() {
    let mut world = World::new();
    let engine = world
        .engine_with(|config| {
            config.heart_thread = true;
            config.heartbeat_ms = 20;
        })
        .await;
    // The runtime is blocked, and the heart goes on.
    let begin = std::time::Duration::from_millis(0);
    let (before, mut now) = (world.store.calls("beat"), begin);
    let (sender, receiver) = std::sync::mpsc::channel::<()>();
    while world.store.calls("beat") < before + 5 && now < Duration::from_secs(10) {
        let _ = receiver.recv_timeout(Duration::from_millis(20));
        now += Duration::from_millis(20);
    }
    drop(sender);
    assert!(world.store.calls("beat") >= before + 5);
    engine.drain(Duration::from_secs(1)).await.unwrap();
    let after = world.store.calls("beat");
    sleep(Duration::from_millis(100)).await;
    assert!(world.store.calls("beat") <= after + 1);
}

/// A disk, as a folder would be.
#[derive(Default)]
struct Disk(Mutex<BTreeMap<WorkerId, Vec<Settle>>>);

impl Spool for Disk {
    fn keep(&self, worker: WorkerId, settles: &[Settle]) -> Result<(), String> {
        self.0.lock().unwrap().entry(worker).or_default().extend_from_slice(settles);
        Ok(())
    }

    fn kept(&self) -> Result<Vec<(WorkerId, Vec<Settle>)>, String> {
        Ok(self.0.lock().unwrap().clone().into_iter().collect())
    }

    fn forget(&self, worker: WorkerId) {
        self.0.lock().unwrap().remove(&worker);
    }
}

impl Disk {
    fn len(&self) -> usize {
        self.0.lock().unwrap().values().map(Vec::len).sum()
    }
}

/// Three tasks end while the database is away; then `crash` decides how it goes on.
async fn through_an_outage(crash: bool, watched: bool) {
    let mut world = World::new();
    let (locks, disk) = (Arc::new(Locks::default()), Arc::new(Disk::default()));
    world.liveness = Arc::clone(&locks) as _;
    let spool: Arc<dyn Spool> = Arc::clone(&disk) as _;
    let first = world.engine_with(|config| config.spool = Some(Arc::clone(&spool))).await;
    let worker = first.worker();
    let run = world.submit("{name: naps, tasks: {a: {operation: nap, count: 3, params: {ms: 1000}}}}").await;
    world.wait_for_status(run, "running").await;
    let watcher =
        if watched { Some(world.engine_with(|config| config.spool = Some(Arc::clone(&spool))).await) } else { None };
    for request in ["settle", "settle_and_claim", "beat", "workers", "claim", "promote", "cancel_requests"] {
        world.store.plan(request, &[Fault::Before; 10_000]);
    }
    sleep(Duration::from_secs(60)).await;
    assert!(!world.row(run).await.status.is_terminal());
    assert!(disk.len() >= 3, "{} outcomes on disk", disk.len());
    if crash {
        locks.leave(worker);
        drop(first);
        world.store.heal();
        let next = if watched { None } else { Some(world.engine_with(|config| config.spool = Some(spool)).await) };
        assert_eq!(world.end(run).await, "run success\na[0] success\na[1] success\na[2] success");
        drop(next);
    } else {
        world.store.heal();
        assert_eq!(world.end(run).await, "run success\na[0] success\na[1] success\na[2] success");
        drop(first);
    }
    drop(watcher);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(disk.len(), 0, "what is settled is forgotten");
}

#[tokio::test(start_paused = true)]
async fn outcomes_wait_on_disk_for_the_end_of_an_outage() {
    through_an_outage(false, false).await;
}

#[tokio::test(start_paused = true)]
async fn outcomes_on_disk_outlive_their_worker() {
    through_an_outage(true, false).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_finds_the_worker_dead_settles_what_it_kept_first() {
    through_an_outage(true, true).await;
}

#[tokio::test(start_paused = true)]
async fn one_outcome_that_cannot_be_settled_keeps_no_other_on_disk_from_it() {
    let mut world = World::new();
    let (locks, disk) = (Arc::new(Locks::default()), Arc::new(Disk::default()));
    world.liveness = Arc::clone(&locks) as _;
    let spool: Arc<dyn Spool> = Arc::clone(&disk) as _;
    let first = world.engine_with(|config| config.spool = Some(Arc::clone(&spool))).await;
    let run = world.submit("{name: naps, tasks: {a: {operation: nap, count: 3, params: {ms: 1000}}}}").await;
    world.wait_for_status(run, "running").await;
    for request in ["settle", "settle_and_claim", "beat", "workers", "claim", "promote", "cancel_requests"] {
        world.store.plan(request, &[Fault::Before; 10_000]);
    }
    sleep(Duration::from_secs(30)).await;
    let kept = disk.len();
    locks.leave(first.worker());
    drop(first);
    world.store.heal();
    // The batch, and then one of its three alone.
    world.store.plan("settle", &[Fault::Corrupt, Fault::Corrupt]);
    let second = world.engine_with(|config| config.spool = Some(Arc::clone(&spool))).await;
    let done = world.dump(run).await.tasks.iter().filter(|task| task.row.status.is_terminal()).count();
    assert_eq!((done, disk.len()), (2, kept), "two are settled, and nothing is forgotten");
    locks.leave(second.worker());
    drop(second);
    let _third = world.engine_with(|config| config.spool = Some(spool)).await;
    assert_eq!(world.end(run).await, "run success\na[0] success\na[1] success\na[2] success");
    assert_eq!(disk.len(), 0);
}
