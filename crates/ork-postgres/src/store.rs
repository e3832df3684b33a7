//! The store: its connections, and how work gets on them.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::id::WorkspaceId;
use ork_core::store::{Scope, Store};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Config, Row};

use crate::bell::Bell;
use crate::conn::Conn;
use crate::fault::{Fault, Work};
use crate::migrate;
use crate::pool::{Pool, Taken, connect};
use crate::roles::{API, ENGINE};
use crate::sql::Sql;
use crate::tenant::Tenant;

/// How often a transaction is begun again after PostgreSQL broke it off because of another one.
const CONFLICT_RETRIES_MAX: u32 = 8;

/// Connections of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PgOptions {
    /// Connections that write, at most. More than a few make claims skip each other's rows instead of going faster.
    pub writers: usize,
    /// Connections that read, at most.
    pub readers: usize,
}

impl Default for PgOptions {
    fn default() -> Self {
        Self { writers: 3, readers: 3 }
    }
}

/// The store on PostgreSQL 15 or later. A clone is the same store.
#[derive(Clone)]
pub struct PgStore {
    inner: Arc<Inner>,
    tenant: Option<Arc<Tenant>>,
}

struct Inner {
    engine: Pools,
    /// Of the handles of tenants. Their connections have another role: a plan that depends on the role would be made again
    /// at each change of it.
    api: Pools,
    bell: Arc<Bell>,
    server: JoinHandle<()>,
    sent: Arc<AtomicU64>,
}

/// Connections of one role.
struct Pools {
    writers: Pool,
    readers: Pool,
}

impl Pools {
    fn new(config: &Config, role: &str, options: PgOptions, sent: &Arc<AtomicU64>) -> Self {
        let pool = |config, size| Pool::new(with_settings(&config, &[("role", role)]), size, Arc::clone(sent));
        Self { writers: pool(writer(config), options.writers), readers: pool(reader(config), options.readers) }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A change or a reading of several statements, with everything that it needs: it runs in a task of its own, so that no
/// timeout and no `select!` of its caller can leave a transaction half done. It may be carried out more than once, when
/// PostgreSQL breaks it off because of another one.
pub trait Transition: Send + Sync + 'static {
    /// What it answers.
    type Output: Send + 'static;

    /// Carries it out, from `begin` to `commit`.
    fn apply(&self, db: &Conn) -> impl Future<Output = Work<Self::Output>> + Send;
}

impl PgStore {
    /// Connects to a migrated database: `postgres://user:password@host:port/database`. The user is a member of `ork_engine` and
    /// `ork_api`, and works as the former.
    ///
    /// # Errors
    /// `Incompatible` when the database is not migrated, is newer than this build, or PostgreSQL is older than 15, and when
    /// policies do not bind the user, because it is a superuser, may bypass them, or owns the tables; `Unavailable` when the
    /// database cannot be reached.
    pub async fn connect(url: &str, options: PgOptions) -> StoreResult<Self> {
        let config = configure(url)?;
        let client = connect(&config).await.map_err(StoreError::Unavailable)?;
        migrate::require_current(&client).await?;
        drop(client);
        let sent = Arc::new(AtomicU64::new(0));
        let bell = Arc::new(Bell::default());
        let server = tokio::spawn(Arc::clone(&bell).serve(config.clone()));
        let engine = Pools::new(&config, ENGINE, options, &sent);
        let api = Pools::new(&config, API, options, &sent);
        Ok(Self { inner: Arc::new(Inner { engine, api, bell, server, sent }), tenant: None })
    }

    /// The same store for a tenant.
    pub(crate) fn serving(&self, tenant: Arc<Tenant>) -> Self {
        Self { inner: Arc::clone(&self.inner), tenant: Some(tenant) }
    }

