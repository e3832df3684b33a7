//! Proof of death by file locks: a worker holds one for as long as its process lives, and the kernel lets go of it
//! whatever ends the process.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ork_core::id::WorkerId;
use ork_engine::Liveness;
use ork_executors::ProcessExecutor;

/// Locks that nobody holds are cleared away after this time. Whoever still asks for the worker then learns nothing, and
/// waits for its heartbeat to be old.
const STALE_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// The locks of the workers that share a database on this machine.
pub struct LockFiles {
    folder: PathBuf,
    host: String,
    held: Mutex<BTreeMap<WorkerId, File>>,
}

impl LockFiles {
    /// Locks in `folder`, which is made when it is needed, for workers of the machine `host`.
    pub fn new(folder: PathBuf, host: String) -> Self {
        Self { folder, host, held: Mutex::default() }
    }

    fn path(&self, worker: WorkerId) -> PathBuf {
        self.folder.join(format!("{worker}.lock"))
    }

    fn take(&self, worker: WorkerId) -> io::Result<File> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let file = File::create(self.path(worker))?;
        file.try_lock()?;
        Ok(file)
    }

    fn clear_stale(&self, own: &File) -> io::Result<()> {
        let now = own.metadata()?.modified()?;
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let Ok(file) = File::open(&path) else { continue };
            let age = now.duration_since(file.metadata()?.modified()?).unwrap_or_default();
            if age > STALE_AFTER && file.try_lock_shared().is_ok() {
                fs::remove_file(path).ok();
            }
        }
        Ok(())
    }

    fn held(&self) -> std::sync::MutexGuard<'_, BTreeMap<WorkerId, File>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Liveness for LockFiles {
    fn enter(&self, worker: WorkerId) -> Result<(), String> {
        let file =
            self.take(worker).map_err(|error| format!("failed to lock `{}`: {error}", self.path(worker).display()))?;
        // Leftovers are only untidy.
        self.clear_stale(&file).ok();
        self.held().insert(worker, file);
        Ok(())
    }

    fn leave(&self, worker: WorkerId) {
        if let Some(file) = self.held().remove(&worker) {
            fs::remove_file(self.path(worker)).ok();
            drop(file);
        }
    }

    /// A lock that does not exist proves nothing: two containers may have the same name and different files.
    fn is_dead(&self, host: &str, worker: WorkerId) -> Option<bool> {
        if host != self.host {
            return None;
        }
        let file = File::open(self.path(worker)).ok()?;
        // Shared: whoever else asks at the same moment is not taken for the worker.
        match file.try_lock_shared() {
            Ok(()) => Some(true),
            Err(TryLockError::WouldBlock) => Some(false),
            Err(TryLockError::Error(_)) => None,
        }
    }

    /// Nobody asks for a worker any more that is struck off.
    fn bury(&self, worker: WorkerId) {
        fs::remove_file(self.path(worker)).ok();
    }
}

/// Lock files, and the folders of attempts, which a dead worker leaves as well.
pub struct Graves {
    pub locks: LockFiles,
    pub processes: Arc<ProcessExecutor>,
}

impl Liveness for Graves {
    fn enter(&self, worker: WorkerId) -> Result<(), String> {
        self.locks.enter(worker)
    }

    fn leave(&self, worker: WorkerId) {
        self.locks.leave(worker);
    }

    fn is_dead(&self, host: &str, worker: WorkerId) -> Option<bool> {
        self.locks.is_dead(host, worker)
    }

    fn bury(&self, worker: WorkerId) {
        self.locks.bury(worker);
        // A tree may be large.
        let processes = Arc::clone(&self.processes);
        tokio::task::spawn_blocking(move || processes.clear_away_the_dead());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ork_core::clock::{SeededEntropy, Timestamp};

    #[test]
    fn a_lock_is_held_for_life_and_proves_death() {
        let folder = std::env::temp_dir().join(format!("ork-liveness-{}", std::process::id()));
        let (ours, theirs) = (LockFiles::new(folder.clone(), "a".into()), LockFiles::new(folder.clone(), "a".into()));
        let worker = WorkerId::new(Timestamp::default(), &mut SeededEntropy::new(1));
        assert_eq!(theirs.is_dead("a", worker), None, "nobody entered");
        ours.enter(worker).unwrap();
        assert_eq!(theirs.is_dead("a", worker), Some(false));
        assert_eq!(theirs.is_dead("b", worker), None, "another machine");
        assert!(theirs.enter(worker).is_err());
        // What the kernel does when a process dies: the file stays, its lock goes.
        drop(ours);
        assert_eq!(theirs.is_dead("a", worker), Some(true));
        theirs.bury(worker);
        assert!(!theirs.path(worker).exists());
        theirs.enter(worker).unwrap();
        theirs.leave(worker);
        assert_eq!(theirs.is_dead("a", worker), None);
        fs::remove_dir_all(folder).unwrap();
    }
}
