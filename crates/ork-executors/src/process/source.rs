//! Files as streams of bytes, read on threads that may block.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use async_trait::async_trait;
use ork_core::blobs::{BlobError, BlobResult, ByteSource, PIECE_BYTES};
use ork_core::executor::KeptBytes;
use tokio::task::spawn_blocking;

use super::beneath::{Beneath, Identity};

/// A file below a folder. It is opened for each reading: a thousand that are to be kept would need as many descriptors.
pub struct FileBytes {
    pub root: Arc<Beneath>,
    pub path: Vec<u8>,
    pub size: u64,
    pub identity: Identity,
}

#[async_trait]
impl KeptBytes for FileBytes {
    async fn open(&self) -> io::Result<Box<dyn ByteSource>> {
        let (root, path) = (Arc::clone(&self.root), self.path.clone());
        let opened = spawn_blocking(move || root.file(&path)).await.map_err(io::Error::other)??;
        if opened.identity != self.identity || opened.size != self.size {
            return Err(io::Error::other("it was changed after it was looked at"));
        }
        Ok(Box::new(FileSource { file: Some(opened.file) }))
    }
}

/// A file that is open, from its beginning.
pub struct OpenBytes(pub Arc<File>);

#[async_trait]
impl KeptBytes for OpenBytes {
    async fn open(&self) -> io::Result<Box<dyn ByteSource>> {
        Ok(Box::new(FileSource { file: Some(FromStart { file: Arc::clone(&self.0), at: 0 }) }))
    }
}

/// Reads a file that others may read as well.
pub struct FromStart {
    pub file: Arc<File>,
    pub at: u64,
}

impl Read for FromStart {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

struct FileSource<R> {
    /// `None` after an error, and while it is read.
    file: Option<R>,
}

#[async_trait]
impl<R: Read + Send + 'static> ByteSource for FileSource<R> {
    async fn next(&mut self) -> BlobResult<Option<Vec<u8>>> {
        let broken = |error: io::Error| BlobError::Refused(format!("failed to read the file: {error}"));
        let Some(mut file) = self.file.take() else { return Err(broken(io::Error::other("it broke off before"))) };
        let read = spawn_blocking(move || {
            let mut bytes = Vec::with_capacity(PIECE_BYTES);
            (&mut file).take(PIECE_BYTES as u64).read_to_end(&mut bytes).map(|_| (file, bytes))
        });
        let (file, bytes) = read.await.map_err(io::Error::other).and_then(|read| read).map_err(broken)?;
        self.file = Some(file);
        Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}
