//! `ork serve`: the HTTP API, with a worker in it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Result, anyhow};
use ork_core::store::Scope;
use ork_engine::Meter;
use ork_server::{Anybody, CONNECTIONS_MAX, Door, Exchange, Figure, Live, LiveOptions, Metrics, Server, listen};
use rustix::process::{Resource, getrlimit};
use serde_json::json;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::VERSION;
use crate::commands::worker;
use crate::config::{Config, WORKSPACE};
use crate::entropy::OsEntropy;
use crate::exit_code::{Exit, Refusal};
use crate::output::{Output, warn};
use crate::secret_key;
use crate::signals::Signals;
use crate::supervisor::{self, News};
use crate::view;
use crate::world::World;

/// Options of `ork serve`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
On a loopback address it is open to all users of the machine as long as no token was ever made, and says so; with the first \
token it asks for one. On any other address it always does, and without a token it does not start. It speaks plain HTTP: a \
network that you do not trust needs a proxy with TLS in front. /docs shows the API, /readyz says whether it can work.

It takes tasks as `ork worker` does, and ends like it: after SIGTERM or Ctrl-C it claims nothing more, waits for what runs, \
and answers until that is over. Of an SQLite database there is one server.

With --json stdout has a line for each request and for what the worker has to say.

Examples:
  ork serve
  ork serve --listen 127.0.0.1:8080 --capacity 8
  ork serve --listen 0.0.0.0:6750 --json")]
pub struct Args {
    #[command(flatten)]
    pub options: Options,
}

/// Options of whatever has a server in it.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Options {
    /// An address and a port; port 0 is any that is free [default: `listen` of the settings, else 127.0.0.1:6750]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    #[command(flatten)]
    pub key: secret_key::Options,
    #[command(flatten)]
    pub worker: worker::Options,
}

/// How long answers that have begun may take once everything else is over.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// Carries out `ork serve`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let is_local = config.listen(args.options.listen.clone())?.ip().is_loopback();
    serve(args.options, if is_local { Anybody::ComesUntilFirstToken } else { Anybody::StaysOut }, out, config).await
}

/// Serves until it is told to stop.
///
/// # Errors
/// When it cannot begin, or ends by itself.
pub async fn serve(options: Options, anybody: Anybody, out: Output, config: &Config) -> Result<Exit> {
    let address = config.listen(options.listen)?;
    let duty = options.worker.settle(config)?;
    let mut signals = Signals::listen()?;
    let world = options.key.open(out, config).await?;
    let _alone = world.database.serve_alone()?;
    let key = options.key.token_key(config, &world.database, world.store.as_ref()).await?;
    let keys = options.key.source(config, &world.database)?;
    let door = Door::new(key, anybody).reading(move || keys.token_key().ok());
    let is_open = admits(&world, address, anybody).await?;
    let server = server(&world, door)?;
    let (stop, stopped) = oneshot::channel::<()>();
    let until_stopped = async { drop(stopped.await) };
    let listening = listen(address, Arc::clone(&server), connections_max(), until_stopped).await;
    let (bound, serving) = listening.map_err(|error| taken(address, &error))?;
    let shift = duty.begin(&world).await?;
    let meter = shift.meter();
    server.metrics.with(move || figures(&meter));
    let mut serving = tokio::spawn(serving);
    if is_open {
        out.talk(format!("open: without a token whoever reaches {bound} is an admin of `{}`", WORKSPACE.default));
    }
    shift.say("ready", &format!("http://{bound}, described at /docs; {}", shift.serves));
    if anybody == Anybody::Comes {
        out.talk(format!("  try: curl -s http://{bound}/api/v1/runs -H 'content-type: application/json' -d '{TRY}'"));
    }
    supervisor::tell(News::Ready);
    tokio::select! {
        worked = shift.work(&mut signals) => worked?,
        ended = &mut serving => return Err(anyhow!("the server ended: {ended:?}")),
    }
    server.draining.store(true, Ordering::Relaxed);
    shift.end(&mut signals).await?;
    // Nobody is left to hear it when the server has ended as well.
    stop.send(()).ok();
    timeout(LAST_ANSWERS, serving).await.ok();
    Ok(Exit::Success)
}

