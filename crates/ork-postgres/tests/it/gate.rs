//! A way to PostgreSQL that holds back each statement until it is told to let it go.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::sleep;

/// What a gate knows of the statements that go through it. A statement ends with `Sync`, or is a simple query; its
/// answer ends with `ReadyForQuery`.
pub struct Gate {
    is_closed: AtomicBool,
    go: Semaphore,
    arrived: AtomicU32,
    released: AtomicU32,
    answered: AtomicU32,
    deadlocks: AtomicU32,
}

/// How often a gate is looked at while something is under way.
const LOOK: Duration = Duration::from_micros(300);

impl Gate {
    /// Listens, and passes on what comes to the server of this URL. The gate, open, and the URL that leads through it.
    pub async fn before(url: &str) -> (Arc<Self>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let port = listener.local_addr().expect("an address").port();
        let (user, rest) = url.rsplit_once('@').expect("the URL names a user");
        let (server, database) = rest.split_once('/').expect("the URL names a database");
        let server = server.to_owned();
        let gate = Arc::new(Self {
            is_closed: AtomicBool::new(false),
            go: Semaphore::new(0),
            arrived: AtomicU32::new(0),
            released: AtomicU32::new(0),
            answered: AtomicU32::new(0),
            deadlocks: AtomicU32::new(0),
        });
        let own = Arc::clone(&gate);
        tokio::spawn(async move {
            while let Ok((from, _)) = listener.accept().await {
                let to = TcpStream::connect(&server).await.expect("connects");
                from.set_nodelay(true).and_then(|()| to.set_nodelay(true)).expect("sets an option");
                let ((from_read, from_write), (to_read, to_write)) = (from.into_split(), to.into_split());
                tokio::spawn(Arc::clone(&own).requests(from_read, to_write));
                tokio::spawn(Arc::clone(&own).answers(to_read, from_write));
            }
        });
        (gate, format!("{user}@127.0.0.1:{port}/{database}"))
    }

    /// From now on statements wait.
    pub fn close(&self) {
        for counter in [&self.arrived, &self.released, &self.answered] {
            counter.store(0, Ordering::SeqCst);
        }
        self.is_closed.store(true, Ordering::SeqCst);
    }

    /// From now on they do not, and what waits goes: a store may still have something to say when its caller has its
    /// answer.
    pub async fn open(&self) {
        self.is_closed.store(false, Ordering::SeqCst);
        while self.has_waiting() {
            self.release();
        }
        while self.is_busy() {
            look_again().await;
        }
    }

    /// Whether a statement waits to be let go.
    pub fn has_waiting(&self) -> bool {
        self.arrived.load(Ordering::SeqCst) > self.released.load(Ordering::SeqCst)
    }

    /// Whether a statement was let go and has no answer yet.
    pub fn is_busy(&self) -> bool {
        self.released.load(Ordering::SeqCst) > self.answered.load(Ordering::SeqCst)
    }

    /// Lets one statement go.
    pub fn release(&self) {
        self.released.fetch_add(1, Ordering::SeqCst);
        self.go.add_permits(1);
    }

    /// How often PostgreSQL ended a deadlock at this connection's cost.
    pub fn deadlocks(&self) -> u32 {
        self.deadlocks.load(Ordering::SeqCst)
    }

    async fn requests(self: Arc<Self>, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> Option<()> {
        // The first message has no type.
        let mut statement = message(&mut from, false).await?;
        to.write_all(&statement).await.ok()?;
        statement.clear();
        loop {
            let part = message(&mut from, true).await?;
            let kind = part[0];
            statement.extend(part);
            // The other kinds are parts of a statement, a password or the end.
            if matches!(kind, b'S' | b'Q') && self.is_closed.load(Ordering::SeqCst) {
                self.arrived.fetch_add(1, Ordering::SeqCst);
                self.go.acquire().await.ok()?.forget();
            }
            if matches!(kind, b'S' | b'Q' | b'p' | b'X') {
                to.write_all(&statement).await.ok()?;
                statement.clear();
            }
        }
    }

    async fn answers(self: Arc<Self>, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> Option<()> {
        loop {
            let part = message(&mut from, true).await?;
            let is_deadlock = part[0] == b'E' && part.windows(7).any(|bytes| bytes == b"C40P01\0");
            self.deadlocks.fetch_add(u32::from(is_deadlock), Ordering::SeqCst);
            to.write_all(&part).await.ok()?;
            if part[0] == b'Z' && self.is_busy() {
                self.answered.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [arrived, released, answered] =
            [&self.arrived, &self.released, &self.answered].map(|counter| counter.load(Ordering::SeqCst));
        write!(f, "{arrived} arrived, {released} released, {answered} answered")
    }
}

/// One message with its head; `None` at the end of the stream.
async fn message(from: &mut OwnedReadHalf, has_type: bool) -> Option<Vec<u8>> {
    let mut head = vec![0; if has_type { 5 } else { 4 }];
    from.read_exact(&mut head).await.ok()?;
    let length = u32::from_be_bytes(head[head.len() - 4..].try_into().ok()?) as usize;
    let at = head.len();
    head.resize(at + length - 4, 0);
    from.read_exact(&mut head[at..]).await.ok()?;
    Some(head)
}

/// Waits a moment.
pub async fn look_again() {
    sleep(LOOK).await;
}
