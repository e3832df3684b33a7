//! Packs logs: once an attempt is over, parts take the place of the chunks of its log. A small log stays as it is.
//!
//! Each part is a transaction of its own, and a log that is half packed reads as before, so it does not matter where this is
//! broken off. One process at a time does it, so that no two pack the same; if two did, the first one would count.

use std::sync::Arc;
use std::time::Duration;

use ork_core::blobs::{BlobKey, Blobs, Expected, Whole};
use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::limits::LOG_INLINE_BYTES_MAX;
use ork_core::log::{Block, Cutter};
use ork_core::store::{LogPack, LogPart, LogQuery, LooseBlob, Packable, Packed, PartKept, Scope};
use tokio::time::{Instant, sleep};

use crate::parts::Parts;

/// How often it is looked whether something is to be packed, when nobody says so.
const PERIOD: Duration = Duration::from_secs(5);
/// Between two parts those who claim and settle have their turn: for so many times as long as the part took.
const REST: u32 = 2;
const DUTY: &str = "packer";
const HOLD_MS: u64 = 60_000;
/// Logs that are looked up at once.
const PAGE: u32 = 50;
/// How long the bytes of a part may be on their way into the artifact store.
const UPLOAD_MS: u64 = 600_000;
/// What is read of a log at once.
const READ_BYTES: usize = 1 << 20;

pub async fn run(parts: Arc<Parts>) {
    let mut held_until = parts.clock.now();
    loop {
        if let Err(error) = round(&parts, &mut held_until).await {
            parts.store_failed("packer", &error);
        }
        tokio::select! {
            biased;
            () = parts.pokes.packer.notified() => {}
            () = sleep(PERIOD) => {}
        }
    }
}

/// Packs what there is. Most rounds find nothing, and a look costs no commit.
async fn round(parts: &Parts, held_until: &mut Timestamp) -> StoreResult<()> {
    // While the artifact store takes nothing, logs that do not need it have their turn.
    let (mut after, mut has_store) = (None, true);
    loop {
        let found = parts.store.packable_logs(after, PAGE).await?;
        for log in &found {
            if !hold(parts, held_until).await? {
                return Ok(());
            }
            match pack(parts, log, has_store).await {
                Err(error) if error.is_transient() => return Err(error),
                // The others have their turn.
                Err(StoreError::Incompatible(problem)) => {
                    has_store = false;
                    parts.observers.trouble("packer", format!("log of `{}`: {problem}", log.task.id()));
                }
                Err(error) => parts.observers.trouble("packer", format!("log of `{}`: {error}", log.task.id())),
                Ok(()) => {}
            }
        }
        after = found.last().map(|log| (log.task, log.attempt));
        if found.len() < PAGE as usize {
            return Ok(());
        }
    }
}

async fn hold(parts: &Parts, held_until: &mut Timestamp) -> StoreResult<bool> {
    let now = parts.clock.now();
    if held_until.since_ms(now) < HOLD_MS / 2 {
        let until = now.plus_ms(HOLD_MS);
        if !parts.store.hold_duty(DUTY, parts.identity.now(), now, until).await? {
            return Ok(false);
        }
        *held_until = until;
    }
    Ok(true)
}

async fn pack(parts: &Parts, log: &Packable, has_store: bool) -> StoreResult<()> {
    let (task, attempt) = (log.task, log.attempt);
    let mut cutter = Cutter::new(log.packed);
    let (mut from, mut after) = (log.packed.offset, log.packed.offset);
    let end = parts.store.log_end(Scope::All, task, attempt).await?;
    let is_large = end.offset > LOG_INLINE_BYTES_MAX;
    if is_large && !has_store {
        return Ok(());
    }
    loop {
        let query = LogQuery { task, attempt, from, bytes_max: READ_BYTES };
        let page = parts.store.logs(Scope::All, query).await?;
        // Somebody else has been here.
        if !page.parts.is_empty() {
            return Ok(());
        }
        for block in page.chunks.into_iter().flat_map(|chunk| cutter.push(chunk.into_block())) {
            if !put(parts, log, (&mut after, is_large), &block).await? {
                return Ok(());
            }
        }
        match page.next {
            Some(next) => from = next,
            None => break,
        }
    }
    if let Some(block) = cutter.finish() {
        put(parts, log, (&mut after, is_large), &block).await?;
    }
    Ok(())
}

/// One part, behind what is packed already. False when it is not ours to go on.
async fn put(parts: &Parts, log: &Packable, (after, is_large): (&mut u64, bool), block: &Block) -> StoreResult<bool> {
    let began = Instant::now();
    let bytes = ork_logs::pack(block).map_err(StoreError::Unavailable)?;
    let kept = match &parts.config.blobs {
        Some(blobs) if is_large => keep(parts, log, block, (blobs.as_ref(), bytes)).await?,
        _ => PartKept::Inline(bytes),
    };
    let lines = block.end().line - block.at.line;
    let part = LogPart { at: block.at, length: block.bytes.len() as u64, lines, kept };
    let pack = LogPack { task: log.task, attempt: log.attempt, after: *after, part, now: parts.clock.now() };
    let packed = parts.store.pack_log(&pack).await?;
    *after = block.end_offset();
    sleep(began.elapsed() * REST).await;
    Ok(packed == Packed::Done)
}

/// Puts the bytes of a part into the artifact store, under a key that nobody else has. What becomes of them if nobody names them
/// is the janitor's business.
async fn keep(
    parts: &Parts,
    log: &Packable,
    block: &Block,
    (blobs, bytes): (&dyn Blobs, Vec<u8>),
) -> StoreResult<PartKept> {
    let size = bytes.len() as u64;
    let name = format!("log-{}-{}-{}-{:016x}", log.task.n, log.attempt, block.at.offset, parts.random());
    let key = BlobKey::of_run(log.workspace, log.task.run, &name);
    let kept_until = parts.clock.now().plus_ms(UPLOAD_MS);
    let loose = LooseBlob { key: key.clone(), workspace: log.workspace, kept_until };
    parts.store.note_blob(Scope::All, &loose).await?;
    let expected = Expected { size: Some(size), ..Expected::default() };
    let written = blobs.put(&key, &mut Whole::new(bytes), &expected).await;
    // Not the database's: that one is well.
    written.map_err(|error| StoreError::Incompatible(format!("the artifact store: {error}")))?;
    Ok(PartKept::Blob { key, size })
}
