//! A folder, an executor in it, and a witness of what an attempt says.

use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ork_core::attempt::{Failure, FailureKind, Outcome};
use ork_core::clock::{SeededEntropy, Timestamp};
use ork_core::executor::{
    Assignment, AttemptIo, Executor, Kept, KeptFile, ProcessWork, Program, Progress, Report, StopCause, Stream, Unkept,
    Work,
};
use ork_core::id::{ArtifactId, RunId, TaskRef, WorkspaceId};
use ork_core::plan::OutputFrom;
use ork_executors::{ProcessConfig, ProcessExecutor};
use serde_json::Value;
use tokio::sync::watch;

static NEXT: AtomicU64 = AtomicU64::new(1);

/// A number that no other test of this process, and no process of another run of the tests, has.
pub fn unique() -> String {
    format!("{}x{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

pub struct World {
    pub executor: Arc<ProcessExecutor>,
    pub root: PathBuf,
}

impl World {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut ProcessConfig)) -> Self {
        let root = std::env::temp_dir().join(format!("ork-executors-{}", unique()));
        let mut config = ProcessConfig::new(root.join("attempts"));
        config.grace_ms = 500;
        config.drain_ms = 300;
        change(&mut config);
        Self { executor: Arc::new(ProcessExecutor::new(config).unwrap()), root }
    }

    /// A path beside the attempts' folders.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Executes, and proves that neither a process nor a folder of the attempt is left.
    pub async fn run(&self, work: Assignment) -> (Report, Arc<Witness>) {
        let io = Witness::new();
        let report = self.run_with(work, &io).await;
        self.check_folders();
        (report, io)
    }

    pub async fn run_with(&self, work: Assignment, io: &Arc<Witness>) -> Report {
        let nonce = work.nonce.clone();
        let report = self.executor.execute(work, Arc::clone(io) as Arc<dyn AttemptIo>).await;
        assert_eq!(processes_with("environ", &format!("ORK_NONCE={nonce}\0")), Vec::<i32>::new());
        report
    }

    /// Proves that the attempts' folders are empty, as they are when none is in hand.
    pub fn check_folders(&self) {
        assert_eq!(files_below(&self.path("attempts")), ["lock", "lock", "null.json"]);
    }
}

/// The names of all files below a folder, sorted.
fn files_below(root: &Path) -> Vec<String> {
    let (mut open, mut files) = (vec![root.to_owned()], Vec::new());
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            } else {
                files.push(entry.file_name().into_string().unwrap());
            }
        }
    }
    files.sort();
    files
}

impl Drop for World {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.root).ok();
    }
}

/// An assignment whose ids nobody else has.
pub fn work(program: Program) -> Assignment {
    let seed = NEXT.fetch_add(1, Ordering::Relaxed) << 32 | u64::from(std::process::id());
    let run = RunId::new(Timestamp::from_micros(1_700_000_000_000_000), &mut SeededEntropy::new(seed));
    Assignment {
        workspace: WorkspaceId::DEFAULT,
        task: TaskRef { run, n: 3 },
        key: "cut".into(),
        index: 7,
        attempt: 1,
        nonce: format!("n{}", unique()),
        work: Work::Process(ProcessWork { program, env: [].into(), workdir: None, output: OutputFrom::File }),
        params: Value::Null,
        project: None,
        step: None,
    }
}

pub fn script(text: &str) -> Assignment {
    work(Program::Script(text.into()))
}

pub fn argv(words: &[&str]) -> Assignment {
    work(Program::Argv(words.iter().map(ToString::to_string).collect()))
}

/// The process of an assignment.
pub fn process(work: &mut Assignment) -> &mut ProcessWork {
    let Work::Process(process) = &mut work.work else { panic!("a process") };
    process
}

/// What an outcome is, in one line.
pub fn told(report: &Report) -> String {
    match &report.outcome {
        Outcome::Success { output: None } => "success".into(),
        Outcome::Success { output: Some(json) } => format!("success {}", json.as_str()),
        Outcome::Failed(Failure { kind: FailureKind::Exit { code }, .. }) => format!("exit {code}"),
        Outcome::Failed(Failure { kind: FailureKind::Signal { signal }, .. }) => format!("signal {signal}"),
        Outcome::Failed(Failure { kind, message }) => format!("{kind:?}: {message}"),
        Outcome::Cancelled => "cancelled".into(),
        Outcome::HandedBack => "handed back".into(),
        Outcome::Waiting { .. } | Outcome::WoundUp { .. } => report.outcome.word().into(),
    }
}

/// Hears what an attempt says, and may stop it.
pub struct Witness {
    log: Mutex<Vec<(Stream, Vec<u8>)>>,
    /// Where the log was cut, in bytes of it.
    pub cuts: Mutex<Vec<(Stream, u64)>>,
    /// Bytes of log, kept or not.
    pub bytes: AtomicU64,
    keeps: bool,
    pub progress: Mutex<Vec<Progress>>,
    handle: Mutex<Option<String>>,
    /// What was kept, and its bytes.
    pub kept: Mutex<Vec<(KeptFile, Vec<u8>)>>,
    /// What the next files that are to be kept meet.
    pub unkept: Mutex<Option<Unkept>>,
    stop: watch::Sender<Option<StopCause>>,
}

