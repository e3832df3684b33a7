//! Files that attempts keep: whoever fails where, what is named has its bytes, and what has bytes is named, or loose.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::pending;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ork_core::artifact::{ArtifactAt, ArtifactRow, is_checksum};
use ork_core::attempt::Outcome;
use ork_core::blobs::{BlobError, BlobKey, BlobResult, Blobs, ByteSource, Expected, LinkUse, Whole, Written};
use ork_core::clock::{Clock, SeededEntropy};
use ork_core::event::Actor;
use ork_core::executor::{Assignment, AttemptIo, Executor, KeptFile, Report};
use ork_core::id::{RunId, WorkspaceId};
use ork_core::json::Json;
use ork_core::limits::UPLOAD_MS_MAX;
use ork_core::state::Reason;
use ork_core::store::{ArtifactFilter, Artifacts, LogQuery, Logs, NewSecret, Runs, Scope, Secrets};
use ork_engine::{EngineHandle, Executors};
use ork_vault::{MasterKey, Place, Secret, Vault, key_of};
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::faulty::Fault::{After, Before};
use crate::shop::Shop;
use crate::world::{World, show};

/// What becomes of one upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Upload {
    /// The store is away.
    Away,
    /// The bytes are there, and nobody hears of it.
    Unheard,
    /// The disk is full.
    Full,
    /// The bytes are not as expected.
    Refused,
    /// It never ends.
    Hangs,
}

/// Bytes in memory.
#[derive(Default)]
pub struct Attic {
    bytes: Mutex<BTreeMap<BlobKey, Vec<u8>>>,
    plan: Mutex<VecDeque<Upload>>,
    /// Uploads at work, and the most that ever were.
    busy: Mutex<(usize, usize)>,
    hanging: Notify,
}

impl Attic {
    fn plan(&self, uploads: &[Upload]) {
        self.plan.lock().unwrap().extend(uploads);
    }

    fn keys(&self) -> BTreeSet<BlobKey> {
        self.bytes.lock().unwrap().keys().cloned().collect()
    }
}

#[async_trait]
impl Blobs for Attic {
    async fn put(&self, key: &BlobKey, source: &mut dyn ByteSource, expected: &Expected) -> BlobResult<Written> {
        let planned = self.plan.lock().unwrap().pop_front();
        {
            let mut busy = self.busy.lock().unwrap();
            busy.0 += 1;
            busy.1 = busy.1.max(busy.0);
        }
        sleep(Duration::from_millis(10)).await;
        self.busy.lock().unwrap().0 -= 1;
        match planned {
            Some(Upload::Away) => return Err(BlobError::Unavailable("nobody answers".into())),
            Some(Upload::Full) => return Err(BlobError::Unavailable("No space left on device (os error 28)".into())),
            Some(Upload::Refused) => return Err(BlobError::Refused("3 bytes came, and 1 were announced".into())),
            Some(Upload::Hangs) => {
                self.hanging.notify_one();
                pending::<()>().await;
            }
            Some(Upload::Unheard) | None => {}
        }
        let mut bytes = Vec::new();
        while let Some(piece) = source.next().await? {
            assert!(!piece.is_empty());
            bytes.extend(piece);
        }
        let size = bytes.len() as u64;
        assert!(expected.size.is_none_or(|expected| expected == size));
        let checksum = format!("{size:064x}");
        assert!(self.bytes.lock().unwrap().insert(key.clone(), bytes).is_none(), "no key is written twice");
        if planned == Some(Upload::Unheard) {
            return Err(BlobError::Unavailable("nobody heard".into()));
        }
        Ok(Written { size, checksum })
    }

    async fn get(&self, key: &BlobKey, _: Option<Range<u64>>) -> BlobResult<Box<dyn ByteSource>> {
        let bytes = self.bytes.lock().unwrap().get(key).cloned();
        let bytes = bytes.ok_or_else(|| BlobError::NotFound(key.to_string()))?;
        Ok(Box::new(Whole::new(bytes)))
    }

    async fn size(&self, key: &BlobKey) -> BlobResult<Option<u64>> {
        Ok(self.bytes.lock().unwrap().get(key).map(|bytes| bytes.len() as u64))
    }

    async fn remove(&self, key: &BlobKey) -> BlobResult<()> {
        self.bytes.lock().unwrap().remove(key);
        Ok(())
    }

    async fn link(&self, _: &BlobKey, _: LinkUse, _: u64) -> BlobResult<Option<String>> {
        Ok(None)
    }

