//! `ork queues`: what waits, and who serves it.

use anyhow::Result;
use clap::Subcommand;
use ork_api::Queue;
use ork_core::clock::Timestamp;

use crate::config::Config;
use crate::exit_code::Exit;
use crate::history::History;
use crate::output::{Output, alarm, faint};
use crate::progress::thousands;
use crate::table;
use crate::view;
use crate::when::{duration, moment};

mod pause;
mod resume;

/// Options of `ork queues`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
A queue of a host holds tasks of runs that were submitted from a file there. `queued` tasks can be taken, `held` ones \
wait for a slot of their concurrency key, `retrying` ones for their next attempt. Counting ends at 10,000: `10,000+`. What \
`ork run` carries itself is in no queue.

Examples:
  ork queues
  ork queues --json
  ork queues pause video")]
pub struct Args {
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What there is to do with queues.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Give nothing more of a queue to workers until it is resumed.
    Pause(pause::Args),
    /// Go on with a paused queue.
    Resume(resume::Args),
}

/// Carries out `ork queues`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    match args.command {
        Some(Command::Pause(args)) => pause::run(args, out, config).await,
        Some(Command::Resume(args)) => resume::run(args, out, config).await,
        None => list(out, config).await,
    }
}

async fn list(out: Output, config: &Config) -> Result<Exit> {
    let Some(history) = History::open_existing(out, config).await? else {
        out.talk("no queue holds anything, and no worker lives; start one with: ork worker");
        return Ok(Exit::Success);
    };
    let queues = history.queues().await?;
    if out.json {
        for queue in &queues {
            out.value(&view::value(queue))?;
        }
        return Ok(Exit::Success);
    }
    if queues.is_empty() {
        out.talk(format!(
            "no queue holds anything, and no worker lives; start one with: ork worker{}",
            history.flags()
        ));
    }
    let cells: Vec<Vec<String>> = queues.iter().map(|queue| cells(queue, history.now(), history.flags())).collect();
    let paint = |column: usize, cell: &str| match column {
        5 => faint(cell),
        6 if cell.starts_with("no worker") || cell.starts_with("paused") => alarm(cell),
        _ => cell.to_owned(),
    };
    for line in table::lines(&cells, paint) {
        out.data(line)?;
    }
    Ok(Exit::Success)
}

fn cells(queue: &Queue, now: Timestamp, flags: &str) -> Vec<String> {
    let host = queue.host.as_ref().map(|host| format!(" on {host}")).unwrap_or_default();
    let mut cells = vec![format!("{}{host}", queue.queue)];
    let Queue { queued, held, retrying, at_work, .. } = *queue;
    for (word, number) in [("queued", queued), ("held", held), ("retrying", retrying), ("at work", at_work)] {
        let more = queue.more.contains(&word.replace(' ', "_"));
        let plus = if more { "+" } else { "" };
        let is_empty = number == 0 && !more;
        cells.push(if is_empty { String::new() } else { format!("{}{plus} {word}", thousands(number.into())) });
    }
    let oldest = queue.oldest_queued_at.as_ref().map(|at| format!("oldest {}", duration(now.since_ms(moment(at)))));
    cells.push(oldest.unwrap_or_default());
    cells.push(match &queue.paused {
        Some(pause) => {
            let since = duration(now.since_ms(moment(&pause.at)));
            format!("paused by {} for {since}; go on with: ork queues resume {}{flags}", pause.by, queue.queue)
        }
        None => served(queue, flags),
    });
    cells
}

fn served(queue: &Queue, flags: &str) -> String {
    match (queue.workers.len(), &queue.host) {
        (0, Some(_)) => format!("no worker there serves it: ork worker --queues {}{flags}", queue.queue),
        (0, None) => format!("no worker serves it: ork worker --queues {}{flags}", queue.queue),
        (1, _) => format!("1 worker takes {} at once", queue.capacity),
        (workers, _) => format!("{workers} workers take {} at once", queue.capacity),
    }
}
