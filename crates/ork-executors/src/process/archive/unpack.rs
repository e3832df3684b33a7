//! From an archive to a folder, and to nowhere else.
//!
//! Every name is followed from folder to folder by descriptors, none of which is ever a link's. What an archive says of
//! rights is taken for what is new in the folder alone.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, fchmod, futimens, mkdirat, openat, symlinkat,
    utimensat,
};
use rustix::io::Errno;
use tokio::sync::mpsc;
use zstd::stream::read::Decoder;

use super::entry::{Entry, Kind, skip_padding};
use super::pieces::PieceReader;
use super::{Room, about, refused};

/// The window that an archive may ask for: 8 MiB. Ours have 2.
const WINDOW_LOG_MAX: u32 = 23;
/// Without what would make a file run as its owner.
const MODE_MAX: u32 = 0o1777;
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const NEW_FILE: OFlags =
    OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Puts what is in an archive into an empty folder. Blocks.
///
/// # Errors
/// When the archive is not what its checksum says, or holds what no folder was saved with. Then some of it may be there.
pub fn unpack(folder: &Path, pieces: mpsc::Receiver<Result<Vec<u8>, String>>, checksum: &str) -> io::Result<()> {
    let mut input = Decoder::new(PieceReader::new(pieces))?;
    input.window_log_max(WINDOW_LOG_MAX)?;
    let root = openat(CWD, folder, FOLDER, Mode::empty())?;
    let mut unpacker = Unpacker { input, root, near: None, room: Room::new() };
    while let Some(entry) = Entry::read(&mut unpacker.input)? {
        unpacker.room.take(entry.size)?;
        unpacker.add(&entry).map_err(|error| about(&entry.name, &error))?;
    }
    let mut input = unpacker.input;
    if input.read(&mut [0])? > 0 {
        return Err(refused("something follows its end"));
    }
    if input.finish().into_inner().checksum() != checksum {
        return Err(refused("its checksum is another"));
    }
    Ok(())
}

struct Unpacker<R> {
    input: R,
    root: OwnedFd,
    /// The folder of the entry before, by its name: that of the next one is mostly the same.
    near: Option<(Vec<u8>, OwnedFd)>,
    room: Room,
}

impl<R: Read> Unpacker<R> {
    fn add(&mut self, entry: &Entry) -> io::Result<()> {
        let (parent, name) = split(&entry.name)?;
        if self.near.as_ref().is_none_or(|(near, _)| near != parent) {
            self.near = Some((parent.to_vec(), descend(&self.root, parent)?));
        }
        let Some((_, folder)) = &self.near else { return Ok(()) };
        let times = times(entry.mtime);
        let mode = Mode::from_raw_mode(entry.mode & MODE_MAX);
        match entry.kind {
            Kind::Folder => {
                let made = enter(folder, name)?;
                fchmod(&made, mode)?;
                futimens(&made, &times)?;
            }
            Kind::Link => {
                symlinkat(entry.target.as_slice(), folder, name)?;
                utimensat(folder, name, &times, AtFlags::SYMLINK_NOFOLLOW)?;
            }
            Kind::File => {
                let mut file = File::from(openat(folder, name, NEW_FILE, Mode::RUSR | Mode::WUSR)?);
                if io::copy(&mut (&mut self.input).take(entry.size), &mut file)? < entry.size {
                    return Err(refused("it ends too early"));
                }
                skip_padding(&mut self.input, entry.size)?;
                fchmod(&file, mode)?;
                futimens(&file, &times)?;
            }
        }
        Ok(())
    }
}

/// A name's folder, empty at the top, and the last part of it.
fn split(name: &[u8]) -> io::Result<(&[u8], &[u8])> {
    if name.split(|&byte| byte == b'/').any(|part| matches!(part, b"" | b"." | b"..")) {
        return Err(refused("the name leads out of the folder"));
    }
    let slash = name.iter().rposition(|&byte| byte == b'/');
    Ok(slash.map_or((&[], name), |at| (&name[..at], &name[at + 1..])))
}

/// Goes down to a folder; what is not there of the way is made.
fn descend(root: &OwnedFd, path: &[u8]) -> io::Result<OwnedFd> {
    let mut folder = root.try_clone()?;
    for name in path.split(|&byte| byte == b'/').filter(|name| !name.is_empty()) {
        folder = enter(&folder, name)?;
    }
    Ok(folder)
}

/// Opens a folder in a folder; made if it is not there.
fn enter(folder: impl AsFd, name: &[u8]) -> io::Result<OwnedFd> {
    let open = || openat(&folder, name, FOLDER, Mode::empty());
    let opened = match open() {
        Err(Errno::NOENT) => mkdirat(&folder, name, Mode::RWXU).and_then(|()| open()),
        result => result,
    };
    opened.map_err(|error| match error {
        Errno::LOOP | Errno::NOTDIR => refused(format!("`{}` on its way is no folder", name.escape_ascii())),
        error => error.into(),
    })
}

/// What sets the time of a change, and leaves that of the last look.
const fn times(mtime: i64) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: mtime, tv_nsec: 0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let parts = |name| split(name).map(|(a, b)| (str::from_utf8(a).unwrap(), str::from_utf8(b).unwrap())).ok();
        assert_eq!(parts(b"a"), Some(("", "a")));
        assert_eq!(parts(b"a/b/..c"), Some(("a/b", "..c")));
        for bad in [&b""[..], b"/", b"/a", b"a//b", b"a/", b"./a", b"..", b"a/../b", b"a/.."] {
            assert_eq!(parts(bad), None, "{}", bad.escape_ascii());
        }
    }
}
