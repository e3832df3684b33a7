//! Programs and shell scripts, run on this machine as children of this process. Linux.
//!
//! The path of an attempt, each step a file of its own: it gets a folder from `folders`, its `environment` is put
//! together, `launch` starts it on a thread of the `spawner`, `attempt` watches it, `tree` makes sure that nothing of it
//! is left, `output` reads its answer.
//!
//! **What the process that holds a [`ProcessExecutor`] takes upon itself:** it becomes the adopter (child subreaper) of
//! everything that its children leave behind. It must not ignore `SIGCHLD`, and it must not start children of its own
//! in a process group of their own: those would be taken for orphans of an attempt.

mod answer;
mod attempt;
mod environment;
mod folders;
mod kernel;
mod launch;
mod leader;
mod live;
mod log;
mod memory;
mod output;
mod progress;
mod spawner;
mod table;
mod tree;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use ork_core::attempt::{Failure, FailureKind, Outcome};
use ork_core::executor::{Assignment, AttemptIo, Executor, ProcessWork, Report, Work};
use ork_core::id::TaskId;
use rustix::process::{getpid, set_child_subreaper};
use tokio::sync::watch;

use self::attempt::Attempt;
use self::environment::Variables;
use self::folders::{Folder, Folders};
use self::launch::Launched;
use self::log::Log;
use self::memory::OomKills;
use self::spawner::Spawner;
use self::table::{Environ, LastPid};

/// Passes of at most 100 ms each in which strays are killed: 5 s.
const STRAY_PASSES: usize = 50;
/// The longest nonce.
const NONCE_BYTES_MAX: usize = 128;

/// How processes are run.
#[derive(Debug, Clone)]
pub struct ProcessConfig {
    /// Where attempts have their folders; made if it does not exist. Executors may share it.
    pub work_root: PathBuf,
    /// How long a stopped attempt has from TERM to KILL, in milliseconds. 0: it is killed at once.
    pub grace_ms: u64,
    /// How long the streams of a process that has ended are still read while something it left behind holds them, in
    /// milliseconds; then that is killed. 0: at once.
    pub drain_ms: u64,
    /// The variables of this process that tasks see. `*` at the end of a name stands for any rest. Names that begin
    /// with `ORK_` are never inherited.
    pub inherit: Vec<String>,
}

impl ProcessConfig {
    /// 5 s from TERM to KILL, 2 s for streams that are held, and no more environment than programs need to find their
    /// way.
    #[must_use]
    pub fn new(work_root: impl Into<PathBuf>) -> Self {
        let inherit = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR"];
        Self {
            work_root: work_root.into(),
            grace_ms: 5_000,
            drain_ms: 2_000,
            inherit: inherit.map(String::from).to_vec(),
        }
    }
}

/// The executor of [`Work::Process`].
///
/// Limits: see `ork_core::limits` for logs and values. Memory for an attempt is at most one stream buffer (64 KiB) and,
/// when its output is what it prints, one value.
pub struct ProcessExecutor {
    config: ProcessConfig,
    inherited: Arc<Variables>,
    folders: Arc<Folders>,
    spawner: Spawner,
    last_pid: LastPid,
    oom_kills: OomKills,
    killed: watch::Sender<bool>,
}

impl ProcessExecutor {
    /// Makes the work root, starts two threads and makes this process the adopter of orphans.
    ///
    /// # Errors
    /// When the work root cannot be made or written to, or the system refuses.
    pub fn new(config: ProcessConfig) -> io::Result<Self> {
        set_child_subreaper(Some(getpid()))?;
        Ok(Self {
            inherited: Arc::new(environment::inherited(&config.inherit)),
            folders: Arc::new(Folders::open(&config.work_root)?),
            spawner: Spawner::start()?,
            last_pid: LastPid::open(),
            oom_kills: OomKills::open(),
            killed: watch::Sender::new(false),
            config,
        })
    }

    /// Kills what earlier attempts of `task` have left on this machine, such as those of an engine that was killed, and
    /// says how many processes that were. Attempts that are in this process's hands are spared.
    ///
    /// A process is an earlier attempt's if its environment says so, exactly; with it go the processes that it started
    /// and the group that it leads. Blocks: up to 5 s when one of them does not die.
    #[must_use]
    pub fn kill_strays(&self, task: TaskId) -> usize {
        kill_strays(task)
    }

