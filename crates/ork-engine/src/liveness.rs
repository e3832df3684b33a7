//! Proof that a worker on this machine is dead.

use ork_core::id::WorkerId;

/// A lock that a worker holds for as long as its process lives, and that others on the same machine can look at. With
/// it a dead worker is found at once; without, when its heartbeat is too old.
pub trait Liveness: Send + Sync {
    /// Takes the lock of this process's worker, before the worker is entered in the database. An engine that was
    /// declared dead enters again under another id.
    ///
    /// # Errors
    /// When the lock cannot be taken; the engine does not start then.
    fn enter(&self, worker: WorkerId) -> Result<(), String>;

    /// Lets go of a worker's lock, after its last lease was settled.
    fn leave(&self, worker: WorkerId);

    /// Whether the worker's process is proven to be gone; `None` when that cannot be told from here.
    fn is_dead(&self, host: &str, worker: WorkerId) -> Option<bool>;

    /// Clears away what a worker left on this machine that was proven to be gone, and is struck off. Must not block long.
    fn bury(&self, _: WorkerId) {}
}

/// Knows nothing: workers die by age alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoLiveness;

impl Liveness for NoLiveness {
    fn enter(&self, _: WorkerId) -> Result<(), String> {
        Ok(())
    }

    fn leave(&self, _: WorkerId) {}

    fn is_dead(&self, _: &str, _: WorkerId) -> Option<bool> {
        None
    }
}
