//! Bytes in a store of objects: `PREFIX/WORKSPACE/RUN/ID`.

mod leftovers;
mod part;
mod remote;
mod room;
mod upload;
mod wire;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStoreExt};
use ork_core::blobs::{BlobError, BlobKey, BlobResult, Blobs, ByteSource, Expected, LinkUse, Written};
use ork_http::{Bytes, Method, Reach, Transport, root_cause};

use self::remote::Remote;
use self::room::Room;
use crate::Variables;
use crate::place::{Bucket, Provider};
use crate::probe::probe;

/// Characters of what a store says that are passed on.
const REASON_CHARS_MAX: usize = 500;
/// The longest life of a link that providers allow.
const LINK_SECONDS_MAX: u64 = 7 * 86_400;

/// A store of objects.
#[derive(Clone)]
pub struct Objects {
    remote: Arc<dyn Remote>,
    provider: Provider,
    bucket: String,
    prefix: String,
    http: Transport,
    room: Room,
}

impl Objects {
    /// The store of this bucket. Nothing is asked of it yet.
    ///
    /// # Errors
    /// When what the URL and the variables say does not go together.
    pub fn open(bucket: &Bucket, variables: &Variables) -> Result<Self, String> {
        // Whoever runs this process said the address.
        let http = Transport::new(Reach::Anyone);
        let remote = remote::connect(bucket, variables, &http)?;
        Ok(Self {
            remote,
            provider: bucket.provider,
            bucket: bucket.name.clone(),
            prefix: bucket.prefix.clone(),
            http,
            room: Room::new(),
        })
    }

    fn path(&self, key: &BlobKey) -> Path {
        if self.prefix.is_empty() { Path::from(key.as_str()) } else { Path::from(format!("{}/{key}", self.prefix)) }
    }

    /// An error of the store, of a request about a key.
    fn failed(&self, key: &BlobKey, error: &object_store::Error) -> BlobError {
        let why = reason(error);
        match error {
            // A bucket that is not there is no answer about the key.
            object_store::Error::NotFound { .. } if why.contains("NoSuchBucket") => {
                BlobError::Unavailable(format!("there is no bucket `{}`", self.bucket))
            }
            object_store::Error::NotFound { .. } => BlobError::NotFound(key.to_string()),
            object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
                BlobError::Unavailable(format!("{why} ({})", self.provider.credentials()))
            }
            _ => BlobError::Unavailable(why),
        }
    }
}

#[async_trait]
impl Blobs for Objects {
    async fn put(&self, key: &BlobKey, bytes: &mut dyn ByteSource, expected: &Expected) -> BlobResult<Written> {
        upload::put(self, key, bytes, expected).await
    }

    async fn get(&self, key: &BlobKey, range: Option<Range<u64>>) -> BlobResult<Box<dyn ByteSource>> {
        let empty = range.as_ref().filter(|range| range.is_empty());
        if let Some(Range { start, end }) = empty {
            return match self.size(key).await? {
                Some(size) if start == end && *end <= size => Ok(Box::new(ork_core::blobs::Whole::new(Vec::new()))),
                Some(size) => Err(outside(key, size, *start, *end)),
                None => Err(BlobError::NotFound(key.to_string())),
            };
        }
        let options = GetOptions { range: range.clone().map(GetRange::Bounded), ..GetOptions::default() };
        match self.remote.get_opts(&self.path(key), options).await {
            Ok(found) => {
                let whole = range.unwrap_or(0..found.meta.size);
                if found.range != whole {
                    return Err(outside(key, found.meta.size, whole.start, whole.end));
                }
                Ok(Box::new(Answer { own: self.clone(), key: key.clone(), stream: found.into_stream() }))
            }
            Err(error) => Err(match (range, self.failed(key, &error)) {
                // What lies wholly outside is refused by the store, each says so in another way.
                (Some(range), BlobError::Unavailable(why)) => match self.size(key).await? {
                    Some(size) if range.end > size => outside(key, size, range.start, range.end),
                    _ => BlobError::Unavailable(why),
                },
                (_, failed) => failed,
            }),
        }
    }

    async fn size(&self, key: &BlobKey) -> BlobResult<Option<u64>> {
        match self.remote.head(&self.path(key)).await {
            Ok(found) => Ok(Some(found.size)),
            Err(error) => match self.failed(key, &error) {
                BlobError::NotFound(_) => Ok(None),
                failed => Err(failed),
            },
        }
    }

    async fn remove(&self, key: &BlobKey) -> BlobResult<()> {
        match self.remote.delete(&self.path(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(self.failed(key, &error)),
        }
        leftovers::abort(self, key).await
    }

    async fn link(&self, key: &BlobKey, use_: LinkUse, seconds: u64) -> BlobResult<Option<String>> {
        let method = match (use_, self.provider) {
            // Azure wants a header of its own with the bytes, of which whoever gets a link knows nothing.
            (LinkUse::Put, Provider::Azure) => return Ok(None),
            (LinkUse::Put, _) => Method::PUT,
            (LinkUse::Get, _) => Method::GET,
        };
        let life = Duration::from_secs(seconds.clamp(1, LINK_SECONDS_MAX));
        // Without a key of its own (a role, a session) a provider may sign nothing: then bytes go through the server.
        Ok(self.remote.signed_url(method, &self.path(key), life).await.ok().map(String::from))
    }

    async fn check(&self) -> BlobResult<()> {
        probe(self).await
    }
}

fn outside(key: &BlobKey, size: u64, start: u64, end: u64) -> BlobError {
    BlobError::Corrupt(format!("`{key}` has {size} bytes, and those from {start} to {end} are wanted"))
}

/// What an error says, in its innermost words and bounded.
fn reason(error: &object_store::Error) -> String {
    let text = root_cause(error);
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(REASON_CHARS_MAX).collect();
    text.trim().to_owned()
}

/// An object that is being read.
struct Answer {
    own: Objects,
    key: BlobKey,
    stream: BoxStream<'static, object_store::Result<Bytes>>,
}

#[async_trait]
impl ByteSource for Answer {
    async fn next(&mut self) -> BlobResult<Option<Vec<u8>>> {
        while let Some(piece) = self.stream.next().await {
            let piece = piece.map_err(|error| self.own.failed(&self.key, &error))?;
            if !piece.is_empty() {
                return Ok(Some(piece.into()));
            }
        }
        Ok(None)
    }
}
