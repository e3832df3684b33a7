//! Stores, engines and runs for the workloads.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use ork_core::clock::{Clock, Entropy, SeededEntropy};
use ork_core::event::Actor;
use ork_core::executor::Executor;
use ork_core::graph::{NewRun, Pin, TriggeredBy};
use ork_core::id::{RunId, WorkspaceId};
use ork_core::json::Json;
use ork_core::plan::{Action, Node, Plan};
use ork_core::store::{Scope, Store};
use ork_engine::{DatabaseClock, Engine, EngineConfig, EngineHandle, Executors, Handlers, NoLiveness};
use ork_executors::{ProcessConfig, ProcessExecutor};
use ork_postgres::{PgOptions, PgStore};
use ork_sqlite::{SqliteOptions, SqliteStore};
use serde_json::Value;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// A fresh database.
pub struct World {
    pub kind: Kind,
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    folder: PathBuf,
    url: String,
}

pub fn folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("ork-bench-{}", uuid::Uuid::new_v4().simple()));
    std::fs::create_dir_all(&folder).expect("a folder for the database");
    folder
}

/// Creates an empty PostgreSQL database beside the one that the environment names.
pub async fn fresh_postgres() -> Result<String> {
    let base =
        std::env::var("ORK_TEST_POSTGRES_URL").context("ORK_TEST_POSTGRES_URL is not set: use `cargo xtask bench`")?;
    let (client, connection) = tokio_postgres::connect(&base, tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    let name = format!("bench_{}", uuid::Uuid::new_v4().simple());
    client.batch_execute(&format!("CREATE DATABASE {name}")).await?;
    let (front, _) = base.rsplit_once('/').context("a database in the URL")?;
    Ok(format!("{front}/{name}"))
}

impl World {
    pub async fn new(kind: Kind) -> Result<Self> {
        let folder = folder();
        let (store, url): (Arc<dyn Store>, String) = match kind {
            Kind::Sqlite => {
                let path = folder.join("ork.db");
                (Arc::new(SqliteStore::open(&path, &SqliteOptions::default())?), path.display().to_string())
            }
            Kind::Postgres => {
                let url = fresh_postgres().await?;
                ork_postgres::migrate(&url).await?;
                // The owner migrates, and another login of the same password works.
                let url = url.replacen("://ork_owner:", "://ork_app:", 1);
                (Arc::new(PgStore::connect(&url, PgOptions::default()).await?), url)
            }
        };
        Ok(Self { kind, store, clock: Arc::new(DatabaseClock::local()), folder, url })
    }

    /// A file of SQLite, or the URL of PostgreSQL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What `ORK_DATABASE_URL` is for it.
    pub fn database_url(&self) -> String {
        if self.kind == Kind::Sqlite { format!("sqlite:{}", self.url) } else { self.url.clone() }
    }

    pub fn folder(&self) -> &std::path::Path {
        &self.folder
    }

    /// Another connection to the same database, as another process has it.
    pub async fn another_store(&self) -> Result<Arc<dyn Store>> {
        Ok(match self.kind {
            Kind::Sqlite => Arc::new(SqliteStore::open(self.url.as_ref(), &SqliteOptions::default())?),
            Kind::Postgres => Arc::new(PgStore::connect(&self.url, PgOptions::default()).await?),
        })
    }

    pub fn run(&self, plan: Plan) -> NewRun {
        let now = self.clock.now();
        NewRun {
            id: RunId::new(now, &mut Random),
            workspace: WorkspaceId::DEFAULT,
            owner: None,
            external_id: None,
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
            actor: Actor::user("bench"),
            now,
            webhook: None,
        }
    }

    pub async fn engine(&self, executors: Executors, capacity: usize, lane: &str) -> Result<EngineHandle> {
        self.engine_on(Arc::clone(&self.store), executors, capacity, lane).await
    }

    pub async fn engine_on(
        &self,
        store: Arc<dyn Store>,
        executors: Executors,
        capacity: usize,
        lane: &str,
    ) -> Result<EngineHandle> {
        let config = EngineConfig { capacity, lanes: vec![lane.into()], ..EngineConfig::default() };
        let engine =
            Engine { store, clock: Arc::clone(&self.clock), entropy: Box::new(Random), liveness: Arc::new(NoLiveness) };
        Ok(engine.start(executors, config).await?)
    }

    /// Waits until a run is over, as the database says, which is asked every so many milliseconds. Asking counts the run's
    /// leases, so a workload of seconds is not asked a thousand times.
    pub async fn until_over(&self, run: RunId, every_ms: u64) -> Result<()> {
        loop {
            let row = self.store.run(Scope::All, run).await?.context("the run exists")?;
            if row.status.is_terminal() {
                anyhow::ensure!(row.status.word() == "success", "the run ended {}: {:?}", row.status, row.error);
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(every_ms)).await;
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Randomness from version 4 UUIDs.
pub struct Random;

impl Entropy for Random {
    fn next_u64(&mut self) -> u64 {
        let mut mixed = SeededEntropy::new(uuid::Uuid::new_v4().as_u64_pair().1);
        mixed.next_u64()
    }
}

pub fn noop() -> Executors {
    Executors { handlers: Handlers::default().with("noop", |_| async { Ok(None) }), ..Executors::default() }
}

pub fn processes() -> Result<Executors> {
    let config = ProcessConfig::new(folder());
    let process: Arc<dyn Executor> = Arc::new(ProcessExecutor::new(config)?);
    Ok(Executors { process: Some(process), ..Executors::default() })
}

pub fn plan(nodes: Vec<Node>) -> Plan {
    Plan { name: "bench".into(), nodes, ..Plan::default() }
}

pub fn task(key: impl Into<String>, parents: &[u32]) -> Node {
    let mut node = Node::new(key, Action::operation("noop", Value::Null));
    node.depends_on = parents.to_vec();
    node
}

pub fn process(key: impl Into<String>, parents: &[u32]) -> Node {
    let mut node = Node::new(key, Action::command(vec!["/bin/true".into()]));
    node.depends_on = parents.to_vec();
    node
}

pub fn chain(length: u32, node: fn(String, &[u32]) -> Node) -> Plan {
    let parents = |i: u32| if i == 0 { Vec::new() } else { vec![i - 1] };
    plan((0..length).map(|i| node(format!("t{i}"), &parents(i))).collect())
}
