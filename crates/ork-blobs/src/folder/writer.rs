//! Writing a file of the folder: under another name until it is whole and on the disk.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ork_core::blobs::{BlobError, BlobKey, BlobResult, ByteSource, Expected, Written};
use rustix::fs::{AtFlags, Mode, OFlags, fsync, mkdirat, renameat, unlinkat};
use rustix::io::Errno;

use super::{Folder, beneath, blocking, failed, names, sweep, unavailable, unfinished};
use crate::intake::Intake;

/// How often folders are made again that somebody removed because they were empty.
const ROUNDS_MAX: usize = 1_000;

/// Writes bytes, as [`ork_core::blobs::Blobs::put`] says.
pub async fn put(
    folder: Folder,
    key: &BlobKey,
    bytes: &mut dyn ByteSource,
    expected: &Expected,
) -> BlobResult<Written> {
    let own = key.clone();
    let (draft, mut file) = blocking(move || Draft::begin(&folder, own)).await?;
    // Dropped wherever this ends, also when whoever waits for it goes away: then nothing is left.
    let draft = Arc::new(draft);
    let mut intake = Intake::new(expected);
    while let Some(piece) = bytes.next().await? {
        let own = key.clone();
        (file, intake) = blocking(move || {
            intake.take(&piece)?;
            file.write_all(&piece).map_err(|error| unavailable(&own, &error))?;
            Ok((file, intake))
        })
        .await?;
    }
    let written = intake.finish()?;
    blocking(move || draft.finish(&file)).await?;
    Ok(written)
}

/// A file that is being written.
struct Draft {
    key: BlobKey,
    root: OwnedFd,
    outer: OwnedFd,
    inner: OwnedFd,
    name: String,
    is_named: AtomicBool,
}

impl Draft {
    fn begin(folder: &Folder, key: BlobKey) -> BlobResult<(Self, File)> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let root = folder.make_root().map_err(|error| unavailable(&key, &error))?;
        let [_, _, id] = names(&key);
        for _ in 0..ROUNDS_MAX {
            let (outer, inner) = match folders(&root, &key) {
                // Somebody who removed the last file in it removed the folder.
                Err(Errno::NOENT) => continue,
                made => made.map_err(|errno| failed(&key, errno))?,
            };
            let name = format!("{}{}-{}", unfinished(id), std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
            match beneath::open(&inner, &[&name], flags, Mode::RUSR | Mode::WUSR) {
                // The folder is gone, or an earlier process of our number left a file.
                Err(Errno::NOENT | Errno::EXIST) => {}
                Err(errno) => return Err(failed(&key, errno)),
                Ok(file) => {
                    let draft = Self { key, root, outer, inner, name, is_named: AtomicBool::new(false) };
                    return Ok((draft, file.into()));
                }
            }
        }
        Err(BlobError::Unavailable(format!("`{key}`: its folder is removed again and again")))
    }

    /// Gives the file its name, when it is on the disk, and waits until the name is too.
    fn finish(&self, file: &File) -> BlobResult<()> {
        let [_, _, id] = names(&self.key);
        let named = fsync(file).and_then(|()| renameat(&self.inner, &self.name, &self.inner, id));
        named.map_err(|errno| match errno {
            Errno::NOENT => BlobError::Refused(format!("`{}` was removed while it was written", self.key)),
            other => failed(&self.key, other),
        })?;
        self.is_named.store(true, Ordering::Relaxed);
        // Those above too: whoever made them may not have come to it yet.
        let synced = [self.inner.as_fd(), self.outer.as_fd(), self.root.as_fd()].into_iter().try_for_each(fsync);
        synced.map_err(|errno| {
            unlinkat(&self.inner, id, AtFlags::empty()).ok();
            unavailable(&self.key, &errno.into())
        })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_named.load(Ordering::Relaxed) {
            let [workspace, run, _] = names(&self.key);
            unlinkat(&self.inner, &self.name, AtFlags::empty()).ok();
            sweep(&self.root, workspace, run).ok();
        }
    }
}

/// The folders of a workspace and of a run, made if they are not there.
fn folders(root: &OwnedFd, key: &BlobKey) -> rustix::io::Result<(OwnedFd, OwnedFd)> {
    let [workspace, run, _] = names(key);
    let outer = make(root, workspace)?;
    let inner = make(&outer, run)?;
    Ok((outer, inner))
}

fn make(at: &OwnedFd, name: &str) -> rustix::io::Result<OwnedFd> {
    match mkdirat(at, name, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => beneath::open(at, &[name], OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()),
        Err(errno) => Err(errno),
    }
}
