//! Bytes in a folder of this machine, or of one that all nodes see: `ROOT/WORKSPACE/RUN/ID`.
//!
//! A file gets its name when it is whole and on the disk. Until then it is called `.ID.NONCE` in the same folder, so that giving it its
//! name is one step of the file system, and what is left behind is found by its key.

mod beneath;
mod reader;
mod writer;

use std::fs;
use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use ork_core::blobs::{BlobError, BlobKey, BlobResult, Blobs, ByteSource, Expected, LinkUse, Written};
use rustix::fs::{AtFlags, Dir, Mode, OFlags, unlinkat};
use rustix::io::Errno;
use tokio::task::spawn_blocking;

use crate::probe::probe;

/// Bytes in a folder.
#[derive(Debug, Clone)]
pub struct Folder {
    root: Arc<Path>,
}

impl Folder {
    /// This folder. It is made when the first bytes come.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self { root: root.into() }
    }

    /// The folder itself may be a link: whoever runs Ork named it.
    fn open_root(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(rustix::fs::open(&*self.root, flags, Mode::empty())?)
    }

    fn make_root(&self) -> io::Result<OwnedFd> {
        match self.open_root() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.root)?;
                // Its own name must be on the disk before anything in it is said to be.
                if let Some(parent) = self.root.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                    fs::File::open(parent)?.sync_all()?;
                }
                self.open_root()
            }
            opened => opened,
        }
    }
}

#[async_trait]
impl Blobs for Folder {
    async fn put(&self, key: &BlobKey, bytes: &mut dyn ByteSource, expected: &Expected) -> BlobResult<Written> {
        writer::put(self.clone(), key, bytes, expected).await
    }

    async fn get(&self, key: &BlobKey, range: Option<Range<u64>>) -> BlobResult<Box<dyn ByteSource>> {
        let (own, key) = (self.clone(), key.clone());
        blocking(move || reader::open(&own, &key, range)).await
    }

    async fn size(&self, key: &BlobKey) -> BlobResult<Option<u64>> {
        let (own, key) = (self.clone(), key.clone());
        let found = blocking(move || reader::file(&own, &key)).await;
        match found {
            Ok((_, size)) => Ok(Some(size)),
            Err(BlobError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn remove(&self, key: &BlobKey) -> BlobResult<()> {
        let (own, key) = (self.clone(), key.clone());
        blocking(move || {
            let root = match own.open_root() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                opened => opened.map_err(|error| unavailable(&key, &error))?,
            };
            remove(&root, &key).map_err(|errno| failed(&key, errno))
        })
        .await
    }

    async fn link(&self, _: &BlobKey, _: LinkUse, _: u64) -> BlobResult<Option<String>> {
        Ok(None)
    }

    async fn check(&self) -> BlobResult<()> {
        probe(self).await
    }
}

/// Workspace, run and id.
fn names(key: &BlobKey) -> [&str; 3] {
    let mut parts = key.as_str().split('/');
    std::array::from_fn(|_| parts.next().expect("a key has three names"))
}

/// How the name begins of a file that is being written.
fn unfinished(id: &str) -> String {
    format!(".{id}.")
}

/// Removes a file, what is unfinished of it, and the folders above it that are empty then.
fn remove(root: &OwnedFd, key: &BlobKey) -> rustix::io::Result<()> {
    let [workspace, run, id] = names(key);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let inner = match beneath::open(root, &[workspace, run], flags, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(()),
        opened => opened?,
    };
    let begin = unfinished(id);
    for entry in Dir::read_from(&inner)? {
        let entry = entry?;
        let name = entry.file_name();
        if !beneath::is_dots(name)
            && (name.to_bytes() == id.as_bytes() || name.to_bytes().starts_with(begin.as_bytes()))
        {
            gone(unlinkat(&inner, name, AtFlags::empty()))?;
        }
    }
    sweep(root, workspace, run)
}

/// Removes the folders of a run and of a workspace if they are empty.
fn sweep(root: &OwnedFd, workspace: &str, run: &str) -> rustix::io::Result<()> {
    let outer = match beneath::open(root, &[workspace], OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(()),
        opened => opened?,
    };
    for (at, name) in [(outer.as_fd(), run), (root.as_fd(), workspace)] {
        match unlinkat(at, name, AtFlags::REMOVEDIR) {
            Err(Errno::NOTEMPTY | Errno::EXIST | Errno::BUSY) => return Ok(()),
            removed => gone(removed)?,
        }
    }
    Ok(())
}

/// What is not there any more is removed.
fn gone(removed: rustix::io::Result<()>) -> rustix::io::Result<()> {
    match removed {
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}

/// What an error of the kernel means for whoever asked for bytes.
fn failed(key: &BlobKey, errno: Errno) -> BlobError {
    match errno {
        Errno::NOENT => BlobError::NotFound(key.to_string()),
        Errno::LOOP | Errno::NOTDIR | Errno::XDEV => BlobError::Corrupt(format!(
            "`{key}` is behind a link or a file where a folder should be, which nobody of ours made"
        )),
        other => unavailable(key, &other.into()),
    }
}

fn unavailable(key: &BlobKey, error: &io::Error) -> BlobError {
    BlobError::Unavailable(format!("`{key}`: {error}"))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> BlobResult<T> + Send + 'static) -> BlobResult<T> {
    spawn_blocking(work).await.unwrap_or_else(|error| Err(BlobError::Unavailable(error.to_string())))
}
