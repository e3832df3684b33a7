//! `ork worker`: serves the queues of a database.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use ork_core::graph::Pin;
use ork_core::id::RunId;
use ork_core::limits::is_name;
use ork_engine::{EngineConfig, EngineHandle, Meter, Observation};
use ork_executors::ProcessExecutor;
use ork_server::bulk::Bulks;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::AbortHandle;

use crate::carry::start;
use crate::config::{CAPACITY, Config, GRACE};
use crate::entropy::OsEntropy;
use crate::exit_code::{Exit, Refusal};
use crate::host;
use crate::log_text::clean;
use crate::operations::{Operations, Serving};
use crate::output::{Output, warn};
use crate::progress::tasks;
use crate::signals::Signals;
use crate::supervisor::{self, News};
use crate::when::{duration, parse_ms};
use crate::world::World;

/// Options of `ork worker`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Takes tasks of the queues that it serves: of runs that any host may have, and of those that are pinned to this one. \
It runs commands, scripts, and the operations that `[operations]` of `ork.toml` or --operation gives it. What it cannot do \
it hands back, for a worker that can.

SIGTERM or Ctrl-C: it claims nothing more, waits for what runs as long as --grace says, then stops it and hands it \
back without using up an attempt. A second signal kills what runs and hands it back.

Examples:
  ork worker --database postgres://ork@db/ork --capacity 8
  ork worker --queues default,render --grace 5m
  ork worker --operation merge=./merge.sh")]
pub struct Args {
    #[command(flatten)]
    pub options: Options,
}

/// Options of whatever has a worker in it.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The queues that it serves, with commas between them [default: `worker.queues` of the settings, else `default` and those of its operations]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub queues: Option<Vec<String>>,
    /// Tasks at work at once [default: `worker.capacity` of the settings, else as many as there are cores]
    #[arg(long, value_name = "N")]
    pub capacity: Option<usize>,
    /// How long to wait for what runs before it is stopped; 0s: not at all [default: `worker.grace` of the settings, else 30s]
    #[arg(long, value_name = "TIME", value_parser = parse_ms)]
    pub grace: Option<u64>,
    #[command(flatten)]
    pub serving: Serving,
    /// What people call it [default: the host's name and the process id]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

/// What a worker is to do: its options and the settings.
pub struct Duty {
    name: String,
    host: String,
    queues: Vec<String>,
    capacity: usize,
    grace: u64,
    operations: Operations,
}

/// A worker at work.
pub struct Shift {
    out: Output,
    engine: EngineHandle,
    processes: Arc<ProcessExecutor>,
    /// Carries out actions on many runs when nobody else does.
    bulks: AbortHandle,
    grace: u64,
    /// What it serves, in words.
    pub serves: String,
}

/// Carries out `ork worker`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let duty = args.options.settle(config)?;
    let mut signals = Signals::listen()?;
    let world = World::open(out, config).await?;
    let shift = duty.begin(&world).await?;
    shift.say("ready", &shift.serves);
    supervisor::tell(News::Ready);
    shift.work(&mut signals).await?;
    shift.end(&mut signals).await?;
    Ok(Exit::Success)
}

impl Options {
    /// What they come to.
    ///
    /// # Errors
    /// When one of them, or a setting, is wrong.
    pub fn settle(self, config: &Config) -> Result<Duty> {
        let operations = config.operations(&self.serving)?;
        let queues: Vec<String> = config.queues(self.queues, &operations)?.text.split(',').map(str::to_owned).collect();
        if let Some(bad) = queues.iter().find(|queue| !is_name(queue)) {
            return Err(Refusal::usage(format!("`{bad}` is not the name of a queue"))
                .hint("--queues default,render")
                .into());
        }
        let host = host::identity();
        Ok(Duty {
            name: self.name.unwrap_or_else(|| format!("{host}-{}", std::process::id())),
            host,
            queues,
            capacity: config.cores(&CAPACITY, self.capacity)?,
            grace: config.time_ms(&GRACE, self.grace)?,
            operations,
        })
    }
}

