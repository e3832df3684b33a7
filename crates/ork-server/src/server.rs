//! What the routes work with.

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use ork_core::blobs::Blobs;
use ork_core::clock::{Clock, Entropy};
use ork_core::id::{ArtifactId, BulkId, RevisionId, RunId, WorkflowId};
use ork_core::store::Store;
use ork_vault::Vault;

use crate::caller::Caller;
use crate::door::Door;
use crate::gate::Exchange;
use crate::live::Live;
use crate::look::{Lives, Look};
use crate::metrics::Metrics;
use crate::refused::{Answer, Code, Refused};

/// The parts of a server.
pub struct Server {
    /// The database, for what belongs to no tenant.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who comes in.
    pub door: Door,
    /// What seals secrets.
    pub vault: Arc<Vault>,
    /// Ids of runs and of requests.
    pub entropy: Mutex<Box<dyn Entropy>>,
    /// Whether a worker lives.
    pub lives: Arc<Lives>,
    /// The end of a command line that finds the same database.
    pub flags: String,
    /// The version of Ork.
    pub version: &'static str,
    /// Set once the server was told to stop: it is not ready any more.
    pub draining: AtomicBool,
    /// How many milliseconds the database's clock is ahead of this machine's, when that is too far.
    pub skew_ms: Box<dyn Fn() -> Option<i64> + Send + Sync>,
    /// What is counted.
    pub metrics: Metrics,
    /// Events as they come.
    pub live: Live,
    /// Where the bytes of artifacts are; `None` when this server has no such place.
    pub blobs: Option<Arc<dyn Blobs>>,
    /// Told of stored bytes that are not those that were written.
    pub alarm: Box<dyn Fn(&str) + Send + Sync>,
    /// Told of each request, once it is answered.
    pub log: Box<dyn Fn(&Exchange<'_>) + Send + Sync>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("version", &self.version).finish_non_exhaustive()
    }
}

impl Server {
    /// The store as a caller sees it.
    pub(crate) fn look<'a>(&'a self, caller: &'a Caller) -> Look<'a> {
        Look {
            store: caller.store.as_ref(),
            scope: caller.scope(),
            only_owner: caller.only_owner.as_deref(),
            now: self.clock.now(),
            lives: self.lives.as_ref(),
            flags: &self.flags,
        }
    }

    pub(crate) fn new_run_id(&self) -> RunId {
        self.with_entropy(|entropy| RunId::new(self.clock.now(), entropy))
    }

    pub(crate) fn new_artifact_id(&self) -> ArtifactId {
        self.with_entropy(|entropy| ArtifactId::new(self.clock.now(), entropy))
    }

    /// The place of the bytes of artifacts.
    pub(crate) fn blobs(&self) -> Answer<&Arc<dyn Blobs>> {
        self.blobs.as_ref().ok_or_else(|| {
            Refused::new(Code::NoArtifactStore, "this server has no artifact store").hint("`artifacts` of the settings")
        })
    }

    pub(crate) fn with_entropy<T>(&self, make: impl FnOnce(&mut dyn Entropy) -> T) -> T {
        make(self.entropy.lock().unwrap_or_else(PoisonError::into_inner).as_mut())
    }

    /// Random bits for what is sealed over an await: as many as are asked for, of this server's source.
    pub(crate) fn fork_entropy(&self) -> Drawn {
        Drawn(self.with_entropy(|entropy| (0..DRAWN).map(|_| entropy.next_u64()).collect()))
    }

    /// Ids for a workflow and a revision, should they be new.
    pub(crate) fn new_workflow_ids(&self) -> (WorkflowId, RevisionId) {
        let mut entropy = self.entropy.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        (WorkflowId::new(now, entropy.as_mut()), RevisionId::new(now, entropy.as_mut()))
    }

    /// The id of an action on many runs, and the id that no run has had before now.
    pub(crate) fn new_bulk_ids(&self) -> (BulkId, RunId) {
        let mut entropy = self.entropy.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        (BulkId::new(now, entropy.as_mut()), RunId::new(now, entropy.as_mut()))
    }

    /// A name for a request that brought none.
    pub(crate) fn new_request_id(&self) -> String {
        self.with_entropy(|entropy| format!("req_{:016x}", entropy.next_u64()))
    }
}

/// Numbers that are drawn at once: an id, a secret and a nonce are ten.
const DRAWN: usize = 16;

/// Random bits that were drawn.
pub(crate) struct Drawn(Vec<u64>);

impl Entropy for Drawn {
    /// # Panics
    /// When more is asked for than was drawn.
    fn next_u64(&mut self) -> u64 {
        self.0.pop().expect("enough was drawn")
    }
}
