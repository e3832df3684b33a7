//! What runs keep.

use async_trait::async_trait;
use ork_core::artifact::{ArtifactRow, NewArtifact};
use ork_core::blobs::BlobKey;
use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::event::Actor;
use ork_core::id::ArtifactId;
use ork_core::store::{ArtifactFilter, Artifacts, ArtifactsCreated, KeptUnder, LooseBlob, Scope};

use super::FaultyStore;
use crate::world::lock;

#[async_trait]
impl Artifacts for FaultyStore {
    async fn note_blob(&self, scope: Scope, blob: &LooseBlob) -> StoreResult<bool> {
        self.send("note_blob", self.world.store.note_blob(scope, blob)).await
    }

    async fn create_artifacts(
        &self,
        scope: Scope,
        new: &[NewArtifact],
        under: Option<KeptUnder>,
        actor: &Actor,
        now: Timestamp,
    ) -> StoreResult<ArtifactsCreated> {
        let request = async {
            let created = self.world.store.create_artifacts(scope, new, under, actor, now).await?;
            lock(&self.world.witness).mark(match created {
                ArtifactsCreated::Created => "artifact created",
                ArtifactsCreated::Stale => "artifact too late",
                ArtifactsCreated::Gone(_) => "artifact gone",
            });
            Ok(created)
        };
        self.send("create_artifacts", request).await
    }

    async fn artifact(&self, scope: Scope, id: ArtifactId) -> StoreResult<Option<ArtifactRow>> {
        self.send("artifact", self.world.store.artifact(scope, id)).await
    }

    async fn artifacts(&self, scope: Scope, filter: &ArtifactFilter) -> StoreResult<Vec<ArtifactRow>> {
        self.send("artifacts", self.world.store.artifacts(scope, filter)).await
    }

    async fn doom_blobs(&self, now: Timestamp, limit: u32) -> StoreResult<Vec<BlobKey>> {
        self.send("doom_blobs", self.world.store.doom_blobs(now, limit)).await
    }

    async fn forget_blobs(&self, keys: &[BlobKey]) -> StoreResult<()> {
        self.send("forget_blobs", self.world.store.forget_blobs(keys)).await
    }
}
