//! Reading a file of the folder, piece by piece.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use async_trait::async_trait;
use ork_core::blobs::{BlobError, BlobKey, BlobResult, ByteSource, PIECE_BYTES};
use rustix::fs::{Mode, OFlags};

use super::{Folder, beneath, blocking, failed, names, unavailable};

/// Opens the file of a key, which is a regular one, and answers its size.
pub fn file(folder: &Folder, key: &BlobKey) -> BlobResult<(File, u64)> {
    let root = match folder.open_root() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(BlobError::NotFound(key.to_string())),
        opened => opened.map_err(|error| unavailable(key, &error))?,
    };
    // What is no regular file is not waited for: a pipe would keep us until somebody writes to it.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    let opened = beneath::open(&root, &names(key), flags, Mode::empty()).map_err(|errno| failed(key, errno))?;
    let file = File::from(opened);
    let found = file.metadata().map_err(|error| unavailable(key, &error))?;
    match found.is_file() {
        true => Ok((file, found.len())),
        false => Err(BlobError::Corrupt(format!("`{key}` is no regular file"))),
    }
}

/// Opens a file to be read, or a part of it.
pub fn open(folder: &Folder, key: &BlobKey, range: Option<Range<u64>>) -> BlobResult<Box<dyn ByteSource>> {
    let (file, size) = file(folder, key)?;
    let range = range.unwrap_or(0..size);
    if range.start > range.end || range.end > size {
        let Range { start, end } = range;
        return Err(BlobError::Corrupt(format!(
            "`{key}` has {size} bytes, and those from {start} to {end} are wanted"
        )));
    }
    Ok(Box::new(Reader { file: Some(file), at: range.start, end: range.end, key: key.clone() }))
}

struct Reader {
    /// `None` while a read is under way, and after one that failed.
    file: Option<File>,
    at: u64,
    end: u64,
    key: BlobKey,
}

#[async_trait]
impl ByteSource for Reader {
    async fn next(&mut self) -> BlobResult<Option<Vec<u8>>> {
        if self.at == self.end {
            return Ok(None);
        }
        let Some(file) = self.file.take() else {
            return Err(BlobError::Unavailable(format!("`{}`: reading it failed before", self.key)));
        };
        let (at, key) = (self.at, self.key.clone());
        let wanted = usize::try_from(self.end - at).unwrap_or(usize::MAX).min(PIECE_BYTES);
        let (file, piece) = blocking(move || {
            let mut piece = vec![0; wanted];
            let read = file.read_at(&mut piece, at).map_err(|error| unavailable(&key, &error))?;
            piece.truncate(read);
            Ok((file, piece))
        })
        .await?;
        if piece.is_empty() {
            return Err(BlobError::Corrupt(format!("`{}` became shorter while it was read", self.key)));
        }
        self.file = Some(file);
        self.at += piece.len() as u64;
        Ok(Some(piece))
    }
}
