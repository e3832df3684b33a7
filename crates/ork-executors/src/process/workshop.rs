//! What all attempts of one executor are done with, and how one is done.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ork_core::attempt::{Failure, FailureKind, Outcome};
use ork_core::executor::{Assignment, AttemptIo, ProcessWork, Report, Work};
use rustix::process::{getpid, set_child_subreaper};
use tokio::sync::watch;

use super::ProcessConfig;
use super::attempt::Attempt;
use super::environment::{self, Variables};
use super::folders::{Folder, Folders};
use super::launch::{self, Launched};
use super::live;
use super::log::Log;
use super::memory::OomKills;
use super::spawner::Spawner;
use super::table::LastPid;

/// The longest nonce.
const NONCE_BYTES_MAX: usize = 128;

pub struct Workshop {
    pub config: ProcessConfig,
    inherited: Arc<Variables>,
    pub folders: Arc<Folders>,
    spawner: Spawner,
    pub last_pid: LastPid,
    pub oom_kills: OomKills,
    pub killed: watch::Sender<bool>,
}

impl Workshop {
    /// See `ProcessExecutor::new`.
    pub fn open(config: ProcessConfig) -> io::Result<Self> {
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

    /// Ends once all attempts are to be killed.
    pub async fn killed(&self) {
        // The sender is our own: it cannot be gone.
        self.killed.subscribe().wait_for(|is_killed| *is_killed).await.ok();
    }

    /// Does the work of an attempt, or of a step in the folder that it shares with others.
    pub async fn execute(&self, mut work: Assignment, shared: Option<&Path>, io: &dyn AttemptIo) -> Report {
        let process = std::mem::replace(&mut work.work, Work::Operation { name: String::new() });
        let result = match process {
            Work::Process(process) => self.run(work, process, shared, io).await,
            Work::Operation { name } => {
                Err(start(format!("the process executor has no operation `{name}`: a worker must serve it")))
            }
        };
        result.unwrap_or_else(|failure| Report::of(Outcome::Failed(failure)))
    }

    async fn run(
        &self,
        mut work: Assignment,
        process: ProcessWork,
        shared: Option<&Path>,
        io: &dyn AttemptIo,
    ) -> Result<Report, Failure> {
        check(&work)?;
        // Programs are looked up from it, and the process runs elsewhere.
        work.project =
            work.project.map(std::path::absolute).transpose().map_err(|e| start(format!("the project: {e}")))?;
        let output = process.output;
        let shared = shared.map(Path::to_owned);
        let entry = live::Entry::new(&work.nonce);
        // `entry` is in hand until nothing of the attempt is left.
        let (launched, folder, _entry) = self.launch(work, process, shared, entry).await?;
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
        shared: Option<PathBuf>,
        entry: live::Entry,
    ) -> Result<(Launched, Folder, live::Entry), Failure> {
        let (folders, inherited) = (Arc::clone(&self.folders), Arc::clone(&self.inherited));
        let job = move || {
            let folder =
                folders.take(&work, shared).map_err(|error| format!("failed to make the attempt's folder: {error}"))?;
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

pub fn start(message: String) -> Failure {
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

/// Removes a folder that cannot be used again.
async fn remove(folder: Folder, io: &dyn AttemptIo) {
    let result = tokio::task::spawn_blocking(move || folder.remove()).await;
    if let Err(error) = result.unwrap_or_else(|error| Err(io::Error::other(error))) {
        Log::new(io).note(&format!("failed to remove the attempt's folder: {error}"));
    }
}
