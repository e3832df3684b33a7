//! Proofs of life on a simulated machine.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use ork_core::id::WorkerId;
use ork_engine::Liveness;

use crate::world::lock;

/// The locks of all workers of one machine.
#[derive(Debug, Default)]
pub struct Locks {
    held: Mutex<BTreeSet<WorkerId>>,
}

/// The locks as one process sees them. When it dies, those that it holds are let go.
#[derive(Debug)]
pub struct ProcessLocks {
    locks: Arc<Locks>,
    own: Mutex<BTreeSet<WorkerId>>,
    /// Without sight it takes locks and cannot look at those of others.
    can_see: bool,
}

impl ProcessLocks {
    /// A new process on the machine.
    #[must_use]
    pub fn new(locks: Arc<Locks>, can_see: bool) -> Self {
        Self { locks, own: Mutex::default(), can_see }
    }

    /// The process is gone.
    pub fn die(&self) {
        let own = std::mem::take(&mut *lock(&self.own));
        lock(&self.locks.held).retain(|worker| !own.contains(worker));
    }
}

impl Liveness for ProcessLocks {
    fn enter(&self, worker: WorkerId) -> Result<(), String> {
        lock(&self.own).insert(worker);
        lock(&self.locks.held).insert(worker);
        Ok(())
    }

    fn leave(&self, worker: WorkerId) {
        lock(&self.own).remove(&worker);
        lock(&self.locks.held).remove(&worker);
    }

    fn is_dead(&self, _: &str, worker: WorkerId) -> Option<bool> {
        self.can_see.then(|| !lock(&self.locks.held).contains(&worker))
    }
}
