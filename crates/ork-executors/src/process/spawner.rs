//! The permanent threads that start processes.
//!
//! Starting one blocks for about a third of a millisecond (`vfork` holds its caller until `exec`), and on a hung file
//! system for much longer: no thread of the runtime may do that.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use tokio::sync::oneshot;

/// The threads' name. A child bears it until its `exec`. At most 15 bytes.
pub const NAME: &str = "ork-spawner";

/// Two at once keep two processors busy; more gain nothing, since the kernel serialises much of an `exec`.
const THREADS: usize = 2;

type Job = Box<dyn FnOnce() + Send>;

/// Threads that run blocking jobs, in order of arrival. They end when this is dropped and all jobs are done.
pub struct Spawner(mpsc::Sender<Job>);

impl Spawner {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn start() -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel::<Job>();
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..THREADS {
            let receiver = Arc::clone(&receiver);
            thread::Builder::new().name(NAME.into()).spawn(move || {
                loop {
                    let job = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(job) = job else { break };
                    // A job that panics fails its own attempt, by the channel that it drops, and nobody else's.
                    let _ = catch_unwind(AssertUnwindSafe(job));
                }
            })?;
        }
        Ok(Self(sender))
    }

    /// Runs `job` on one of the threads; `None` if it panicked.
    pub async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (answer, result) = oneshot::channel();
        // Both ends live as long as the executor: a send fails only when all threads are dead, and then so does `result`.
        let _ = self.0.send(Box::new(move || drop(answer.send(job()))));
        result.await.ok()
    }
}
