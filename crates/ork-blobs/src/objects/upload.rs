//! Sending bytes to a store of objects: what fits into one part as one request, the rest in parts of one size.

use std::sync::Arc;
use std::time::Duration;

use object_store::multipart::PartId;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use ork_core::blobs::{BlobError, BlobKey, BlobResult, ByteSource, Expected, Written};
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Objects;
use super::part::Part;
use super::remote::Remote;
use crate::intake::Intake;

/// Bytes of a part: 10,000 of them, the most that S3 takes, are more than the largest artifact. All have one size, because R2
/// wants that.
const PART_BYTES: usize = 8 << 20;
const PARTS_MAX: usize = 10_000;
/// Parts of one upload that are sent at once.
const IN_FLIGHT_MAX: usize = 2;
/// How long giving an upload up may take.
const ABORT: Duration = Duration::from_secs(30);

/// Writes bytes, as [`ork_core::blobs::Blobs::put`] says.
pub async fn put(own: &Objects, key: &BlobKey, bytes: &mut dyn ByteSource, expected: &Expected) -> BlobResult<Written> {
    let mut feed = Feed { source: bytes, rest: Vec::new(), at: 0, intake: Intake::new(expected) };
    let first = feed.part(key).await?;
    if feed.is_over().await? {
        let written = feed.intake.finish()?;
        let _line = own.room.line().await;
        let payload = load(own, key, first).await?;
        own.remote.put(&own.path(key), payload).await.map_err(|error| unwritten(own, key, &error))?;
        return Ok(written);
    }
    let mut upload = Upload::begin(own, key).await?;
    match upload.send(feed, first).await {
        Ok(written) => Ok(written),
        Err(error) => {
            upload.abort().await;
            Err(error)
        }
    }
}

/// For what is written, "not found" is no answer.
fn unwritten(own: &Objects, key: &BlobKey, error: &object_store::Error) -> BlobError {
    match own.failed(key, error) {
        BlobError::NotFound(_) => BlobError::Unavailable(super::reason(error)),
        other => other,
    }
}

/// Brings a part into memory, when there is room for it.
async fn load(own: &Objects, key: &BlobKey, part: Part) -> BlobResult<PutPayload> {
    part.load(&own.room).await.map_err(|error| spool(key, &error))
}

fn spool(key: &BlobKey, error: &std::io::Error) -> BlobError {
    let folder = std::env::temp_dir();
    BlobError::Unavailable(format!("`{key}`: failed to keep a part in `{}`: {error}", folder.display()))
}

/// What comes in, cut into parts.
struct Feed<'a> {
    source: &'a mut dyn ByteSource,
    /// A piece of which the first `at` bytes are used.
    rest: Vec<u8>,
    at: usize,
    intake: Intake,
}

impl Feed<'_> {
    /// The next part: a whole one, or what is left.
    async fn part(&mut self, key: &BlobKey) -> BlobResult<Part> {
        let mut part = Part::default();
        while part.size() < PART_BYTES && !self.is_over().await? {
            let until = self.rest.len().min(self.at + PART_BYTES - part.size());
            part.push(&self.rest[self.at..until]).await.map_err(|error| spool(key, &error))?;
            self.at = until;
        }
        Ok(part)
    }

    /// Whether nothing more comes.
    async fn is_over(&mut self) -> BlobResult<bool> {
        while self.at == self.rest.len() {
            let Some(piece) = self.source.next().await? else { return Ok(true) };
            self.intake.take(&piece)?;
            (self.rest, self.at) = (piece, 0);
        }
        Ok(false)
    }
}

/// An upload in parts. Dropped before its end, it is given up.
struct Upload {
    own: Objects,
    key: BlobKey,
    path: Path,
    id: String,
    sending: JoinSet<BlobResult<(usize, PartId)>>,
    sent: Vec<(usize, PartId)>,
    is_over: bool,
}

impl Upload {
    async fn begin(own: &Objects, key: &BlobKey) -> BlobResult<Self> {
        let path = own.path(key);
        let id = own.remote.create_multipart(&path).await.map_err(|error| unwritten(own, key, &error))?;
        let (own, key) = (own.clone(), key.clone());
        Ok(Self { own, key, path, id, sending: JoinSet::new(), sent: Vec::new(), is_over: false })
    }

    async fn send(&mut self, mut feed: Feed<'_>, first: Part) -> BlobResult<Written> {
        let mut next = first;
        for number in 0.. {
            if number == PARTS_MAX {
                return Err(BlobError::Refused(format!("there are more than {} bytes", PARTS_MAX * PART_BYTES)));
            }
            while self.sending.len() >= IN_FLIGHT_MAX {
                self.join().await?;
            }
            self.start(number, next).await?;
            if feed.is_over().await? {
                break;
            }
            next = feed.part(&self.key).await?;
        }
        // What is not as announced is never completed.
        let written = feed.intake.finish()?;
        while !self.sending.is_empty() {
            self.join().await?;
        }
        self.complete(written.size).await?;
        Ok(written)
    }

    async fn start(&mut self, number: usize, part: Part) -> BlobResult<()> {
        let line = self.own.room.line().await;
        let payload = load(&self.own, &self.key, part).await?;
        let (own, key, path, id) = (self.own.clone(), self.key.clone(), self.path.clone(), self.id.clone());
        self.sending.spawn(async move {
            let sent = own.remote.put_part(&path, &id, number, payload).await;
            drop(line);
            sent.map(|part| (number, part)).map_err(|error| unwritten(&own, &key, &error))
        });
        Ok(())
    }

    async fn join(&mut self) -> BlobResult<()> {
        if let Some(joined) = self.sending.join_next().await {
            self.sent.push(joined.map_err(|error| BlobError::Unavailable(error.to_string()))??);
        }
        Ok(())
    }

    async fn complete(&mut self, size: u64) -> BlobResult<()> {
        self.sent.sort_by_key(|(number, _)| *number);
        let parts = std::mem::take(&mut self.sent).into_iter().map(|(_, part)| part).collect();
        match self.own.remote.complete_multipart(&self.path, &self.id, parts).await {
            Ok(_) => {}
            // Its answer may have been lost: asked again, a store knows nothing of an upload that is over.
            Err(object_store::Error::NotFound { .. })
                if self.own.remote.head(&self.path).await.is_ok_and(|found| found.size == size) => {}
            Err(error) => return Err(unwritten(&self.own, &self.key, &error)),
        }
        self.is_over = true;
        Ok(())
    }

    /// Gives it up, so that nobody pays for parts that nobody reads.
    async fn abort(&mut self) {
        // A part that comes after the end of its upload would stay.
        self.sending.shutdown().await;
        self.is_over = true;
        give_up(&self.own.remote, &self.path, &self.id).await;
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let Ok(runtime) = Handle::try_current() else { return };
        if self.is_over {
            return;
        }
        let mut sending = std::mem::take(&mut self.sending);
        let (remote, path, id) = (Arc::clone(&self.own.remote), self.path.clone(), std::mem::take(&mut self.id));
        runtime.spawn(async move {
            sending.shutdown().await;
            give_up(&remote, &path, &id).await;
        });
    }
}

/// What cannot be given up now is when its key is removed.
async fn give_up(remote: &Arc<dyn Remote>, path: &Path, id: &String) {
    timeout(ABORT, remote.abort_multipart(path, id)).await.ok();
}