impl Duty {
    /// Begins to work.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn begin(self, world: &World) -> Result<Shift> {
        let Self { name, host, queues, capacity, grace, operations } = self;
        let lanes = lanes(&queues, &host);
        let config =
            EngineConfig { worker_name: name.clone(), lanes, capacity, keeps_house: true, ..EngineConfig::default() };
        let (engine, processes) = start(world, config, &[], operations).await?;
        let blobs = world.blobs()?;
        tokio::spawn(async move {
            // Told before a task finds out. It may be away for a while only, so nothing else depends on it.
            if let Err(error) = blobs.check().await {
                warn(format!("warning: the artifact store: {}", clean(&error.to_string())));
            }
        });
        let serves =
            format!("{name} serves {} of {}, {} at once", queues.join(", "), world.database, tasks(capacity as u64));
        let bulks = Bulks::new(Arc::clone(&world.store), Arc::clone(&world.clock) as _, Box::new(OsEntropy));
        let bulks = tokio::spawn(bulks.run(|error| warn(format!("bulk: {error}")))).abort_handle();
        Ok(Shift { out: world.out, engine, processes, bulks, grace, serves })
    }
}

impl Shift {
    /// Works until a signal comes.
    ///
    /// # Errors
    /// When the engine ends by itself.
    pub async fn work(&self, signals: &mut Signals) -> Result<()> {
        let mut observations = self.engine.observe();
        loop {
            tokio::select! {
                _ = signals.next() => return Ok(()),
                failed = self.engine.stopped() => {
                    let problem = failed.err().unwrap_or_default();
                    return Err(Refusal::new(Exit::Internal, format!("the worker ended: {problem}")).into());
                }
                seen = observations.recv() => match seen {
                    Ok(observation) => tell(self.out, &observation),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return Ok(()),
                },
            }
        }
    }

    /// Waits for what runs as long as was asked for, then stops it and hands it back.
    ///
    /// # Errors
    /// When nobody reads what is said.
    pub async fn end(self, signals: &mut Signals) -> Result<()> {
        let (out, grace) = (self.out, self.grace);
        supervisor::tell(News::Stopping);
        // Wherever it is: another process goes on from the last piece.
        self.bulks.abort();
        let at_work = tasks(self.engine.attempts() as u64);
        self.say("draining", &format!("{at_work} at work, waiting up to {}", duration(grace)));
        let end = match drain(self.engine, Duration::from_millis(grace), signals, &self.processes).await {
            Ok(()) => "everything is settled".to_owned(),
            Err(problem) => format!("warning: {problem}; another worker goes on with that"),
        };
        if out.json {
            out.value(&json!({"type": "worker.stopped", "message": end}))?;
        } else {
            warn(format!("stopped: {end}"));
        }
        Ok(())
    }

    /// What reads its figures.
    pub fn meter(&self) -> Meter {
        self.engine.meter()
    }

    /// Says how it stands.
    pub fn say(&self, word: &str, text: &str) {
        if self.out.json {
            let worker = self.engine.worker().to_string();
            let value = json!({"type": format!("worker.{word}"), "worker_id": worker, "message": text});
            // A worker works whoever listens.
            self.out.value(&value).ok();
        } else {
            warn(format!("{word}: {text}"));
        }
    }
}

/// Drains. A signal ends the wait.
async fn drain(
    engine: EngineHandle,
    grace: Duration,
    signals: &mut Signals,
    processes: &ProcessExecutor,
) -> Result<(), String> {
    let mut drain = std::pin::pin!(engine.drain(grace));
    loop {
        tokio::select! {
            drained = &mut drain => return drained,
            _ = signals.next() => {
                warn("killing what runs");
                processes.kill();
            }
        }
    }
}

/// The queues, and the same for runs that are pinned to this host.
fn lanes(queues: &[String], host: &str) -> Vec<String> {
    let nobody = RunId::from_uuid(uuid::Uuid::nil());
    let pins = [Pin::Anywhere, Pin::Host(host.to_owned())];
    pins.iter().flat_map(|pin| queues.iter().map(|queue| pin.lane(queue, nobody))).collect()
}

fn tell(out: Output, observation: &Observation) {
    match observation {
        Observation::Settled { subject, outcome, failure, .. } if *outcome != "success" => {
            let why = failure.as_ref().map(|failure| format!(": {}", clean(&failure.message))).unwrap_or_default();
            let (key, index, run) = (&subject.key, subject.index, subject.task.run);
            out.talk(format!("{outcome}: {run}/{key}/{index}, attempt {}{why}", subject.attempt));
        }
        Observation::Trouble { part, message } => warn(format!("{part}: {}", clean(message))),
        _ => {}
    }
}
