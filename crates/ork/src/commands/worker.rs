//! `ork worker`: serves the queues of a database.

use std::time::Duration;

use anyhow::Result;
use ork_core::graph::Pin;
use ork_core::id::RunId;
use ork_core::limits::is_name;
use ork_engine::{EngineConfig, EngineHandle, Observation};
use ork_executors::ProcessExecutor;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;

use crate::carry::start;
use crate::config::{CAPACITY, Config, GRACE};
use crate::exit_code::{Exit, Refusal};
use crate::host;
use crate::operations::Serving;
use crate::output::{Output, warn};
use crate::progress::tasks;
use crate::signals::Signals;
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

/// Carries out `ork worker`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let operations = config.operations(&args.serving)?;
    let queues: Vec<String> = config.queues(args.queues, &operations)?.text.split(',').map(str::to_owned).collect();
    let grace = config.time_ms(&GRACE, args.grace)?;
    let capacity = config.cores(&CAPACITY, args.capacity)?;
    if let Some(bad) = queues.iter().find(|queue| !is_name(queue)) {
        return Err(Refusal::usage(format!("`{bad}` is not the name of a queue"))
            .hint("--queues default,render")
            .into());
    }
    let mut signals = Signals::listen()?;
    let world = World::open(out, config).await?;
    let host = host::identity();
    let name = args.name.unwrap_or_else(|| format!("{host}-{}", std::process::id()));
    let config =
        EngineConfig { worker_name: name.clone(), lanes: lanes(&queues, &host), capacity, ..EngineConfig::default() };
    let (engine, processes) = start(&world, config, &[], operations).await?;
    say(
        out,
        "ready",
        &engine,
        &format!("{name} serves {} of {}, {} at once", queues.join(", "), world.database, tasks(capacity as u64)),
    );
    let mut observations = engine.observe();
    loop {
        tokio::select! {
            _ = signals.next() => break,
            failed = engine.stopped() => {
                let problem = failed.err().unwrap_or_default();
                return Err(Refusal::new(Exit::Internal, format!("the worker ended: {problem}")).into());
            }
            seen = observations.recv() => match seen {
                Ok(observation) => tell(out, &observation),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => break,
            },
        }
    }
    say(
        out,
        "draining",
        &engine,
        &format!("{} at work, waiting up to {}", tasks(engine.attempts() as u64), duration(grace)),
    );
    let end = match drain(engine, Duration::from_millis(grace), &mut signals, &processes).await {
        Ok(()) => "everything is settled".to_owned(),
        Err(problem) => format!("warning: {problem}; another worker goes on with that"),
    };
    if out.json {
        out.value(&json!({"type": "worker.stopped", "message": end}))?;
    } else {
        warn(format!("stopped: {end}"));
    }
    Ok(Exit::Success)
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

fn say(out: Output, word: &str, engine: &EngineHandle, text: &str) {
    if out.json {
        let value =
            json!({"type": format!("worker.{word}"), "worker_id": engine.worker().to_string(), "message": text});
        // A worker works whoever listens.
        out.value(&value).ok();
    } else {
        warn(format!("{word}: {text}"));
    }
}

fn tell(out: Output, observation: &Observation) {
    match observation {
        Observation::Settled { subject, outcome, failure, .. } if *outcome != "success" => {
            let why = failure.as_ref().map(|failure| format!(": {}", failure.message)).unwrap_or_default();
            let (key, index, run) = (&subject.key, subject.index, subject.task.run);
            out.talk(format!("{outcome}: {run}/{key}/{index}, attempt {}{why}", subject.attempt));
        }
        Observation::Trouble { part, message } => warn(format!("{part}: {message}")),
        _ => {}
    }
}
