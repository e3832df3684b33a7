//! Seals of events.

use async_trait::async_trait;
use ork_core::error::StoreResult;
use ork_core::id::RunId;
use ork_core::seal::{Anchor, SealRow, Unsealed};
use ork_core::store::{Scope, SealKeyRow, Seals};

use super::SqliteStore;
use crate::seals;

#[async_trait]
impl Seals for SqliteStore {
    async fn unsealed(&self, rows: u32) -> StoreResult<Vec<Unsealed>> {
        self.read(|db| seals::unsealed(db, rows))
    }

    async fn unsealed_of(&self, scope: Scope, run: RunId, rows: u32) -> StoreResult<Option<Unsealed>> {
        self.read(|db| seals::unsealed_of(db, scope, run, rows))
    }

    async fn seal(&self, new: &[SealRow]) -> StoreResult<u64> {
        let new = new.to_vec();
        self.write(move |db| seals::seal(db, &new)).await
    }

    async fn seals(&self, scope: Scope, run: RunId, after: u32, limit: u32) -> StoreResult<Vec<SealRow>> {
        self.read(|db| seals::list(db, scope, run, after, limit))
    }

    async fn anchor(&self, scope: Scope, run: RunId) -> StoreResult<Option<Anchor>> {
        self.read(|db| seals::anchor(db, scope, run))
    }

    async fn keep_seal_key(&self, key: &SealKeyRow) -> StoreResult<()> {
        let key = key.clone();
        self.write(move |db| seals::keep_key(db, &key)).await
    }

    async fn seal_keys(&self) -> StoreResult<Vec<SealKeyRow>> {
        self.read(seals::keys)
    }
}
