//! What runs keep.

use async_trait::async_trait;
use ork_core::artifact::{ArtifactRow, NewArtifact};
use ork_core::blobs::BlobKey;
use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::event::Actor;
use ork_core::id::ArtifactId;
use ork_core::store::{ArtifactFilter, Artifacts, ArtifactsCreated, KeptUnder, LooseBlob, Scope};

use super::SqliteStore;
use crate::artifacts;

#[async_trait]
impl Artifacts for SqliteStore {
    async fn note_blob(&self, scope: Scope, blob: &LooseBlob) -> StoreResult<bool> {
        let blob = blob.clone();
        self.write(move |db| artifacts::note(db, scope, &blob)).await
    }

    async fn create_artifacts(
        &self,
        scope: Scope,
        new: &[NewArtifact],
        under: Option<KeptUnder>,
        actor: &Actor,
        now: Timestamp,
    ) -> StoreResult<ArtifactsCreated> {
        let (new, actor) = (new.to_vec(), actor.clone());
        self.write(move |db| artifacts::create(db, scope, &new, under, (&actor, now))).await
    }

    async fn artifact(&self, scope: Scope, id: ArtifactId) -> StoreResult<Option<ArtifactRow>> {
        self.read(|db| artifacts::artifact(db, scope, id))
    }

    async fn artifacts(&self, scope: Scope, filter: &ArtifactFilter) -> StoreResult<Vec<ArtifactRow>> {
        self.read(|db| artifacts::list(db, scope, filter))
    }

    async fn doom_blobs(&self, now: Timestamp, limit: u32) -> StoreResult<Vec<BlobKey>> {
        self.write(move |db| artifacts::doom(db, now, limit)).await
    }

    async fn forget_blobs(&self, keys: &[BlobKey]) -> StoreResult<()> {
        let keys = keys.to_vec();
        self.write(move |db| artifacts::forget(db, &keys)).await
    }
}
