//! A place for a test, and streams to put into it.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use ork_blobs::{Folder, Variables};
use ork_core::blobs::{BlobError, BlobKey, BlobResult, Blobs, ByteSource, Expected, PIECE_BYTES, Written};
use tokio::sync::Notify;

use crate::moto::Moto;

/// A folder that goes away with the test.
pub struct Scratch(pub PathBuf);

impl Scratch {
    pub fn new() -> Self {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let name = format!("ork-blobs-{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::SeqCst));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// What of a place its test can see from outside.
pub enum Outside {
    Folder(Scratch),
    Bucket(&'static Moto, String),
}

pub struct Site {
    pub blobs: Arc<dyn Blobs>,
    pub outside: Outside,
}

/// Who the tests are for moto, which believes everybody.
pub fn variables() -> Variables {
    let pairs = [("AWS_ACCESS_KEY_ID", "ada"), ("AWS_SECRET_ACCESS_KEY", "hunter2"), ("AWS_REGION", "us-east-1")];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

impl Site {
    pub fn folder() -> Self {
        let scratch = Scratch::new();
        Self { blobs: Arc::new(Folder::new(scratch.0.join("artifacts"))), outside: Outside::Folder(scratch) }
    }

    pub async fn bucket() -> Option<Self> {
        let moto = Moto::find()?;
        let bucket = moto.bucket().await;
        let url = format!("s3://{bucket}/some/where?endpoint={}", moto.endpoint);
        let blobs = ork_blobs::open_with(&url, &variables()).unwrap();
        Some(Self { blobs, outside: Outside::Bucket(moto, bucket) })
    }

    /// All that there are.
    pub async fn all() -> Vec<Self> {
        std::iter::once(Self::folder()).chain(Self::bucket().await).collect()
    }

    /// Names of all that is kept: of files, of objects, and of uploads that are not over.
    pub async fn kept(&self) -> Vec<String> {
        match &self.outside {
            Outside::Folder(scratch) => files(&scratch.0),
            Outside::Bucket(moto, bucket) => {
                let objects = moto.ask("GET", &format!("/{bucket}?list-type=2"), b"").await;
                let uploads = moto.ask("GET", &format!("/{bucket}?uploads"), b"").await;
                let keys = |list: &str| -> Vec<String> {
                    list.split("<Key>").skip(1).map(|rest| rest.split("</Key>").next().unwrap().to_owned()).collect()
                };
                keys(&objects).into_iter().chain(keys(&uploads)).collect()
            }
        }
    }

    /// Puts other bytes where those of a key are, behind everybody's back.
    pub async fn overwrite(&self, key: &BlobKey, bytes: &[u8]) {
        match &self.outside {
            Outside::Folder(scratch) => fs::write(scratch.0.join("artifacts").join(key.as_str()), bytes).unwrap(),
            Outside::Bucket(moto, bucket) => {
                moto.ask("PUT", &format!("/{bucket}/some/where/{key}"), bytes).await;
            }
        }
    }

    pub async fn put(&self, key: &BlobKey, bytes: &[u8]) -> BlobResult<Written> {
        self.blobs.put(key, &mut Pieces::of(bytes), &Expected::default()).await
    }

    pub async fn read(&self, key: &BlobKey, range: Option<std::ops::Range<u64>>) -> BlobResult<Vec<u8>> {
        drain(self.blobs.get(key, range).await?).await
    }
}

fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(files(&entry.path())),
            false => found.push(entry.file_name().into_string().unwrap()),
        }
    }
    found
}

pub async fn drain(mut source: Box<dyn ByteSource>) -> BlobResult<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(piece) = source.next().await? {
        assert!(!piece.is_empty());
        all.extend(piece);
    }
    Ok(all)
}

pub fn key(id: &str) -> BlobKey {
    BlobKey::parse(&format!("w/r/{id}")).unwrap()
}

/// Bytes that are no two alike where it matters: the same for the same size.
pub fn bytes(size: usize) -> Vec<u8> {
    let mut all = Vec::with_capacity(size);
    let mut pattern = Pattern::new(size as u64);
    while let Some(piece) = pattern.piece() {
        all.extend(piece);
    }
    all
}

/// A stream of so many bytes that are made as they are asked for.
pub struct Pattern {
    left: u64,
    state: u64,
}

impl Pattern {
    pub const fn new(size: u64) -> Self {
        Self { left: size, state: 0x9e37_79b9_7f4a_7c15 }
    }

    pub fn piece(&mut self) -> Option<Vec<u8>> {
        let size = usize::try_from(self.left.min(PIECE_BYTES as u64)).unwrap();
        self.left -= size as u64;
        let mut piece = Vec::with_capacity(size + 8);
        while piece.len() < size {
            self.state ^= self.state << 13;
            self.state ^= self.state >> 7;
            self.state ^= self.state << 17;
            piece.extend(self.state.to_le_bytes());
        }
        piece.truncate(size);
        (size > 0).then_some(piece)
    }
}

#[async_trait]
impl ByteSource for Pattern {
    async fn next(&mut self) -> BlobResult<Option<Vec<u8>>> {
        Ok(self.piece())
    }
}

/// What a stream does after its last piece.
pub enum End {
    Over,
    Breaks,
    /// It says so, and then nothing any more.
    Hangs(Arc<Notify>),
}

pub struct Pieces(pub VecDeque<Vec<u8>>, pub End);

impl Pieces {
    pub fn of(bytes: &[u8]) -> Self {
        // An odd size, so that they end nowhere where parts do.
        Self(bytes.chunks(100_003).map(<[u8]>::to_vec).collect(), End::Over)
    }
}

#[async_trait]
impl ByteSource for Pieces {
    async fn next(&mut self) -> BlobResult<Option<Vec<u8>>> {
        match (self.0.pop_front(), &self.1) {
            (Some(piece), _) => Ok(Some(piece)),
            (None, End::Over) => Ok(None),
            (None, End::Breaks) => Err(BlobError::Refused("the stream broke off".into())),
            (None, End::Hangs(told)) => {
                told.notify_one();
                std::future::pending().await
            }
        }
    }
}
