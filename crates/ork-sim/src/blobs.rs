//! Where the bytes of artifacts are in a world, people who upload some, and the janitor's collector of those that nobody names.
//!
//! Uploads are given less time than many of them take, so that the collector is often in the middle of one.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ork_core::artifact::{ArtifactAt, KIND_FILE, NewArtifact, OCTETS, Provenance};
use ork_core::blobs::{BlobError, BlobKey, BlobResult, Blobs, ByteSource, Expected, LinkUse, Whole, Written};
use ork_core::clock::Clock;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::Actor;
use ork_core::id::{ArtifactId, RunId, WorkspaceId};
use ork_core::store::{Artifacts, ArtifactsCreated, LooseBlob, RunDump, Scope};
use ork_engine::remove_loose;
use tokio::time::{sleep, sleep_until};

use crate::dice::Dice;
use crate::faults::FaultyStore;
use crate::users::PATIENCE;
use crate::weather::Who;
use crate::world::{World, lock};

/// The stream of the dice of a run's uploads, and that of a collector.
const UPLOADS: u64 = 12;
const COLLECTORS: u64 = 13;
/// Uploads of a run at the most.
const UPLOADS_MAX: u64 = 3;
/// Times that one is begun anew under another key.
const KEYS_MAX: u32 = 5;
/// Bytes of an upload.
const BYTES: u64 = 3;

/// The way to the place where bytes are, which loses requests and answers.
pub struct Depot {
    world: Arc<World>,
    who: Who,
}

impl Depot {
    /// The way of a node, or of the users.
    #[must_use]
    pub const fn new(world: Arc<World>, who: Who) -> Self {
        Self { world, who }
    }

    async fn thaw(&self) {
        loop {
            let until = lock(&self.world.weather).frozen_until(self.who);
            let Some(until) = until else { return };
            sleep_until(until).await;
        }
    }

    async fn send<T>(&self, name: &str, key: &BlobKey, request: impl FnOnce(&World) -> T) -> BlobResult<T> {
        let fate = lock(&self.world.weather).fate();
        let lost = |how| {
            lock(&self.world.weather).land(how);
            self.world.note(format_args!("{:?} {name} {key} {how}", self.who));
            BlobError::Unavailable(format!("simulated: {how}"))
        };
        sleep(Duration::from_millis(fate.there_ms)).await;
        self.thaw().await;
        if fate.fails {
            return Err(lost("before"));
        }
        let answer = request(&self.world);
        self.world.note(format_args!("{:?} {name} {key}", self.who));
        sleep(Duration::from_millis(fate.back_ms)).await;
        self.thaw().await;
        if fate.loses_answer { Err(lost("after")) } else { Ok(answer) }
    }
}

#[async_trait]
impl Blobs for Depot {
    async fn put(&self, key: &BlobKey, bytes: &mut dyn ByteSource, _: &Expected) -> BlobResult<Written> {
        let mut size = 0;
        while let Some(piece) = bytes.next().await? {
            size += piece.len() as u64;
        }
        self.send("put", key, |world| lock(&world.shelf).insert(key.clone())).await?;
        Ok(Written { size, checksum: String::new() })
    }

    async fn get(&self, key: &BlobKey, _: Option<Range<u64>>) -> BlobResult<Box<dyn ByteSource>> {
        let is_there = self.send("get", key, |world| lock(&world.shelf).contains(key)).await?;
        let bytes = vec![0; usize::try_from(BYTES).unwrap_or_default()];
        if is_there { Ok(Box::new(Whole::new(bytes))) } else { Err(BlobError::NotFound(key.to_string())) }
    }

    async fn size(&self, key: &BlobKey) -> BlobResult<Option<u64>> {
        self.send("size", key, |world| lock(&world.shelf).contains(key).then_some(BYTES)).await
    }

    async fn remove(&self, key: &BlobKey) -> BlobResult<()> {
        let was_there = self.send("remove", key, |world| lock(&world.shelf).remove(key)).await?;
        if was_there {
            lock(&self.world.witness).mark("bytes removed");
        }
        Ok(())
    }

    async fn link(&self, _: &BlobKey, _: LinkUse, _: u64) -> BlobResult<Option<String>> {
        Ok(None)
    }

    async fn check(&self) -> BlobResult<()> {
        Ok(())
    }
}