    async fn check(&self) -> BlobResult<()> {
        Ok(())
    }
}

/// Keeps files, as an executor does whose process has left them.
#[derive(Clone, Default)]
struct Keeps {
    files: Vec<KeptFile>,
    /// It goes on until it is told to stop.
    waits: bool,
}

fn file(name: &str, text: &str) -> KeptFile {
    KeptFile {
        name: name.into(),
        kind: "file".into(),
        content_type: "text/plain".into(),
        size: text.len() as u64,
        meta: None,
        is_value: false,
        bytes: Arc::new(text.as_bytes().to_vec()),
    }
}

#[async_trait]
impl Executor for Keeps {
    async fn execute(&self, _: Assignment, io: Arc<dyn AttemptIo>) -> Report {
        io.started(None);
        if self.waits {
            io.stopped().await;
        }
        Report::of(match io.keep(self.files.clone()).await {
            Ok(kept) => {
                let names: Vec<&str> = kept.iter().map(|kept| kept.name.as_str()).collect();
                Outcome::Success { output: Json::from_value(&json!(names)).ok() }
            }
            Err(unkept) => unkept.outcome(),
        })
    }
}

struct Scene {
    world: World,
    attic: Arc<Attic>,
}

impl Scene {
    fn new() -> Self {
        Self { world: World::new(), attic: Arc::default() }
    }

    async fn engine(&mut self, process: impl Executor + 'static) -> EngineHandle {
        let (process, attic) = (Arc::new(process), Arc::clone(&self.attic));
        let executors = Executors { process: Some(process), ..Executors::default() };
        self.world.start(executors, |config| config.blobs = Some(attic)).await
    }

    /// What is named, oldest first. Each has its bytes.
    async fn rows(&self, run: RunId) -> Vec<ArtifactRow> {
        let filter = ArtifactFilter { run: Some(run), limit: 201, ..ArtifactFilter::default() };
        let mut rows = self.world.store.inner.artifacts(Scope::All, &filter).await.unwrap();
        rows.reverse();
        for row in &rows {
            if let ArtifactAt::Kept { key, size, checksum } = &row.artifact.at {
                assert_eq!(self.attic.size(key).await, Ok(Some(*size)));
                assert!(is_checksum(checksum));
            }
        }
        rows
    }

    async fn names(&self, run: RunId) -> Vec<String> {
        self.rows(run).await.into_iter().map(|row| row.artifact.name).collect()
    }

    /// How many bytes there are that nobody names: all of them are loose, and go when their time is over.
    async fn loose(&self, run: RunId) -> usize {
        let named = self.rows(run).await.into_iter().filter_map(|row| row.artifact.at.key().cloned()).collect();
        let others: BTreeSet<BlobKey> = self.attic.keys().difference(&named).cloned().collect();
        let later = self.world.clock.now().plus_ms(UPLOAD_MS_MAX);
        let doomed = self.world.store.inner.doom_blobs(later, 201).await.unwrap().into_iter().collect();
        assert!(others.is_subset(&doomed) && doomed.is_disjoint(&named), "{others:?} {doomed:?} {named:?}");
        others.len()
    }

    async fn log(&self, run: RunId) -> String {
        let task = self.world.dump(run).await.tasks[0].row.task;
        let query = LogQuery { task, attempt: 1, from: 0, bytes_max: 10_000 };
        let page = self.world.store.inner.logs(Scope::All, query).await.unwrap();
        page.chunks.iter().map(|chunk| String::from_utf8_lossy(&chunk.bytes).into_owned()).collect()
    }
}

const ONE: &str = "{name: one, tasks: {a: {command: [work]}}}";

fn many(count: usize) -> Keeps {
    Keeps { files: (0..count).map(|n| file(&format!("out/{n}.txt"), &"x".repeat(n))).collect(), waits: false }
}

