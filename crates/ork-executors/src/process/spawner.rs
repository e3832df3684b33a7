//! The permanent threads that start processes.
//!
//! Starting one blocks for about a third of a millisecond (`vfork` holds its caller until `exec`), and on a hung file
//! system for much longer: no thread of the runtime may do that.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;

/// The threads' name. A child bears it until its `exec`. At most 15 bytes.
pub const NAME: &str = "ork-spawner";

/// Two at once keep two processors busy; more gain nothing, since the kernel serialises much of an `exec`.
const THREADS: usize = 2;

type Job = Box<dyn FnOnce() + Send>;

/// Threads that run blocking jobs, in order of arrival. They end when this is dropped and all jobs are done.
pub struct Spawner(Arc<Queue>);

/// Not a channel: `std`'s has one receiver, and behind a lock each job would wake both threads.
#[derive(Default)]
struct Queue {
    /// The jobs, and whether more can come.
    jobs: Mutex<(VecDeque<Job>, bool)>,
    changed: Condvar,
}

impl Queue {
    fn change(&self, change: impl FnOnce(&mut (VecDeque<Job>, bool))) {
        change(&mut self.jobs.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The next job; `None` when there will be none.
    fn next(&self) -> Option<Job> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = self.changed.wait_while(jobs, |(jobs, is_closed)| jobs.is_empty() && !*is_closed);
        waiting.unwrap_or_else(PoisonError::into_inner).0.pop_front()
    }
}

impl Spawner {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn start() -> io::Result<Self> {
        let spawner = Self(Arc::default());
        for _ in 0..THREADS {
            let queue = Arc::clone(&spawner.0);
            thread::Builder::new().name(NAME.into()).spawn(move || {
                while let Some(job) = queue.next() {
                    // A job that panics fails its own attempt, by the channel that it drops, and nobody else's.
                    let _ = catch_unwind(AssertUnwindSafe(job));
                }
            })?;
        }
        Ok(spawner)
    }

    /// Runs `job` on one of the threads; `None` if it panicked.
    pub async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (answer, result) = oneshot::channel();
        // What nobody waits for any more is dropped here, and a process among it killed.
        self.0.change(|(jobs, _)| jobs.push_back(Box::new(move || drop(answer.send(job())))));
        self.0.changed.notify_one();
        result.await.ok()
    }
}

impl Drop for Spawner {
    fn drop(&mut self) {
        self.0.change(|(_, is_closed)| *is_closed = true);
        self.0.changed.notify_all();
    }
}
