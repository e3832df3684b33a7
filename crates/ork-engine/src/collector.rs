//! Removes bytes that no artifact names: of uploads that were never finished, and of runs that are not kept any more.
//!
//! The order is what makes it safe. A key is doomed first, in the database, so that no artifact can name it from then on; then its
//! bytes are removed; then it is forgotten. Whatever dies in between is done again.

use std::time::Duration;

use futures_util::future::join_all;
use ork_core::blobs::{BlobError, BlobKey, Blobs};
use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::store::Store;
use tokio::time::timeout;

/// Keys of a piece.
const KEYS: u32 = 100;
/// Those of them that are removed at once: a store far away takes its time for each.
const AT_ONCE: usize = 16;
/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a piece of removing bytes did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Removed {
    /// Keys whose bytes are gone, and which are forgotten.
    pub keys: u64,
    /// Those that could not be removed, each with the reason. They are still doomed, and come behind all others.
    pub failed: Vec<(BlobKey, BlobError)>,
    /// There may be more.
    pub more: bool,
}

impl Removed {
    /// What people are told of those that failed.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let (_, error) = self.failed.first()?;
        Some(match self.failed.len() {
            1 => format!("failed to remove bytes that no artifact names: {error}"),
            count => format!("failed to remove {count} files that no artifact names; the first: {error}"),
        })
    }
}

/// Removes bytes that no artifact names and whose time is over: a piece of them. One that cannot be removed keeps no other waiting.
///
/// # Errors
/// When the store does not answer. What was removed so far is gone, and asking again goes on.
pub async fn remove_loose(store: &dyn Store, blobs: &dyn Blobs, now: Timestamp) -> StoreResult<Removed> {
    let doomed = store.doom_blobs(now, KEYS).await?;
    let mut removed = Removed { more: doomed.len() >= KEYS as usize, ..Removed::default() };
    let mut gone = Vec::with_capacity(doomed.len());
    for keys in doomed.chunks(AT_ONCE) {
        let answers = join_all(keys.iter().map(|key| remove(blobs, key))).await;
        for (key, answer) in keys.iter().zip(answers) {
            match answer {
                // What is not there has been removed before.
                Ok(()) | Err(BlobError::NotFound(_)) => gone.push(key.clone()),
                Err(error) => removed.failed.push((key.clone(), error)),
            }
        }
    }
    if !gone.is_empty() {
        store.forget_blobs(&gone).await?;
    }
    removed.keys = gone.len() as u64;
    // When nothing can be removed there is no hurry.
    removed.more &= removed.keys > 0;
    Ok(removed)
}

async fn remove(blobs: &dyn Blobs, key: &BlobKey) -> Result<(), BlobError> {
    let late = || BlobError::Unavailable(format!("no answer within {} s", PATIENCE.as_secs()));
    timeout(PATIENCE, blobs.remove(key)).await.unwrap_or_else(|_| Err(late()))
}