    /// Kills every attempt in hand, and each that is still to come, without the grace that a stop has. One that was not
    /// told to stop is handed back. As after any stop, an attempt's report comes once it is proven that nothing of it is
    /// left; but that is waited for 2 s only.
    pub fn kill(&self) {
        self.killed.send_replace(true);
    }

    /// Removes the folders of executors that are dead. Blocks.
    pub fn clear_away_the_dead(&self) {
        self.folders.clear_away_the_dead();
    }

    /// Ends once [`Self::kill`] was called.
    async fn killed(&self) {
        // The sender is our own: it cannot be gone.
        self.killed.subscribe().wait_for(|is_killed| *is_killed).await.ok();
    }

    async fn run(&self, mut work: Assignment, process: ProcessWork, io: &dyn AttemptIo) -> Result<Report, Failure> {
        check(&work)?;
        // Programs are looked up from it, and the process runs elsewhere.
        work.project =
            work.project.map(std::path::absolute).transpose().map_err(|e| start(format!("the project: {e}")))?;
        if work.attempt > 1 {
            let task = work.task.id();
            tokio::task::spawn_blocking(move || kill_strays(task)).await.ok();
        }
        let output = process.output;
        let entry = live::Entry::new(&work.nonce);
        // `entry` is in hand until nothing of the attempt is left.
        let (launched, folder, _entry) = self.launch(work, process, entry).await?;
        let report = match Attempt::new(launched, &folder, self, io) {
            Ok(attempt) => Ok(attempt.watch(output).await),
            Err(error) => Err(start(format!("failed to watch the process: {error}"))),
        };
        if let Some(folder) = self.folders.take_back(folder) {
            remove(folder, io).await;
        }
        report
    }

    /// Makes the folder and starts the process, on a thread that may block.
    async fn launch(
        &self,
        work: Assignment,
        process: ProcessWork,
        entry: live::Entry,
    ) -> Result<(Launched, Folder, live::Entry), Failure> {
        let (folders, inherited) = (Arc::clone(&self.folders), Arc::clone(&self.inherited));
        let job = move || {
            let folder =
                folders.take(&work.params).map_err(|error| format!("failed to make the attempt's folder: {error}"))?;
            match launch::launch(&work, &process, &folder, &inherited, &entry) {
                Ok(launched) => Ok((launched, folder, entry)),
                Err(message) => {
                    if let Some(folder) = folders.take_back(folder) {
                        folder.remove().ok();
                    }
                    Err(message)
                }
            }
        };
        self.spawner
            .run(job)
            .await
            .unwrap_or_else(|| Err("the thread that starts processes panicked".into()))
            .map_err(start)
    }
}

#[async_trait]
impl Executor for ProcessExecutor {
    async fn execute(&self, mut work: Assignment, io: Arc<dyn AttemptIo>) -> Report {
        let process = std::mem::replace(&mut work.work, Work::Operation { name: String::new() });
        let result = match process {
            Work::Process(process) => self.run(work, process, &*io).await,
            Work::Operation { name } => {
                Err(start(format!("the process executor has no operation `{name}`: a worker must serve it")))
            }
        };
        result.unwrap_or_else(|failure| Report::of(Outcome::Failed(failure)))
    }
}

fn start(message: String) -> Failure {
    Failure::new(FailureKind::Start, message)
}

/// A nonce that a variable cannot hold would never be found again.
fn check(work: &Assignment) -> Result<(), Failure> {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if work.nonce.is_empty() || work.nonce.len() > NONCE_BYTES_MAX || !work.nonce.bytes().all(is_plain) {
        return Err(start(format!(
            "the attempt's nonce `{}` is not 1 to 128 of `[A-Za-z0-9_-]`",
            work.nonce.escape_debug()
        )));
    }
    Ok(())
}

fn kill_strays(task: TaskId) -> usize {
    let task = task.to_string();
    let is_stray = |row: &table::Row| {
        let environ = Environ::of(row.pid);
        environ.get("ORK_TASK_ID") == Some(task.as_bytes()) && !environ.get(tree::NONCE).is_some_and(live::has)
    };
    tree::kill_where(is_stray, STRAY_PASSES)
}

/// Removes a folder that cannot be used again.
async fn remove(folder: Folder, io: &dyn AttemptIo) {
    let result = tokio::task::spawn_blocking(move || folder.remove()).await;
    if let Err(error) = result.unwrap_or_else(|error| Err(io::Error::other(error))) {
        Log::new(io).note(&format!("failed to remove the attempt's folder: {error}"));
    }
}
