//! What waits in queues, and who serves them.

use std::collections::BTreeMap;

use ork_api::{Worker, WorkerStatus};
use ork_core::error::StoreResult;
use ork_core::store::{LaneRow, QueuePause, WorkerRow};

use crate::look::Look;
use crate::view::moment;

/// Tasks that are counted: of each queue that can be taken, of all queues together what waits otherwise, of each worker.
pub const COUNT_MAX: u32 = 10_000;

/// One queue, or the part of it that belongs to a host.
#[derive(Debug)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// The host.
    pub host: Option<String>,
    /// What it holds.
    pub holds: LaneRow,
    /// What is counted in all queues together has reached the limit: there may be more.
    more: [bool; 3],
    /// Who paused it.
    pub paused: Option<QueuePause>,
    /// The names of the workers that serve it.
    pub workers: Vec<String>,
    /// What they take at once.
    pub capacity: u32,
}

/// What holds something, what a worker serves, and what is paused. Parts of hosts that hold nothing are left out.
///
/// # Errors
/// When the store cannot be read.
pub async fn queues(look: Look<'_>) -> StoreResult<Vec<Queue>> {
    let lanes = look.store.lanes(look.scope, COUNT_MAX).await?;
    let workers = look.living(look.store.workers(look.scope).await?);
    let pauses = look.store.queue_pauses(look.scope).await?;
    let sum = |count: fn(&LaneRow) -> u32| lanes.iter().map(count).sum::<u32>() >= COUNT_MAX;
    let more = [sum(|lane| lane.held), sum(|lane| lane.delayed), sum(|lane| lane.leased)];
    let mut all: BTreeMap<String, LaneRow> = BTreeMap::new();
    let served = workers.iter().flat_map(|worker| &worker.lanes).filter(|lane| !lane.contains(['@', '#']));
    for lane in served.chain(pauses.iter().map(|pause| &pause.queue)) {
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
            paused: pauses.iter().find(|pause| pause.queue == name).cloned(),
            name,
            host,
            holds,
            more,
            workers: serving.iter().map(|worker| worker.name.clone()).collect(),
            capacity: serving.iter().map(|worker| worker.capacity).sum(),
        }
    };
    Ok(all.into_iter().map(queue).collect())
}

impl Queue {
    /// What it holds: a word, a number, and whether there may be more.
    #[must_use]
    pub fn counts(&self) -> [(&'static str, u32, bool); 4] {
        let LaneRow { ready, held, delayed, leased, .. } = self.holds;
        let [more_held, more_delayed, more_leased] = self.more;
        [
            ("queued", ready, ready >= COUNT_MAX),
            ("held", held, more_held),
            ("retrying", delayed, more_delayed),
            ("at work", leased, more_leased),
        ]
    }

    /// As JSON shows it.
    #[must_use]
    pub fn shape(&self) -> ork_api::Queue {
        let [(_, queued, _), (_, held, _), (_, retrying, _), (_, at_work, _)] = self.counts();
        ork_api::Queue {
            queue: self.name.clone(),
            host: self.host.clone(),
            queued,
            held,
            retrying,
            at_work,
            more: self.counts().iter().filter(|(.., more)| *more).map(|(word, ..)| word.replace(' ', "_")).collect(),
            oldest_queued_at: self.holds.oldest_at.map(moment),
            paused: self.paused.as_ref().map(pause),
            workers: self.workers.clone(),
            capacity: self.capacity,
        }
    }
}

/// That a queue is paused.
#[must_use]
pub fn pause(pause: &QueuePause) -> ork_api::QueuePause {
    ork_api::QueuePause { by: pause.by.clone(), at: moment(pause.at) }
}

/// Workers that live, or that have something left, with what they have.
///
/// # Errors
/// When the store cannot be read.
pub async fn workers(look: Look<'_>) -> StoreResult<Vec<(WorkerRow, Worker)>> {
    let mut found = Vec::new();
    for row in look.store.workers(look.scope).await? {
        if !is_known(look, &row).await? {
            continue;
        }
        let status = match row.ended_at {
            Some(_) => WorkerStatus::Gone,
            None if (look.lives)(&row, look.now) => WorkerStatus::Alive,
            None => WorkerStatus::Dead,
        };
        let at_work = look.store.leases_of(row.id, COUNT_MAX as usize).await?.len();
        let worker = Worker {
            id: row.id.to_string(),
            name: row.name.clone(),
            host: row.host.clone(),
            queues: served(&row),
            in_process: row.lanes.iter().any(|lane| lane.starts_with('#')),
            capacity: row.capacity,
            at_work,
            status,
            version: row.version.clone(),
            started_at: moment(row.started_at),
            heartbeat_at: moment(row.heartbeat_at),
        };
        found.push((row, worker));
    }
    Ok(found)
}

/// Workers serve all workspaces; a process that carries one run is known to the workspace of that run.
async fn is_known(look: Look<'_>, worker: &WorkerRow) -> StoreResult<bool> {
    let carried = worker.lanes.iter().find_map(|lane| lane.strip_prefix('#')?.parse().ok());
    Ok(match carried {
        Some(run) => look.store.run(look.scope, run).await?.is_some(),
        None => true,
    })
}

/// The queues of a worker, or the run that it carries.
fn served(worker: &WorkerRow) -> Vec<String> {
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
