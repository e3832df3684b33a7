//! A few connections that are used again and again.

use std::ops::Deref;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ork_core::error::{StoreError, StoreResult};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_postgres::{Config, NoTls};

use crate::conn::Conn;
use crate::fault::describe;
use crate::tenant::Tenant;

/// After a failure to connect, others fail at once for so long: first, and at most.
const BACKOFF_FIRST: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// Connections of one kind.
pub struct Pool {
    config: Config,
    free: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Conn>>>,
    outage: Mutex<Option<Outage>>,
    sent: Arc<AtomicU64>,
}

struct Outage {
    until: Instant,
    wait: Duration,
    reason: String,
}

/// A connection that was taken out of a pool, and goes back when it is dropped, unless it is broken or in the middle of a
/// transaction: then it is closed, and PostgreSQL rolls back.
pub struct Taken {
    conn: Option<Conn>,
    idle: Arc<Mutex<Vec<Conn>>>,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    /// At most `size` connections at once; none is opened yet.
    pub fn new(config: Config, size: usize, sent: Arc<AtomicU64>) -> Self {
        Self {
            config,
            free: Arc::new(Semaphore::new(size.max(1))),
            idle: Arc::default(),
            outage: Mutex::new(None),
            sent,
        }
    }

    /// Waits for a connection, whose transactions will be those of the tenant.
    pub async fn take(&self, tenant: Option<&Arc<Tenant>>) -> StoreResult<Taken> {
        let permit = Arc::clone(&self.free)
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Unavailable("the store is closed".into()))?;
        let mut conn = match self.next_idle() {
            Some(conn) => conn,
            None => self.open().await?,
        };
        conn.serve(tenant.map(Arc::clone));
        Ok(Taken { conn: Some(conn), idle: Arc::clone(&self.idle), _permit: permit })
    }

    fn next_idle(&self) -> Option<Conn> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(conn) = idle.pop() {
            if conn.is_fit() {
                return Some(conn);
            }
        }
        None
    }

    async fn open(&self) -> StoreResult<Conn> {
        if let Some(outage) = self.outage().as_ref()
            && Instant::now() < outage.until
        {
            return Err(StoreError::Unavailable(outage.reason.clone()));
        }
        match connect(&self.config).await {
            Ok(client) => {
                *self.outage() = None;
                Ok(Conn::new(client, Arc::clone(&self.sent)))
            }
            Err(reason) => {
                let mut outage = self.outage();
                let wait = outage.as_ref().map_or(BACKOFF_FIRST, |o| (o.wait * 2).min(BACKOFF_MAX));
                *outage = Some(Outage { until: Instant::now() + wait, wait, reason: reason.clone() });
                Err(StoreError::Unavailable(reason))
            }
        }
    }

    fn outage(&self) -> std::sync::MutexGuard<'_, Option<Outage>> {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Connects, and lets a task of its own carry the connection.
pub async fn connect(config: &Config) -> Result<tokio_postgres::Client, String> {
    let (client, connection) =
        config.connect(NoTls).await.map_err(|e| format!("failed to connect to PostgreSQL: {}", describe(&e)))?;
    tokio::spawn(connection);
    Ok(client)
}

impl Deref for Taken {
    type Target = Conn;
    fn deref(&self) -> &Conn {
        self.conn.as_ref().expect("taken out only by drop")
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take().filter(Conn::is_fit) {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
        }
    }
}
