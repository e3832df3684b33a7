//! Group commit: one thread owns the writing connection, takes whatever gathered while the last commit was on its way
//! to the disk, and commits it together. An operation whose caller went away is carried out all the same.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use ork_core::error::{StoreError, StoreResult};
use ork_core::planted::{self, Bug};
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
    let mut committed = run_group(connection, &mut group);
    if planted::is(Bug::EventBeforeCommit) {
        // They are told while the commit is on its way, and do not hear of its end.
        committed = Ok(());
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> Connection {
        let connection = Connection::open_in_memory().expect("opens");
        // The constraint is looked at by the commit and not before: a way to make it fail.
        connection
            .execute_batch(
                "PRAGMA foreign_keys = ON; CREATE TABLE parents (n INTEGER PRIMARY KEY);
                 CREATE TABLE rows (n INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents DEFERRABLE INITIALLY DEFERRED);",
            )
            .expect("a schema");
        connection
    }

    type Answer = oneshot::Receiver<StoreResult<()>>;

    fn call(function: impl FnOnce(&Connection) -> StoreResult<()> + Send + 'static) -> (Box<dyn Operation>, Answer) {
        let (reply, answer) = oneshot::channel();
        (Box::new(Call { function: Some(function), result: None, reply }), answer)
    }

    /// What a member of a group does: inserts rows, and then fails or panics.
    fn member(rows: &'static [(i64, Option<i64>)], end: &'static str) -> (Box<dyn Operation>, Answer) {
        call(move |db| {
            for (n, parent) in rows {
                db.execute("INSERT INTO rows VALUES (?1, ?2)", (n, parent)).map_err(failed)?;
            }
            match end {
                "fails" => Err(StoreError::Conflict("on purpose".into())),
                "panics" => std::panic::resume_unwind(Box::new("on purpose")),
                _ => Ok(()),
            }
        })
    }

    /// Commits a group; what each member was answered, and the rows that are there afterwards.
    fn commit(db: &Connection, members: Vec<(Box<dyn Operation>, Answer)>) -> (Vec<&'static str>, Vec<i64>) {
        let (group, answers): (Vec<_>, Vec<_>) = members.into_iter().unzip();
        commit_group(db, group);
        let word = |mut answer: Answer| match answer.try_recv().expect("an answer") {
            Ok(()) => "done",
            Err(StoreError::Conflict(text)) if text.contains("FOREIGN KEY") => "commit failed",
            Err(_) => "failed",
        };
        let mut rows = db.prepare("SELECT n FROM rows ORDER BY n").expect("prepares");
        let rows = rows.query_map([], |row| row.get(0)).expect("queries").collect::<Result<_, _>>();
        (answers.into_iter().map(word).collect(), rows.expect("rows"))
    }

    #[test]
    fn a_member_that_fails_takes_nothing_with_it() {
        let db = connection();
        let group = vec![
            member(&[(1, None), (2, None)], ""),
            member(&[(3, None)], "fails"),
            member(&[(4, None), (1, None)], ""),
            member(&[(5, None)], "panics"),
            member(&[(6, None)], ""),
        ];
        assert_eq!(commit(&db, group), (vec!["done", "failed", "failed", "failed", "done"], vec![1, 2, 6]));
    }

    #[test]
    fn a_commit_that_fails_answers_every_member_and_leaves_nothing() {
        let db = connection();
        let group = vec![member(&[(1, None)], ""), member(&[(2, Some(9))], ""), member(&[(3, None)], "fails")];
        assert_eq!(commit(&db, group), (vec!["commit failed", "commit failed", "failed"], vec![]));
        // The next group is not part of a transaction that was left open.
        assert!(db.is_autocommit());
        assert_eq!(commit(&db, vec![member(&[(4, None)], "")]), (vec!["done"], vec![4]));
        assert_eq!(commit(&db, vec![member(&[(5, Some(9))], "")]), (vec!["commit failed"], vec![4]));
        assert!(db.is_autocommit());
    }

    #[test]
    fn a_member_that_fails_alone_is_undone() {
        let db = connection();
        assert_eq!(commit(&db, vec![member(&[(1, None)], "fails")]), (vec!["failed"], vec![]));
        assert_eq!(commit(&db, vec![member(&[(2, None)], "panics")]), (vec!["failed"], vec![]));
        assert!(db.is_autocommit());
    }
}
