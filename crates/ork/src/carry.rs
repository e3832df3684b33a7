//! A run that this process carries to its end: an engine for it alone, its progress, and what signals do.

use std::future::pending;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use ork_core::graph::{NewRun, Pin};
use ork_core::id::{RunId, TaskId};
use ork_core::limits::PAGE_MAX;
use ork_core::plan::{Node, Plan};
use ork_core::state::{Reason, TaskStatus};
use ork_core::store::{DeliveryFilter, DeliveryStatus, RunRow, StoredPlan, TaskFilter};
use ork_engine::{Engine, EngineConfig, EngineHandle, Executors, Observation, Observations, seal_run};
use ork_executors::{ProcessConfig, ProcessExecutor};
use ork_http::{Reach, Transport};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep};

use crate::config::{Config, JOBS};
use crate::database::Database;
use crate::entropy::OsEntropy;
use crate::exit_code::{Exit, Refusal, is_transient};
use crate::follow::Follower;
use crate::history::{History, Outputs, WantedGates};
use crate::host;
use crate::live_logs::LiveLogs;
use crate::liveness::{Graves, LockFiles};
use crate::log_text::clean;
use crate::names::Names;
use crate::operations::{Operations, Serving};
use crate::output::{Output, warn};
use crate::post::Courier;
use crate::progress::{self, Progress, Style, tasks};
use crate::signals::{Asked, Signals};
use crate::spool::Files;
use crate::verdict;
use crate::view;
use crate::world::World;

/// How often the run is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How often it is looked at when nothing is told: the engine says when it has ended the run, others may end it as well.
const SILENT_LOOK: Duration = Duration::from_secs(1);
/// How often dead workers are looked for: the one that this process replaces is the reason why it is here.
const REAP_MS: u64 = 500;

/// Options of commands that carry a run.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Tasks at work at once [default: `jobs` of the settings, else as many as there are cores]
    ///
    /// More makes tasks that compute slow each other down; tasks that wait for others may gain.
    #[arg(short, long, value_name = "N")]
    jobs: Option<usize>,
    #[command(flatten)]
    progress: progress::Asked,
    /// Show what tasks write as they write it, each line behind its task's name.
    #[arg(long)]
    logs: bool,
    #[command(flatten)]
    serving: Serving,
}

impl Options {
    /// What they come to.
    ///
    /// # Errors
    /// When a setting cannot be read.
    pub fn settle(&self, out: Output, config: &Config) -> Result<How> {
        Ok(How {
            jobs: config.cores(&JOBS, self.jobs)?,
            style: self.progress.settle(out, config)?,
            logs: self.logs && !out.json,
            operations: config.operations(&self.serving)?,
            waits: true,
        })
    }
}

/// How a run is carried.
#[derive(Debug, Clone)]
pub struct How {
    /// Attempts at once. With 0 only what a dead process left behind is settled.
    pub jobs: usize,
    /// How progress is told.
    pub style: Style,
    /// Whether what tasks write is shown.
    pub logs: bool,
    /// What serves operations.
    pub operations: Operations,
    /// Whether somebody's decision is waited for.
    pub waits: bool,
}

impl How {
    /// Only what a dead process left behind is settled.
    pub const fn to_end() -> Self {
        Self { jobs: 0, style: Style::Plain, logs: false, operations: Operations::new(), waits: true }
    }
}

/// A run to be carried.
pub struct Carriage<'a> {
    pub how: How,
    /// The run, if it was submitted a moment ago.
    pub new: Option<&'a NewRun>,
    /// The run as it was when another process left it: what happened before need not be told.
    pub before: Option<&'a RunRow>,
    /// Tasks that were at work in a process of this machine that is dead.
    pub strays: Vec<TaskId>,
    /// The command line that began it, for whoever must begin it again.
    pub again: Option<String>,
}

/// What the signals so far have led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asking {
    Nothing,
    /// Ctrl-C: the run is being cancelled.
    Cancel,
    /// Ctrl-C again: whatever runs was killed.
    Kill,
    /// SIGTERM: the run is to be handed back.
    HandBack,
}

