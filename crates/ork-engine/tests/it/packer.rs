//! Logs are packed once their attempts are over, whoever fails where, and say the same before and after.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use ork_core::blobs::{BlobError, BlobKey, BlobResult, Blobs, ByteSource, Expected, LinkUse, Written};
use ork_core::id::{RunId, TaskRef};
use ork_core::store::{LogQuery, Logs, Scope, Store};
use ork_logs::Reader;
use tokio::time::sleep;

use crate::faulty::Fault;
use crate::faulty::Fault::{After, Before, Panic};
use crate::world::World;

/// A task that writes 3 MiB, and one that writes little.
const TALK: &str = "{name: talk, tasks: {much: {operation: chatter, params: {lines: 60000}}, \
                    little: {operation: chatter, params: {lines: 9}}}}";

async fn whole(world: &World, task: TaskRef) -> Vec<u8> {
    let reader = Reader::new(Arc::clone(&world.store) as Arc<dyn Store>, None, Scope::All);
    let (mut bytes, mut from) = (Vec::new(), 0);
    loop {
        let pieces = reader.pieces((task, 1), from, 1 << 20).await.unwrap();
        bytes.extend(pieces.blocks.into_iter().flat_map(|block| block.bytes));
        match pieces.next {
            Some(next) => from = next,
            None => return bytes,
        }
    }
}

fn expected(lines: u32) -> Vec<u8> {
    (0..lines).flat_map(|n| format!("line {n} of a task that talks much and long\n").into_bytes()).collect()
}

async fn is_packed(world: &World, task: TaskRef) -> bool {
    let query = LogQuery { task, attempt: 1, from: 0, bytes_max: usize::MAX };
    let store = &world.store.inner;
    let parts = store.logs(Scope::All, query).await.unwrap().parts;
    let end = parts.last().map_or(0, |part| part.end().offset);
    let rest = store.logs(Scope::All, LogQuery { from: end, ..query }).await.unwrap();
    !parts.is_empty() && rest.chunks.is_empty() && store.packable_logs(None, 10).await.unwrap().is_empty()
}

/// An artifact store that takes nothing.
struct Away;

#[async_trait::async_trait]
impl Blobs for Away {
    async fn put(&self, _: &BlobKey, _: &mut dyn ByteSource, _: &Expected) -> BlobResult<Written> {
        Err(BlobError::Unavailable("it is away".into()))
    }

    async fn get(&self, _: &BlobKey, _: Option<Range<u64>>) -> BlobResult<Box<dyn ByteSource>> {
        Err(BlobError::Unavailable("it is away".into()))
    }

    async fn size(&self, _: &BlobKey) -> BlobResult<Option<u64>> {
        Err(BlobError::Unavailable("it is away".into()))
    }

    async fn remove(&self, _: &BlobKey) -> BlobResult<()> {
        Err(BlobError::Unavailable("it is away".into()))
    }

    async fn link(&self, _: &BlobKey, _: LinkUse, _: u64) -> BlobResult<Option<String>> {
        Ok(None)
    }

    async fn check(&self) -> BlobResult<()> {
        Err(BlobError::Unavailable("it is away".into()))
    }
}

/// Logs that need no artifact store do not wait for it behind one that does.
#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_stops_no_other_log() {
    let mut world = World::new();
    let _one = world.engine_with(|config| config.blobs = Some(Arc::new(Away))).await;
    let run: RunId = world
        .submit(
            "{name: talk, tasks: {huge: {operation: chatter, params: {lines: 120000}}, \
                 much: {operation: chatter, params: {lines: 60000}}}}",
        )
        .await;
    let shown = world.end_within(run, Duration::from_secs(60)).await;
    assert!(shown.starts_with("run success"), "{shown}");
    let (huge, much) = (TaskRef { run, n: 0 }, TaskRef { run, n: 1 });
    let parts = async |task| {
        let query = LogQuery { task, attempt: 1, from: 0, bytes_max: usize::MAX };
        world.store.inner.logs(Scope::All, query).await.unwrap().parts.len()
    };
    for _ in 0..600 {
        if parts(much).await > 0 {
            break;
        }
        sleep(Duration::from_secs(1)).await;
    }
    assert!(parts(much).await > 0 && parts(huge).await == 0);
    assert!(whole(&world, huge).await == expected(120_000));
}

async fn check(request: &'static str, faults: &[Fault]) {
    let mut world = World::new();
    world.store.plan(request, faults);
    let _one = world.engine().await;
    let _two = world.engine().await;
    let run: RunId = world.submit(TALK).await;
    let shown = world.end_within(run, Duration::from_secs(60)).await;
    assert!(shown.starts_with("run success"), "{request} {faults:?}: {shown}");
    let (much, little) = (TaskRef { run, n: 0 }, TaskRef { run, n: 1 });
    for _ in 0..600 {
        if is_packed(&world, much).await {
            break;
        }
        // At every moment it says the same.
        assert!(whole(&world, much).await == expected(60_000), "{request} {faults:?}");
        sleep(Duration::from_secs(1)).await;
    }
    assert!(is_packed(&world, much).await, "{request} {faults:?}");
    assert!(whole(&world, much).await == expected(60_000), "{request} {faults:?}");
    let query = LogQuery { task: little, attempt: 1, from: 0, bytes_max: 1 << 20 };
    let page = world.store.inner.logs(Scope::All, query).await.unwrap();
    assert!(page.parts.is_empty() && !page.chunks.is_empty(), "a small log stays as it is");
    assert_eq!(whole(&world, little).await, expected(9));
}

#[tokio::test(start_paused = true)]
async fn logs_are_packed_whoever_fails_where() {
    check("none", &[]).await;
    for request in ["packable_logs", "pack_log", "hold_duty", "log_end"] {
        for fault in [Before, After, Panic] {
            check(request, &[fault, fault]).await;
        }
    }
    for fault in [Before, After] {
        check("append_logs", &[fault, fault]).await;
    }
}
