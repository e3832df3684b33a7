//! The store: what each of core's traits asks for, sent to the writer or to a reader.

mod artifacts;
mod control;
mod keeping;
mod logs;
mod seals;
mod steps;
mod webhooks;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ork_core::access::Settings;
use ork_core::attempt::Failure;
use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::{Actor, EventRow};
use ork_core::feed::FeedPosition;
use ork_core::graph::{Expansion, Lease, LeaseId, NewRun};
use ork_core::id::{RunId, TaskRef, TokenId, WorkerId, WorkspaceId};
use ork_core::json::Json;
use ork_core::state::Reason;
use ork_core::store::{
    Access, Appended, AttemptRow, Claim, Claimed, Evaluation, Events, Feed, FeedPage, Grant, GroupCount, GroupRow,
    Heartbeat, Inspect, LaneRow, Maintained, NewEvents, Outcomes, OutputRow, ProgressNote, Queue, RunDump, RunFilter,
    RunRow, Runs, Scope, Settle, Start, Store, StoredPlan, Submitted, TaskFilter, TaskRow, Tasks, TokenHash, TokenRow,
    Upkeep, WorkerRow, Workers, WorkspaceRow,
};
use rusqlite::Connection;
use tokio::sync::Notify;

use crate::connection::{Durability, failed, open_in_memory, open_reader, open_to_read, open_writer};
use crate::migrate;
use crate::writer::{ThreadWriter, Writer};
use crate::{access, claim, events, feed, inspect, runs, settle, tasks, tells, upkeep, workers};

/// How a database file is opened.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// What an acknowledged write survives.
    pub durability: Durability,
    /// Bring the schema up to date; without it, an old schema is refused.
    pub migrate: bool,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { durability: Durability::Full, migrate: true }
    }
}

/// How often an idle engine looks whether another process has written to the file.
const LOOK_MS: u64 = 100;

/// Reading connections that are kept open between uses.
const READERS_MAX: usize = 8;

/// Ork's state in one SQLite file, or in memory.
pub struct SqliteStore {
    writer: Writer,
    readers: Readers,
    durability: Durability,
    /// Something may have changed for an engine of this process.
    changed: Notify,
    /// Something was written by this process.
    written: Notify,
}

/// Connections for reading; in memory there is only the writer's.
enum Readers {
    File { path: PathBuf, idle: Mutex<Vec<Connection>> },
    Writer,
}

impl SqliteStore {
    /// Opens a database file, and creates it if it is not there.
    ///
    /// # Errors
    /// `Unavailable` when the file cannot be opened; `Incompatible` when a newer Ork wrote it, or when it is behind
    /// and `options.migrate` is off.
    pub fn open(path: &Path, options: &SqliteOptions) -> StoreResult<Self> {
        if options.migrate {
            migrate::migrate(path)?;
        }
        let connection = open_writer(path, options.durability)?;
        migrate::require_current(&connection)?;
        Ok(Self {
            writer: Writer::Thread(ThreadWriter::start(connection)?),
            readers: Readers::File { path: path.into(), idle: Mutex::new(Vec::new()) },
            durability: options.durability,
            changed: Notify::new(),
            written: Notify::new(),
        })
    }

    /// Opens a database file that is there, for reading: it takes no lock and starts no thread, and every write fails.
    ///
    /// # Errors
    /// `Unavailable` when the file cannot be opened; `Incompatible` when it has not this Ork's schema.
    pub fn open_to_read(path: &Path) -> StoreResult<Self> {
        let connection = open_to_read(path)?;
        migrate::require_current(&connection)?;
        Ok(Self {
            writer: Writer::Inline(Mutex::new(connection)),
            readers: Readers::Writer,
            durability: Durability::Full,
            changed: Notify::new(),
            written: Notify::new(),
        })
    }

    /// A database in memory, whose operations run on the caller's thread: for the simulator and for tests.
    ///
    /// # Errors
    /// `Unavailable` when SQLite cannot be set up.
    pub fn in_memory() -> StoreResult<Self> {
        Self::in_memory_whose_commits_fail(|| false)
    }

