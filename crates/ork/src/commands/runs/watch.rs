//! `ork runs watch`.

use std::time::Duration;

use anyhow::Result;
use ork_core::id::RunId;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::carrier;
use crate::config::Config;
use crate::exit_code::{Exit, is_transient};
use crate::follow::Follower;
use crate::history::History;
use crate::ids;
use crate::output::{Output, status, warn};
use crate::progress::{Asked, Progress, Style};
use crate::signals::Signals;
use crate::verdict;
use crate::when::parse_ms;

/// Options of `ork runs watch`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Exits with the run's verdict: 0 success, 1 failed, 3 cancelled; with 1 as well when the \
process that carried it is gone, and nobody goes on with it. Ctrl-C only stops watching; the run goes on.

Examples:
  ork runs watch last
  ork runs watch last --timeout 10m --json")]
pub struct Args {
    /// A run [default: the newest]
    #[arg(value_name = "RUN", default_value = "last", hide_default_value = true)]
    pub run: String,
    /// Stop watching after this time, with exit code 5 [default: never]
    #[arg(long, value_name = "TIME", value_parser = parse_ms)]
    pub timeout: Option<u64>,
    #[command(flatten)]
    pub progress: Asked,
}

/// How often the picture is drawn.
const FRAME: Duration = Duration::from_millis(200);
/// How often the run is looked at when nothing says that anything happens.
const QUIET: Duration = Duration::from_secs(2);
/// How often its process is looked for while nothing happens.
const CARRIER_LOOK: Duration = Duration::from_secs(2);
/// How long it may take to say what becomes of a run that is watched no longer.
const LAST_LOOK: Duration = Duration::from_secs(2);
/// The longest timeout: 30 years.
const FOREVER: Duration = Duration::from_secs(946_080_000);

/// Carries out `ork runs watch`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let mut signals = Signals::listen()?;
    let history = History::find(out, config).await?;
    let id = ids::run(&history, &args.run).await?;
    let found = history.row(id).await?;
    out.talk(format!("{}  {id}  {}", found.name, status(found.status.word())));
    let style = args.progress.settle(out, config)?;
    let limit = args.timeout.map_or(FOREVER, Duration::from_millis).min(FOREVER);
    tokio::select! {
        ended = timeout_at(Instant::now() + limit, follow(&history, Follower::new(id, 0), style)) => match ended {
            Ok(ended) => ended?,
            Err(_) => {
                warn(format!("timed out; {}", left(&history, id).await));
                return Ok(Exit::TimedOut);
            }
        },
        _ = signals.next() => {
            warn(format!("stopped watching; {}", left(&history, id).await));
            return Ok(Exit::Interrupted);
        }
    }
    verdict::tell(&history, &history.row(id).await?, None).await
}

/// What becomes of a run that is watched no longer.
async fn left(history: &History, id: RunId) -> String {
    // Whoever is asked to end does not wait for one that does not answer.
    match timeout(LAST_LOOK, history.row(id)).await {
        Ok(Ok(found)) if carrier::is_orphan(history, &found).await.unwrap_or(false) => carrier::gone(history, id),
        _ => format!("the run goes on: ork runs watch {id}{}", history.flags()),
    }
}

/// Tells what happens until the run is over, or nobody goes on with it. A database that does not answer is waited for.
async fn follow(history: &History, mut follower: Follower, style: Style) -> Result<()> {
    let mut progress = Progress::new(history.clone(), follower.run, style);
    let mut is_down = false;
    let mut next_look = Instant::now();
    loop {
        match follower.next(history).await {
            Ok(rows) => {
                is_down = false;
                if progress.show(&rows, &follower.names).await? {
                    return Ok(());
                }
                if !rows.is_empty() {
                    continue;
                }
                if Instant::now() >= next_look {
                    check_carrier(history, follower.run).await?;
                    next_look = Instant::now() + CARRIER_LOOK;
                }
            }
            Err(error) if is_transient(&error) => {
                if !std::mem::replace(&mut is_down, true) {
                    warn(format!("waiting: {error}"));
                }
            }
            Err(error) => return Err(error),
        }
        wait(history, &mut follower, &mut progress).await?;
    }
}

/// Waits until it is time to look again, and keeps the picture going meanwhile.
async fn wait(history: &History, follower: &mut Follower, progress: &mut Progress) -> Result<()> {
    let at_last = Instant::now() + QUIET;
    while Instant::now() < at_last {
        progress.tick(&follower.names).await?;
        tokio::select! {
            biased;
            () = follower.wait(history) => return Ok(()),
            () = sleep(FRAME) => {}
        }
    }
    Ok(())
}

/// A process that is gone is an error; a database or a server that does not answer is waited for.
async fn check_carrier(history: &History, run: RunId) -> Result<()> {
    let is_orphan = async { carrier::is_orphan(history, &history.row(run).await?).await };
    match is_orphan.await {
        Ok(true) => Err(carrier::refusal(history, run).into()),
        Err(error) if !is_transient(&error) => Err(error),
        _ => Ok(()),
    }
}
