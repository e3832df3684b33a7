//! `ork serve`: the HTTP API, with a worker in it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Result, anyhow};
use ork_server::{Exchange, LOOPBACK_ONLY, Live, LiveOptions, Server, listen};
use serde_json::json;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::VERSION;
use crate::commands::worker;
use crate::config::Config;
use crate::entropy::OsEntropy;
use crate::exit_code::{Exit, Refusal};
use crate::output::{Output, warn};
use crate::signals::Signals;
use crate::supervisor::{self, News};
use crate::view;
use crate::world::World;

/// Options of `ork serve`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Listens on a loopback address only: it has no tokens yet, and whoever reaches it may run commands. /docs shows the API, \
/readyz says whether it can work. It takes tasks as `ork worker` does, and ends like it: after SIGTERM or Ctrl-C it claims \
nothing more, waits for what runs, and answers until that is over. Of an SQLite database there is one server.

With --json stdout has a line for each request and for what the worker has to say.

Examples:
  ork serve
  ork serve --listen 127.0.0.1:8080 --capacity 8
  ork serve --database postgres://ork@db/ork --json")]
pub struct Args {
    /// A loopback address and a port; port 0 is any that is free [default: `listen` of the settings, else 127.0.0.1:6750]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    #[command(flatten)]
    pub worker: worker::Options,
}

/// How long answers that have begun may take once everything else is over.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// Carries out `ork serve`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let address = config.listen(args.listen)?;
    if !address.ip().is_loopback() {
        return Err(Refusal::usage(format!("`{address}` is refused: {LOOPBACK_ONLY}"))
            .hint(format!("--listen 127.0.0.1:{}", address.port()))
            .into());
    }
    let duty = args.worker.settle(config)?;
    let mut signals = Signals::listen()?;
    let world = World::open(out, config).await?;
    let _alone = world.database.serve_alone()?;
    let server = server(&world);
    let (stop, stopped) = oneshot::channel::<()>();
    let until_stopped = async { drop(stopped.await) };
    let listening = listen(address, Arc::clone(&server), until_stopped).await;
    let (bound, serving) = listening.map_err(|error| taken(address, &error))?;
    let shift = duty.begin(&world).await?;
    let mut serving = tokio::spawn(serving);
    shift.say("ready", &format!("http://{bound}, described at /docs; {}", shift.serves));
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

fn server(world: &World) -> Arc<Server> {
    let out = world.out;
    Arc::new(Server {
        store: Arc::clone(&world.store),
        clock: Arc::clone(&world.clock) as _,
        entropy: Mutex::new(Box::new(OsEntropy)),
        lives: Arc::clone(&world.lives),
        flags: world.flags(),
        version: VERSION,
        draining: AtomicBool::new(false),
        live: Live::new(LiveOptions::default()),
        log: Box::new(move |exchange| log(out, exchange)),
    })
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

fn taken(address: SocketAddr, error: &std::io::Error) -> Refusal {
    Refusal::usage(format!("failed to listen on {address}: {error}")).hint("--listen 127.0.0.1:0 takes any free port")
}