    /// As [`Self::in_memory`]; a commit fails when `fails` says so.
    ///
    /// # Errors
    /// `Unavailable` when SQLite cannot be set up.
    pub fn in_memory_whose_commits_fail(fails: impl FnMut() -> bool + Send + 'static) -> StoreResult<Self> {
        let mut connection = open_in_memory()?;
        migrate::apply_in_memory(&mut connection)?;
        connection.commit_hook(Some(fails)).map_err(failed)?;
        Ok(Self {
            writer: Writer::Inline(Mutex::new(connection)),
            readers: Readers::Writer,
            durability: Durability::Full,
            changed: Notify::new(),
            written: Notify::new(),
        })
    }

    async fn write<T, F>(&self, function: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> StoreResult<T> + Send + 'static,
    {
        let done = self.writer.write(function).await;
        self.written.notify_one();
        done
    }

    /// As [`Self::write`], and wakes the engines of this process.
    async fn write_and_wake<T, F>(&self, function: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> StoreResult<T> + Send + 'static,
    {
        let done = self.write(function).await;
        self.changed.notify_one();
        done
    }

    /// Reads in one snapshot, on the caller's thread: a read takes microseconds, and a change of threads as long.
    fn read<T>(&self, function: impl FnOnce(&Connection) -> StoreResult<T>) -> StoreResult<T> {
        let Readers::File { path, idle } = &self.readers else {
            let Writer::Inline(connection) = &self.writer else {
                return Err(StoreError::Unavailable("no connection to read from".into()));
            };
            return function(&connection.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        };
        let kept = idle.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop();
        let connection = kept.map_or_else(|| open_reader(path), Ok)?;
        connection.prepare_cached("BEGIN").and_then(|mut s| s.execute([])).map_err(failed)?;
        let answer = function(&connection);
        connection.prepare_cached("COMMIT").and_then(|mut s| s.execute([])).map_err(failed)?;
        let mut idle = idle.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if idle.len() < READERS_MAX {
            idle.push(connection);
        }
        answer
    }

    /// A number that changes when any other connection commits.
    fn version(connection: &Connection) -> StoreResult<i64> {
        connection
            .prepare_cached("PRAGMA data_version")
            .and_then(|mut s| s.query_row([], |row| row.get(0)))
            .map_err(failed)
    }

    /// Ends when another connection, of this process or another, has committed.
    async fn file_changed(&self, path: &Path) {
        let Ok(connection) = open_reader(path) else {
            return tokio::time::sleep(Duration::from_secs(1)).await;
        };
        let first = Self::version(&connection);
        loop {
            tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
            if Self::version(&connection) != first {
                return;
            }
        }
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn changed(&self) {
        match &self.readers {
            Readers::Writer => self.changed.notified().await,
            Readers::File { path, .. } => {
                tokio::select! {
                    biased;
                    () = self.changed.notified() => {}
                    () = self.file_changed(path) => {}
                }
            }
        }
    }

    async fn check(&self) -> StoreResult<Vec<String>> {
        self.read(migrate::require_current)?;
        // What a connection of ours waits for is decided by who opened it.
        Ok(if self.durability == Durability::Full { Vec::new() } else { vec!["`synchronous` is not FULL".into()] })
    }

    async fn clock_ahead_micros(&self, _local: Timestamp) -> StoreResult<i64> {
        Ok(0)
    }

    fn tenant(self: Arc<Self>, _: WorkspaceId, _: Option<&str>) -> Arc<dyn Store> {
        self
    }
}

#[async_trait]
impl Runs for SqliteStore {
    async fn submit(&self, new: &NewRun) -> StoreResult<Submitted> {
        let new = new.clone();
        self.write_and_wake(move |db| runs::submit(db, &new)).await
    }

    async fn run(&self, scope: Scope, id: RunId) -> StoreResult<Option<RunRow>> {
        self.read(|db| runs::run(db, scope, id))
    }

    async fn runs(&self, scope: Scope, filter: &RunFilter) -> StoreResult<Vec<RunRow>> {
        self.read(|db| runs::runs(db, scope, filter))
    }

    async fn runs_by_prefix(&self, scope: Scope, hex: &str) -> StoreResult<Vec<RunId>> {
        self.read(|db| runs::runs_by_prefix(db, scope, hex))
    }

    async fn run_by_external_id(&self, workspace: WorkspaceId, external_id: &str) -> StoreResult<Option<RunId>> {
        self.read(|db| runs::run_by_external_id(db, workspace, external_id))
    }

    async fn plans(&self, scope: Scope, ids: &[RunId]) -> StoreResult<Vec<StoredPlan>> {
        self.read(|db| runs::plans(db, scope, ids))
    }

    async fn source(&self, scope: Scope, id: RunId) -> StoreResult<Option<String>> {
        self.read(|db| runs::source(db, scope, id))
    }

    async fn acknowledge_run(&self, scope: Scope, id: RunId, actor: &Actor, now: Timestamp) -> StoreResult<bool> {
        let actor = actor.clone();
        self.write(move |db| runs::acknowledge(db, scope, id, (&actor, now))).await
    }

    async fn cancel_run(
        &self,
        scope: Scope,
        id: RunId,
        reason: Reason,
        actor: &Actor,
        now: Timestamp,
    ) -> StoreResult<bool> {
        let actor = actor.clone();
        self.write_and_wake(move |db| runs::cancel(db, scope, id, reason, (&actor, now))).await
    }

    async fn pause_run(&self, scope: Scope, id: RunId, actor: &Actor, now: Timestamp) -> StoreResult<bool> {
        let actor = actor.clone();
        self.write_and_wake(move |db| runs::pause(db, scope, id, (&actor, now))).await
    }

    async fn resume_run(&self, scope: Scope, id: RunId, actor: &Actor, now: Timestamp) -> StoreResult<bool> {
        let actor = actor.clone();
        self.write_and_wake(move |db| runs::resume(db, scope, id, (&actor, now))).await
    }

    async fn conclude_run(
        &self,
        scope: Scope,
        id: RunId,
        result: Result<Json, Failure>,
        now: Timestamp,
    ) -> StoreResult<bool> {
        self.write_and_wake(move |db| runs::conclude(db, scope, id, &result, now)).await
    }
}

#[async_trait]
impl Tasks for SqliteStore {
    async fn task(&self, scope: Scope, task: TaskRef) -> StoreResult<Option<TaskRow>> {
        self.read(|db| tasks::task(db, scope, task))
    }

    async fn tasks(&self, scope: Scope, run: RunId, filter: &TaskFilter) -> StoreResult<Vec<TaskRow>> {
        self.read(|db| tasks::tasks(db, scope, run, filter))
    }

    async fn groups(&self, scope: Scope, run: RunId) -> StoreResult<Vec<GroupRow>> {
        self.read(|db| tasks::groups(db, scope, run))
    }

    async fn counts(&self, scope: Scope, run: RunId) -> StoreResult<Vec<GroupCount>> {
        self.read(|db| tasks::counts(db, scope, run))
    }

    async fn outputs(&self, scope: Scope, run: RunId, groups: &[u32]) -> StoreResult<Vec<OutputRow>> {
        self.read(|db| tasks::outputs(db, scope, run, groups))
    }

    async fn attempts(&self, scope: Scope, task: TaskRef) -> StoreResult<Vec<AttemptRow>> {
        self.read(|db| tasks::attempts(db, scope, task))
    }

    async fn cancel_task(&self, scope: Scope, task: TaskRef, actor: &Actor, now: Timestamp) -> StoreResult<bool> {
        let actor = actor.clone();
        self.write_and_wake(move |db| tasks::cancel(db, scope, task, (&actor, now))).await
    }

    async fn retry_task_now(&self, scope: Scope, task: TaskRef, actor: &Actor, now: Timestamp) -> StoreResult<bool> {
        let actor = actor.clone();
        self.write_and_wake(move |db| tasks::retry_now(db, scope, task, (&actor, now))).await
    }
}

#[async_trait]
impl Queue for SqliteStore {
    async fn claim(&self, claim: &Claim) -> StoreResult<Vec<Claimed>> {
        let claim = claim.clone();
        self.write(move |db| claim::claim(db, &claim)).await
    }

    async fn start(&self, scope: Scope, starts: &[Start], actor: &Actor, now: Timestamp) -> StoreResult<Vec<TaskRef>> {
        let (starts, actor) = (starts.to_vec(), actor.clone());
        self.write(move |db| settle::start(db, scope, &starts, &actor, now)).await
    }

    async fn settle(&self, scope: Scope, settles: &[Settle], actor: &Actor, now: Timestamp) -> StoreResult<Outcomes> {
        let (settles, actor) = (settles.to_vec(), actor.clone());
        let outcomes = self.write(move |db| settle::settle(db, scope, settles, &actor, now)).await?;
        if outcomes.queued > 0 || outcomes.upkeep {
            self.changed.notify_one();
        }
        Ok(outcomes)
    }

    async fn settle_and_claim(
        &self,
        settles: &[Settle],
        actor: &Actor,
        claim: &Claim,
    ) -> StoreResult<(Outcomes, Vec<Claimed>)> {
        let (settles, actor, claim) = (settles.to_vec(), actor.clone(), claim.clone());
        let limit = claim.limit;
        let both = move |db: &Connection| {
            let outcomes = settle::settle(db, claim.scope, settles, &actor, claim.now)?;
            Ok((outcomes, claim::claim(db, &claim)?))
        };
        let (outcomes, claimed) = self.write(both).await?;
        // What was queued and claimed by this very transaction is no news to anybody.
        let is_news = outcomes.queued > 0 && (outcomes.queued > claimed.len() || claimed.len() >= limit);
        if is_news || outcomes.upkeep {
            self.changed.notify_one();
        }
        Ok((outcomes, claimed))
    }

    async fn progress(&self, scope: Scope, notes: &[ProgressNote]) -> StoreResult<()> {
        let notes = notes.to_vec();
        self.write(move |db| settle::progress(db, scope, &notes)).await
    }

    async fn cancel_requests(&self, worker: WorkerId) -> StoreResult<Vec<(TaskRef, LeaseId)>> {
        self.read(|db| workers::cancel_requests(db, worker))
    }
}

#[async_trait]
impl Workers for SqliteStore {
    async fn register_worker(&self, worker: &WorkerRow) -> StoreResult<()> {
        let worker = worker.clone();
        self.write(move |db| workers::register(db, &worker)).await
    }

    async fn beat(&self, worker: WorkerId, now: Timestamp) -> StoreResult<Heartbeat> {
        self.write(move |db| workers::beat(db, worker, now)).await
    }

    async fn retire_worker(&self, worker: WorkerId, now: Timestamp) -> StoreResult<bool> {
        self.write(move |db| workers::retire(db, worker, now)).await
    }

    async fn workers(&self, _scope: Scope) -> StoreResult<Vec<WorkerRow>> {
        self.read(workers::workers)
    }

    async fn leases_of(&self, worker: WorkerId, limit: usize) -> StoreResult<Vec<Lease>> {
        self.read(|db| workers::leases_of(db, worker, limit))
    }
}

#[async_trait]
impl Upkeep for SqliteStore {
    async fn promote(&self, scope: Scope, now: Timestamp, limit: usize) -> StoreResult<Maintained> {
        // Most rounds find nothing, and a read costs no sync.
        let due = self.read(|db| upkeep::due(db, scope, now))?;
        if !due.more {
            return Ok(due);
        }
        self.write_and_wake(move |db| upkeep::promote(db, scope, now, limit)).await
    }

    async fn admit(&self, scope: Scope, now: Timestamp) -> StoreResult<Maintained> {
        if !self.read(|db| upkeep::anything_held(db, scope))? {
            return Ok(Maintained::default());
        }
        let done = self.write(move |db| upkeep::admit(db, scope, now)).await?;
        if done.queued > 0 {
            self.changed.notify_one();
        }
        Ok(done)
    }

    async fn overdue(&self, scope: Scope, now: Timestamp, limit: usize) -> StoreResult<Vec<RunId>> {
        self.read(|db| upkeep::overdue(db, scope, now, limit))
    }

    async fn evaluations(&self, scope: Scope, run: Option<RunId>, limit: usize) -> StoreResult<Vec<Evaluation>> {
        self.read(|db| upkeep::evaluations(db, scope, run, limit))
    }

    async fn expand(
        &self,
        scope: Scope,
        run: RunId,
        g: u32,
        expansion: &Expansion,
        now: Timestamp,
    ) -> StoreResult<bool> {
        let expansion = expansion.clone();
        self.write_and_wake(move |db| upkeep::expand(db, scope, run, g, expansion, now)).await
    }
}

#[async_trait]
impl Events for SqliteStore {
    async fn events(&self, scope: Scope, run: RunId, after: u64, limit: u32) -> StoreResult<Vec<EventRow>> {
        self.read(|db| events::events(db, scope, run, after, limit))
    }

    async fn append_events(&self, scope: Scope, new: &NewEvents) -> StoreResult<Appended> {
        let new = new.clone();
        self.write(move |db| tells::append(db, scope, &new)).await
    }
}

#[async_trait]
impl Feed for SqliteStore {
    async fn feed(&self, scope: Scope, after: FeedPosition, limit: u32) -> StoreResult<FeedPage> {
        self.read(|db| feed::feed(db, scope, after, limit))
    }

    async fn feed_head(&self) -> StoreResult<FeedPosition> {
        self.read(feed::head)
    }

    async fn feed_changed(&self) {
        // What another process wrote is seen at the next look, which costs a walk down one index.
        let look = Duration::from_millis(LOOK_MS);
        tokio::time::timeout(look, self.written.notified()).await.ok();
    }
}

#[async_trait]
impl Inspect for SqliteStore {
    async fn dump(&self, scope: Scope, run: RunId) -> StoreResult<Option<RunDump>> {
        self.read(|db| inspect::dump(db, scope, run))
    }

    async fn run_ids(&self, scope: Scope, after: Option<RunId>, limit: u32) -> StoreResult<Vec<RunId>> {
        self.read(|db| inspect::run_ids(db, scope, after, limit))
    }

    async fn overbooked(&self, scope: Scope) -> StoreResult<Vec<(String, u32, u32)>> {
        self.read(|db| inspect::overbooked(db, scope))
    }

    async fn lanes(&self, scope: Scope, limit: u32) -> StoreResult<Vec<LaneRow>> {
        self.read(|db| inspect::lanes(db, scope, limit))
    }

    async fn slot_tasks(&self, scope: Scope, key: &str, limit: u32) -> StoreResult<Vec<TaskRef>> {
        self.read(|db| inspect::slot_tasks(db, scope, key, limit))
    }

    async fn slot_runs(&self, scope: Scope, key: &str, limit: u32) -> StoreResult<Vec<RunId>> {
        self.read(|db| inspect::slot_runs(db, scope, key, limit))
    }
}

#[async_trait]
impl Access for SqliteStore {
    async fn create_workspace(&self, workspace: &WorkspaceRow) -> StoreResult<()> {
        let workspace = workspace.clone();
        self.write(move |db| access::create_workspace(db, &workspace)).await
    }

    async fn workspaces(&self, scope: Scope, after: Option<&str>, limit: u32) -> StoreResult<Vec<WorkspaceRow>> {
        self.read(|db| access::workspaces(db, scope, after, limit))
    }

    async fn workspace_by_name(&self, scope: Scope, name: &str) -> StoreResult<Option<WorkspaceRow>> {
        self.read(|db| access::workspace_by_name(db, scope, name))
    }

    async fn set_workspace(&self, id: WorkspaceId, settings: &Settings) -> StoreResult<bool> {
        let settings = settings.clone();
        self.write(move |db| access::set_workspace(db, id, &settings)).await
    }

    async fn create_token(&self, token: &TokenRow, hash: TokenHash) -> StoreResult<()> {
        let token = token.clone();
        self.write(move |db| access::create_token(db, &token, hash)).await
    }

    async fn tokens(&self, scope: Scope, before: Option<TokenId>, limit: u32) -> StoreResult<Vec<TokenRow>> {
        self.read(|db| access::tokens(db, scope, before, limit))
    }

    async fn token_by_hash(&self, hash: TokenHash) -> StoreResult<Option<Grant>> {
        self.read(|db| access::token_by_hash(db, hash))
    }

    async fn revoke_token(&self, scope: Scope, id: TokenId, now: Timestamp) -> StoreResult<bool> {
        self.write(move |db| access::revoke_token(db, scope, id, now)).await
    }

    async fn touch_token(&self, id: TokenId, now: Timestamp) -> StoreResult<()> {
        self.write(move |db| access::touch_token(db, id, now)).await
    }
}
