//! Files that runs keep: their bytes are read and written here, where the history is a database, and by the server otherwise.

use anyhow::Result;
use async_trait::async_trait;
use ork_api::{Artifact, ArtifactVerified, NewArtifactByUrl};
use ork_client::{Artifacts as Asked, Download, NewUpload};
use ork_core::artifact::{ArtifactAt, ArtifactRow};
use ork_core::blobs::{BlobError, BlobResult, ByteSource, Expected};
use ork_core::id::{ArtifactId, RunId, TaskRef};
use ork_core::limits::PAGE_MAX;
use ork_core::store::ArtifactFilter;
use ork_server::artifacts::{self, Checked, Keeper, Wish, address};
use serde_json::Value;
use tokio::sync::mpsc::{Sender, channel};

use super::remote::{Remote, found};
use crate::entropy::OsEntropy;
use crate::exit_code::Refusal;
use crate::world::World;

/// Pieces that are on their way to a server at once.
const PIECES: usize = 4;

/// Which artifacts are wanted: the newest first.
#[derive(Debug, Clone, Default)]
pub struct WantedArtifacts {
    /// Only those of this run.
    pub run: Option<RunId>,
    /// Only those of this task.
    pub task: Option<TaskRef>,
    /// Only those of this kind.
    pub kind: Option<String>,
    /// Only those with this name.
    pub name: Option<String>,
    /// At most so many.
    pub limit: u32,
}

/// An artifact that is to be kept.
#[derive(Debug, Clone, Default)]
pub struct NewFile {
    pub name: String,
    pub kind: Option<String>,
    pub content_type: Option<String>,
    /// The task that it is of, as a server understands it.
    pub task: Option<String>,
    pub meta: Option<Value>,
    /// How many bytes come, when that is known.
    pub size: Option<u64>,
}

/// What commands ask about artifacts.
#[async_trait]
pub trait Artifacts: Send + Sync {
    async fn artifacts(&self, wanted: &WantedArtifacts) -> Result<Vec<Artifact>>;
    async fn artifact(&self, id: ArtifactId) -> Result<Option<Artifact>>;
    /// The bytes: an end without an error is the right one.
    async fn content(&self, id: ArtifactId) -> Result<Box<dyn ByteSource>>;
    async fn keep_file(&self, run: RunId, new: NewFile, bytes: &mut dyn ByteSource) -> Result<Artifact>;
    /// Keeps the address of something that is elsewhere.
    async fn refer(&self, run: RunId, new: NewArtifactByUrl) -> Result<Artifact>;
    async fn verify_artifact(&self, id: ArtifactId) -> Result<ArtifactVerified>;
}

async fn row(world: &World, id: ArtifactId) -> Result<ArtifactRow> {
    Ok(artifacts::find(world.look(), id).await.map_err(Refusal::from)?)
}

async fn shape(world: &World, row: &ArtifactRow) -> Result<Artifact> {
    Ok(artifacts::shape_of(world.look(), row).await.map_err(Refusal::from)?)
}

fn keeper<'a>(world: &'a World, actor: &'a ork_core::event::Actor) -> Keeper<'a> {
    let id = ArtifactId::new(world.now(), &mut OsEntropy);
    Keeper { look: world.look(), workspace: world.workspace, actor, clock: world.clock.as_ref(), id }
}

#[async_trait]
impl Artifacts for World {
    async fn artifacts(&self, wanted: &WantedArtifacts) -> Result<Vec<Artifact>> {
        let WantedArtifacts { run, task, kind, name, limit } = wanted.clone();
        let mut filter = ArtifactFilter { run, task, kind, name, owner: None, before: None, limit: 0 };
        let (mut rows, mut left) = (Vec::new(), limit);
        while left > 0 {
            filter.limit = left.min(PAGE_MAX);
            let page = artifacts::list(self.look(), filter.clone()).await.map_err(Refusal::from)?;
            filter.before = page.last().map(|row| row.artifact.id);
            left = if page.len() < filter.limit as usize { 0 } else { left - filter.limit };
            rows.extend(page);
        }
        Ok(artifacts::shapes(self.look(), &rows).await.map_err(Refusal::from)?)
    }

    async fn artifact(&self, id: ArtifactId) -> Result<Option<Artifact>> {
        match self.store.artifact(self.scope(), id).await? {
            Some(row) => Ok(Some(shape(self, &row).await?)),
            None => Ok(None),
        }
    }

    async fn content(&self, id: ArtifactId) -> Result<Box<dyn ByteSource>> {
        let row = row(self, id).await?;
        let opened = Checked::open(self.blobs()?.as_ref(), &row, None).await;
        Ok(Box::new(opened.map_err(Refusal::from)?))
    }

