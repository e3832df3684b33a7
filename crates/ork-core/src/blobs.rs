//! Where the bytes of artifacts and of large logs are: a folder, or a store of objects.
//!
//! A key is made once, by Ork, and never of what a person wrote; bytes under a key are written once and never changed. What
//! removes bytes asks the database first: see [`crate::store::Artifacts`].

use std::fmt;
use std::ops::Range;

use async_trait::async_trait;

use crate::checksum::Checksum;
use crate::id::{ArtifactId, RunId, WorkspaceId};

/// Bytes of one piece of a stream at the most, when this crate's users make one.
pub const PIECE_BYTES: usize = 256 << 10;

/// Under which name bytes are kept: `WORKSPACE/RUN/ID`, of ids alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobKey(String);

impl BlobKey {
    /// The key of an artifact.
    #[must_use]
    pub fn artifact(workspace: WorkspaceId, run: RunId, id: ArtifactId) -> Self {
        Self(format!("{}/{}/{}", workspace.uuid(), run.uuid(), id.uuid()))
    }

    /// The key of something else that belongs to a run: `name` is made of what [`crate::limits::is_name`] allows.
    #[must_use]
    pub fn of_run(workspace: WorkspaceId, run: RunId, name: &str) -> Self {
        Self(format!("{}/{}/{name}", workspace.uuid(), run.uuid()))
    }

    /// Reads a stored key; `None` when Ork cannot have made it: three names that are no `.` and no `..`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        let fine = |part: &&str| crate::limits::is_name(part) && !part.starts_with('.');
        (parts.len() == 3 && parts.iter().all(fine)).then(|| Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What went wrong with bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// The store cannot be reached, or its disk is full: ask again later.
    #[error("the artifact store is not available: {0}")]
    Unavailable(String),
    /// There are no bytes under this key.
    #[error("no bytes under `{0}`")]
    NotFound(String),
    /// The stream that is to be kept is not what was said of it: too short, too long, another checksum, or it broke off. Nothing
    /// is kept.
    #[error("{0}")]
    Refused(String),
    /// The bytes that are kept are not those that were written.
    #[error("{0}")]
    Corrupt(String),
}

impl BlobError {
    /// Whether the same request may succeed later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

/// What the methods here answer.
pub type BlobResult<T> = Result<T, BlobError>;

/// Gives bytes piece by piece.
#[async_trait]
pub trait ByteSource: Send {
    /// The next piece, never an empty one; `None` at the end.
    ///
    /// # Errors
    /// When the rest cannot be read.
    async fn next(&mut self) -> BlobResult<Option<Vec<u8>>>;
}

/// Bytes in memory, as one piece.
#[derive(Debug)]
pub struct Whole(Option<Vec<u8>>);

impl Whole {
    /// These bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

#[async_trait]
impl ByteSource for Whole {
    async fn next(&mut self) -> BlobResult<Option<Vec<u8>>> {
        Ok(self.0.take())
    }
}

/// Reads a whole from `source`, and fails at its end with [`BlobError::Corrupt`], which names `what`, when it is not what was
/// written: another size, another SHA-256, too much. Nothing is held back: what came before the error is not to be trusted.
#[must_use]
pub fn checked(source: Box<dyn ByteSource>, size: u64, checksum: &str, what: &str) -> Box<dyn ByteSource> {
    let (checksum, what) = (checksum.to_owned(), what.to_owned());
    Box::new(Checked { source, size, checksum, what, passed: Some(Checksum::new()) })
}

struct Checked {
    source: Box<dyn ByteSource>,
    size: u64,
    checksum: String,
    what: String,
    /// `None` after the end.
    passed: Option<Checksum>,
}

#[async_trait]
impl ByteSource for Checked {
    async fn next(&mut self) -> BlobResult<Option<Vec<u8>>> {
        let Some(passed) = &mut self.passed else { return Ok(None) };
        let piece = self.source.next().await?;
        if let Some(piece) = &piece {
            passed.update(piece);
        }
        let (came, size, what) = (passed.size(), self.size, &self.what);
        if came > size {
            self.passed = None;
            return Err(BlobError::Corrupt(format!(
                "{what} is corrupt: it has more than the {size} bytes that were written"
            )));
        }
        if piece.is_some() {
            return Ok(piece);
        }
        let found = self.passed.take().map(Checksum::finish).unwrap_or_default();
        if came < size {
            return Err(BlobError::Corrupt(format!("{what} is corrupt: it ends after {came} of {size} bytes")));
        }
        if found != self.checksum {
            let written = &self.checksum;
            return Err(BlobError::Corrupt(format!(
                "{what} is corrupt: its SHA-256 is {found}, and {written} was written"
            )));
        }
        Ok(None)
    }
}

/// What is known of bytes before they come. What differs is refused, and nothing is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expected {
    /// How many there are.
    pub size: Option<u64>,
    /// How many there may be; `None` for no limit of its own.
    pub size_max: Option<u64>,
    /// Their SHA-256 in lower-case hexadecimal.
    pub checksum: Option<String>,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// How many bytes.
    pub size: u64,
    /// Their SHA-256 in lower-case hexadecimal.
    pub checksum: String,
}

/// What a link that needs no login lets its bearer do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkUse {
    /// Write the bytes.
    Put,
    /// Read the bytes.
    Get,
}

/// A place for bytes.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Writes bytes. They are there as a whole, and durable, when this answers, or not at all; memory does not grow with their
    /// number. The SHA-256 is computed as they pass.
    ///
    /// # Errors
    /// `Refused` when they are not as expected; the source's own error when it broke off. Then nothing is kept.
    async fn put(&self, key: &BlobKey, bytes: &mut dyn ByteSource, expected: &Expected) -> BlobResult<Written>;

