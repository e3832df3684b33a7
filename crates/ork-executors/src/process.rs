//! Programs and shell scripts, run on this machine as children of this process. Linux.
//!
//! The path of an attempt, each part of it a file of its own: it gets a folder from `folders`, its `environment` is put
//! together, `launch` starts it on a thread of the `spawner`, `attempt` watches it, `tree` makes sure that nothing of it
//! is left, `output` and `tokens` read its answers, `keep` hands over the files that are to outlast it. A step goes the same way, in a
//! folder of `steps`, which `archive` saves. Files are looked for by `findings`, in a folder that is open (`beneath`).
//!
//! **What the process that holds a [`ProcessExecutor`] takes upon itself:** it becomes the adopter (child subreaper) of
//! everything that its children leave behind. It must not ignore `SIGCHLD`, and it must not start children of its own
//! in a process group of their own: those would be taken for orphans of an attempt.

mod answer;
mod archive;
mod attempt;
mod beneath;
mod environment;
mod findings;
mod folders;
mod keep;
mod kernel;
mod launch;
mod leader;
mod live;
mod log;
mod memory;
mod output;
mod progress;
mod source;
mod spawner;
mod steps;
mod table;
mod tokens;
mod tree;
mod workshop;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use ork_core::attempt::Failure;
use ork_core::executor::{Assignment, AttemptIo, Executor, Report, WorkFolder};
use ork_core::id::{TaskId, TaskRef};
use tokio::task::spawn_blocking;

use self::steps::StepsFolder;
use self::table::Environ;
use self::workshop::{Workshop, start};

/// Passes of at most 100 ms each in which strays are killed: 5 s.
const STRAY_PASSES: usize = 50;

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

/// The executor of [`ork_core::executor::Work::Process`].
///
/// Limits: see `ork_core::limits` for logs and values. Memory for an attempt is at most one stream buffer (64 KiB) and,
/// when its output is what it prints, one value.
pub struct ProcessExecutor(Arc<Workshop>);

impl ProcessExecutor {
    /// Makes the work root, starts two threads and makes this process the adopter of orphans.
    ///
    /// # Errors
    /// When the work root cannot be made or written to, or the system refuses.
    pub fn new(config: ProcessConfig) -> io::Result<Self> {
        Workshop::open(config).map(|workshop| Self(Arc::new(workshop)))
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
        self.0.killed.send_replace(true);
    }

    /// Removes the folders of executors that are dead. Blocks.
    pub fn clear_away_the_dead(&self) {
        self.0.folders.clear_away_the_dead();
    }
}

#[async_trait]
impl Executor for ProcessExecutor {
    async fn execute(&self, work: Assignment, io: Arc<dyn AttemptIo>) -> Report {
        if work.attempt > 1 {
            let task = work.task.id();
            spawn_blocking(move || kill_strays(task)).await.ok();
        }
        self.0.execute(work, None, &*io).await
    }

    async fn open(&self, task: TaskRef) -> Result<Arc<dyn WorkFolder>, Failure> {
        let workshop = Arc::clone(&self.0);
        let open = move || {
            // Even in a first attempt: another worker may have begun it.
            kill_strays(task.id());
            StepsFolder::open(workshop)
        };
        let opened = spawn_blocking(open).await.unwrap_or_else(|error| Err(io::Error::other(error)));
        match opened {
            Ok(folder) => Ok(Arc::new(folder)),
            Err(error) => Err(start(format!("failed to make the folder of the steps: {error}"))),
        }
    }
}

fn kill_strays(task: TaskId) -> usize {
    let task = task.to_string();
    let is_stray = |row: &table::Row| {
        let environ = Environ::of(row.pid);
        environ.get("ORK_TASK_ID") == Some(task.as_bytes()) && !environ.get(tree::NONCE).is_some_and(live::has)
    };
    tree::kill_where(is_stray, STRAY_PASSES)
}
