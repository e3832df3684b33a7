//! Uploads against the collector, at once: whatever comes first, bytes that an artifact names are there.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::join;
use ork_core::artifact::{ArtifactAt, KIND_FILE, NewArtifact, OCTETS, Provenance};
use ork_core::blobs::BlobKey;
use ork_core::clock::{Entropy, SeededEntropy, Timestamp};
use ork_core::id::{ArtifactId, RunId, WorkspaceId};
use ork_core::store::{ArtifactFilter, ArtifactsCreated, LooseBlob, Scope, Store};

use crate::bed::ada;

const OWN: Scope = Scope::One(WorkspaceId::DEFAULT);
/// How often a collector comes in a round at the most.
const PASSES_MAX: u64 = 4;
/// Keys that it takes at once.
const KEYS: u32 = 100;

/// What became of uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Raced {
    /// Those that were named.
    pub named: u32,
    /// Those that came too late: their bytes were doomed, and were written again under another key.
    pub gone: u32,
}

/// Where the bytes are: keys that have some.
struct Bytes(Mutex<BTreeSet<BlobKey>>);

impl Bytes {
    fn keys(&self) -> MutexGuard<'_, BTreeSet<BlobKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// So many rounds of an upload into a run, and a collector for which its time is over at once.
///
/// # Panics
/// When an artifact has no bytes at the end of a round, or bytes are left at the end of all that no artifact names.
pub async fn uploads_against_the_collector(store: &Arc<dyn Store>, run: RunId, now: Timestamp, rounds: u32) -> Raced {
    let bytes = Bytes(Mutex::default());
    let mut dice = SeededEntropy::new(u64::from(rounds));
    let mut raced = Raced::default();
    for round in 0..rounds {
        let now = now.plus_ms(u64::from(round));
        let (mut mine, passes) = (SeededEntropy::new(dice.next_u64()), 1 + dice.below(PASSES_MAX));
        let collector = collect(store, &bytes, now.plus_ms(1), passes);
        // Whoever comes first says it first.
        let (named, gone) = if dice.below(2) == 0 {
            join(upload(store, &bytes, (run, now), &mut mine), collector).await.0
        } else {
            join(collector, upload(store, &bytes, (run, now), &mut mine)).await.1
        };
        (raced.named, raced.gone) = (raced.named + 1, raced.gone + gone);
        assert!(bytes.keys().contains(&named), "round {round}: `{named}` is named, and its bytes are gone");
    }
    while !collect_once(store, &bytes, now.plus_ms(u64::from(rounds) + 1_000)).await.is_empty() {}
    let mut named = BTreeSet::new();
    let mut filter = ArtifactFilter { run: Some(run), limit: KEYS, ..ArtifactFilter::default() };
    loop {
        let page = store.artifacts(OWN, &filter).await.expect("artifacts are listed");
        let Some(last) = page.last() else { break };
        filter.before = Some(last.artifact.id);
        named.extend(page.iter().filter_map(|row| row.artifact.at.key().cloned()));
    }
    assert_eq!(*bytes.keys(), named, "what is named is there, and nothing else is");
    raced
}

/// Notes, writes and names bytes, under another key each time it comes too late; the key, and how often that was.
async fn upload(
    store: &Arc<dyn Store>,
    bytes: &Bytes,
    (run, now): (RunId, Timestamp),
    random: &mut SeededEntropy,
) -> (BlobKey, u32) {
    let mut gone = 0;
    loop {
        let id = ArtifactId::new(now, random);
        let key = BlobKey::artifact(WorkspaceId::DEFAULT, run, id);
        let blob = LooseBlob { key: key.clone(), workspace: WorkspaceId::DEFAULT, kept_until: now };
        assert_eq!(store.note_blob(OWN, &blob).await, Ok(true), "a new key is noted");
        bytes.keys().insert(key.clone());
        let new = NewArtifact {
            id,
            run,
            from: Provenance::default(),
            name: "a".into(),
            kind: KIND_FILE.into(),
            content_type: OCTETS.into(),
            at: ArtifactAt::Kept { key: key.clone(), size: 0, checksum: String::new() },
            meta: None,
        };
        match store.create_artifacts(OWN, &[new], None, &ada(), now).await {
            Ok(ArtifactsCreated::Created) => return (key, gone),
            Ok(ArtifactsCreated::Gone(of)) => assert_eq!(of, id),
            other => panic!("{other:?}"),
        }
        // What was removed before it was written is left behind by nobody else.
        bytes.keys().remove(&key);
        gone += 1;
    }
}

async fn collect(store: &Arc<dyn Store>, bytes: &Bytes, now: Timestamp, passes: u64) {
    for _ in 0..passes {
        collect_once(store, bytes, now).await;
    }
}

/// Removes what is doomed; those keys.
async fn collect_once(store: &Arc<dyn Store>, bytes: &Bytes, now: Timestamp) -> Vec<BlobKey> {
    let doomed = store.doom_blobs(now, KEYS).await.expect("what is doomed is answered");
    for key in &doomed {
        bytes.keys().remove(key);
    }
    store.forget_blobs(&doomed).await.expect("keys are forgotten");
    doomed
}
