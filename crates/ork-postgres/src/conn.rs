//! One connection: statements prepared once, sent one by one or many at a time.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{join, join3, try_join_all};
use futures_util::stream::TryStreamExt;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};

use crate::bell::Note;
use crate::fault::Work;
use crate::marks::{Key, Place};
use crate::sql::Sql;
use crate::tenant::Tenant;

/// A parameter that a batch owns.
pub type Param<'a> = Box<dyn ToSql + Sync + Send + 'a>;

/// A connection with its prepared statements.
pub struct Conn {
    client: Client,
    prepared: Mutex<Vec<Option<Statement>>>,
    in_transaction: AtomicBool,
    sent: Arc<AtomicU64>,
    notes: Mutex<Vec<Note>>,
    tenant: Option<Arc<Tenant>>,
}

/// Statements with their parameters, to be sent together.
#[derive(Default)]
pub struct Batch<'a> {
    members: Vec<(Sql, Vec<Param<'a>>)>,
}

/// What a statement of a batch gave.
pub struct Answer {
    /// Its rows.
    pub rows: Vec<Row>,
    /// How many rows it wrote, or gave.
    pub changed: u64,
}

impl<'a> Batch<'a> {
    /// Adds one; its place.
    pub fn add(&mut self, sql: Sql, params: Vec<Param<'a>>) -> usize {
        self.members.push((sql, params));
        self.members.len() - 1
    }
}

impl Conn {
    /// Takes a fresh connection. `sent` counts its statements.
    pub fn new(client: Client, sent: Arc<AtomicU64>) -> Self {
        Self {
            client,
            prepared: Mutex::new(vec![None; Sql::ALL.len()]),
            in_transaction: AtomicBool::new(false),
            sent,
            notes: Mutex::new(Vec::new()),
            tenant: None,
        }
    }

    /// The driver's own, for what is asked once.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// From now on its transactions are those of this tenant, who sees nothing outside of one.
    pub fn serve(&mut self, tenant: Option<Arc<Tenant>>) {
        self.tenant = tenant;
    }

    /// Whether it can be used again: alive, and in no transaction.
    pub fn is_fit(&self) -> bool {
        !self.client.is_closed() && !self.in_transaction.load(Ordering::Relaxed)
    }

    /// Whether it serves no tenant in particular.
    pub fn sees_all(&self) -> bool {
        self.tenant.is_none()
    }

    /// Rows of one statement.
    pub async fn rows(&self, sql: Sql, params: &[&(dyn ToSql + Sync)]) -> Work<Vec<Row>> {
        let statement = self.statement(sql).await?;
        self.count();
        self.within(sql, self.client.query(&statement, params)).await
    }

    /// The first row, if there is one.
    pub async fn row(&self, sql: Sql, params: &[&(dyn ToSql + Sync)]) -> Work<Option<Row>> {
        Ok(self.rows(sql, params).await?.into_iter().next())
    }

    /// How many rows a statement changed.
    pub async fn run(&self, sql: Sql, params: &[&(dyn ToSql + Sync)]) -> Work<u64> {
        let statement = self.statement(sql).await?;
        self.count();
        self.within(sql, self.client.execute(&statement, params)).await
    }