    /// The engine's own handle.
    pub(crate) fn of_all(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), tenant: None }
    }

    /// The tenant that this handle serves; `None` is the engine's own.
    pub(crate) fn tenant(&self) -> Option<&Tenant> {
        self.tenant.as_deref()
    }

    fn pools(&self) -> &Pools {
        if self.tenant.is_some() { &self.inner.api } else { &self.inner.engine }
    }

    async fn writer(&self) -> StoreResult<Taken> {
        self.pools().writers.take(self.tenant.as_ref()).await
    }

    async fn reader(&self) -> StoreResult<Taken> {
        self.pools().readers.take(self.tenant.as_ref()).await
    }

    /// How many statements it has sent so far.
    #[must_use]
    pub fn statements_sent(&self) -> u64 {
        self.inner.sent.load(Ordering::Relaxed)
    }

    /// The wake-ups, and the marks that belong to them.
    pub(crate) fn bell(&self) -> &Arc<Bell> {
        &self.inner.bell
    }

    /// Carries out a change of rows of this scope.
    pub(crate) async fn write<T: Transition>(&self, scope: Scope, transition: T) -> StoreResult<T::Output> {
        self.admit(scope)?;
        let store = self.clone();
        carry(async move {
            let conn = store.writer().await?;
            let mut tries = 0;
            loop {
                match transition.apply(&conn).await {
                    Ok(output) => {
                        store.inner.bell.ring(conn.take_notes());
                        conn.roll_back().await;
                        return Ok(output);
                    }
                    Err(fault) => {
                        conn.roll_back().await;
                        tries += 1;
                        if !fault.is_conflict() || tries > CONFLICT_RETRIES_MAX {
                            return Err(fault.into_store());
                        }
                    }
                }
            }
        })
        .await
    }

    /// Carries out a reading of several statements.
    pub(crate) async fn read<T: Transition>(&self, scope: Scope, transition: T) -> StoreResult<T::Output> {
        self.admit(scope)?;
        let store = self.clone();
        carry(async move {
            let conn = store.reader().await?;
            let output = transition.apply(&conn).await;
            conn.roll_back().await;
            output.map_err(Fault::into_store)
        })
        .await
    }

    /// One reading statement.
    pub(crate) async fn select(&self, scope: Scope, sql: Sql, params: &[&(dyn ToSql + Sync)]) -> StoreResult<Vec<Row>> {
        self.admit(scope)?;
        self.reader().await?.rows(sql, params).await.map_err(Fault::into_store)
    }

    /// One writing statement, whose transaction is its own; how many rows it changed.
    pub(crate) async fn change(&self, scope: Scope, sql: Sql, params: &[&(dyn ToSql + Sync)]) -> StoreResult<u64> {
        self.admit(scope)?;
        self.writer().await?.run(sql, params).await.map_err(Fault::into_store)
    }
}

async fn carry<T: Send + 'static>(work: impl Future<Output = StoreResult<T>> + Send + 'static) -> StoreResult<T> {
    match tokio::spawn(work).await {
        Ok(answer) => answer,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => Err(StoreError::Unavailable(format!("the runtime is shutting down: {error}"))),
        },
    }
}

#[async_trait]
impl Store for PgStore {
    async fn changed(&self) {
        self.inner.bell.changed().await;
    }

    async fn check(&self) -> StoreResult<Vec<String>> {
        let conn = self.inner.engine.readers.take(None).await?;
        migrate::require_current(conn.client()).await?;
        migrate::weaknesses(conn.client()).await
    }

    async fn clock_ahead_micros(&self, local: Timestamp) -> StoreResult<i64> {
        let conn = self.reader().await?;
        let asked = Instant::now();
        let row = conn.row(Sql::WorkersClock, &[]).await.map_err(Fault::into_store)?;
        let half = i64::try_from(asked.elapsed().as_micros() / 2).unwrap_or(i64::MAX);
        let micros: i64 = row.map_or(0, |row| row.get(0));
        Ok(micros - (local.micros() + half))
    }

    fn tenant(self: Arc<Self>, workspace: WorkspaceId, owner: Option<&str>) -> Arc<dyn Store> {
        Arc::new(self.for_tenant(workspace, owner))
    }
}

/// What a URL says, and what all of our connections have in common.
pub fn configure(url: &str) -> StoreResult<Config> {
    let mut config: Config = url.parse().map_err(|e: tokio_postgres::Error| {
        StoreError::Incompatible(format!("failed to read the database's URL: {}", crate::fault::describe(&e)))
    })?;
    if config.get_ssl_mode() == tokio_postgres::config::SslMode::Require {
        return Err(StoreError::Incompatible(
            "this build speaks to PostgreSQL without TLS, and the URL says `sslmode=require`: connect over loopback or a trusted \
             network and leave `sslmode` out"
                .into(),
        ));
    }
    config
        .application_name("ork")
        .connect_timeout(Duration::from_secs(5))
        .keepalives(true)
        .keepalives_idle(Duration::from_secs(10))
        .keepalives_interval(Duration::from_secs(5))
        .keepalives_retries(3)
        .tcp_user_timeout(Duration::from_secs(20));
    Ok(config)
}

/// Plans are pinned: with a generic plan for arrays of unknown length, joins by index are always right here, and a scan of
/// a whole table never is, whatever stale statistics say.
pub const WRITER_PLANS: &[(&str, &str)] = &[
    ("jit", "off"),
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
];

fn writer(config: &Config) -> Config {
    let config = with_settings(
        config,
        &[
            ("synchronous_commit", "on"),
            ("statement_timeout", "60s"),
            ("lock_timeout", "20s"),
            ("idle_in_transaction_session_timeout", "30s"),
            ("work_mem", "16MB"),
        ],
    );
    with_settings(&config, WRITER_PLANS)
}

/// Filters that were not asked for are NULL: only a plan for the values at hand leaves them out.
fn reader(config: &Config) -> Config {
    with_settings(
        config,
        &[
            ("statement_timeout", "30s"),
            ("idle_in_transaction_session_timeout", "30s"),
            ("jit", "off"),
            ("plan_cache_mode", "force_custom_plan"),
        ],
    )
}

/// A configuration with more settings.
pub fn with_settings(config: &Config, settings: &[(&str, &str)]) -> Config {
    let mut config = config.clone();
    let own: String = settings.iter().map(|(name, value)| format!(" -c {name}={value}")).collect();
    let options = format!("{}{own}", config.get_options().unwrap_or_default());
    config.options(options.trim());
    config
}
