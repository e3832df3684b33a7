//! The folder that the steps of one attempt share.

use std::io;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use ork_core::executor::{Assignment, AttemptIo, Kept, PartSink, PartSource, Report, Unkept, Wanted, WorkFolder};
use tokio::sync::{Mutex, mpsc};
use tokio::task::{JoinError, spawn_blocking};

use super::archive;
use super::findings::Findings;
use super::folders::Shared;
use super::log::Log;
use super::workshop::Workshop;

/// Pieces of an archive between the thread that reads or writes the folder and whoever keeps them.
const PIECES_AHEAD: usize = 1;

/// Each step has files of its own to answer by, and its own `$ORK_ARTIFACTS`; `$ORK_WORK` is the same for all.
pub struct StepsFolder {
    workshop: Arc<Workshop>,
    base: Box<Path>,
    /// Held by whoever saves, restores or removes it: a thread may go on with that after nobody waits for it any more.
    shared: Arc<Mutex<Shared>>,
}

impl StepsFolder {
    /// An empty one. Blocks.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(workshop: Arc<Workshop>) -> io::Result<Self> {
        let shared = workshop.folders.share()?;
        Ok(Self { workshop, base: shared.base().into(), shared: Arc::new(Mutex::new(shared)) })
    }
}

#[async_trait]
impl WorkFolder for StepsFolder {
    async fn execute(&self, work: Assignment, io: Arc<dyn AttemptIo>) -> Report {
        self.workshop.execute(work, Some(&self.base), &*io).await
    }

    async fn keep(&self, wanted: Wanted, io: Arc<dyn AttemptIo>) -> Result<Vec<Kept>, Unkept> {
        let shared = Arc::clone(&self.shared).lock_owned().await;
        let finding = spawn_blocking(move || {
            let work = shared.open_work().map_err(|error| format!("failed to open `$ORK_WORK`: {error}"))?;
            Findings::wanted(work, &wanted)
        });
        let found = finding.await.unwrap_or_else(|error| Err(error.to_string())).map_err(Unkept::failed)?;
        let log = Log::new(&*io);
        found.lines().iter().for_each(|line| log.note(&format!("artifacts: {line}")));
        if found.files.is_empty() {
            return Ok(Vec::new());
        }
        io.keep(found.files).await
    }

    async fn save(&self, parts: &dyn PartSink) -> Result<(u64, String), String> {
        let shared = Arc::clone(&self.shared).lock_owned().await;
        let (sender, mut pieces) = mpsc::channel(PIECES_AHEAD);
        let packing = spawn_blocking(move || archive::pack(&shared.work(), sender));
        while let Some(piece) = pieces.recv().await {
            parts.put(piece).await?;
        }
        packing.await.unwrap_or_else(panicked).map_err(|error| format!("failed to save `$ORK_WORK`: {error}"))
    }

    async fn restore(&self, parts: &dyn PartSource, checksum: &str) -> Result<(), String> {
        let shared = Arc::clone(&self.shared).lock_owned().await;
        let (sender, pieces) = mpsc::channel(PIECES_AHEAD);
        let checksum = checksum.to_owned();
        let unpacking = spawn_blocking(move || shared.fill(|folder| archive::unpack(folder, pieces, &checksum)));
        feed(parts, sender).await;
        unpacking.await.unwrap_or_else(panicked).map_err(|error| format!("failed to restore `$ORK_WORK`: {error}"))
    }

    async fn close(&self) {
        let shared = Arc::clone(&self.shared).lock_owned().await;
        // What cannot be removed now goes with the executor.
        spawn_blocking(move || shared.remove()).await.ok();
    }
}

/// Passes on all pieces, and why there are no more. Whoever takes them may have had enough, and says why itself.
async fn feed(parts: &dyn PartSource, pieces: mpsc::Sender<Result<Vec<u8>, String>>) {
    for part in 0.. {
        let Some(piece) = parts.get(part).await.transpose() else { return };
        let is_last = piece.is_err();
        if pieces.send(piece).await.is_err() || is_last {
            return;
        }
    }
}

fn panicked<T>(error: JoinError) -> io::Result<T> {
    Err(io::Error::other(error))
}
