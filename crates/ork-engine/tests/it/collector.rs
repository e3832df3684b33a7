//! Bytes that no artifact names: gone when their time is over, whoever fails where; and no others.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ork_core::artifact::{ArtifactAt, NewArtifact, Provenance};
use ork_core::blobs::{BlobError, BlobKey, BlobResult, Blobs, ByteSource, Expected, LinkUse, Written};
use ork_core::clock::{Clock, SeededEntropy, Timestamp};
use ork_core::event::Actor;
use ork_core::id::{ArtifactId, RunId, WorkspaceId};
use ork_core::limits::PAGE_MAX;
use ork_core::state::Reason;
use ork_core::store::{Artifacts, ArtifactsCreated, LooseBlob, Retention, Runs, Scope};
use ork_engine::{Observation, Removed, prune_all, remove_loose};
use tokio::time::sleep;

use crate::faulty::Fault;
use crate::faulty::Fault::{After, Before, Panic};
use crate::world::World;

/// Keys that have bytes, and those that cannot be removed.
#[derive(Default)]
struct Shelf {
    keys: Mutex<BTreeSet<BlobKey>>,
    stuck: Mutex<BTreeSet<BlobKey>>,
}

impl Shelf {
    fn count(&self) -> usize {
        self.keys.lock().unwrap().len()
    }

    fn has(&self, key: &BlobKey) -> bool {
        self.keys.lock().unwrap().contains(key)
    }
}

#[async_trait]
impl Blobs for Shelf {
    async fn put(&self, _: &BlobKey, _: &mut dyn ByteSource, _: &Expected) -> BlobResult<Written> {
        unreachable!("nobody writes")
    }

    async fn get(&self, _: &BlobKey, _: Option<Range<u64>>) -> BlobResult<Box<dyn ByteSource>> {
        unreachable!("nobody reads")
    }

    async fn size(&self, _: &BlobKey) -> BlobResult<Option<u64>> {
        unreachable!("nobody asks")
    }

    async fn remove(&self, key: &BlobKey) -> BlobResult<()> {
        if self.stuck.lock().unwrap().contains(key) {
            return Err(BlobError::Unavailable(format!("`{key}` is stuck")));
        }
        // What is not there is no error, however a place says so.
        let was_there = self.keys.lock().unwrap().remove(key);
        if was_there { Ok(()) } else { Err(BlobError::NotFound(key.to_string())) }
    }

    async fn link(&self, _: &BlobKey, _: LinkUse, _: u64) -> BlobResult<Option<String>> {
        Ok(None)
    }

    async fn check(&self) -> BlobResult<()> {
        Ok(())
    }
}

/// Bytes, noted until then.
async fn loose(
    world: &World,
    shelf: &Shelf,
    (run, seed): (RunId, u64),
    kept_until: Timestamp,
) -> (ArtifactId, BlobKey) {
    let id = ArtifactId::new(world.clock.now(), &mut SeededEntropy::new(seed));
    let key = BlobKey::artifact(WorkspaceId::DEFAULT, run, id);
    let blob = LooseBlob { key: key.clone(), workspace: WorkspaceId::DEFAULT, kept_until };
    assert_eq!(world.store.inner.note_blob(Scope::All, &blob).await, Ok(true));
    shelf.keys.lock().unwrap().insert(key.clone());
    (id, key)
}

/// Bytes that an artifact names.
async fn named(world: &World, shelf: &Shelf, (run, seed): (RunId, u64)) -> BlobKey {
    let (id, key) = loose(world, shelf, (run, seed), world.clock.now()).await;
    let new = NewArtifact {
        id,
        run,
        from: Provenance::default(),
        name: "a".into(),
        kind: "file".into(),
        content_type: "text/plain".into(),
        at: ArtifactAt::Kept { key: key.clone(), size: 1, checksum: "c".into() },
        meta: None,
    };
    let actor = Actor::user("ada");
    let created = world.store.inner.create_artifacts(Scope::All, &[new], None, &actor, world.clock.now()).await;
    assert_eq!(created, Ok(ArtifactsCreated::Created));
    key
}

const NAP: &str = "{name: short, tasks: {a: {operation: echo}}}";