    async fn keep_file(&self, run: RunId, new: NewFile, bytes: &mut dyn ByteSource) -> Result<Artifact> {
        let (blobs, actor) = (self.blobs()?, self.actor());
        let NewFile { name, kind, content_type, task, meta, size } = new;
        let wish = Wish { at: "/", name, kind, content_type, task, meta };
        let said = wish.check(self.look(), run).await.map_err(Refusal::from)?;
        let expected = Expected { size, ..Expected::default() };
        let kept = keeper(self, &actor).keep(blobs.as_ref(), (run, said), expected, bytes).await;
        shape(self, &kept.map_err(Refusal::from)?).await
    }

    async fn refer(&self, run: RunId, new: NewArtifactByUrl) -> Result<Artifact> {
        let NewArtifactByUrl { name, url, kind, content_type, size, checksum, task, meta } = new;
        address("/", &url).map_err(Refusal::from)?;
        let wish = Wish { at: "/", name, kind, content_type, task, meta };
        let said = wish.check(self.look(), run).await.map_err(Refusal::from)?;
        let at = ArtifactAt::Elsewhere { url, size, checksum };
        let kept = keeper(self, &self.actor()).refer(run, said, at).await;
        shape(self, &kept.map_err(Refusal::from)?).await
    }

    async fn verify_artifact(&self, id: ArtifactId) -> Result<ArtifactVerified> {
        let row = row(self, id).await?;
        Ok(artifacts::verify(self.blobs()?.as_ref(), &row).await.map_err(Refusal::from)?)
    }
}

/// What a server sends.
struct Received(Download);

#[async_trait]
impl ByteSource for Received {
    async fn next(&mut self) -> BlobResult<Option<Vec<u8>>> {
        let piece = self.0.chunk().await.map_err(|error| BlobError::Unavailable(error.to_string()))?;
        Ok(piece.map(|piece| piece.to_vec()))
    }
}

#[async_trait]
impl Artifacts for Remote {
    async fn artifacts(&self, wanted: &WantedArtifacts) -> Result<Vec<Artifact>> {
        let mut found: Vec<Artifact> = Vec::new();
        let mut asked = Asked {
            run: wanted.run.map(|run| run.to_string()),
            task: wanted.task.map(|task| task.id().to_string()),
            kind: wanted.kind.clone(),
            name: wanted.name.clone(),
            cursor: None,
            limit: wanted.limit.min(PAGE_MAX),
        };
        while asked.limit > 0 {
            let page = self.client.artifacts(&asked).await?;
            for row in page.items {
                self.in_order(found.last().is_none_or(|last| row.id < last.id))?;
                found.push(row);
            }
            let left = wanted.limit.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
            (asked.cursor, asked.limit) = (page.next_cursor, left.min(PAGE_MAX));
            if asked.cursor.is_none() {
                break;
            }
        }
        found.truncate(wanted.limit as usize);
        Ok(found)
    }

    async fn artifact(&self, id: ArtifactId) -> Result<Option<Artifact>> {
        Ok(found(self.client.artifact(&id.to_string()).await)?)
    }

    async fn content(&self, id: ArtifactId) -> Result<Box<dyn ByteSource>> {
        Ok(Box::new(Received(self.client.content(&id.to_string()).await?)))
    }

    async fn keep_file(&self, run: RunId, new: NewFile, bytes: &mut dyn ByteSource) -> Result<Artifact> {
        let NewFile { name, kind, content_type, task, meta, size } = new;
        let meta = meta.map(|meta| meta.to_string());
        let new = NewUpload { name, kind, content_type, task, meta, size };
        let (sender, pieces) = channel(PIECES);
        let run = run.to_string();
        let sent = self.client.upload(&run, &new, pieces);
        // Whoever reads ends by itself when nobody takes any more; what the server says comes first.
        let (answered, read) = tokio::join!(sent, pass_on(bytes, sender));
        match (answered, read) {
            (Err(_), Err(error)) => Err(error.into()),
            (answered, _) => Ok(answered?),
        }
    }

    async fn refer(&self, run: RunId, new: NewArtifactByUrl) -> Result<Artifact> {
        Ok(self.client.refer(&run.to_string(), &new).await?)
    }

    async fn verify_artifact(&self, id: ArtifactId) -> Result<ArtifactVerified> {
        Ok(self.client.verify_artifact(&id.to_string()).await?)
    }
}

/// Hands pieces over as they are read.
async fn pass_on(
    bytes: &mut dyn ByteSource,
    sender: Sender<Result<Option<ork_http::Bytes>, String>>,
) -> BlobResult<()> {
    loop {
        let (piece, is_over) = match bytes.next().await {
            Ok(Some(piece)) => (Ok(Some(piece.into())), false),
            Ok(None) => (Ok(None), true),
            Err(error) => {
                sender.send(Err(error.to_string())).await.ok();
                return Err(error);
            }
        };
        if sender.send(piece).await.is_err() || is_over {
            return Ok(());
        }
    }
}
