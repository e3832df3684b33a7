//! Seals of events, and the keys that made them.

use async_trait::async_trait;

use super::Scope;
use crate::clock::Timestamp;
use crate::error::StoreResult;
use crate::id::RunId;
use crate::seal::{Anchor, SealRow, Unsealed};

/// A key that has sealed, as it is kept for later: sealed itself with a key that the store does not know.
#[derive(Clone, PartialEq, Eq)]
pub struct SealKeyRow {
    /// Its name.
    pub key_id: String,
    /// The sealed key.
    pub sealed: Vec<u8>,
    /// The key that it is sealed with, by its name.
    pub sealed_by: String,
    /// When that was.
    pub sealed_at: Timestamp,
}

impl std::fmt::Debug for SealKeyRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealKeyRow")
            .field("key_id", &self.key_id)
            .field("sealed_by", &self.sealed_by)
            .finish_non_exhaustive()
    }
}

/// Seals.
#[async_trait]
pub trait Seals {
    /// Runs that are over and have events that no seal covers, by id, each with its next rows; at most `rows` rows of all. Costs
    /// nothing when there are none.
    async fn unsealed(&self, rows: u32) -> StoreResult<Vec<Unsealed>>;

    /// The same of one run, over or not; `None` when all of its events are sealed, or there is no such run.
    async fn unsealed_of(&self, scope: Scope, run: RunId, rows: u32) -> StoreResult<Option<Unsealed>>;

    /// Adds seals, at most one of a run; how many. One whose place is taken is left out: somebody else has sealed the same events.
    /// Natural key: the run and the first event.
    async fn seal(&self, seals: &[SealRow]) -> StoreResult<u64>;

    /// The seals of a run after this one, by number; at most `limit`.
    async fn seals(&self, scope: Scope, run: RunId, after: u32, limit: u32) -> StoreResult<Vec<SealRow>>;

    /// What a run's head says of its events; `None` when there is no such run.
    async fn anchor(&self, scope: Scope, run: RunId) -> StoreResult<Option<Anchor>>;

    /// Keeps a key for later, or keeps it sealed otherwise.
    async fn keep_seal_key(&self, key: &SealKeyRow) -> StoreResult<()>;

    /// All keys that are kept, by name.
    async fn seal_keys(&self) -> StoreResult<Vec<SealKeyRow>>;
}