/// Half of the files that this process may have open: the other half is for the database and for tasks, which must begin
/// whoever connects.
fn connections_max() -> usize {
    let files = getrlimit(Resource::Nofile).current;
    files.map_or(CONNECTIONS_MAX, |files| usize::try_from(files / 2).unwrap_or(CONNECTIONS_MAX))
}

/// A run to begin with.
const TRY: &str = r#"{"source": "tasks: {hello: {run: echo hello}}"}"#;

/// Whether somebody without a token is let in, now that the tokens of the database are known.
async fn admits(world: &World, address: SocketAddr, anybody: Anybody) -> Result<bool> {
    let has_token = !world.store.tokens(Scope::All, None, 1).await?.is_empty();
    if anybody == Anybody::StaysOut && !has_token {
        let message = format!("`{address}` is no loopback address, and without a token nobody could use the server");
        return Err(Refusal::usage(message)
            .hint(format!("ork tokens create NAME --role admin{}", world.flags()))
            .into());
    }
    Ok(anybody == Anybody::Comes || anybody == Anybody::ComesUntilFirstToken && !has_token)
}

fn server(world: &World, door: Door) -> Result<Arc<Server>> {
    let (out, clock) = (world.out, Arc::clone(&world.clock));
    Ok(Arc::new(Server {
        store: Arc::clone(&world.store),
        clock: Arc::clone(&world.clock) as _,
        vault: Arc::clone(&world.vault),
        door,
        entropy: Mutex::new(Box::new(OsEntropy)),
        lives: Arc::clone(&world.lives),
        flags: world.flags(),
        version: VERSION,
        draining: AtomicBool::new(false),
        skew_ms: Box::new(move || clock.skew_micros().map(|micros| micros / 1000)),
        metrics: Metrics::new(VERSION),
        live: Live::new(LiveOptions::default()),
        blobs: Some(world.blobs()?),
        alarm: Box::new(move |what| alarm(out, what)),
        log: Box::new(move |exchange| log(out, exchange)),
    }))
}

/// What the engine counts, as metrics.
fn figures(meter: &Meter) -> Vec<Figure> {
    let Some(engine) = meter.read() else { return Vec::new() };
    let mut figures = vec![
        Figure::gauge("worker_capacity", "Attempts at work at once in this process, at the most", engine.capacity),
        Figure::gauge("worker_running", "Attempts at work in this process", engine.running),
        Figure::gauge("worker_unsettled", "Outcomes that the database has not answered to", engine.unsettled),
        Figure::counter("outcomes_stale", "Outcomes that came too late", engine.stale),
    ];
    let settled = engine.settled.into_iter();
    figures.extend(settled.map(|(outcome, count)| {
        Figure::counter("attempts", "Attempts that ended in this process", count).of("outcome", outcome)
    }));
    let delivered = engine.delivered.into_iter();
    figures.extend(delivered.map(|(result, count)| {
        Figure::counter("webhook_deliveries", "Attempts of this process to send messages", count).of("result", result)
    }));
    let troubles = engine.troubles.into_iter();
    figures.extend(troubles.map(|(part, count)| {
        Figure::counter("troubles", "What went wrong in a part of the engine", count).of("part", part)
    }));
    figures
}

/// A line for each request with `--json`; otherwise for those that the server could not answer.
fn log(out: Output, exchange: &Exchange<'_>) {
    let Exchange { request_id, method, path, status, took_ms, code, at } = exchange;
    if out.json {
        let line = json!({
            "type": "request",
            "request_id": request_id,
            "method": method,
            "path": path,
            "status": status,
            "code": code,
            "took_ms": took_ms,
            "at": ork_server::view::moment(*at),
        });
        // A server answers whoever reads its log.
        out.value(&view::value(line)).ok();
    } else if *status >= 500 {
        warn(format!("{status} {method} {path}: {} ({request_id})", code.unwrap_or("not ready")));
    }
}

/// What is kept is not what was written: that must be seen, whatever the form of the log.
fn alarm(out: Output, what: &str) {
    if out.json {
        let line = json!({"type": "alarm", "message": what});
        out.value(&view::value(line)).ok();
    } else {
        warn(format!("error: {what}"));
    }
}

fn taken(address: SocketAddr, error: &std::io::Error) -> Refusal {
    Refusal::usage(format!("failed to listen on {address}: {error}")).hint("--listen 127.0.0.1:0 takes any free port")
}
