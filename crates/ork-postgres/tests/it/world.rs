//! A database of its own for each test, and short words for what tests do.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use futures_util::FutureExt;
use ork_core::attempt::{Failure, FailureKind, Outcome};
use ork_core::check::check;
use ork_core::clock::{SeededEntropy, Timestamp};
use ork_core::event::Actor;
use ork_core::graph::{LeaseId, NewRun, Pin, ProcessEnd, TriggeredBy};
use ork_core::id::{RunId, TaskRef, WorkerId, WorkspaceId};
use ork_core::json::Json;
use ork_core::plan::{Action, Fan, Node, OnFailure, Plan};
use ork_core::store::{
    Claim, Claimed, Inspect, Outcomes, Queue, Runs, Scope, Settle, Settled, TaskFilter, Tasks, WorkerRow, Workers,
};
use ork_postgres::{PgOptions, PgStore};
use serde_json::Value;
use tokio_postgres::{Client, NoTls};

pub const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

/// One test's database and store.
#[derive(Clone)]
pub struct World {
    pub store: PgStore,
    /// As the login that works on it.
    pub url: String,
    /// As the owner of the tables.
    pub owner: String,
    pub worker: WorkerId,
    next: std::sync::Arc<AtomicI64>,
}

/// The cluster's URL; `None` skips the test.
pub fn cluster() -> Option<String> {
    let url = std::env::var("ORK_TEST_POSTGRES_URL").ok().filter(|url| !url.is_empty());
    assert!(
        url.is_some() || std::env::var("CI").as_deref() != Ok("true"),
        "ORK_TEST_POSTGRES_URL is not set, and in CI nothing is skipped"
    );
    if url.is_none() {
        println!("skipped: ORK_TEST_POSTGRES_URL is not set");
    }
    url
}

/// A database's URL as another of the test cluster's logins, which all have one password. The owner's may migrate.
pub fn as_login(login: &str, url: &str) -> String {
    url.replacen("://ork_owner:", &format!("://{login}:"), 1)
}

/// A database's URL as the login that works on it.
pub fn app(url: &str) -> String {
    as_login("ork_app", url)
}

/// A connection beside the store.
pub async fn client(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("connects");
    tokio::spawn(connection);
    client
}

