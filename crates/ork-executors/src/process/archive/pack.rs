//! From a folder to an archive.

use std::ffi::OsString;
use std::fs::{self, Metadata, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use tokio::sync::mpsc;
use zstd::stream::write::Encoder;

use super::super::answer;
use super::entry::{Entry, Kind, pad, write_end};
use super::pieces::PieceWriter;
use super::{Room, about, refused};

/// Three times as fast as a disk, and a window of 2 MiB.
const LEVEL: i32 = 3;

/// Writes what is in a folder, and tells the number of bytes and their SHA-256. Sockets, pipes and devices are left out: what
/// they are for is over. Nobody else may be at work in it. Blocks.
///
/// # Errors
/// When something in it cannot be read, it is too large, or nobody takes the pieces.
pub fn pack(folder: &Path, pieces: mpsc::Sender<Vec<u8>>) -> io::Result<(u64, String)> {
    let mut packer = Packer { root: folder, out: Encoder::new(PieceWriter::new(pieces), LEVEL)?, room: Room::new() };
    packer.add_folder(Path::new(""))?;
    write_end(&mut packer.out)?;
    packer.out.finish()?.finish()
}

struct Packer<'a, W: Write> {
    root: &'a Path,
    out: W,
    room: Room,
}

impl<W: Write> Packer<'_, W> {
    /// Adds what is in a folder, in the order of the names.
    fn add_folder(&mut self, folder: &Path) -> io::Result<()> {
        for name in names(&self.root.join(folder))? {
            let name = folder.join(name);
            self.add(&name).map_err(|error| match error.get_ref() {
                None => about(name.as_os_str().as_bytes(), &error),
                Some(_) => error, // one of ours, which says it all
            })?;
        }
        Ok(())
    }

    fn add(&mut self, name: &Path) -> io::Result<()> {
        let path = self.root.join(name);
        let found = fs::symlink_metadata(&path)?;
        let kind = found.file_type();
        if kind.is_dir() {
            with_rights(&path, &found, 0o500, || self.add_folder(name))?;
            self.write(entry(name, Kind::Folder, &found))
        } else if kind.is_file() {
            with_rights(&path, &found, 0o400, || self.add_file(name, &path, &found))
        } else if kind.is_symlink() {
            let target = fs::read_link(&path)?.into_os_string().into_vec();
            self.write(Entry { target, ..entry(name, Kind::Link, &found) })
        } else {
            Ok(())
        }
    }

    fn add_file(&mut self, name: &Path, path: &Path, found: &Metadata) -> io::Result<()> {
        let file = answer::open(path)?.ok_or(io::ErrorKind::NotFound)?;
        let size = found.len();
        self.write(Entry { size, ..entry(name, Kind::File, found) })?;
        if io::copy(&mut file.take(size), &mut self.out)? < size {
            return Err(refused(format!("`{}` became shorter while it was read", name.display())));
        }
        pad(&mut self.out, size)
    }

    fn write(&mut self, entry: Entry) -> io::Result<()> {
        self.room.take(entry.size)?;
        entry.write(&mut self.out)
    }
}

fn entry(name: &Path, kind: Kind, found: &Metadata) -> Entry {
    Entry {
        name: name.as_os_str().as_bytes().to_vec(),
        kind,
        mode: found.mode() & 0o7777,
        size: 0,
        mtime: found.mtime(),
        target: Vec::new(),
    }
}

fn names(folder: &Path) -> io::Result<Vec<OsString>> {
    let mut names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

/// Does something to what its owner may have shut even to himself, and leaves it as it was.
fn with_rights<T>(path: &Path, found: &Metadata, rights: u32, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    if found.mode() & rights == rights {
        return act();
    }
    fs::set_permissions(path, Permissions::from_mode(found.mode() | rights))?;
    let result = act();
    fs::set_permissions(path, Permissions::from_mode(found.mode()))?;
    result
}
