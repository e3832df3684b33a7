//! Keeps the files of an attempt: bytes first, under keys that nobody else has, then the rows that name them, all at once and under the
//! lease.
//!
//! Whatever ends this in the middle leaves bytes that no row names. They were noted before they were written, so the janitor removes
//! them when their time is over.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, TryStreamExt, pin_mut, poll, stream};
use ork_core::artifact::{ArtifactAt, NewArtifact, Provenance};
use ork_core::attempt::{Failure, FailureKind};
use ork_core::blobs::{BlobError, BlobKey, BlobResult, Blobs, ByteSource, Expected, Written};
use ork_core::executor::{Kept, KeptFile, StopCause, Unkept};
use ork_core::id::ArtifactId;
use ork_core::json::Json;
use ork_core::limits;
use ork_core::store::{ArtifactsCreated, KeptUnder, LooseBlob};
use ork_vault::Masked;
use serde_json::Value;
use tokio::time::sleep;

use crate::backoff::Backoff;
use crate::live::Live;

/// Files of one attempt that are written at once.
const UPLOADS: usize = 4;
/// How often bytes are written again because the keys of those before were doomed: a day went by each time.
const GONE_MAX: u32 = 3;
/// How long the files of an attempt are kept whose time was over before.
const LATE: Duration = Duration::from_secs(60);

/// A row that names bytes that were written.
type Upload<'a> = BoxFuture<'a, Result<NewArtifact, Unkept>>;

/// Keeps the files of one attempt, or of one of its steps.
pub struct Keeper<'a> {
    live: &'a Live,
    step: Option<&'a str>,
    is_told: AtomicBool,
}

impl<'a> Keeper<'a> {
    pub const fn new(live: &'a Live, step: Option<&'a str>) -> Self {
        Self { live, step, is_told: AtomicBool::new(false) }
    }

    /// Keeps files, unless `stopped` ends before. Those of an attempt that is over because of its time have a minute.
    pub async fn keep(
        &self,
        files: Vec<KeptFile>,
        stopped: impl Future<Output = StopCause>,
    ) -> Result<Vec<Kept>, Unkept> {
        let Some(blobs) = self.live.parts.config.blobs.clone() else {
            return Err(Unkept::failed("this worker has no artifact store"));
        };
        let kept = async {
            let uploads: Vec<Upload<'_>> = files.iter().map(|file| self.upload(&*blobs, file).boxed()).collect();
            let new: Vec<NewArtifact> = stream::iter(uploads).buffered(UPLOADS).try_collect().await?;
            self.create(new, &|at| self.upload(&*blobs, &files[at]).boxed()).await
        };
        before(stopped, kept).await
    }

    /// Names a file that is elsewhere.
    pub async fn name(&self, new: NewArtifact, stopped: impl Future<Output = StopCause>) -> Result<Kept, Unkept> {
        let created = self.create(vec![new], &|_| async { Err(Unkept::failed("it has no bytes here")) }.boxed());
        let kept = before(stopped, created).await?;
        kept.into_iter().next().ok_or_else(|| Unkept::failed("it was not created"))
    }

    /// A row to be, of a file elsewhere or here. What of it people can read hides secrets.
    pub fn row(&self, id: ArtifactId, name: &str, at: ArtifactAt) -> NewArtifact {
        let task = self.live.ticket.claimed.task;
        let attempt = Some(self.live.ticket.claimed.attempt);
        NewArtifact {
            id,
            run: task.run,
            from: Provenance { n: Some(task.n), attempt, step: self.step.map(str::to_owned) },
            name: self.live.hidden_text(name),
            kind: String::new(),
            content_type: String::new(),
            at,
            meta: None,
        }
    }

    /// What is said of an artifact besides, as it can be stored.
    pub fn meta(&self, meta: Option<&Value>) -> Result<Option<Json>, Unkept> {
        let Some(meta) = meta else { return Ok(None) };
        let json = Json::from_value(&self.live.hidden_value(meta.clone()));
        let json = json.map_err(|error| Unkept::failed(format!("`meta`: {error}")))?;
        if json.as_str().len() > limits::ARTIFACT_META_BYTES_MAX {
            let most = limits::ARTIFACT_META_BYTES_MAX;
            return Err(Unkept::failed(format!(
                "`meta` has {} bytes, and at most {most} are allowed",
                json.as_str().len()
            )));
        }
        Ok(Some(json))
    }

    /// Writes the bytes of a file. Each try has a key of its own: what became of the one before is not known.
    async fn upload(&self, blobs: &dyn Blobs, file: &KeptFile) -> Result<NewArtifact, Unkept> {
        if file.size > limits::ARTIFACT_BYTES_MAX {
            let most = limits::ARTIFACT_BYTES_MAX;
            return Err(about(file, format!("it has {} bytes, and at most {most} are allowed", file.size)));
        }
        let meta = self.meta(file.meta.as_ref())?;
        let mut backoff = Backoff::new();
        loop {
            let (id, key) = self.note().await?;
            match self.put(blobs, &key, file).await {
                Ok(Written { size, checksum }) => {
                    let row = self.row(id, &file.name, ArtifactAt::Kept { key, size, checksum });
                    let (kind, content_type) = (file.kind.clone(), file.content_type.clone());
                    return Ok(NewArtifact { kind, content_type, meta, ..row });
                }
                Err(error) if error.is_transient() && !is_full(&error) => {
                    self.tell(&error);
                }
                Err(error) => return Err(about(file, error)),
            }
            backoff.wait().await;
        }
    }

