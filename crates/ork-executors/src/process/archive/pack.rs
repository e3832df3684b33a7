//! From a folder to an archive.

use std::ffi::OsString;
use std::fs::{self, Metadata, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

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
    let out = Encoder::new(PieceWriter::new(pieces), LEVEL)?;
    let mut packer = Packer { root: folder, out, room: Room::new() };
    packer.add_all()?;
    write_end(&mut packer.out)?;
    packer.out.finish()?.finish()
}

struct Packer<'a, W: Write> {
    root: &'a Path,
    out: W,
    room: Room,
}

/// A folder in the middle of being written.
struct Open {
    name: PathBuf,
    path: PathBuf,
    /// `None` of the folder that is saved.
    found: Option<Metadata>,
    /// What of it is still to come.
    names: std::vec::IntoIter<OsString>,
}

impl<W: Write> Packer<'_, W> {
    /// Adds what is in the folder, in the order of the names. Not by recursion: a task may have made it deeper than the
    /// stack of a thread is.
    fn add_all(&mut self) -> io::Result<()> {
        let root = self.root.to_owned();
        let names = names(&root)?;
        let mut open = vec![Open { name: PathBuf::new(), path: root, found: None, names }];
        let result = self.add_open(&mut open);
        // After an error: the others are shut already.
        while let Some(Open { path, found: Some(found), .. }) = open.pop() {
            shut(&path, &found).ok();
        }
        result
    }

    fn add_open(&mut self, open: &mut Vec<Open>) -> io::Result<()> {
        while let Some(folder) = open.last_mut() {
            if let Some(name) = folder.names.next() {
                let name = folder.name.join(name);
                let below = self.add(&name).map_err(|error| match error.get_ref() {
                    None => about(name.as_os_str().as_bytes(), &error),
                    Some(_) => error, // one of ours, which says it all
                })?;
                open.extend(below);
            } else if let Some(Open { name, path, found: Some(found), .. }) = open.pop() {
                shut(&path, &found)?;
                self.write(&entry(&name, Kind::Folder, &found))?;
            }
        }
        Ok(())
    }

    /// Adds a file or a link; a folder is opened.
    fn add(&mut self, name: &Path) -> io::Result<Option<Open>> {
        let path = self.root.join(name);
        let found = fs::symlink_metadata(&path)?;
        let kind = found.file_type();
        if kind.is_dir() {
            unlock(&path, &found)?;
            let names = names(&path).inspect_err(|_| _ = shut(&path, &found))?;
            return Ok(Some(Open { name: name.to_owned(), path, found: Some(found), names }));
        }
        if kind.is_file() {
            unlock(&path, &found)?;
            let added = self.add_file(name, &path, &found);
            shut(&path, &found).and(added)?;
        } else if kind.is_symlink() {
            let target = fs::read_link(&path)?.into_os_string().into_vec();
            self.write(&Entry { target, ..entry(name, Kind::Link, &found) })?;
        }
        Ok(None)
    }

    fn add_file(&mut self, name: &Path, path: &Path, found: &Metadata) -> io::Result<()> {
        let file = answer::open(path)?.ok_or(io::ErrorKind::NotFound)?;
        let size = found.len();
        self.write(&Entry { size, ..entry(name, Kind::File, found) })?;
        if io::copy(&mut file.take(size), &mut self.out)? < size {
            return Err(refused(format!("`{}` became shorter while it was read", name.display())));
        }
        pad(&mut self.out, size)
    }

    fn write(&mut self, entry: &Entry) -> io::Result<()> {
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

fn names(folder: &Path) -> io::Result<std::vec::IntoIter<OsString>> {
    let mut names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names.into_iter())
}

/// What its owner has to be allowed to look at a folder, and at what is in it, or to read a file.
fn needed(found: &Metadata) -> u32 {
    if found.is_dir() { 0o500 } else { 0o400 }
}

/// Opens what its owner may have shut even to himself.
fn unlock(path: &Path, found: &Metadata) -> io::Result<()> {
    set_mode(path, found, found.mode() | needed(found))
}

/// Shuts it as it was.
fn shut(path: &Path, found: &Metadata) -> io::Result<()> {
    set_mode(path, found, found.mode())
}

fn set_mode(path: &Path, found: &Metadata, mode: u32) -> io::Result<()> {
    if found.mode() & needed(found) == needed(found) {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(mode))
}