/// Creates an empty database, hands its URL for the owner to the test, and drops it.
pub async fn with_database<F: Future<Output = ()>>(test: impl FnOnce(String) -> F) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let Some(cluster) = cluster() else { return };
    let name = format!("ork_test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let admin = client(&cluster).await;
    admin.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await.expect("drops");
    admin.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("creates");
    let (server, _) = cluster.rsplit_once('/').expect("the URL names a database");
    let outcome = AssertUnwindSafe(test(format!("{server}/{name}"))).catch_unwind().await;
    admin.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await.expect("drops");
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

/// Runs a test on a migrated database with one worker.
pub async fn with_world<F: Future<Output = ()>>(test: impl FnOnce(World) -> F) {
    with_database(|owner| async move {
        ork_postgres::migrate(&owner).await.expect("migrates");
        let url = app(&owner);
        let store = PgStore::connect(&url, PgOptions::default()).await.expect("connects");
        let worker = register(&store, 1).await;
        test(World { store, url, owner, worker, next: AtomicI64::new(1).into() }).await;
    })
    .await;
}

pub async fn register(store: &PgStore, seed: u64) -> WorkerId {
    let id = WorkerId::new(NOW, &mut SeededEntropy::new(1000 + seed));
    let row = WorkerRow {
        id,
        name: format!("w{seed}"),
        host: "here".into(),
        lanes: vec!["work".into()],
        capacity: 4,
        version: "0".into(),
        started_at: NOW,
        heartbeat_at: NOW,
        ended_at: None,
    };
    store.register_worker(&row).await.expect("registers");
    id
}

pub fn node(key: &str, parents: &[u32]) -> Node {
    Node {
        depends_on: parents.to_vec(),
        queue: "work".into(),
        ..Node::new(key, Action::operation("work", Value::Null))
    }
}

pub fn fan(key: &str, parents: &[u32], count: u32) -> Node {
    Node { fan: Fan::Count(count), ..node(key, parents) }
}

pub fn plan(nodes: Vec<Node>) -> Plan {
    Plan { name: "test".into(), nodes, on_failure: OnFailure::Stop, ..Plan::default() }
}

pub fn new_run(seed: u64, plan: Plan) -> NewRun {
    NewRun {
        id: RunId::new(NOW, &mut SeededEntropy::new(seed)),
        workspace: WorkspaceId::DEFAULT,
        external_id: None,
        owner: None,
        plan,
        plan_source: None,
        revision: None,
        input: Json::from_stored("{}"),
        priority: None,
        pin: Pin::Anywhere,
        project: None,
        triggered_by: TriggeredBy::Manual,
        retry_of: None,
        reuse: Vec::new(),
        webhook: None,
        actor: Actor::user("tester"),
        now: NOW,
    }
}

pub fn success() -> Outcome {
    Outcome::Success { output: Some(Json::from_stored("1")) }
}

pub fn failure() -> Outcome {
    Outcome::Failed(Failure::new(FailureKind::Exit { code: 1 }, "exit 1"))
}

pub fn settle_of(claimed: &Claimed, lease: LeaseId, outcome: Outcome) -> Settle {
    Settle {
        task: claimed.task,
        attempt: claimed.attempt,
        lease,
        outcome,
        started_at: Some(NOW),
        finished_at: NOW.plus_ms(1),
        end: ProcessEnd::default(),
        random: 0,
    }
}

/// Tasks of one claim.
pub struct Batch {
    pub lease: LeaseId,
    pub tasks: Vec<Claimed>,
}

impl World {
    pub fn lease(&self) -> LeaseId {
        LeaseId(self.next.fetch_add(1, Ordering::Relaxed))
    }

    pub async fn submit(&self, plan: Plan) -> RunId {
        let seed = self.next.fetch_add(1, Ordering::Relaxed).unsigned_abs();
        let run = new_run(seed, plan);
        self.store.submit(&run).await.expect("submits");
        run.id
    }

    pub fn claim_of(&self, worker: WorkerId, limit: usize) -> Claim {
        Claim {
            scope: Scope::All,
            worker,
            lease: self.lease(),
            again: false,
            lanes: vec!["work".into()],
            limit,
            now: NOW,
        }
    }

    pub async fn claim(&self, limit: usize) -> Batch {
        let claim = self.claim_of(self.worker, limit);
        Batch { lease: claim.lease, tasks: self.store.claim(&claim).await.expect("claims") }
    }

    /// Settles all of a batch alike.
    pub async fn settle(&self, batch: &Batch, outcome: Outcome) -> Outcomes {
        let settles: Vec<Settle> = batch.tasks.iter().map(|c| settle_of(c, batch.lease, outcome.clone())).collect();
        self.send(&settles).await
    }

    pub async fn send(&self, settles: &[Settle]) -> Outcomes {
        self.store.settle(Scope::All, settles, &self.actor(), NOW.plus_ms(2)).await.expect("settles")
    }

    pub fn actor(&self) -> Actor {
        Actor::user("tester")
    }

    /// Claims and settles until nothing is left; how many.
    pub async fn drain(&self, size: usize) -> usize {
        let mut count = 0;
        loop {
            let batch = self.claim(size).await;
            if batch.tasks.is_empty() {
                return count;
            }
            count += batch.tasks.len();
            let outcomes = self.settle(&batch, success()).await;
            assert!(outcomes.settled.iter().all(|s| *s == Settled::Accepted));
        }
    }

    /// The run and its tasks in a line, after the checker found nothing wrong with it.
    pub async fn show(&self, run: RunId) -> String {
        let dump = self.store.dump(Scope::All, run).await.expect("dumps").expect("exists");
        let wrong = check(&dump);
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert_eq!(self.store.run(Scope::All, run).await.expect("reads"), Some(dump.row.clone()));
        let listed = self.store.tasks(Scope::All, run, &TaskFilter { limit: 100_000, ..TaskFilter::default() }).await;
        let tasks: Vec<_> = dump.tasks.iter().map(|task| task.row.clone()).collect();
        assert_eq!(listed.expect("lists"), tasks);
        let mut text = format!("{}:", dump.row.status);
        for task in tasks {
            let reason = task.reason.map(|reason| format!("({})", reason.word())).unwrap_or_default();
            text.push_str(&format!(" {}={}{reason}", task.key, task.status));
        }
        text
    }

    /// The public events of a run, in a line.
    pub async fn events(&self, run: RunId) -> String {
        let dump = self.store.dump(Scope::All, run).await.expect("dumps").expect("exists");
        let words = dump.events.iter().map(|event| {
            let tasks = if event.tasks.is_empty() { String::new() } else { format!("[{}]", event.tasks) };
            format!("{}{tasks}", event.event_type.word())
        });
        words.collect::<Vec<_>>().join(" ")
    }
}

pub fn first(run: RunId) -> TaskRef {
    TaskRef { run, n: 0 }
}
