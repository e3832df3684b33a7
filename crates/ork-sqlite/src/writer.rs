//! Group commit: one thread owns the writing connection, takes whatever gathered while the last commit was on its way
//! to the disk, and commits it together. An operation whose caller went away is carried out all the same.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use ork_core::error::{StoreError, StoreResult};
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::connection::failed;

/// Operations of one commit at the most, so that no caller waits for a thousand others.
const GROUP_MAX: usize = 256;
/// Operations that wait for the writer at the most; then callers wait.
const QUEUE_MAX: usize = 4096;

/// An operation: it does its work inside the transaction, and says after the commit whether that took effect.
pub trait Operation: Send {
    /// Does the work. An error undoes this operation and no other.
    fn run(&mut self, connection: &Connection) -> bool;
    /// Answers the caller. `committed` is the commit's error, if it failed.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

/// Where operations go.
pub enum Writer {
    /// To a thread.
    Thread(ThreadWriter),
    /// Nowhere: they run on the caller's thread, as the simulator wants it.
    Inline(Mutex<Connection>),
}

pub struct ThreadWriter {
    sender: Option<SyncSender<Box<dyn Operation>>>,
    thread: Option<JoinHandle<()>>,
}

impl ThreadWriter {
    pub fn start(connection: Connection) -> StoreResult<Self> {
        let (sender, receiver) = sync_channel(QUEUE_MAX);
        let thread = std::thread::Builder::new()
            .name("ork-sqlite-writer".into())
            .spawn(move || write_all(&connection, &receiver))
            .map_err(|e| StoreError::Unavailable(format!("failed to start the writer thread: {e}")))?;
        Ok(Self { sender: Some(sender), thread: Some(thread) })
    }
}

impl Drop for ThreadWriter {
    fn drop(&mut self) {
        self.sender.take();
        if let Some(thread) = self.thread.take() {
            // The thread ends when it has written what was sent; a panic of it was reported by its callers' answers.
            let _ = thread.join();
        }
    }
}

fn write_all(connection: &Connection, receiver: &Receiver<Box<dyn Operation>>) {
    while let Ok(first) = receiver.recv() {
        let mut group = vec![first];
        while group.len() < GROUP_MAX {
            let Ok(next) = receiver.try_recv() else { break };
            group.push(next);
        }
        commit_group(connection, group);
    }
}

/// Runs operations in one transaction. Each has a savepoint of its own, so that one that fails takes nothing with it.
pub fn commit_group(connection: &Connection, mut group: Vec<Box<dyn Operation>>) {
    let committed = run_group(connection, &mut group);
    for operation in group {
        operation.answer(committed.clone());
    }
}

fn run_group(connection: &Connection, group: &mut [Box<dyn Operation>]) -> Result<(), StoreError> {
    let run = |text: &str| connection.prepare_cached(text).and_then(|mut s| s.execute([]).map(|_| ())).map_err(failed);
    run("BEGIN IMMEDIATE")?;
    let alone = group.len() == 1;
    for operation in group.iter_mut() {
        if alone {
            if !operation.run(connection) {
                return run("ROLLBACK");
            }
            break;
        }
        run("SAVEPOINT operation")?;
        if !operation.run(connection) {
            run("ROLLBACK TO operation")?;
        }
        run("RELEASE operation")?;
    }
    let committed = run("COMMIT");
    if committed.is_err() && !connection.is_autocommit() {
        // A commit that failed leaves the transaction open; without this the next group would join it.
        run("ROLLBACK")?;
    }
    committed
}

/// An operation made of a function, with the way back to its caller.
struct Call<T, F> {
    function: Option<F>,
    result: Option<StoreResult<T>>,
    reply: oneshot::Sender<StoreResult<T>>,
}

impl<T: Send, F: FnOnce(&Connection) -> StoreResult<T> + Send> Operation for Call<T, F> {
    fn run(&mut self, connection: &Connection) -> bool {
        let Some(function) = self.function.take() else { return false };
        // A panic inside one operation must not end the writer, which everybody shares.
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| function(connection)))
            .unwrap_or_else(|_| Err(StoreError::Conflict("an operation of the store panicked; see the log".into())));
        let done = result.is_ok();
        self.result = Some(result);
        done
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let result = match (self.result, committed) {
            (Some(Err(own)), _) => Err(own),
            (_, Err(commit)) => Err(commit),
            (Some(result), Ok(())) => result,
            (None, Ok(())) => Err(StoreError::Unavailable("the operation did not run".into())),
        };
        // A caller that went away does not want the answer.
        let _ = self.reply.send(result);
    }
}

impl Writer {
    /// Carries out one operation and waits until it is durable.
    pub async fn write<T, F>(&self, function: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> StoreResult<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let mut call: Box<dyn Operation> = Box::new(Call { function: Some(function), result: None, reply });
        match self {
            Self::Inline(connection) => {
                let connection = connection.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                commit_group(&connection, vec![call]);
            }
            Self::Thread(writer) => {
                let sender = writer.sender.as_ref().ok_or_else(gone)?;
                while let Err(error) = sender.try_send(call) {
                    match error {
                        TrySendError::Disconnected(_) => return Err(gone()),
                        TrySendError::Full(back) => call = back,
                    }
                    tokio::task::yield_now().await;
                }
            }
        }
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable("the writer thread has ended".into())
}