/// The executor of processes, and an engine. What earlier attempts of `strays` have left on this machine is killed first.
pub async fn start(
    world: &World,
    config: EngineConfig,
    strays: &[TaskId],
    commands: Operations,
) -> Result<(EngineHandle, Arc<ProcessExecutor>)> {
    let root = world.database.work_root()?;
    let processes = ProcessExecutor::new(ProcessConfig::new(&root))
        .with_context(|| format!("failed to set up `{}`, where tasks work", root.display()))?;
    let (processes, strays) = (Arc::new(processes), strays.to_vec());
    let killer = Arc::clone(&processes);
    // It reads all of `/proc`. A panic in it would be one of the executor's own attempts as well.
    let kill_strays = move || strays.into_iter().map(|task| killer.kill_strays(task)).sum::<usize>();
    tokio::task::spawn_blocking(kill_strays).await.ok();
    let host = host::identity();
    let engine = Engine {
        store: Arc::clone(&world.store),
        clock: Arc::clone(&world.clock) as _,
        entropy: Box::new(OsEntropy),
        liveness: Arc::new(Graves {
            locks: LockFiles::new(world.database.locks()?, host.clone()),
            processes: Arc::clone(&processes),
        }),
    };
    let models = ork_ai::Client::new(Transport::new(Reach::Public(world.egress.clone())));
    let executors = Executors {
        process: Some(Arc::clone(&processes) as _),
        commands,
        models: Some(Arc::new(models) as _),
        ..Executors::default()
    };
    // A process is started at once or not claimed at all: another worker may have the slot for it.
    let database_clock = Some(Arc::clone(&world.clock));
    let spool = world.database.spool()?.map(|folder| Arc::new(Files::new(folder)) as _);
    let vault = Some(Arc::clone(&world.vault));
    let post = Some(Arc::new(Courier::new(world)) as _);
    let blobs = Some(world.blobs()?);
    let version = crate::VERSION.into();
    let config = EngineConfig { host, database_clock, spool, vault, blobs, prefetch: 0, version, post, ..config };
    let handle = engine.start(executors, config).await?;
    Ok((handle, processes))
}

/// How long a run that is over waits for those whom it tells.
const TELL: Duration = Duration::from_secs(20);

/// Carries a run to its end, tells it, and gives its exit code.
pub async fn carry(world: &World, run: RunId, carriage: &Carriage<'_>) -> Result<Exit> {
    let mut signals = Signals::listen()?;
    let history = world.history();
    let config = EngineConfig {
        worker_name: format!("ork-run-{}", std::process::id()),
        lanes: vec![Pin::Process.lane(Node::QUEUE_DEFAULT, run)],
        capacity: carriage.how.jobs,
        only_run: Some(run),
        reap_ms: REAP_MS,
        ..EngineConfig::default()
    };
    let (engine, processes) = start(world, config, &carriage.strays, carriage.how.operations.clone()).await?;
    if let Some(new) = carriage.new {
        engine.seed(new);
    }
    let mut observations = engine.observe();
    let mut follower = Follower::new(run, carriage.before.map_or(0, |row| row.seq));
    let progress = Progress::new(history.clone(), run, carriage.how.style);
    let mut progress = match carriage.before {
        Some(row) => progress.after(row),
        None => progress,
    };
    if carriage.before.is_some() {
        progress.tell_gates().await?;
    }
    let mut asking = Asking::Nothing;
    let mut live = carriage.how.logs.then(LiveLogs::default);
    engine.wake();
    while !look(&history, &mut follower, &mut progress).await? {
        if !carriage.how.waits && is_at_gate(&history, run).await? {
            drop(progress);
            return leave(world, run, engine).await;
        }
        tokio::select! {
            asked = signals.next() => {
                asking = answer(world, run, (&engine, &processes), (asking, asked), engine.attempts()).await?;
                if asking == Asking::HandBack {
                    drop(progress);
                    return hand_back(world, run, (engine, processes), signals).await;
                }
            }
            () = listen(&mut observations, run, live.as_mut(), &follower.names) => {}
            failed = engine.stopped() => return Err(broken(world, run, failed.err())),
            () = sleep(if progress.is_silent() { SILENT_LOOK } else { LOOK }) => {}
        }
    }
    until_told(world, run).await?;
    seal(world, run).await;
    if let Err(problem) = engine.drain(Duration::ZERO).await {
        warn(format!("warning: {problem}"));
    }
    drop(progress);
    if let Some(live) = &mut live {
        // What came with the last outcome.
        while let Ok(seen) = observations.try_recv() {
            live.take(&seen, &follower.names);
        }
    }
    let row = row(world, run).await?;
    if world.is_removed() {
        return Err(forgotten(world, &row).into());
    }
    let exit = verdict::tell(&history, &row, carriage.again.as_deref()).await?;
    Ok(if asking == Asking::Kill { Exit::Interrupted } else { exit })
}

