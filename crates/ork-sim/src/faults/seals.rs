//! Seals of events.

use async_trait::async_trait;
use ork_core::error::StoreResult;
use ork_core::id::RunId;
use ork_core::seal::{Anchor, SealRow, Unsealed};
use ork_core::store::{Scope, SealKeyRow, Seals};

use super::FaultyStore;

#[async_trait]
impl Seals for FaultyStore {
    async fn unsealed(&self, rows: u32) -> StoreResult<Vec<Unsealed>> {
        self.send("unsealed", self.world.store.unsealed(rows)).await
    }

    async fn unsealed_of(&self, scope: Scope, run: RunId, rows: u32) -> StoreResult<Option<Unsealed>> {
        self.send("unsealed_of", self.world.store.unsealed_of(scope, run, rows)).await
    }

    async fn seal(&self, seals: &[SealRow]) -> StoreResult<u64> {
        self.send("seal", self.world.store.seal(seals)).await
    }

    async fn seals(&self, scope: Scope, run: RunId, after: u32, limit: u32) -> StoreResult<Vec<SealRow>> {
        self.send("seals", self.world.store.seals(scope, run, after, limit)).await
    }

    async fn anchor(&self, scope: Scope, run: RunId) -> StoreResult<Option<Anchor>> {
        self.send("anchor", self.world.store.anchor(scope, run)).await
    }

    async fn keep_seal_key(&self, key: &SealKeyRow) -> StoreResult<()> {
        self.send("keep_seal_key", self.world.store.keep_seal_key(key)).await
    }

    async fn seal_keys(&self) -> StoreResult<Vec<SealKeyRow>> {
        self.send("seal_keys", self.world.store.seal_keys()).await
    }
}
