//! Reading bytes back, and looking whether they are those that were written.

use std::ops::Range;

use async_trait::async_trait;
use ork_api::ArtifactVerified;
use ork_core::artifact::{ArtifactAt, ArtifactRow};
use ork_core::blobs::{BlobError, BlobResult, Blobs, ByteSource};
use ork_core::checksum::Checksum;

use super::elsewhere;
use crate::refused::{Answer, Code, Refused};

/// Bytes that are checked while they are read. The last piece is given only when all of them are right, so that nobody who
/// reads to the end has anything else.
pub struct Checked {
    source: Box<dyn ByteSource>,
    /// What they must be.
    checksum: String,
    /// How many must still come.
    left: u64,
    /// Of a part only the number is known.
    hash: Option<Checksum>,
    /// The piece that is not given yet.
    held: Option<Vec<u8>>,
    is_over: bool,
}

impl std::fmt::Debug for Checked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checked").field("left", &self.left).finish_non_exhaustive()
    }
}

impl Checked {
    /// Opens the bytes of an artifact, or a part of them that lies within their number.
    ///
    /// # Errors
    /// When they are elsewhere, are gone, or the store does not answer.
    pub async fn open(blobs: &dyn Blobs, row: &ArtifactRow, range: Option<Range<u64>>) -> Answer<Self> {
        let (key, size, checksum) = match &row.artifact.at {
            ArtifactAt::Kept { key, size, checksum } => (key, *size, checksum.clone()),
            ArtifactAt::Elsewhere { url, .. } => return Err(elsewhere(row, url)),
        };
        let left = range.as_ref().map_or(size, |range| range.end - range.start);
        let is_whole = range.as_ref().is_none_or(|range| *range == (0..size));
        let hash = is_whole.then(Checksum::new);
        let source = blobs.get(key, range).await.map_err(|error| refused(row, &error))?;
        Ok(Self { source, checksum, left, hash, held: None, is_over: false })
    }

    /// The next piece from below, counted and hashed; `None` when the end is right.
    async fn pull(&mut self) -> BlobResult<Option<Vec<u8>>> {
        if let Some(piece) = self.source.next().await? {
            let bytes = piece.len() as u64;
            if bytes > self.left {
                return Err(BlobError::Corrupt("there are more bytes than were written".to_owned()));
            }
            self.left -= bytes;
            if let Some(hash) = &mut self.hash {
                hash.update(&piece);
            }
            return Ok(Some(piece));
        }
        if self.left > 0 {
            return Err(BlobError::Corrupt(format!("{} bytes are missing", self.left)));
        }
        match self.hash.take().map(Checksum::finish) {
            Some(found) if found != self.checksum => {
                Err(BlobError::Corrupt(format!("their SHA-256 is {found}, and was {}", self.checksum)))
            }
            _ => Ok(None),
        }
    }
}

#[async_trait]
impl ByteSource for Checked {
    async fn next(&mut self) -> BlobResult<Option<Vec<u8>>> {
        while !self.is_over {
            match self.pull().await {
                Ok(Some(piece)) => {
                    if let Some(earlier) = self.held.replace(piece) {
                        return Ok(Some(earlier));
                    }
                }
                Ok(None) => self.is_over = true,
                Err(error) => {
                    (self.is_over, self.held) = (true, None);
                    return Err(error);
                }
            }
        }
        Ok(self.held.take())
    }
}

/// What is wrong with the bytes of an artifact, with its name.
#[must_use]
pub fn refused(row: &ArtifactRow, error: &BlobError) -> Refused {
    let (id, name) = (row.artifact.id, &row.artifact.name);
    match error {
        BlobError::Unavailable(_) => Refused::new(Code::ArtifactStoreDown, error.to_string()),
        _ => Refused::new(Code::CorruptArtifact, format!("the bytes of `{id}` (`{name}`) are damaged: {error}"))
            .hint(format!("ork artifacts verify {}", row.artifact.run)),
    }
}

/// Reads the bytes of an artifact again, and says whether they are those that were written.
///
/// # Errors
/// When they are elsewhere, or the store does not answer.
pub async fn verify(blobs: &dyn Blobs, row: &ArtifactRow) -> Answer<ArtifactVerified> {
    let (key, size, checksum) = match &row.artifact.at {
        ArtifactAt::Kept { key, size, checksum } => (key, size, checksum),
        ArtifactAt::Elsewhere { url, .. } => return Err(elsewhere(row, url)),
    };
    let found = match measure(blobs.get(key, None).await).await {
        Ok(found) => Ok(found),
        Err(error) if error.is_transient() => return Err(refused(row, &error)),
        Err(error) => Err(error),
    };
    let problem = match &found {
        Err(error) => Some(error.to_string()),
        Ok((bytes, _)) if bytes != size => Some(format!("{bytes} bytes are there, and {size} were written")),
        Ok((_, own)) if own != checksum => Some(format!("its SHA-256 is {own}, and was {checksum}")),
        Ok(_) => None,
    };
    let (bytes, own) = found.ok().unzip();
    Ok(ArtifactVerified {
        id: row.artifact.id.to_string(),
        run_id: row.artifact.run.to_string(),
        name: row.artifact.name.clone(),
        ok: problem.is_none(),
        problem,
        size: bytes,
        checksum: own,
    })
}

/// How many bytes there are, and their checksum.
pub(super) async fn measure(opened: BlobResult<Box<dyn ByteSource>>) -> BlobResult<(u64, String)> {
    let (mut source, mut hash) = (opened?, Checksum::new());
    while let Some(piece) = source.next().await? {
        hash.update(&piece);
    }
    Ok((hash.size(), hash.finish()))
}