/// Seals the events of the run, as servers and workers do: nobody else may come by here. It makes no key for that, and leaves a
/// database of many machines to those that share its key.
async fn seal(world: &World, run: RunId) {
    if world.is_removed() || matches!(world.database, Database::Postgres(_)) {
        return;
    }
    let Some(key) = world.vault.event_key() else { return };
    if let Err(error) = seal_run(world.store.as_ref(), &key, (world.scope(), run), world.now()).await {
        warn(format!("warning: the events are not sealed: {error}"));
    }
}

/// Waits until every message about the run was tried once, and says which were not heard: nobody in this process sends them
/// again.
async fn until_told(world: &World, run: RunId) -> Result<()> {
    let filter = DeliveryFilter {
        run: Some(run),
        status: Some(DeliveryStatus::Pending),
        limit: PAGE_MAX,
        ..DeliveryFilter::default()
    };
    let ends = Instant::now() + TELL;
    loop {
        // Most runs tell nobody.
        let pending = match world.store.deliveries(world.scope(), &filter).await {
            Err(error) if error.is_transient() => return Ok(()),
            pending => pending?,
        };
        let Some(first) = pending.first() else { return Ok(()) };
        if pending.iter().all(|row| row.attempts > 0) || Instant::now() >= ends {
            let why = first.tries.last().and_then(|last| last.error.clone()).unwrap_or_else(|| "no answer yet".into());
            let count = pending.len();
            warn(format!(
                "warning: messages that were not heard: {count} ({}: {why}); `ork serve` or `ork worker` sends them again",
                first.url
            ));
            return Ok(());
        }
        sleep(LOOK).await;
    }
}

/// Tells what is new. True when the run is over.
async fn look(history: &History, follower: &mut Follower, progress: &mut Progress) -> Result<bool> {
    if progress.is_silent() {
        return match history.row(follower.run).await {
            Err(error) if is_transient(&error) => Ok(false),
            found => Ok(found?.status.is_terminal()),
        };
    }
    loop {
        let rows = match follower.next(history).await {
            Ok(rows) => rows,
            // The engine waits for the database as well, and says so.
            Err(error) if is_transient(&error) => return Ok(false),
            Err(error) => return Err(error),
        };
        if progress.show(&rows, &follower.names).await? {
            return Ok(true);
        }
        if rows.is_empty() {
            progress.tick(&follower.names).await?;
            return Ok(false);
        }
    }
}

/// Ends when the engine has seen the run's end. Passes troubles on.
async fn listen(observations: &mut Observations, run: RunId, mut live: Option<&mut LiveLogs>, names: &Names) {
    loop {
        match observations.recv().await {
            Err(RecvError::Lagged(missed)) => {
                if let Some(live) = live.as_deref_mut() {
                    live.miss(missed);
                }
            }
            Ok(Observation::RunEnded(ended)) if ended == run => return,
            // That a dead worker was found is what the reaper is for.
            Ok(Observation::Trouble { part, message }) if part != "reaper" => {
                warn(format!("{part}: {}", clean(&message)))
            }
            Ok(seen) => {
                if let Some(live) = live.as_deref_mut() {
                    live.take(&seen, names);
                }
            }
            Err(RecvError::Closed) => pending().await,
        }
    }
}

async fn answer(
    world: &World,
    run: RunId,
    (engine, processes): (&EngineHandle, &ProcessExecutor),
    (asking, asked): (Asking, Asked),
    live: usize,
) -> Result<Asking> {
    match (asking, asked) {
        (_, Asked::Terminate) => Ok(Asking::HandBack),
        (Asking::Nothing, Asked::Interrupt) => {
            world.store.cancel_run(world.scope(), run, Reason::Cancel, &world.actor(), world.now()).await?;
            engine.wake();
            warn(format!("cancelling: {} at work, with 5 s to stop; Ctrl-C again kills", tasks(live as u64)));
            Ok(Asking::Cancel)
        }
        (_, Asked::Interrupt) => {
            warn("killing what runs");
            processes.kill();
            Ok(Asking::Kill)
        }
    }
}