#[tokio::test(start_paused = true)]
async fn files_are_kept_in_order_a_few_at_once_and_all_at_once() {
    let mut scene = Scene::new();
    let _engine = scene.engine(many(30)).await;
    let run = scene.world.submit(ONE).await;
    let shown = scene.world.end(run).await;
    let names: Vec<String> = (0..30).map(|n| format!("out/{n}.txt")).collect();
    assert_eq!(shown, format!("run success\na[0] success {}", json!(names)));
    let mut kept = scene.names(run).await;
    kept.sort_by_key(|name| names.iter().position(|known| known == name));
    let most = scene.attic.busy.lock().unwrap().1;
    assert_eq!((kept, most, scene.loose(run).await), (names, 4, 0));
    let row = &scene.rows(run).await[0];
    let from = &row.artifact.from;
    assert_eq!(
        (from.n, from.attempt, from.step.as_deref(), row.workspace),
        (Some(0), Some(1), None, WorkspaceId::DEFAULT)
    );
    assert_eq!(scene.world.store.calls("create_artifacts"), 1);
    let dump = scene.world.dump(run).await;
    let created = dump.events.iter().filter(|event| event.event_type.word() == "artifact.created");
    let actors: BTreeSet<String> = created.map(|event| format!("{:?}", event.actor.kind)).collect();
    assert_eq!(actors, BTreeSet::from(["Worker".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn faults_of_either_side_are_waited_out() {
    use Upload::{Away, Unheard};
    for (uploads, loose) in [(vec![Away], 0), (vec![Unheard], 1), (vec![Away, Unheard, Away, Unheard, Unheard], 3)] {
        for (request, faults) in [
            ("note_blob", &[][..]),
            ("note_blob", &[Before, After]),
            ("create_artifacts", &[Before, Before]),
            ("create_artifacts", &[After, Before, After]),
        ] {
            let mut scene = Scene::new();
            scene.attic.plan(&uploads);
            scene.world.store.plan(request, faults);
            let _engine = scene.engine(many(3)).await;
            let run = scene.world.submit(ONE).await;
            let shown = scene.world.end(run).await;
            assert!(shown.starts_with("run success\na[0] success ["), "{shown}");
            let found = (scene.names(run).await.len(), scene.loose(run).await, scene.world.store.unused());
            assert_eq!(found, (3, loose, 0), "{uploads:?} {request} {faults:?}");
            let log = scene.log(run).await;
            assert_eq!(log.matches("artifacts: not kept yet: the artifact store is not available").count(), 1, "{log}");
        }
    }
}

/// The run ends like this, and nothing is named.
async fn fails(uploads: &[Upload], text: &str, expected: &str) {
    let mut scene = Scene::new();
    scene.attic.plan(uploads);
    let _engine = scene.engine(many(3)).await;
    let run = scene.world.submit(text).await;
    assert_eq!(scene.world.end(run).await, expected);
    assert_eq!(scene.names(run).await, Vec::<String>::new());
    scene.loose(run).await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_kept_fails_the_attempt() {
    use Upload::{Full, Hangs, Refused};
    let full = "the artifact store is not available: No space left on device";
    fails(&[Full], ONE, &format!("run failed\na[0] failed error: failed to keep `out/0.txt`: {full}")).await;
    let refused = "failed to keep `out/0.txt`: 3 bytes came, and 1 were announced";
    fails(&[Refused], ONE, &format!("run failed\na[0] failed error: {refused}")).await;
    let timed = "{name: one, tasks: {a: {command: [work], timeout: 5s}}}";
    fails(&[Hangs], timed, "run failed\na[0] failed error: ran longer than its timeout of 5000 ms").await;
    // Another attempt may have more luck.
    let mut scene = Scene::new();
    scene.attic.plan(&[Full]);
    let _engine = scene.engine(many(1)).await;
    let run = scene.world.submit("{name: one, tasks: {a: {command: [work], retry: {max_attempts: 2}}}}").await;
    assert_eq!(scene.world.end(run).await, "run success\na[0] success attempt 2 [\"out/0.txt\"]");
    let mut world = World::new();
    let executors = Executors { process: Some(Arc::new(many(1))), ..Executors::default() };
    let _engine = world.start(executors, |_| {}).await;
    let run = world.submit(ONE).await;
    assert_eq!(world.end(run).await, "run failed\na[0] failed error: this worker has no artifact store");
}

#[tokio::test(start_paused = true)]
async fn a_cancel_ends_an_upload() {
    let mut scene = Scene::new();
    scene.attic.plan(&[Upload::Hangs]);
    let _engine = scene.engine(many(3)).await;
    let run = scene.world.submit(ONE).await;
    scene.attic.hanging.notified().await;
    let (store, now) = (&scene.world.store.inner, scene.world.clock.now());
    assert!(store.cancel_run(Scope::All, run, Reason::Cancel, &Actor::user("ann"), now).await.unwrap());
    assert_eq!(scene.world.end(run).await, "run cancelled\na[0] cancelled (cancel)");
    assert_eq!((scene.names(run).await.len(), scene.loose(run).await), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn what_an_attempt_had_when_its_time_was_over_is_kept() {
    let mut scene = Scene::new();
    let _engine = scene.engine(Keeps { waits: true, ..many(2) }).await;
    let run = scene.world.submit("{name: one, tasks: {a: {command: [work], timeout: 5s}}}").await;
    // A success that comes in spite of the stop stands.
    assert_eq!(scene.world.end(run).await, "run success\na[0] success [\"out/0.txt\",\"out/1.txt\"]");
    assert_eq!(scene.names(run).await.len(), 2);
    let mut scene = Scene::new();
    scene.attic.plan(&[Upload::Hangs]);
    let _engine = scene.engine(Keeps { waits: true, ..many(2) }).await;
    let run = scene.world.submit("{name: one, tasks: {a: {command: [work], timeout: 5s}}}").await;
    assert!(scene.world.end(run).await.starts_with("run failed\na[0] failed error: ran longer than its timeout"));
    assert_eq!(scene.names(run).await.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_doomed_meanwhile_are_written_again() {
    let mut scene = Scene::new();
    // The rows wait for a day, and the janitor does not.
    scene.world.store.delay("create_artifacts", Duration::from_millis(500));
    let _engine = scene.engine(many(3)).await;
    let run = scene.world.submit(ONE).await;
    while scene.world.store.calls("create_artifacts") < 1 {
        sleep(Duration::from_millis(5)).await;
    }
    let later = scene.world.clock.now().plus_ms(UPLOAD_MS_MAX);
    assert_eq!(scene.world.store.inner.doom_blobs(later, 201).await.unwrap().len(), 3);
    let shown = scene.world.end(run).await;
    assert!(shown.starts_with("run success\na[0] success [\"out/0.txt\""), "{shown}");
    assert_eq!((scene.names(run).await.len(), scene.loose(run).await), (3, 3));
    // And not for ever.
    let mut scene = Scene::new();
    scene.world.store.delay("create_artifacts", Duration::from_millis(500));
    let _engine = scene.engine(many(1)).await;
    let run = scene.world.submit(ONE).await;
    for round in 1..=4 {
        while scene.world.store.calls("create_artifacts") < round {
            sleep(Duration::from_millis(5)).await;
        }
        let later = scene.world.clock.now().plus_ms(UPLOAD_MS_MAX);
        scene.world.store.inner.doom_blobs(later, 201).await.unwrap();
    }
    let shown = scene.world.end(run).await;
    assert_eq!(shown, "run failed\na[0] failed error: the bytes were removed before they could be named");
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_dies_between_bytes_and_rows_has_named_nothing() {
    let mut scene = Scene::new();
    scene.world.store.delay("create_artifacts", Duration::from_secs(3_600));
    let first = scene.engine(many(3)).await;
    let run = scene.world.submit(ONE).await;
    while scene.world.store.calls("create_artifacts") < 1 {
        sleep(Duration::from_millis(5)).await;
    }
    drop(first);
    assert_eq!((scene.names(run).await.len(), scene.attic.keys().len()), (0, 3));
    scene.world.store.delay("create_artifacts", Duration::ZERO);
    let _second = scene.engine(many(3)).await;
    let shown = scene.world.end(run).await;
    assert!(shown.starts_with("run success\na[0] success attempt 2 ["), "{shown}");
    let attempts: Vec<Option<u32>> = scene.rows(run).await.iter().map(|row| row.artifact.from.attempt).collect();
    assert_eq!((attempts, scene.loose(run).await), (vec![Some(2); 3], 3));
}

#[tokio::test(start_paused = true)]
async fn a_worker_whose_lease_is_gone_names_nothing() {
    let mut scene = Scene::new();
    // It is frozen for longer than its lease lasts, after its bytes were written.
    scene.world.store.delay("create_artifacts", Duration::from_secs(60));
    let _first = scene.engine(many(2)).await;
    let run = scene.world.submit(ONE).await;
    while scene.world.store.calls("create_artifacts") < 1 {
        sleep(Duration::from_millis(5)).await;
    }
    scene.world.store.delay("create_artifacts", Duration::ZERO);
    let dump = scene.world.dump(run).await;
    let lease = dump.tasks[0].lease.clone().expect("a lease");
    let settle = ork_core::store::Settle {
        task: dump.tasks[0].row.task,
        attempt: 1,
        lease: lease.id,
        outcome: Outcome::lost("w"),
        started_at: None,
        finished_at: scene.world.clock.now(),
        end: ork_core::graph::ProcessEnd::default(),
        random: 0,
    };
    let actor = Actor::user("reaper");
    ork_core::store::Queue::settle(&scene.world.store.inner, Scope::All, &[settle], &actor, scene.world.clock.now())
        .await
        .unwrap();
    let shown = scene.world.end(run).await;
    assert!(shown.starts_with("run success\na[0] success attempt 2 ["), "{shown}");
    sleep(Duration::from_secs(120)).await;
    let attempts: Vec<Option<u32>> = scene.rows(run).await.iter().map(|row| row.artifact.from.attempt).collect();
    assert_eq!((attempts, scene.loose(run).await), (vec![Some(2); 2], 2));
}

const TOKEN: &str = "t0ken/of+great~value";

#[tokio::test(start_paused = true)]
async fn names_meta_and_values_say_nothing_of_a_secret_and_files_are_as_they_are() {
    let mut scene = Scene::new();
    let vault = Arc::new(Vault::new(&[MasterKey::new([1; 32])]));
    let place = Place::secret(WorkspaceId::DEFAULT, "token");
    let sealed = vault.seal(place, &Secret::new(TOKEN.to_owned()), &mut SeededEntropy::new(9)).unwrap();
    let (key_id, actor, now) = (key_of(&sealed).unwrap(), Actor::user("ada"), scene.world.clock.now());
    let new = NewSecret { workspace: WorkspaceId::DEFAULT, name: "token".into(), sealed, key_id, actor, now };
    scene.world.store.inner.set_secret(&new).await.unwrap();
    let told = format!("[\"{TOKEN}\", 1]");
    let mut named = file(&format!("out-{}", TOKEN.replace('/', "%2F")), &told);
    named.meta = Some(json!({"of": TOKEN}));
    let value = KeptFile { is_value: true, kind: "value".into(), ..file("output.json", &told) };
    let keeps = Keeps { files: vec![named, value], waits: false };
    let (executors, attic) =
        (Executors { process: Some(Arc::new(keeps)), ..Executors::default() }, Arc::clone(&scene.attic));
    let change = |config: &mut ork_engine::EngineConfig| (config.vault, config.blobs) = (Some(vault), Some(attic as _));
    let _engine = scene.world.start(executors, change).await;
    let run = scene.world.submit("{name: one, tasks: {a: {command: [work], env: {T: '{{ secrets.token }}'}}}}").await;
    assert_eq!(scene.world.end(run).await, "run success\na[0] success [\"out-***\",\"output.json\"]");
    let rows = scene.rows(run).await;
    assert!(!format!("{rows:?}{:?}", scene.world.dump(run).await).contains(TOKEN));
    let bytes = scene.attic.bytes.lock().unwrap();
    let of = |name: &str| {
        let row = rows.iter().find(|row| row.artifact.name == name).unwrap();
        String::from_utf8(bytes[row.artifact.at.key().unwrap()].clone()).unwrap()
    };
    assert_eq!((of("out-***"), of("output.json").as_str()), (told, "[\"***\", 1]"));
}

async fn steps(text: &str) -> (Scene, RunId, String) {
    let (mut scene, shop) = (Scene::new(), Shop::default());
    let engine = scene.engine(shop.clone()).await;
    let run = scene.world.submit(text).await;
    scene.world.end(run).await;
    let dump = scene.world.dump(run).await;
    engine.drain(Duration::from_secs(1)).await.unwrap();
    let mut lines = vec![show(&dump)];
    for row in &dump.tasks[0].steps {
        let error = row.error.as_ref().map(|error| format!(": {}", error.message)).unwrap_or_default();
        lines.push(format!("{} {}{error}", row.name, row.status));
    }
    lines.extend(shop.told());
    (scene, run, lines.join("\n"))
}

#[tokio::test(start_paused = true)]
async fn steps_keep_files_and_name_others() {
    let text = "
        name: films
        inputs: {folder: {default: out}}
        tasks:
          a:
            steps:
              - {name: cut, phase: execution, command: [put, out/a.mp4, film]}
              - {name: keep, phase: execution, artifact: {path: '{{ inputs.folder }}/*.{{ \"mp4\" }}', kind: video, meta: {n: '{{ task.attempt }}'}}}
              - {name: say, phase: execution, command: [echo, '{{ steps.keep.output.artifacts[0].name }}', '{{ steps.keep.output.artifacts | length }}']}
              - {name: far, phase: execution, artifact: {url: 's3://films/{{ run.name }}/b.mp4', name: b.mp4, size: '{{ 2 + 3 }}', content_type: video/mp4}}
              - {name: none, phase: cleanup, artifact: {path: '*.txt', optional: true}}
    ";
    let (scene, run, told) = steps(text).await;
    let rows = scene.rows(run).await;
    let kept = format!(
        r#"{{"artifacts":[{{"id":"{}","name":"b.mp4","kind":"file","size":5,"checksum":null,"content_type":"video/mp4","url":"s3://films/films/b.mp4"}}]}}"#,
        rows[1].artifact.id
    );
    let expected = format!(
        "run success\na[0] success {kept}\ncut success\nkeep success\nsay success\nfar success\nnone success\ncut\nsay: out/a.mp4 1"
    );
    assert_eq!(told, expected);
    let first = &rows[0].artifact;
    assert_eq!(
        (first.kind.as_str(), first.content_type.as_str(), first.from.step.as_deref()),
        ("video", "video/mp4", Some("keep"))
    );
    assert_eq!(
        (first.meta.as_ref().map(Json::as_str), rows[1].artifact.from.step.as_deref()),
        (Some(r#"{"n":1}"#), Some("far"))
    );
    assert_eq!((rows.len(), scene.loose(run).await), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_step_that_finds_nothing_fails() {
    let check = async |artifact: &str, error: &str| {
        let text =
            format!("{{name: x, tasks: {{a: {{steps: [{{name: keep, phase: execution, artifact: {artifact}}}]}}}}}}");
        let (scene, run, told) = steps(&text).await;
        assert!(told.ends_with(&format!("\nkeep failed: {error}")), "{told}");
        assert_eq!(scene.rows(run).await.len(), 0);
    };
    check("{path: ['*.mp4', b]}", "no file matches `*.mp4`, `b`").await;
    check(
        "{path: '{{ \"..\" }}/x'}",
        "`../x`: a part of the path is `..`, and files are kept of the folder `$ORK_WORK` only",
    )
    .await;
    check("{path: a, name: '{{ \"/x\" }}'}", "`/x`: the name is absolute; it must be relative").await;
    let url = "`url`: it begins with `https://`, `http://`, `s3://`, `gs://` or `az://`";
    check("{url: '{{ \"file:///etc/passwd\" }}', name: x}", url).await;
    check("{url: 's3://a/b', name: x, size: '{{ \"many\" }}'}", "`size` is \"many\", and must be a number of bytes")
        .await;
    let checksum = "`checksum` is `ab`, and must be 64 hexadecimal digits in lower case";
    check("{url: 's3://a/b', name: x, checksum: '{{ \"ab\" }}'}", checksum).await;
    let long = format!("{{url: 's3://a/b', name: x, meta: {{a: '{}{{{{ run.id }}}}'}}}}", "x".repeat(16_360));
    check(&long, "`meta` has 16408 bytes, and at most 16384 are allowed").await;
}

#[tokio::test(start_paused = true)]
async fn a_step_that_kept_its_files_does_not_keep_them_again() {
    let (mut scene, shop) = (Scene::new(), Shop::default());
    let first = scene.engine(shop.clone()).await;
    let run = scene
        .world
        .submit(
            "
            name: waits
            tasks:
              a:
                steps:
                  - {name: cut, phase: execution, command: [put, a, film]}
                  - {name: keep, phase: execution, artifact: {path: a}}
                  - {name: ok, phase: validation, gate: {approval: {}}}
            ",
        )
        .await;
    scene.world.wait_for_status(run, "waiting").await;
    first.drain(Duration::from_secs(1)).await.unwrap();
    let filter = ork_core::store::GateFilter { run: Some(run), open: true, limit: 10, ..Default::default() };
    let gates = ork_core::store::Steps::gates(&scene.world.store.inner, Scope::All, &filter).await.unwrap();
    let decision = ork_core::store::Decision {
        gate: gates[0].id,
        approve: true,
        comment: None,
        grant: None,
        actor: Actor::user("ann"),
        now: scene.world.clock.now(),
    };
    ork_core::store::Steps::decide(&scene.world.store.inner, Scope::All, &decision).await.unwrap();
    let _second = scene.engine(shop).await;
    assert!(scene.world.end(run).await.starts_with("run success\na[0] success {\"artifacts\":[{\"id\":"));
    assert_eq!((scene.rows(run).await.len(), scene.loose(run).await), (1, 0));
}
