//! What runs keep: created once, by whoever may; never changed; and no bytes are removed that a row names.

use ork_core::artifact::{ArtifactAt, ArtifactRow, KIND_FILE, NewArtifact, Provenance};
use ork_core::blobs::BlobKey;
use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::EventType;
use ork_core::graph::NewRun;
use ork_core::id::{RunId, TaskRef, WorkspaceId};
use ork_core::json::Json;
use ork_core::state::RunStatus;
use ork_core::store::{ArtifactFilter, ArtifactsCreated, KeptUnder, LooseBlob, Scope};

use super::keeping::{pruned, sweep};
use crate::OTHER;
use crate::bed::{Bed, Held, ada, done};
use crate::plans::{node, plan};

const OWN: Scope = Scope::One(WorkspaceId::DEFAULT);
const THEIRS: Scope = Scope::One(OTHER);
/// Longer than any case lasts.
const HOUR_MS: u64 = 3_600_000;

/// An artifact that is to be, with bytes under a key of its own.
pub fn new_artifact(bed: &mut Bed, run: RunId, name: &str) -> NewArtifact {
    let id = bed.new_artifact_id();
    let key = BlobKey::artifact(WorkspaceId::DEFAULT, run, id);
    NewArtifact {
        id,
        run,
        from: Provenance::default(),
        name: name.into(),
        kind: KIND_FILE.into(),
        content_type: "text/plain; charset=utf-8".into(),
        at: ArtifactAt::Kept { key, size: 3, checksum: "ab".repeat(32) },
        meta: Some(Json::from_stored(r#"{ "n":  1.50, "ü": null }"#)),
    }
}

fn key(artifact: &NewArtifact) -> BlobKey {
    artifact.at.key().expect("its bytes are kept").clone()
}

/// Notes the bytes of an artifact until then.
async fn note(bed: &Bed, artifact: &NewArtifact, kept_until: Timestamp) -> bool {
    let blob = LooseBlob { key: key(artifact), workspace: WorkspaceId::DEFAULT, kept_until };
    bed.store.note_blob(OWN, &blob).await.expect("a note is answered")
}

async fn create(bed: &Bed, new: &[NewArtifact], under: Option<KeptUnder>) -> StoreResult<ArtifactsCreated> {
    bed.store.create_artifacts(OWN, new, under, &ada(), bed.now).await
}

/// An artifact that is there.
pub async fn kept(bed: &mut Bed, run: RunId, name: &str) -> NewArtifact {
    let new = new_artifact(bed, run, name);
    assert!(note(bed, &new, bed.now.plus_ms(HOUR_MS)).await, "new bytes are noted");
    assert_eq!(create(bed, std::slice::from_ref(&new), None).await, Ok(ArtifactsCreated::Created));
    new
}

async fn doom(bed: &Bed, limit: u32) -> Vec<BlobKey> {
    bed.store.doom_blobs(bed.now, limit).await.expect("what is doomed is answered")
}

const fn under(held: &Held) -> KeptUnder {
    KeptUnder { task: held.claimed.task, attempt: held.claimed.attempt, lease: held.lease }
}

async fn names(bed: &Bed, scope: Scope, filter: ArtifactFilter) -> Vec<String> {
    let filter = ArtifactFilter { limit: if filter.limit == 0 { 100 } else { filter.limit }, ..filter };
    let rows = bed.store.artifacts(scope, &filter).await.expect("artifacts are listed");
    rows.into_iter().map(|row| row.artifact.name).collect()
}

async fn told(bed: &Bed, run: RunId) -> Vec<(String, serde_json::Value)> {
    let events = bed.store.events(OWN, run, 0, 10_000).await.expect("events are answered");
    let of = events.into_iter().filter(|event| event.event_type == EventType::ArtifactCreated);
    of.map(|event| (event.tasks.to_string(), event.payload.expect("it says which").value())).collect()
}

pub async fn artifacts_are_created_once(bed: &mut Bed) {
    let run = bed.submit(plan(vec![node("a", &[])])).await;
    let mut file = new_artifact(bed, run, "out/clip.mp4");
    file.from = Provenance { n: Some(0), attempt: Some(1), step: Some("cut".into()) };
    let mut link = new_artifact(bed, run, "raw");
    link.at = ArtifactAt::Elsewhere { url: "s3://bucket/raw".into(), size: None, checksum: None };
    link.meta = None;
    assert!(note(bed, &file, bed.now.plus_ms(HOUR_MS)).await);
    let both = [file.clone(), link.clone()];
    for time in ["once", "again", "in another order"] {
        let new = if time == "in another order" { [link.clone(), file.clone()] } else { both.clone() };
        assert_eq!(create(bed, &new, None).await, Ok(ArtifactsCreated::Created), "{time}");
        bed.pass(5);
    }
    let created_at = bed.store.artifact(OWN, file.id).await.expect("it is answered").expect("it is there").created_at;
    let row = |artifact: &NewArtifact| ArtifactRow {
        workspace: WorkspaceId::DEFAULT,
        owner: None,
        artifact: artifact.clone(),
        created_at,
    };
    for artifact in &both {
        assert_eq!(bed.store.artifact(OWN, artifact.id).await, Ok(Some(row(artifact))));
    }
    assert_eq!(bed.dump(run).await.artifacts, [row(&file), row(&link)], "by id");
    let expected = [("0".to_owned(), file.told()), (String::new(), link.told())];
    assert_eq!(told(bed, run).await, expected, "each has its event");
    // What is there is never another one.
    let other = NewArtifact { name: "other".into(), ..link.clone() };
    assert!(matches!(create(bed, &[other], None).await, Err(StoreError::Conflict(_))));
    // Nothing is nothing.
    assert_eq!(create(bed, &[], None).await, Ok(ArtifactsCreated::Created));
    let nowhere = NewArtifact { run: bed.new_run(plan(vec![])).id, ..new_artifact(bed, run, "x") };
    assert!(matches!(create(bed, &[nowhere], None).await, Err(StoreError::NotFound(_))));
    let mut of_nobody = new_artifact(bed, run, "x");
    of_nobody.from.n = Some(1);
    assert!(matches!(create(bed, &[of_nobody], None).await, Err(StoreError::NotFound(_))));
    // A new one beside one that is there.
    let third = new_artifact(bed, run, "third");
    assert!(note(bed, &third, bed.now.plus_ms(HOUR_MS)).await);
    assert_eq!(create(bed, &[file.clone(), third.clone()], None).await, Ok(ArtifactsCreated::Created));
    assert_eq!(told(bed, run).await.len(), 3);
}

pub async fn artifacts_are_listed(bed: &mut Bed) {
    let first = bed.submit(plan(vec![node("a", &[]), node("b", &[])])).await;
    let mut made = Vec::new();
    for (name, kind, n) in [("a", "video", Some(0)), ("b", "log", Some(1)), ("a", "log", Some(1)), ("c", "file", None)]
    {
        let mut new = new_artifact(bed, first, name);
        (new.kind, new.from.n) = (kind.into(), n);
        note(bed, &new, bed.now.plus_ms(HOUR_MS)).await;
        assert_eq!(create(bed, std::slice::from_ref(&new), None).await, Ok(ArtifactsCreated::Created));
        made.push(new);
    }
    let second = bed.submit(plan(vec![node("a", &[])])).await;
    kept(bed, second, "d").await;
    let all = ArtifactFilter::default;
    assert_eq!(names(bed, OWN, all()).await, ["d", "c", "a", "b", "a"], "newest first");
    let of_run = || ArtifactFilter { run: Some(first), ..all() };
    assert_eq!(names(bed, OWN, of_run()).await, ["c", "a", "b", "a"]);
    let task = Some(TaskRef { run: first, n: 1 });
    assert_eq!(names(bed, OWN, ArtifactFilter { task, ..all() }).await, ["a", "b"]);
    assert_eq!(names(bed, OWN, ArtifactFilter { task, ..of_run() }).await, ["a", "b"]);
    assert_eq!(names(bed, OWN, ArtifactFilter { task, run: Some(second), ..all() }).await, [""; 0]);
    let (log, a) = (Some("log".to_owned()), Some("a".to_owned()));
    for (filter, expected) in [
        (ArtifactFilter { kind: log.clone(), ..all() }, vec!["a", "b"]),
        (ArtifactFilter { name: a.clone(), ..all() }, vec!["a", "a"]),
        (ArtifactFilter { name: a.clone(), kind: log.clone(), ..of_run() }, vec!["a"]),
        (ArtifactFilter { name: a, task, ..all() }, vec!["a"]),
        (ArtifactFilter { kind: Some("LOG".into()), ..all() }, vec![]),
        (ArtifactFilter { before: Some(made[3].id), limit: 2, ..all() }, vec!["a", "b"]),
        (ArtifactFilter { before: Some(made[1].id), ..of_run() }, vec!["a"]),
        (ArtifactFilter { before: Some(made[2].id), task, ..all() }, vec!["b"]),
        (ArtifactFilter { before: Some(made[0].id), ..all() }, vec![]),
    ] {
        assert_eq!(names(bed, OWN, filter.clone()).await, expected, "{filter:?}");
    }
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = bed.store.artifacts(OWN, &ArtifactFilter { before, limit: 2, ..all() }).await.expect("a page");
        let Some(last) = page.last() else { break };
        before = Some(last.artifact.id);
        seen.extend(page.into_iter().map(|row| row.artifact.name));
    }
    assert_eq!(seen, ["d", "c", "a", "b", "a"], "page by page");
}

pub async fn artifacts_belong_to_the_owners_of_runs(bed: &mut Bed) {
    let mut made = Vec::new();
    for owner in [Some("ada"), Some("bob"), None] {
        let new = NewRun { owner: owner.map(str::to_owned), ..bed.new_run(plan(vec![node("a", &[])])) };
        bed.store.submit(&new).await.expect("the run is created");
        made.push(kept(bed, new.id, owner.unwrap_or("nobody")).await);
    }
    let of = |owner: &str| ArtifactFilter { owner: Some(owner.into()), ..ArtifactFilter::default() };
    assert_eq!(names(bed, OWN, of("ada")).await, ["ada"]);
    assert_eq!(names(bed, OWN, of("bob")).await, ["bob"]);
    assert_eq!(names(bed, OWN, of("ad")).await, [""; 0]);
    assert_eq!(names(bed, OWN, ArtifactFilter { run: Some(made[1].run), ..of("ada") }).await, [""; 0]);
    let row = bed.store.artifact(OWN, made[0].id).await.expect("it is answered").expect("it is there");
    assert_eq!(row.owner.as_deref(), Some("ada"));
}

pub async fn only_the_lease_names_its_artifacts(bed: &mut Bed) {
    let run = bed.submit(plan(vec![node("a", &[]), node("b", &[])])).await;
    let (held, other) = (bed.claim_one().await, bed.claim_one().await);
    let made = new_artifact(bed, run, "a");
    note(bed, &made, bed.now.plus_ms(HOUR_MS)).await;
    let new = [made.clone()];
    let present = under(&held);
    for stale in [
        KeptUnder { attempt: 2, ..present },
        KeptUnder { lease: other.lease, ..present },
        KeptUnder { task: TaskRef { run, n: 7 }, ..present },
    ] {
        assert_eq!(create(bed, &new, Some(stale)).await, Ok(ArtifactsCreated::Stale), "{stale:?}");
    }
    assert_eq!(bed.store.artifact(OWN, made.id).await, Ok(None));
    // The lease of a task of another run names nothing of this one.
    let elsewhere = bed.submit(plan(vec![node("a", &[])])).await;
    let away = bed.claim_one().await;
    assert_eq!(away.claimed.task.run, elsewhere);
    assert_eq!(create(bed, &new, Some(under(&away))).await, Ok(ArtifactsCreated::Stale));
    assert_eq!(create(bed, &new, Some(present)).await, Ok(ArtifactsCreated::Created));
    let late = new_artifact(bed, run, "late");
    note(bed, &late, bed.now.plus_ms(HOUR_MS)).await;
    bed.settle(held, done()).await;
    assert_eq!(create(bed, std::slice::from_ref(&late), Some(present)).await, Ok(ArtifactsCreated::Stale));
    assert_eq!(create(bed, &[made.clone(), late], Some(present)).await, Ok(ArtifactsCreated::Stale));
    // Whoever asks again because nobody answered hears what became of it.
    assert_eq!(create(bed, &new, Some(present)).await, Ok(ArtifactsCreated::Created));
    assert_eq!(told(bed, run).await.len(), 1);
}

pub async fn a_run_that_is_over_takes_artifacts(bed: &mut Bed) {
    let run = bed.submit(plan(vec![node("a", &[])])).await;
    bed.work(done()).await;
    assert_eq!(bed.status(run).await, RunStatus::Success);
    let seq = bed.run(run).await.seq;
    let made = kept(bed, run, "late").await;
    let row = bed.run(run).await;
    assert_eq!((row.status, row.seq), (RunStatus::Success, seq + 1));
    assert_eq!(told(bed, run).await, [(String::new(), made.told())]);
}

pub async fn bytes_that_nobody_noted_cannot_be_named(bed: &mut Bed) {
    let run = bed.submit(plan(vec![node("a", &[])])).await;
    let soon = bed.now.plus_ms(HOUR_MS);
    let [good, unnoted, doomed, foreign] =
        ["good", "unnoted", "doomed", "foreign"].map(|name| new_artifact(bed, run, name));
    assert!(note(bed, &good, soon).await && note(bed, &doomed, bed.now).await);
    let blob = LooseBlob { key: key(&foreign), workspace: OTHER, kept_until: soon };
    assert_eq!(bed.store.note_blob(THEIRS, &blob).await, Ok(true));
    assert_eq!(doom(bed, 10).await, [key(&doomed)]);
    assert!(!note(bed, &doomed, soon).await, "what is doomed stays so");
    for bad in [&unnoted, &doomed, &foreign] {
        let gone = Ok(ArtifactsCreated::Gone(bad.id));
        assert_eq!(create(bed, &[good.clone(), bad.clone()], None).await, gone, "{}", bad.name);
    }
    let twice = NewArtifact { id: unnoted.id, ..good.clone() };
    assert_eq!(create(bed, &[good.clone(), twice.clone()], None).await, Ok(ArtifactsCreated::Gone(twice.id)));
    assert_eq!(names(bed, OWN, ArtifactFilter::default()).await, [""; 0], "all of them, or none");
    assert_eq!(create(bed, std::slice::from_ref(&good), None).await, Ok(ArtifactsCreated::Created));
    assert_eq!(create(bed, &[twice], None).await, Ok(ArtifactsCreated::Gone(unnoted.id)), "bytes are of one artifact");
    assert!(!note(bed, &good, soon).await, "what is named is not loose");
    bed.pass(2 * HOUR_MS);
    assert_eq!(doom(bed, 10).await, [key(&doomed), key(&foreign)], "what is named is kept");
    assert_eq!(told(bed, run).await.len(), 1);
}

pub async fn bytes_are_kept_until_their_time(bed: &mut Bed) {
    let run = bed.submit(plan(vec![node("a", &[])])).await;
    let [first, second, third] = ["1", "2", "3"].map(|name| new_artifact(bed, run, name));
    let at = |ms| bed.now.plus_ms(ms);
    let (early, late) = (at(1_000), at(5_000));
    for (artifact, until) in [(&first, early), (&second, late), (&second, early), (&third, early), (&third, late)] {
        assert!(note(bed, artifact, until).await, "again and again");
    }
    assert_eq!(doom(bed, 10).await, []);
    bed.pass(1_000);
    assert_eq!(doom(bed, 10).await, [key(&first)], "the later moment counts");
    // Nobody forgets what is not doomed.
    let all = [key(&first), key(&second), key(&third)];
    bed.store.forget_blobs(&all[1..]).await.expect("keys are forgotten");
    bed.pass(4_001);
    assert_eq!(doom(bed, 1).await, [key(&first)]);
    // What cannot be removed lets others through.
    assert_eq!(doom(bed, 2).await, all[1..]);
    bed.pass(1);
    assert_eq!(doom(bed, 1).await, [key(&first)]);
    assert_eq!(doom(bed, 10).await, all, "until it is forgotten");
    for _ in 0..2 {
        bed.store.forget_blobs(&all).await.expect("keys are forgotten");
    }
    assert_eq!(doom(bed, 10).await, []);
    assert_eq!(create(bed, std::slice::from_ref(&first), None).await, Ok(ArtifactsCreated::Gone(first.id)));
    // When its time is over nothing is named, though nobody has come to doom it: whoever did before may be about to remove it.
    let slow = new_artifact(bed, run, "slow");
    assert!(note(bed, &slow, bed.now).await);
    bed.pass(1);
    assert_eq!(create(bed, std::slice::from_ref(&slow), None).await, Ok(ArtifactsCreated::Gone(slow.id)));
    assert!(note(bed, &slow, bed.now).await, "it may be noted for longer");
    assert_eq!(create(bed, std::slice::from_ref(&slow), None).await, Ok(ArtifactsCreated::Created));
}

pub async fn artifacts_are_of_one_workspace(bed: &mut Bed) {
    let run = bed.submit(plan(vec![node("a", &[])])).await;
    let held = bed.claim_one().await;
    let mut made = new_artifact(bed, run, "a");
    made.from.n = Some(held.claimed.task.n);
    note(bed, &made, bed.now.plus_ms(HOUR_MS)).await;
    assert_eq!(create(bed, std::slice::from_ref(&made), None).await, Ok(ArtifactsCreated::Created));
    let store = bed.store.clone();
    let before = bed.dump(run).await;
    assert_eq!(store.artifact(THEIRS, made.id).await, Ok(None));
    let task = Some(held.claimed.task);
    for filter in [
        ArtifactFilter::default(),
        ArtifactFilter { run: Some(run), ..ArtifactFilter::default() },
        ArtifactFilter { task, ..ArtifactFilter::default() },
    ] {
        assert_eq!(names(bed, OWN, filter.clone()).await, ["a"]);
        assert_eq!(names(bed, THEIRS, filter).await, [""; 0]);
    }
    let new = new_artifact(bed, run, "b");
    let blob = LooseBlob { key: key(&new), workspace: WorkspaceId::DEFAULT, kept_until: bed.now.plus_ms(HOUR_MS) };
    assert!(
        matches!(store.note_blob(THEIRS, &blob).await, Err(StoreError::NotFound(_))),
        "of one's own workspace alone"
    );
    assert!(note(bed, &new, blob.kept_until).await);
    for under in [None, Some(under(&held))] {
        let created = store.create_artifacts(THEIRS, std::slice::from_ref(&new), under, &ada(), bed.now).await;
        assert!(matches!(created, Err(StoreError::NotFound(_))), "{created:?}");
        let again = store.create_artifacts(THEIRS, std::slice::from_ref(&made), under, &ada(), bed.now).await;
        assert!(matches!(again, Err(StoreError::NotFound(_))), "{again:?}");
    }
    // An id is given once, whoever sees it.
    let theirs = NewRun { workspace: OTHER, ..bed.new_run(plan(vec![node("a", &[])])) };
    store.submit(&theirs).await.expect("the run is created");
    let at = ArtifactAt::Elsewhere { url: "https://a.example/".into(), size: None, checksum: None };
    let forged = NewArtifact { run: theirs.id, at, ..made.clone() };
    let created = store.create_artifacts(THEIRS, &[forged], None, &ada(), bed.now).await;
    assert!(matches!(created, Err(StoreError::Conflict(_))), "{created:?}");
    assert_eq!(bed.dump(run).await, before, "nothing changed");
}

pub async fn a_pruned_run_leaves_its_bytes_to_be_removed(bed: &mut Bed) {
    let run = bed.submit(plan(vec![node("a", &[])])).await;
    bed.work(done()).await;
    let mut keys = Vec::new();
    for name in ["a", "b", "c"] {
        keys.push(key(&kept(bed, run, name).await));
    }
    let mut link = new_artifact(bed, run, "link");
    link.at = ArtifactAt::Elsewhere { url: "https://a.example/".into(), size: None, checksum: None };
    assert_eq!(create(bed, &[link], None).await, Ok(ArtifactsCreated::Created));
    let uploading = new_artifact(bed, run, "late");
    assert!(note(bed, &uploading, bed.now.plus_ms(HOUR_MS)).await);
    let stays = bed.submit(plan(vec![node("a", &[])])).await;
    let other = kept(bed, stays, "d").await;
    assert!(pruned(bed, run).await);
    let of_run = ArtifactFilter { run: Some(run), ..ArtifactFilter::default() };
    assert_eq!(names(bed, OWN, of_run.clone()).await, [""; 0], "gone as a whole from the first moment");
    assert_eq!(names(bed, OWN, ArtifactFilter::default()).await, ["d"]);
    let created = create(bed, std::slice::from_ref(&uploading), None).await;
    assert!(matches!(created, Err(StoreError::NotFound(_))), "{created:?}");
    sweep(bed, 1).await;
    bed.pass(1);
    assert_eq!(doom(bed, 100).await, keys, "and nothing else");
    bed.store.forget_blobs(&keys).await.expect("keys are forgotten");
    bed.pass(HOUR_MS);
    assert_eq!(doom(bed, 100).await, [key(&uploading)]);
    assert_eq!(bed.store.artifact(OWN, other.id).await.map(|row| row.is_some()), Ok(true));
}

pub async fn no_race_removes_what_is_named(bed: &mut Bed) {
    let run = bed.submit(plan(vec![node("a", &[])])).await;
    crate::race::uploads_against_the_collector(&bed.store, run, bed.now, 1_000).await;
}
