//! `ork queues`: what waits, and who serves it.

use std::collections::BTreeMap;

use anyhow::Result;
use ork_core::clock::Timestamp;
use ork_core::store::{LaneRow, WorkerRow};
use serde_json::{Value, json};

use crate::config::Config;
use crate::exit_code::Exit;
use crate::output::{Output, alarm, faint};
use crate::progress::thousands;
use crate::table;
use crate::when::{duration, rfc3339};
use crate::why::living;
use crate::world::{SCOPE, World};

/// Options of `ork queues`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
A queue of a host holds tasks of runs that were submitted from a file there. `queued` tasks can be taken, `held` ones \
wait for a slot of their concurrency key, `retrying` ones for their next attempt. Counting ends at 10,000: `10,000+`. What \
`ork run` carries itself is in no queue.

Examples:
  ork queues
  ork queues --json")]
pub struct Args;

/// Tasks that are counted.
const COUNT_MAX: u32 = 10_000;

/// Carries out `ork queues`.
pub async fn run(out: Output, config: &Config) -> Result<Exit> {
    let Some(world) = World::open_existing(out, config).await? else {
        out.talk("no queue holds anything, and no worker lives; start one with: ork worker");
        return Ok(Exit::Success);
    };
    let lanes = world.store.lanes(SCOPE, COUNT_MAX).await?;
    let workers = living(&world, world.store.workers(SCOPE).await?)?;
    let queues = queues(lanes, &workers);
    if out.json {
        for queue in &queues {
            out.value(&queue.view())?;
        }
        return Ok(Exit::Success);
    }
    if queues.is_empty() {
        out.talk(format!("no queue holds anything, and no worker lives; start one with: ork worker{}", world.flags()));
    }
    let cells: Vec<Vec<String>> = queues.iter().map(|queue| queue.cells(world.now(), &world.flags())).collect();
    let paint = |column: usize, cell: &str| match column {
        5 => faint(cell),
        6 if cell.starts_with("no worker") => alarm(cell),
        _ => cell.to_owned(),
    };
    for line in table::lines(&cells, paint) {
        out.data(line)?;
    }
    Ok(Exit::Success)
}

/// One queue, or the part of it that belongs to a host.
struct Queue {
    name: String,
    host: Option<String>,
    holds: LaneRow,
    /// What is counted in all queues together has reached the limit: there may be more.
    more: [bool; 3],
    /// The names of the workers that serve it, and what they take at once.
    workers: Vec<String>,
    capacity: u32,
}

/// What holds something, and what a worker serves. Parts of hosts that hold nothing are left out.
fn queues(lanes: Vec<LaneRow>, workers: &[WorkerRow]) -> Vec<Queue> {
    let sum = |count: fn(&LaneRow) -> u32| lanes.iter().map(count).sum::<u32>() >= COUNT_MAX;
    let more = [sum(|lane| lane.held), sum(|lane| lane.delayed), sum(|lane| lane.leased)];
    let mut all: BTreeMap<String, LaneRow> = BTreeMap::new();
    for lane in workers.iter().flat_map(|worker| &worker.lanes).filter(|lane| !lane.contains(['@', '#'])) {
        all.insert(lane.clone(), LaneRow { lane: lane.clone(), ..LaneRow::default() });
    }
    all.extend(lanes.into_iter().map(|lane| (lane.lane.clone(), lane)));
    let queue = |(lane, holds): (String, LaneRow)| {
        let serving: Vec<&WorkerRow> = workers.iter().filter(|worker| worker.lanes.contains(&lane)).collect();
        let (name, host) = match lane.split_once('@') {
            Some((name, host)) => (name.to_owned(), Some(host.to_owned())),
            None => (lane.clone(), None),
        };
        Queue {
            name,
            host,
            holds,
            more,
            workers: serving.iter().map(|worker| worker.name.clone()).collect(),
            capacity: serving.iter().map(|worker| worker.capacity).sum(),
        }
    };
    all.into_iter().map(queue).collect()
}

impl Queue {
    /// What it holds: a word, a number, and whether there may be more.
    fn counts(&self) -> [(&'static str, u32, bool); 4] {
        let LaneRow { ready, held, delayed, leased, .. } = self.holds;
        let [more_held, more_delayed, more_leased] = self.more;
        [
            ("queued", ready, ready >= COUNT_MAX),
            ("held", held, more_held),
            ("retrying", delayed, more_delayed),
            ("at work", leased, more_leased),
        ]
    }

    fn cells(&self, now: Timestamp, flags: &str) -> Vec<String> {
        let host = self.host.as_ref().map(|host| format!(" on {host}")).unwrap_or_default();
        let mut cells = vec![format!("{}{host}", self.name)];
        for (word, number, more) in self.counts() {
            let plus = if more { "+" } else { "" };
            let is_empty = number == 0 && !more;
            cells.push(if is_empty { String::new() } else { format!("{}{plus} {word}", thousands(number.into())) });
        }
        let oldest = self.holds.oldest_at.map(|at| format!("oldest {}", duration(now.since_ms(at))));
        cells.push(oldest.unwrap_or_default());
        cells.push(self.served(flags));
        cells
    }

    fn served(&self, flags: &str) -> String {
        match (self.workers.len(), &self.host) {
            (0, Some(_)) => format!("no worker there serves it: ork worker --queues {}{flags}", self.name),
            (0, None) => format!("no worker serves it: ork worker --queues {}{flags}", self.name),
            (1, _) => format!("1 worker takes {} at once", self.capacity),
            (workers, _) => format!("{workers} workers take {} at once", self.capacity),
        }
    }

    fn view(&self) -> Value {
        let more: Vec<String> =
            self.counts().iter().filter(|(.., more)| *more).map(|(word, ..)| word.replace(' ', "_")).collect();
        json!({
            "queue": self.name,
            "host": self.host,
            "queued": self.holds.ready,
            "held": self.holds.held,
            "retrying": self.holds.delayed,
            "at_work": self.holds.leased,
            "more": more,
            "oldest_queued_at": self.holds.oldest_at.map_or(Value::Null, rfc3339),
            "workers": self.workers,
            "capacity": self.capacity,
        })
    }
}
