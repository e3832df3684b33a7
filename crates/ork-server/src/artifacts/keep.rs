//! Keeping bytes: they are noted before they come, and named when they are there.

use ork_core::artifact::{ArtifactAt, ArtifactRow, NewArtifact, Provenance};
use ork_core::blobs::{BlobError, BlobKey, Blobs, ByteSource, Expected};
use ork_core::clock::{Clock, Timestamp};
use ork_core::event::Actor;
use ork_core::id::{ArtifactId, RunId, WorkspaceId};
use ork_core::json::Json;
use ork_core::limits::{ARTIFACT_BYTES_MAX, UPLOAD_MS_MAX};
use ork_core::store::{ArtifactsCreated, LooseBlob};

use super::Said;
use super::read::measure;
use super::ticket::Upload;
use crate::look::Look;
use crate::refused::{Answer, Code, Refused};
use crate::routes::row_of_run;

/// How long an upload may take.
pub const UPLOAD_MS: u64 = UPLOAD_MS_MAX;

/// Whoever keeps one artifact.
#[derive(Clone, Copy)]
pub struct Keeper<'a> {
    /// The store.
    pub look: Look<'a>,
    /// Whose it will be.
    pub workspace: WorkspaceId,
    /// Who is written down as the one who did it.
    pub actor: &'a Actor,
    /// The time: an upload takes some.
    pub clock: &'a dyn Clock,
    /// Its id.
    pub id: ArtifactId,
}

impl std::fmt::Debug for Keeper<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeper").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Keeper<'_> {
    /// Keeps bytes beside a run that is there for this reader. Whatever goes wrong, nothing is created.
    ///
    /// # Errors
    /// When the bytes are not as expected, or the run is over a limit.
    pub async fn keep(
        &self,
        blobs: &dyn Blobs,
        (run, said): (RunId, Said),
        expected: Expected,
        bytes: &mut dyn ByteSource,
    ) -> Answer<ArtifactRow> {
        row_of_run(self.look, run).await?;
        let key = BlobKey::artifact(self.workspace, run, self.id);
        self.note(&key, self.clock.now().plus_ms(UPLOAD_MS)).await?;
        let expected = Expected { size_max: Some(ARTIFACT_BYTES_MAX), ..expected };
        let written = blobs.put(&key, bytes, &expected).await.map_err(|error| unkept(&error))?;
        let at = ArtifactAt::Kept { key: key.clone(), size: written.size, checksum: written.checksum };
        let created = self.create(run, said, at).await;
        if created.as_ref().is_err_and(|refused| !refused.is_retryable()) {
            // Nobody else knows the key, and nothing names it: the janitor would do the same a day later.
            blobs.remove(&key).await.ok();
        }
        created
    }

    /// Notes bytes before they come, so that they are removed if nothing ever names them.
    pub(crate) async fn note(&self, key: &BlobKey, kept_until: Timestamp) -> Answer<()> {
        let blob = LooseBlob { key: key.clone(), workspace: self.workspace, kept_until };
        if self.look.store.note_blob(self.look.scope, &blob).await? { Ok(()) } else { Err(late(self.id)) }
    }

    /// Keeps the address of something that is elsewhere.
    ///
    /// # Errors
    /// When the run is not there, or has too many.
    pub async fn refer(&self, run: RunId, said: Said, at: ArtifactAt) -> Answer<ArtifactRow> {
        row_of_run(self.look, run).await?;
        self.create(run, said, at).await
    }

    /// Names bytes that are there, or an address.
    async fn create(&self, run: RunId, said: Said, at: ArtifactAt) -> Answer<ArtifactRow> {
        let Said { name, kind, content_type, n, meta } = said;
        let from = Provenance { n, ..Provenance::default() };
        let meta = meta.map(Json::from_stored);
        let new = [NewArtifact { id: self.id, run, from, name, kind, content_type, at, meta }];
        let (look, now) = (self.look, self.clock.now());
        match look.store.create_artifacts(look.scope, &new, None, self.actor, now).await? {
            ArtifactsCreated::Created => super::find(look, self.id).await,
            ArtifactsCreated::Gone(_) | ArtifactsCreated::Stale => Err(late(self.id)),
        }
    }

    /// Names bytes that somebody else has brought, if they are those that were announced. Asking again changes nothing.
    pub(crate) async fn complete(&self, blobs: &dyn Blobs, upload: &Upload, said: Said) -> Answer<ArtifactRow> {
        row_of_run(self.look, upload.run).await?;
        if let Some(row) = self.look.store.artifact(self.look.scope, self.id).await? {
            return Ok(row);
        }
        let key = upload.key();
        let (bytes, checksum) = match measure(blobs.get(&key, None).await).await {
            Ok(found) => found,
            Err(BlobError::NotFound(_)) => {
                let detail = format!("the bytes of `{}` have not come", self.id);
                return Err(Refused::new(Code::Conflict, detail).hint("send them to the `url` first"));
            }
            Err(error) => return Err(unkept(&error)),
        };
        if (bytes, checksum.as_str()) != (upload.size, upload.checksum.as_str()) {
            // They are left to the janitor: another request may name what somebody has put there meanwhile.
            let detail = format!(
                "{} bytes with the SHA-256 {} were announced, and {bytes} with {checksum} came",
                upload.size, upload.checksum
            );
            return Err(Refused::new(Code::WrongBytes, detail).hint("prepare another upload"));
        }
        self.create(upload.run, said, ArtifactAt::Kept { key, size: bytes, checksum }).await
    }
}

/// Bytes that were not kept.
pub(crate) fn unkept(error: &BlobError) -> Refused {
    let code = match error {
        BlobError::Unavailable(_) => Code::ArtifactStoreDown,
        BlobError::Refused(_) => Code::WrongBytes,
        BlobError::NotFound(_) | BlobError::Corrupt(_) => Code::CorruptArtifact,
    };
    Refused::new(code, error.to_string())
}

/// Nothing names these bytes any more, or something does already.
pub(crate) fn late(id: ArtifactId) -> Refused {
    Refused::new(Code::Conflict, format!("the upload of `{id}` is over")).hint("begin another one")
}