/// Ends in order while the run is not over: the next process goes on where this one stopped.
async fn hand_back(
    world: &World,
    run: RunId,
    (engine, processes): (EngineHandle, Arc<ProcessExecutor>),
    mut signals: Signals,
) -> Result<Exit> {
    warn("stopping: what runs is stopped and handed back");
    let drained = {
        let mut drain = std::pin::pin!(engine.drain(Duration::ZERO));
        loop {
            tokio::select! {
                drained = &mut drain => break drained,
                _ = signals.next() => processes.kill(),
            }
        }
    };
    if let Err(problem) = drained {
        warn(format!("warning: {problem}"));
    }
    let row = row(world, run).await?;
    if row.status.is_terminal() {
        return verdict::tell(&world.history(), &row, None).await;
    }
    warn(format!("interrupted; go on with: ork run --resume {run}{}", world.flags()));
    Ok(Exit::Interrupted)
}

/// Whether nothing is left to do but to wait for somebody's decision.
async fn is_at_gate(history: &History, run: RunId) -> Result<bool> {
    use TaskStatus::{Dispatched, Queued, Retrying, Running};
    let busy = TaskFilter { statuses: vec![Queued, Dispatched, Running, Retrying], limit: 1, ..TaskFilter::default() };
    let looked = async {
        let asks = !history.gates(WantedGates { run: Some(run), all: false, limit: 1 }).await?.is_empty();
        Ok(asks && history.tasks(run, &busy, Outputs::Without).await?.is_empty())
    };
    match looked.await {
        Err(error) if is_transient(&error) => Ok(false),
        looked => looked,
    }
}

/// Ends where the run waits for somebody.
async fn leave(world: &World, run: RunId, engine: EngineHandle) -> Result<Exit> {
    if let Err(problem) = engine.drain(Duration::ZERO).await {
        warn(format!("warning: {problem}"));
    }
    if world.out.json {
        let mut verdict = view::run(&row(world, run).await?);
        verdict["type"] = "run".into();
        verdict["exit_code"] = (Exit::AtGate as u8).into();
        world.out.value(&verdict)?;
    }
    let flags = world.flags();
    world
        .out
        .talk(format!("stopped at a gate: ork gates list {run}{flags}; go on with: ork run --resume {run}{flags}"));
    Ok(Exit::AtGate)
}

fn broken(world: &World, run: RunId, problem: Option<String>) -> anyhow::Error {
    let message = format!("the engine ended: {}", problem.unwrap_or_default());
    Refusal::new(Exit::Internal, message).hint(format!("ork run --resume {run}{}", world.flags())).into()
}

/// A run whose database was taken away under it.
fn forgotten(world: &World, run: &RunRow) -> Refusal {
    let (place, status) = (world.database.place(), run.status);
    let message =
        format!("`{place}` was removed or replaced during the run: it ended with `{status}`, and is forgotten");
    Refusal::new(Exit::Unreachable, message)
}

/// A run that must be there.
pub async fn row(world: &World, run: RunId) -> Result<RunRow> {
    let row = world.store.run(world.scope(), run).await?;
    row.ok_or_else(|| Refusal::no_match(format!("`{run}` does not exist any more")).into())
}

/// The plan of a run that must be there, as it is stored and as it is read.
pub async fn plan(world: &World, run: RunId) -> Result<(StoredPlan, Plan)> {
    let stored =
        world.store.plans(world.scope(), &[run]).await?.pop().with_context(|| format!("`{run}` has no plan"))?;
    let plan = serde_json::from_str(stored.plan.as_str()).context("failed to read the plan")?;
    Ok((stored, plan))
}

/// Where a file's tasks run: its folder, absolute.
pub fn project(file: &Path) -> Result<String> {
    let absolute = std::path::absolute(file)?;
    let folder = absolute.parent().unwrap_or(Path::new("/"));
    let text = folder.to_str().with_context(|| format!("the folder `{}` is not UTF-8", folder.display()))?;
    Ok(text.to_owned())
}