async fn check(request: &'static str, faults: &[Fault]) {
    let mut world = World::new();
    let run = world.submit(NAP).await;
    let shelf = Arc::new(Shelf::default());
    let now = world.clock.now();
    for seed in 0..250 {
        loose(&world, &shelf, (run, seed), now.plus_ms(seed)).await;
    }
    let kept = named(&world, &shelf, (run, 1_000)).await;
    let (_, later) = loose(&world, &shelf, (run, 1_001), now.plus_ms(3_600_000)).await;
    // More than a piece of them, and they come before all others.
    for seed in 2_000..2_150 {
        let (_, key) = loose(&world, &shelf, (run, seed), Timestamp::from_micros(1)).await;
        shelf.stuck.lock().unwrap().insert(key);
    }
    world.store.plan(request, faults);
    let with_blobs = |config: &mut ork_engine::EngineConfig| {
        (config.keeps_house, config.blobs) = (true, Some(Arc::clone(&shelf) as Arc<dyn Blobs>));
    };
    let engine = world.engine_with(with_blobs).await;
    let _other = world.engine_with(with_blobs).await;
    let mut seen = engine.observe();
    for _ in 0..900 {
        if shelf.count() == 152 {
            break;
        }
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(shelf.count(), 152, "{request} {faults:?}: what is stuck keeps nothing else waiting");
    assert!(shelf.has(&kept) && shelf.has(&later), "{request} {faults:?}");
    assert_eq!(world.store.unused(), 0, "{request} {faults:?}: a fault did not happen");
    let mut told = false;
    while let Ok(observation) = seen.try_recv() {
        told |=
            matches!(observation, Observation::Trouble { part: "janitor", message } if message.contains("is stuck"));
    }
    assert!(told, "{request} {faults:?}: nobody was told");
    // When it can be removed, it is.
    shelf.stuck.lock().unwrap().clear();
    sleep(Duration::from_secs(300)).await;
    assert_eq!(shelf.count(), 2, "{request} {faults:?}");
    assert_eq!(world.store.inner.doom_blobs(world.clock.now(), PAGE_MAX).await, Ok(vec![]), "all is forgotten");
}

#[tokio::test(start_paused = true)]
async fn bytes_that_nobody_names_go_whoever_fails_where() {
    check("doom_blobs", &[]).await;
    for request in ["doom_blobs", "forget_blobs"] {
        for faults in [&[Before][..], &[After], &[Panic], &[Before, Before, After]] {
            check(request, faults).await;
        }
    }
}

/// Without a place for bytes nothing is doomed, and an upload of days is named at last.
#[tokio::test(start_paused = true)]
async fn without_a_place_nothing_is_doomed() {
    let mut world = World::new();
    let run = world.submit(NAP).await;
    let _engine = world.engine_with(|config| config.keeps_house = true).await;
    let shelf = Shelf::default();
    loose(&world, &shelf, (run, 1), world.clock.now()).await;
    sleep(Duration::from_secs(600)).await;
    assert_eq!(world.store.calls("doom_blobs"), 0);
}

#[tokio::test(start_paused = true)]
async fn the_bytes_of_runs_that_are_removed_go_with_them() {
    let mut world = World::new();
    let shelf = Shelf::default();
    let (gone, stays) = (world.submit(NAP).await, world.submit(NAP).await);
    let bytes = [named(&world, &shelf, (gone, 1)).await, named(&world, &shelf, (gone, 2)).await];
    let kept = named(&world, &shelf, (stays, 3)).await;
    let (store, now) = (&world.store.inner, world.clock.now());
    store.cancel_run(Scope::All, gone, Reason::Cancel, &Actor::user("ada"), now).await.unwrap();
    let until = now.plus_ms(1);
    assert_eq!(prune_all(store, None, WorkspaceId::DEFAULT, until, until).await, Ok(1));
    assert!(store.tombstone(Scope::All, gone).await.unwrap().is_some() && shelf.count() == 3);
    shelf.stuck.lock().unwrap().insert(bytes[0].clone());
    assert_eq!(prune_all(store, Some(&shelf), WorkspaceId::DEFAULT, until, until).await, Ok(0));
    assert!(shelf.has(&bytes[0]) && !shelf.has(&bytes[1]) && shelf.has(&kept));
    shelf.stuck.lock().unwrap().clear();
    let removed = Removed { keys: 1, ..Removed::default() };
    assert_eq!(remove_loose(store, &shelf, until.plus_ms(1)).await, Ok(removed));
    assert_eq!(remove_loose(store, &shelf, until.plus_ms(2)).await, Ok(Removed::default()));
    assert!(shelf.has(&kept));
}
