//! `ork workers`: who serves the database.

use anyhow::Result;
use ork_core::store::WorkerRow;
use serde_json::{Value, json};

use crate::config::Config;
use crate::exit_code::Exit;
use crate::output::{Output, faint};
use crate::table;
use crate::when::{ago, rfc3339};
use crate::why::living;
use crate::world::{SCOPE, World};

/// Options of `ork workers`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
A worker is `alive`, `dead` (its process is gone, or it was not heard of for 15 s, and nobody has settled what it had), \
or `gone` (it was struck off and still has something). An `ork run` is a worker that serves its own run only.

Examples:
  ork workers
  ork workers --json")]
pub struct Args;

/// Tasks of a worker that are counted.
const COUNT_MAX: usize = 10_000;

/// Carries out `ork workers`.
pub async fn run(out: Output, config: &Config) -> Result<Exit> {
    let Some(world) = World::open_existing(out, config).await? else {
        out.talk("no worker lives; start one with: ork worker");
        return Ok(Exit::Success);
    };
    let all = world.store.workers(SCOPE).await?;
    let alive = living(&world, all.clone())?;
    let mut cells = Vec::new();
    for worker in &all {
        let status = match () {
            () if worker.ended_at.is_some() => "gone",
            () if alive.iter().any(|other| other.id == worker.id) => "alive",
            () => "dead",
        };
        let at_work = world.store.leases_of(worker.id, COUNT_MAX).await?.len();
        if out.json {
            out.value(&view(worker, status, at_work))?;
        }
        cells.push(vec![
            status.into(),
            worker.name.clone(),
            worker.host.clone(),
            served(worker).join(", "),
            format!("{at_work} of {} at work", worker.capacity),
            format!("heard of {}", ago(worker.heartbeat_at, world.now())),
            worker.version.clone(),
        ]);
    }
    if out.json {
        return Ok(Exit::Success);
    }
    if all.is_empty() {
        out.talk(format!("no worker lives; start one with: ork worker{}", world.flags()));
    }
    for line in table::lines(&cells, |column, cell| if column > 4 { faint(cell) } else { cell.to_owned() }) {
        out.data(line)?;
    }
    Ok(Exit::Success)
}

/// The queues of a worker, or the run that it carries.
pub fn served(worker: &WorkerRow) -> Vec<String> {
    let mut queues: Vec<String> = Vec::new();
    for lane in &worker.lanes {
        let queue = lane.split('@').next().unwrap_or(lane);
        let queue = queue.strip_prefix('#').unwrap_or(queue).to_owned();
        if !queues.contains(&queue) {
            queues.push(queue);
        }
    }
    queues
}

fn view(worker: &WorkerRow, status: &str, at_work: usize) -> Value {
    json!({
        "id": worker.id.to_string(),
        "name": worker.name,
        "host": worker.host,
        "queues": served(worker),
        "in_process": worker.lanes.iter().any(|lane| lane.starts_with('#')),
        "capacity": worker.capacity,
        "at_work": at_work,
        "status": status,
        "version": worker.version,
        "started_at": rfc3339(worker.started_at),
        "heartbeat_at": rfc3339(worker.heartbeat_at),
    })
}