    /// Reads bytes, or a range of them that lies within their number.
    ///
    /// # Errors
    /// `NotFound` when there are none.
    async fn get(&self, key: &BlobKey, range: Option<Range<u64>>) -> BlobResult<Box<dyn ByteSource>>;

    /// How many bytes there are; `None` when there are none under this key.
    async fn size(&self, key: &BlobKey) -> BlobResult<Option<u64>>;

    /// Removes bytes, and what an upload that broke off left of them. What is not there is no error.
    async fn remove(&self, key: &BlobKey) -> BlobResult<()>;

    /// A link by which somebody without a login can read or write the bytes for so many seconds; `None` when this place has none.
    async fn link(&self, key: &BlobKey, use_: LinkUse, seconds: u64) -> BlobResult<Option<String>>;

    /// Whether bytes can be written and read now.
    ///
    /// # Errors
    /// `Unavailable`, with the reason.
    async fn check(&self) -> BlobResult<()>;
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// The sources here are always ready.
    fn now<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("it waits"),
        }
    }

    fn read(bytes: &[u8], size: u64, checksum: &str) -> Result<Vec<u8>, String> {
        let mut source = checked(Box::new(Whole::new(bytes.to_vec())), size, checksum, "artifact `a.txt`");
        let mut all = Vec::new();
        while let Some(piece) = now(source.next()).map_err(|error| error.to_string())? {
            all.extend(piece);
        }
        assert_eq!(now(source.next()), Ok(None), "the end stays the end");
        Ok(all)
    }

    #[test]
    fn what_is_read_is_what_was_written_or_an_error_that_names_it() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(read(b"abc", 3, abc), Ok(b"abc".to_vec()));
        assert_eq!(read(b"", 0, &Checksum::of(b"")), Ok(vec![]));
        let check = |bytes: &[u8], words: &str| {
            let said = read(bytes, 3, abc).unwrap_err();
            assert!(said.starts_with("artifact `a.txt` is corrupt") && said.contains(words), "{said}");
        };
        check(b"ab", "ends after 2 of 3 bytes");
        check(b"", "ends after 0 of 3 bytes");
        check(b"abcd", "more than the 3 bytes");
        check(b"abd", "its SHA-256 is a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9, and ba78");
    }

    #[test]
    fn keys_are_three_names() {
        assert!(BlobKey::parse("a/b/c-1.txt").is_some());
        for bad in [
            "",
            "a",
            "a/b",
            "a/b/c/d",
            "a/b/",
            "/b/c",
            "../b/c",
            "a/../c",
            "a/b/..",
            "a/b/.c",
            "a/b/c d",
            "a/b/c\0",
            "a\\/b/c",
            "a/b/\u{e4}",
        ] {
            assert!(BlobKey::parse(bad).is_none(), "{bad:?}");
        }
    }
}