impl Witness {
    pub fn new() -> Arc<Self> {
        Self::make(true)
    }

    /// One that counts the log, and keeps only pieces shorter than 200 bytes.
    pub fn counting() -> Arc<Self> {
        Self::make(false)
    }

    fn make(keeps: bool) -> Arc<Self> {
        Arc::new(Self {
            log: Mutex::default(),
            cuts: Mutex::default(),
            bytes: AtomicU64::new(0),
            keeps,
            progress: Mutex::default(),
            handle: Mutex::default(),
            kept: Mutex::default(),
            unkept: Mutex::default(),
            stop: watch::Sender::new(None),
        })
    }

    pub fn stop(&self, cause: StopCause) {
        self.stop.send_replace(Some(cause));
    }

    /// The log of one stream.
    pub fn bytes_of(&self, stream: Stream) -> Vec<u8> {
        self.log.lock().unwrap().iter().filter(|(of, _)| *of == stream).flat_map(|(_, b)| b.clone()).collect()
    }

    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.bytes_of(Stream::Stdout)).into_owned()
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.bytes_of(Stream::Stderr)).into_owned()
    }

    /// Ork's own notes in the log.
    pub fn notes(&self) -> String {
        String::from_utf8_lossy(&self.bytes_of(Stream::Ork)).into_owned()
    }

    /// The names and bytes of what was kept, each in a line.
    pub fn kept(&self) -> String {
        let kept = self.kept.lock().unwrap();
        let lines = kept.iter().map(|(file, bytes)| {
            assert_eq!(file.size, bytes.len() as u64);
            format!("{} ({}): {}", file.name, file.content_type, String::from_utf8_lossy(bytes))
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The process id, once there is one.
    pub async fn pid(&self) -> i32 {
        eventually("the process has begun", || self.handle.lock().unwrap().is_some()).await;
        self.handle.lock().unwrap().as_ref().unwrap().parse().unwrap()
    }

    /// Waits until the standard output has so many lines.
    pub async fn lines(&self, count: usize) {
        eventually("the lines are there", || self.stdout().lines().count() >= count).await;
    }
}

#[async_trait]
impl AttemptIo for Witness {
    fn started(&self, handle: Option<String>) {
        *self.handle.lock().unwrap() = handle;
    }

    fn log(&self, stream: Stream, bytes: &[u8]) {
        self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        if self.keeps || bytes.len() < 200 {
            self.log.lock().unwrap().push((stream, bytes.to_vec()));
        }
    }

    fn log_cut(&self, stream: Stream) {
        self.cuts.lock().unwrap().push((stream, self.bytes.load(Ordering::Relaxed)));
    }

    fn progress(&self, progress: Progress) {
        self.progress.lock().unwrap().push(progress);
    }

    async fn keep(&self, files: Vec<KeptFile>) -> Result<Vec<Kept>, Unkept> {
        if let Some(unkept) = self.unkept.lock().unwrap().take() {
            return Err(unkept);
        }
        let mut kept = Vec::new();
        for file in files {
            let mut source = file.bytes.open().await.map_err(|error| Unkept::failed(error.to_string()))?;
            let mut bytes = Vec::new();
            while let Some(piece) = source.next().await.map_err(|error| Unkept::failed(error.to_string()))? {
                bytes.extend(piece);
            }
            let id = ArtifactId::new(Timestamp::from_micros(0), &mut SeededEntropy::new(1));
            let (name, kind, content_type) = (file.name.clone(), file.kind.clone(), file.content_type.clone());
            let size = Some(bytes.len() as u64);
            kept.push(Kept { id, name, kind, content_type, size, checksum: Some("sum".into()), url: None });
            self.kept.lock().unwrap().push((file, bytes));
        }
        Ok(kept)
    }

    async fn stopped(&self) -> StopCause {
        let mut stop = self.stop.subscribe();
        let cause = *stop.wait_for(Option::is_some).await.unwrap();
        cause.unwrap()
    }
}

/// Waits until something holds, at most 20 s.
pub async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(20), wait).await.is_ok(), "it never came to be that {what}");
}

/// The result, and how many seconds it took.
pub async fn timed<T>(future: impl Future<Output = T>) -> (T, f64) {
    let before = tokio::time::Instant::now();
    let result = future.await;
    (result, before.elapsed().as_secs_f64())
}

/// The processes whose `/proc/PID/FILE` contains `text`, this one excepted.
pub fn processes_with(file: &str, text: &str) -> Vec<i32> {
    let me = i32::try_from(std::process::id()).unwrap();
    let pids = fs::read_dir("/proc").unwrap().flatten().filter_map(|e| e.file_name().to_str()?.parse::<i32>().ok());
    let holds = |pid: &i32| {
        let bytes = fs::read(Path::new("/proc").join(pid.to_string()).join(file)).unwrap_or_default();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    pids.filter(|pid| *pid != me && holds(pid)).collect()
}
