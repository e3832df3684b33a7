//! A folder that is open: what lies below it is reached through its descriptor, and never by way of a link.
//!
//! What a task left in its folder is its own work, and may be a trap: a link to a file of somebody else's, a pipe that nobody writes
//! into, a folder that becomes a link in the moment between a look and the opening. So nothing is decided by a name: the kernel
//! resolves it below the folder and refuses links (`openat2`), and what is read is looked at through the descriptor that is read.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, openat, openat2, statat};
use rustix::io::Errno;

/// Kernels before 5.6, and some sandboxes, have no `openat2`.
static HAS_NONE: AtomicBool = AtomicBool::new(false);

const FLAGS: OFlags = OFlags::CLOEXEC.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// A folder that is open.
#[derive(Debug)]
pub struct Beneath(OwnedFd);

/// A regular file that is open, and what it is.
#[derive(Debug)]
pub struct Opened {
    pub file: File,
    pub size: u64,
    pub identity: Identity,
}

/// What tells a file from all others, as long as it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
}

/// What stands under a name, when nobody has opened it yet.
pub enum Entry {
    Folder,
    File,
    /// Neither; what it is, in words.
    Other(&'static str),
}

impl Beneath {
    /// Opens a folder by its path, in which links are followed.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(rustix::fs::open(path, FLAGS | OFlags::DIRECTORY, Mode::empty())?))
    }

    /// Opens a folder below.
    pub fn folder(&self, path: &[u8]) -> io::Result<Self> {
        Ok(Self(self.reach(path, OFlags::RDONLY | OFlags::DIRECTORY)?))
    }

    /// Opens a regular file below that has no other name.
    pub fn file(&self, path: &[u8]) -> io::Result<Opened> {
        let found = self.reach(path, OFlags::RDONLY)?;
        let stat = fstat(&found)?;
        if let Some(why) = unfit(&stat) {
            return Err(io::Error::other(why));
        }
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        Ok(Opened { file: found.into(), size, identity: Identity::of(&stat) })
    }

    /// The names in it, sorted.
    pub fn names(&self) -> io::Result<Vec<Vec<u8>>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(name.to_vec());
            }
        }
        names.sort();
        Ok(names)
    }

    /// What stands under a name in it. A hint, to be told before it is opened: a device may do something when it is.
    pub fn entry(&self, name: &[u8]) -> io::Result<Entry> {
        let stat = statat(&self.0, OsStr::from_bytes(name), AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => Entry::Folder,
            _ => unfit(&stat).map_or(Entry::File, Entry::Other),
        })
    }

    fn reach(&self, path: &[u8], flags: OFlags) -> io::Result<OwnedFd> {
        let (name, flags) = (OsStr::from_bytes(path), FLAGS | flags);
        if !HAS_NONE.load(Ordering::Relaxed) {
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
            // The kernel may ask to try again when something in the path was moved meanwhile.
            for _ in 0..RETRIES {
                match openat2(&self.0, name, flags, Mode::empty(), resolve) {
                    Err(Errno::AGAIN | Errno::INTR) => {}
                    Err(Errno::NOSYS | Errno::PERM) if self.is_missing() => break,
                    result => return result.map_err(explain),
                }
            }
        }
        self.reach_by_steps(path, flags).map_err(explain)
    }

    /// Whether the kernel has no `openat2`, and not this file alone refuses it.
    fn is_missing(&self) -> bool {
        let flags = FLAGS | OFlags::DIRECTORY;
        let is_missing = openat2(&self.0, ".", flags, Mode::empty(), ResolveFlags::BENEATH).is_err();
        HAS_NONE.store(is_missing, Ordering::Relaxed);
        is_missing
    }

    /// The same, folder by folder.
    fn reach_by_steps(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        let mut held: Option<OwnedFd> = None;
        let mut parts = path.split(|byte| *byte == b'/').peekable();
        while let Some(part) = parts.next() {
            if matches!(part, b"" | b"." | b"..") {
                return Err(Errno::XDEV);
            }
            let is_last = parts.peek().is_none();
            let flags = if is_last { flags } else { FLAGS | OFlags::RDONLY | OFlags::DIRECTORY };
            let next = openat(held.as_ref().unwrap_or(&self.0), OsStr::from_bytes(part), flags, Mode::empty())?;
            if is_last {
                return Ok(next);
            }
            held = Some(next);
        }
        Err(Errno::NOENT)
    }
}

/// How often a path is resolved that is changed again and again.
const RETRIES: usize = 16;

impl Identity {
    const fn of(stat: &Stat) -> Self {
        Self { device: stat.st_dev, inode: stat.st_ino }
    }
}

/// Why something that is no folder cannot be kept.
const fn unfit(stat: &Stat) -> Option<&'static str> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile if stat.st_nlink == 1 => None,
        FileType::RegularFile if stat.st_nlink == 0 => Some("it was removed"),
        FileType::RegularFile => Some("it has another name (a hard link)"),
        FileType::Directory => Some("it is a folder"),
        FileType::Symlink => Some("it is a symbolic link"),
        FileType::Fifo => Some("it is a pipe"),
        FileType::Socket => Some("it is a socket"),
        FileType::CharacterDevice | FileType::BlockDevice => Some("it is a device"),
        FileType::Unknown => Some("it is not a regular file"),
    }
}

fn explain(errno: Errno) -> io::Error {
    match errno {
        Errno::LOOP | Errno::NOTDIR => io::Error::other("it is a symbolic link, or lies behind one"),
        Errno::XDEV => io::Error::other("it leads out of the folder"),
        Errno::NXIO => io::Error::other("it is a socket, or a device that is not there"),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests;
