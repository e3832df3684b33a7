//! What a database holds when somebody has worked with it for long: written by the operations of the store, in a moment of the
//! past.

use std::path::Path;
use std::sync::Arc;

use ork_core::attempt::Outcome;
use ork_core::clock::{SeededEntropy, Timestamp};
use ork_core::event::Actor;
use ork_core::graph::{LeaseId, NewRun, Pin, ProcessEnd, TriggeredBy};
use ork_core::id::{RunId, WorkerId, WorkspaceId};
use ork_core::json::Json;
use ork_core::limits::BATCH_MAX;
use ork_core::plan::{Action, Fan, Node, Plan};
use ork_core::store::{Claim, Queue, Runs, Scope, Settle, WorkerRow, Workers};
use ork_sqlite::{Durability, SqliteOptions, SqliteStore};
use serde_json::json;
use tokio::task::JoinSet;

use crate::serving::text;

/// The operation of all tasks, and the queue that they wait in.
const OPERATION: &str = "work";
const OUTPUT: &str = "{\"frames\":1500,\"url\":\"https://example.com/video/part.mp4\"}";

/// A database of SQLite that is being filled.
pub(crate) struct Past {
    store: Arc<SqliteStore>,
    random: SeededEntropy,
    worker: WorkerId,
    leases: i64,
    now: Timestamp,
}

impl Past {
    /// A database whose past is at this moment. It is no loss if it is lost, so nobody waits for the disk.
    pub(crate) async fn open(path: &Path, now: Timestamp) -> Result<Self, String> {
        let options = SqliteOptions { durability: Durability::Normal, ..SqliteOptions::default() };
        let store = Arc::new(SqliteStore::open(path, &options).map_err(text)?);
        let mut random = SeededEntropy::new(1);
        let worker = WorkerId::new(now, &mut random);
        let row = WorkerRow {
            id: worker,
            name: "past".into(),
            host: "past".into(),
            lanes: vec![OPERATION.into()],
            capacity: 4,
            version: "0".into(),
            started_at: now,
            heartbeat_at: now,
            ended_at: None,
        };
        store.register_worker(&row).await.map_err(text)?;
        Ok(Self { store, random, worker, leases: 0, now })
    }

    /// Submits so many runs of so many tasks at once; their ids, in order.
    pub(crate) async fn submit(&mut self, runs: usize, tasks: u32) -> Result<Vec<RunId>, String> {
        let mut submits = JoinSet::new();
        let mut ids = Vec::with_capacity(runs);
        for _ in 0..runs {
            // A later one has a later id.
            self.now = self.now.plus_ms(1);
            let new = new_run(RunId::new(self.now, &mut self.random), tasks, self.now);
            ids.push(new.id);
            let store = Arc::clone(&self.store);
            submits.spawn(async move { store.submit(&new).await });
        }
        while let Some(submitted) = submits.join_next().await {
            submitted.map_err(text)?.map_err(text)?;
        }
        Ok(ids)
    }

    /// Carries out so many of the tasks that wait, or all there are; how many.
    pub(crate) async fn carry_out(&mut self, tasks: u64) -> Result<u64, String> {
        let mut over = 0;
        while over < tasks {
            let done = self.carry_out_some(usize::try_from(tasks - over).map_err(text)?.min(BATCH_MAX)).await?;
            over += done;
            if done == 0 {
                break;
            }
        }
        Ok(over)
    }

    async fn carry_out_some(&mut self, limit: usize) -> Result<u64, String> {
        self.leases += 1;
        self.now = self.now.plus_ms(1);
        let claim = Claim {
            scope: Scope::All,
            worker: self.worker,
            lease: LeaseId(self.leases),
            again: false,
            lanes: vec![OPERATION.into()],
            limit,
            now: self.now,
        };
        let claimed = self.store.claim(&claim).await.map_err(text)?;
        let settles: Vec<Settle> = (claimed.iter())
            .map(|claimed| Settle {
                task: claimed.task,
                attempt: claimed.attempt,
                lease: claim.lease,
                outcome: Outcome::Success { output: Some(Json::from_stored(OUTPUT)) },
                started_at: Some(self.now),
                finished_at: self.now,
                end: ProcessEnd::default(),
                random: 0,
            })
            .collect();
        self.store.settle(Scope::All, &settles, &Actor::user("past"), self.now).await.map_err(text)?;
        Ok(claimed.len() as u64)
    }

    /// Nobody is at work in it any more.
    pub(crate) async fn close(self) -> Result<(), String> {
        self.store.retire_worker(self.worker, self.now).await.map(drop).map_err(text)
    }
}

/// Does something that waits for a store, on this thread.
pub(crate) fn wait<T>(future: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(text)?;
    runtime.block_on(future)
}

fn new_run(id: RunId, tasks: u32, now: Timestamp) -> NewRun {
    let action = Action::operation(OPERATION, json!({"path": "video/{{ task.index }}.mp4"}));
    let node = Node { fan: Fan::Count(tasks), ..Node::new("part", action) };
    NewRun {
        id,
        workspace: WorkspaceId::DEFAULT,
        external_id: None,
        owner: None,
        plan: Plan { name: "past".into(), nodes: vec![node], ..Plan::default() },
        plan_source: None,
        revision: None,
        input: Json::from_stored("{}"),
        priority: None,
        pin: Pin::Anywhere,
        project: None,
        triggered_by: TriggeredBy::Api,
        retry_of: None,
        reuse: Vec::new(),
        webhook: None,
        actor: Actor::user("past"),
        now,
    }
}
