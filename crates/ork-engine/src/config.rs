//! What an engine is told about itself.

use std::sync::Arc;

use ork_core::blobs::Blobs;
use ork_core::id::RunId;
use ork_core::limits;
use ork_core::store::Scope;
use ork_vault::Vault;

use crate::clock::DatabaseClock;
use crate::courier::Post;
use crate::spool::Spool;

/// How an engine works. Units are milliseconds where a name ends in `_ms`.
#[derive(Clone)]
pub struct EngineConfig {
    /// What people call this worker. Default: `ork`.
    pub worker_name: String,
    /// The machine, from this boot: workers with the same text can prove each other's death by
    /// [`crate::Liveness`]. Default: empty.
    pub host: String,
    /// The version of Ork, shown beside the worker. Default: this crate's.
    pub version: String,
    /// The lanes that tasks are claimed from: see `ork_core::graph::Pin::lane`. Without any the engine does upkeep only.
    pub lanes: Vec<String>,
    /// Attempts at work at once. Default: 4. Zero means that nothing is claimed.
    pub capacity: usize,
    /// Attempts claimed ahead of a free slot at the most, so that short tasks never wait for the database. Nothing is
    /// claimed ahead while tasks last longer than a few round trips. Default: 2,000. Zero: nothing ever is.
    pub prefetch: usize,
    /// Most tasks of one claim; at most [`limits::BATCH_MAX`], which is the default.
    pub claim_batch_max: usize,
    /// Which workspaces are served. Default: all.
    pub scope: Scope,
    /// Set by a process that carries one run, as `ork run` does: only its expressions are evaluated here.
    pub only_run: Option<RunId>,
    /// How old the heartbeat of a live worker can be. Default: 15,000. Smaller values declare slow workers dead.
    pub lease_ttl_ms: u64,
    /// Time between heartbeats. Default: 5,000; must be well below `lease_ttl_ms`.
    pub heartbeat_ms: u64,
    /// Time between two looks for dead workers. Default: 1,000, so that what one on this host leaves runs again within 2 s.
    pub reap_ms: u64,
    /// Time between two looks at the queue when nothing says that there is work, and how long what was claimed ahead
    /// waits for a slot before it is handed back. Default: 1,000.
    pub poll_ms: u64,
    /// The heartbeat gets a thread with a runtime of its own, so that a blocked runtime loses no lease. The store must
    /// be able to answer there. Default: false, as the simulator needs it.
    pub heart_thread: bool,
    /// Where outcomes wait on disk while the database cannot be reached. Default: nowhere, they wait in memory.
    pub spool: Option<Arc<dyn Spool>>,
    /// Creates the runs of schedules, and removes runs that are not kept any more, when no other process does. Default: false.
    pub keeps_house: bool,
    /// What opens secrets. Default: nothing does, and a task that reads one fails.
    pub vault: Option<Arc<Vault>>,
    /// Where the bytes of artifacts are. Default: nowhere: a task that keeps a file fails, and bytes that no artifact names stay where
    /// they are.
    pub blobs: Option<Arc<dyn Blobs>>,
    /// Who sends the messages that tell of runs. Default: nobody does here, and they wait for an engine that has somebody.
    pub post: Option<Arc<dyn Post>>,
    /// The clock that the engine was started with, when it follows the database: measured again at each heartbeat.
    pub database_clock: Option<Arc<DatabaseClock>>,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            worker_name: "ork".into(),
            host: String::new(),
            version: env!("CARGO_PKG_VERSION").into(),
            lanes: Vec::new(),
            capacity: 4,
            prefetch: 2 * limits::BATCH_MAX,
            claim_batch_max: limits::BATCH_MAX,
            scope: Scope::All,
            only_run: None,
            lease_ttl_ms: 15_000,
            heartbeat_ms: 5_000,
            reap_ms: 1_000,
            poll_ms: 1_000,
            heart_thread: false,
            spool: None,
            keeps_house: false,
            vault: None,
            blobs: None,
            post: None,
            database_clock: None,
        }
    }
}