    /// Says once that the files have to wait, and for what.
    fn tell(&self, error: &BlobError) {
        if !self.is_told.swap(true, Ordering::Relaxed) {
            self.live.parts.tally.trouble("keeper");
            self.live.parts.observers.trouble("keeper", error);
            self.live.remark(&format!("artifacts: not kept yet: {error}"));
        }
    }

    async fn put(&self, blobs: &dyn Blobs, key: &BlobKey, file: &KeptFile) -> BlobResult<Written> {
        let opened = file.bytes.open().await;
        let mut bytes = opened.map_err(|error| BlobError::Refused(format!("failed to read it: {error}")))?;
        let size_max = Some(limits::ARTIFACT_BYTES_MAX);
        let mut expected = Expected { size: Some(file.size), size_max, checksum: None };
        if file.is_value
            && let Some(mask) = self.live.masked()
        {
            expected.size = None;
            bytes = Box::new(Hidden { bytes, mask: Some(mask) });
        }
        blobs.put(key, &mut *bytes, &expected).await
    }

    /// Notes bytes that are to be written, under a key that nobody has.
    async fn note(&self) -> Result<(ArtifactId, BlobKey), Unkept> {
        let (parts, claimed) = (&self.live.parts, &self.live.ticket.claimed);
        let mut backoff = Backoff::new();
        loop {
            let id = parts.new_artifact();
            let key = BlobKey::artifact(claimed.workspace, claimed.task.run, id);
            let kept_until = parts.clock.now().plus_ms(limits::UPLOAD_MS_MAX);
            let blob = LooseBlob { key: key.clone(), workspace: claimed.workspace, kept_until };
            match parts.store.note_blob(parts.config.scope, &blob).await {
                Ok(true) => return Ok((id, key)),
                Ok(false) => {}
                Err(error) if error.is_transient() => parts.store_failed("keeper", &error),
                Err(error) => return Err(Unkept::failed(error.to_string())),
            }
            backoff.wait().await;
        }
    }

    /// Creates the rows. Bytes that are doomed by now are written `again`, by the place of their row.
    async fn create<'f>(
        &self,
        mut new: Vec<NewArtifact>,
        again: &(impl Fn(usize) -> Upload<'f> + Sync),
    ) -> Result<Vec<Kept>, Unkept> {
        let (parts, ticket) = (&self.live.parts, &self.live.ticket);
        let under = KeptUnder { task: ticket.claimed.task, attempt: ticket.claimed.attempt, lease: ticket.lease };
        let (mut backoff, mut gone) = (Backoff::new(), 0);
        loop {
            let now = parts.clock.now();
            match parts.store.create_artifacts(parts.config.scope, &new, Some(under), &parts.actor(), now).await {
                Ok(ArtifactsCreated::Created) => return Ok(new.iter().map(Kept::of).collect()),
                Ok(ArtifactsCreated::Stale) => {
                    let lost = Failure::new(FailureKind::Lost, "the lease ended while the files were kept");
                    return Err(Unkept::Failed(lost));
                }
                Ok(ArtifactsCreated::Gone(id)) => {
                    gone += 1;
                    let at = new.iter().position(|row| row.id == id).filter(|_| gone <= GONE_MAX);
                    let at = at.ok_or_else(|| Unkept::failed("the bytes were removed before they could be named"))?;
                    new[at] = again(at).await?;
                    continue;
                }
                Err(error) if error.is_transient() => parts.store_failed("keeper", &error),
                Err(error) => return Err(Unkept::failed(error.to_string())),
            }
            backoff.wait().await;
        }
    }
}

/// What is done before a stop, if that is in time.
async fn before<T>(
    stopped: impl Future<Output = StopCause>,
    work: impl Future<Output = Result<T, Unkept>>,
) -> Result<T, Unkept> {
    pin_mut!(stopped);
    let late = match poll!(&mut stopped) {
        Poll::Ready(StopCause::Timeout) => true,
        Poll::Ready(cause) => return Err(Unkept::Stopped(cause)),
        Poll::Pending => false,
    };
    let over = async {
        if late {
            sleep(LATE).await;
            return StopCause::Timeout;
        }
        stopped.await
    };
    tokio::select! {
        biased;
        done = work => done,
        cause = over => Err(Unkept::Stopped(cause)),
    }
}

/// Whether there is no room for the bytes. Nobody makes some by waiting.
fn is_full(error: &BlobError) -> bool {
    let text = error.to_string();
    ["No space left", "quota exceeded", "storage full"].iter().any(|sign| text.contains(sign))
}

fn about(file: &KeptFile, why: impl std::fmt::Display) -> Unkept {
    Unkept::failed(format!("failed to keep `{}`: {why}", file.name))
}

/// A value of which secrets are hidden.
struct Hidden {
    bytes: Box<dyn ByteSource>,
    /// `None` at the end.
    mask: Option<Masked>,
}

#[async_trait::async_trait]
impl ByteSource for Hidden {
    async fn next(&mut self) -> BlobResult<Option<Vec<u8>>> {
        loop {
            let Some(mask) = &mut self.mask else { return Ok(None) };
            let shown = match self.bytes.next().await? {
                Some(piece) => mask.write(&piece),
                None => {
                    let rest = mask.end();
                    self.mask = None;
                    rest
                }
            };
            if !shown.is_empty() {
                return Ok(Some(shown));
            }
        }
    }
}