/// What the janitor of a node does with bytes that nobody names, for as long as the world lasts.
pub async fn collect(world: Arc<World>, at: usize) {
    let mut dice = Dice::new(world.scenario.seed, &[COLLECTORS, at as u64]);
    let store = FaultyStore::new(Arc::clone(&world), Who::Node(at));
    let depot = Depot::new(Arc::clone(&world), Who::Node(at));
    let clock = world.clock.skewed_by_ms(world.scenario.nodes[at].skew_ms);
    loop {
        sleep(Duration::from_millis(dice.between(300, 3_000))).await;
        match remove_loose(&store, &depot, clock.now()).await {
            Ok(_) | Err(StoreError::Unavailable(_)) => {}
            Err(error) => world.problem(format!("n{at}: bytes that nobody names were not removed: {error}")),
        }
    }
}

/// Somebody uploads artifacts into a run, now and then.
pub fn upload_into(world: &Arc<World>, run: RunId, number: u64) {
    let mut dice = Dice::new(world.scenario.seed, &[UPLOADS, number]);
    for at in 0..dice.below(UPLOADS_MAX + 1) {
        let dice = Dice::new(world.scenario.seed, &[UPLOADS, number, at]);
        tokio::spawn(Upload { world: Arc::clone(world), run, dice }.carry_out());
    }
}

struct Upload {
    world: Arc<World>,
    run: RunId,
    dice: Dice,
}

impl Upload {
    async fn carry_out(mut self) {
        self.pause(9_000).await;
        for _ in 0..KEYS_MAX {
            match self.once().await {
                Ok(ArtifactsCreated::Gone(_)) => {}
                Ok(_) => return,
                Err(error) => return self.world.problem(format!("an upload was refused: {error}")),
            }
        }
    }

    async fn pause(&mut self, ms: u64) {
        sleep(Duration::from_millis(self.dice.below(ms))).await;
    }

    /// Notes, writes and names bytes. Whoever gets no answer asks again, and some go away in the middle.
    async fn once(&mut self) -> StoreResult<ArtifactsCreated> {
        let store = FaultyStore::new(Arc::clone(&self.world), Who::Users);
        let depot = Depot::new(Arc::clone(&self.world), Who::Users);
        let now = self.world.clock.now();
        let id = ArtifactId::new(now, &mut self.dice);
        let key = BlobKey::artifact(WorkspaceId::DEFAULT, self.run, id);
        let kept_until = now.plus_ms(self.dice.between(500, 9_000));
        let blob = LooseBlob { key: key.clone(), workspace: WorkspaceId::DEFAULT, kept_until };
        while let Err(error) = store.note_blob(Scope::All, &blob).await {
            wait_after(error).await?;
        }
        self.pause(2_000).await;
        let bytes = vec![0; usize::try_from(BYTES).unwrap_or_default()];
        while depot.put(&key, &mut Whole::new(bytes.clone()), &Expected::default()).await.is_err() {
            sleep(PATIENCE).await;
        }
        if self.dice.percent(20) {
            // Nobody names them any more.
            return Ok(ArtifactsCreated::Stale);
        }
        self.pause(6_000).await;
        let new = NewArtifact {
            id,
            run: self.run,
            from: Provenance::default(),
            name: "a".into(),
            kind: KIND_FILE.into(),
            content_type: OCTETS.into(),
            at: ArtifactAt::Kept { key: key.clone(), size: BYTES, checksum: String::new() },
            meta: None,
        };
        let actor = Actor::user("sim");
        loop {
            let now = self.world.clock.now();
            match store.create_artifacts(Scope::All, std::slice::from_ref(&new), None, &actor, now).await {
                Ok(created) => return Ok(created),
                Err(error) => wait_after(error).await?,
            }
        }
    }
}

/// What is to be asked again is so after a while.
async fn wait_after(error: StoreError) -> StoreResult<()> {
    if !error.is_transient() {
        return Err(error);
    }
    sleep(PATIENCE).await;
    Ok(())
}

/// Artifacts of a run whose bytes are gone.
#[must_use]
pub fn without_bytes(world: &World, dump: &RunDump) -> Vec<String> {
    let shelf = lock(&world.shelf);
    let keyed = dump.artifacts.iter().filter_map(|row| row.artifact.at.key().map(|key| (row.artifact.id, key)));
    let gone = keyed.filter(|(_, key)| !shelf.contains(key));
    gone.map(|(id, _)| format!("`{id}` names bytes that were removed")).collect()
}