    /// A statement, in the transaction at hand if there is one. A tenant's statement that has none gets one of its own, in
    /// the same round trip: the settings that name the tenant last as long as a transaction.
    async fn within<T>(&self, sql: Sql, work: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Work<T> {
        if self.tenant.is_none() || self.in_transaction.load(Ordering::Relaxed) {
            return Ok(work.await?);
        }
        let set = if sql.is_by_key() { Sql::SessionSetTenantByKey } else { Sql::SessionSetTenant };
        self.be_ready(set).await?;
        // Polled in order, and each is sent when it is first polled.
        let (begun, done, committed) = join3(self.begin_as("BEGIN", set), work, self.commit()).await;
        begun?;
        let done = done?;
        committed?;
        Ok(done)
    }

    /// Begins a transaction.
    pub async fn begin(&self) -> Work<()> {
        self.begin_as("BEGIN", Sql::SessionSetTenant).await
    }

    /// Begins a transaction that sees one state of the database throughout and writes nothing.
    pub async fn begin_snapshot(&self) -> Work<()> {
        self.begin_as("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", Sql::SessionSetTenant).await
    }

    async fn begin_as(&self, begin: &str, set: Sql) -> Work<()> {
        self.be_ready(set).await?;
        self.in_transaction.store(true, Ordering::Relaxed);
        self.count();
        let Some(tenant) = &self.tenant else { return Ok(self.client.batch_execute(begin).await?) };
        let set = self.statement(set).await?;
        let names: [&(dyn ToSql + Sync); 2] = [&tenant.workspace_text, &tenant.owner];
        self.count();
        let (begun, set) = join(self.client.batch_execute(begin), self.client.execute(&set, &names)).await;
        begun?;
        set?;
        Ok(())
    }

    /// Prepares what a transaction begins with, so that nothing is waited for between its parts.
    async fn be_ready(&self, set: Sql) -> Work<()> {
        if self.tenant.is_some() {
            self.statement(set).await?;
        }
        Ok(())
    }

    /// Begins a transaction and sends its first statements in the same round trip.
    pub async fn begin_send(&self, batch: &Batch<'_>) -> Work<Vec<Answer>> {
        self.be_ready(Sql::SessionSetTenant).await?;
        for (sql, _) in &batch.members {
            self.statement(*sql).await?;
        }
        let (begun, answers) = join(self.begin(), self.send(batch)).await;
        begun?;
        answers
    }

    /// Commits. Only after this returned `Ok` is anything true.
    pub async fn commit(&self) -> Work<()> {
        self.count();
        self.client.batch_execute("COMMIT").await?;
        self.in_transaction.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Ends a transaction without its changes. When that fails too, the connection is not used again.
    pub async fn roll_back(&self) {
        self.notes().clear();
        if self.in_transaction.load(Ordering::Relaxed) && self.client.batch_execute("ROLLBACK").await.is_ok() {
            self.in_transaction.store(false, Ordering::Relaxed);
        }
    }

    /// Sends all statements before it waits for the first answer. PostgreSQL carries them out in order; after an error it
    /// refuses the others, because they are in one transaction.
    pub async fn send(&self, batch: &Batch<'_>) -> Work<Vec<Answer>> {
        // A larger join would be polled in another order.
        debug_assert!(batch.members.len() <= 30, "a batch is sent in order");
        let mut statements = Vec::with_capacity(batch.members.len());
        for (sql, _) in &batch.members {
            statements.push(self.statement(*sql).await?);
        }
        let calls = statements.iter().zip(&batch.members).map(|(statement, (_, params))| async move {
            self.count();
            let params = params.iter().map(|p| &**p as &(dyn ToSql + Sync));
            let mut stream = pin!(self.client.query_raw(statement, params).await?);
            let mut rows = Vec::new();
            while let Some(row) = stream.try_next().await? {
                rows.push(row);
            }
            Ok::<_, tokio_postgres::Error>(Answer { changed: stream.rows_affected().unwrap_or(0), rows })
        });
        Ok(try_join_all(calls).await?)
    }

    /// Remembers what is to be made known once the transaction is committed.
    pub fn note(&self, note: Note) {
        self.notes().push(note);
    }

    /// Places in which the transaction at hand has queued something, with the lowest key.
    pub fn queued_here(&self) -> Vec<(Place, Key)> {
        let queued = |note: &Note| match note {
            Note::Queued(place, key) => Some((place.clone(), *key)),
            Note::Anew | Note::Look | Note::Events => None,
        };
        self.notes().iter().filter_map(queued).collect()
    }

    /// Takes back notes that turned out to be none.
    pub fn unnote(&self, is_none: impl Fn(&Note) -> bool) {
        self.notes().retain(|note| !is_none(note));
    }

    /// What was noted since the last time.
    pub fn take_notes(&self) -> Vec<Note> {
        std::mem::take(&mut *self.notes())
    }

    fn notes(&self) -> std::sync::MutexGuard<'_, Vec<Note>> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    /// Prepared on first use: a short-lived command prepares three statements, not a hundred.
    async fn statement(&self, sql: Sql) -> Work<Statement> {
        let place = sql as usize;
        let known = self.prepared.lock().unwrap_or_else(PoisonError::into_inner)[place].clone();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let statement = self.client.prepare(sql.text()).await?;
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner)[place] = Some(statement.clone());
        Ok(statement)
    }
}

/// A column of parameters: one array, with a value for each of `rows`.
pub fn column<'a, S, T>(rows: &'a [S], value: impl Fn(&'a S) -> T) -> Param<'a>
where
    T: ToSql + Sync + Send + 'a,
{
    Box::new(rows.iter().map(value).collect::<Vec<T>>())
}

/// One value.
pub fn one<'a>(value: impl ToSql + Sync + Send + 'a) -> Param<'a> {
    Box::new(value)
}
