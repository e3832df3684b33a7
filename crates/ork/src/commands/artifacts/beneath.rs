//! Files that are made below a folder, and nowhere else, whatever their names say and whoever puts links in the way.
//!
//! Each part of a path is opened from the folder before it, and none that is a link: what stands there already decides about
//! nothing outside. A file has its name when it is whole: before that it has one that nobody knows.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use ork_core::clock::Entropy;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::entropy::OsEntropy;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// What has a name already.
pub enum Taken {
    /// A file, and who may read it.
    ByFile(Mode),
    /// A folder, a link, a device.
    ByOther,
}

/// A file that is being written. Dropping it takes it away.
pub struct Draft {
    folder: OwnedFd,
    draft: String,
    name: String,
    is_done: bool,
}

impl Draft {
    /// Begins a file in the folder where a path leads; its user named that, so links in it are followed.
    pub fn at(path: &Path) -> io::Result<(Self, File)> {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it is no name of a file"))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Self::in_folder(rustix::fs::openat(CWD, folder, FOLDER, Mode::empty())?, name)
    }

    /// Begins a file below a folder, which is made; `name` is a relative path, whose folders are made as well.
    pub fn beneath(folder: &Path, name: &str) -> io::Result<(Self, File)> {
        std::fs::create_dir_all(folder)?;
        let mut at = rustix::fs::openat(CWD, folder, FOLDER, Mode::empty())?;
        let (folders, name) = name.rsplit_once('/').unwrap_or(("", name));
        for part in folders.split('/').filter(|part| !part.is_empty()) {
            check(part)?;
            match rustix::fs::mkdirat(&at, part, Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            at = rustix::fs::openat(&at, part, FOLDER | OFlags::NOFOLLOW, Mode::empty())?;
        }
        Self::in_folder(at, name)
    }

    fn in_folder(folder: OwnedFd, name: &str) -> io::Result<(Self, File)> {
        check(name)?;
        let draft = format!(".ork-{:016x}", OsEntropy.next_u64());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&folder, &draft, flags, Mode::from_raw_mode(0o666))?;
        Ok((Self { folder, draft, name: name.to_owned(), is_done: false }, file.into()))
    }

    /// What has the name already.
    pub fn taken(&self) -> Option<Taken> {
        let found = rustix::fs::statat(&self.folder, &self.name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some(match FileType::from_raw_mode(found.st_mode) {
            FileType::RegularFile => Taken::ByFile(Mode::from_raw_mode(found.st_mode & 0o777)),
            _ => Taken::ByOther,
        })
    }

    /// Gives the file its name. A file that has it already is replaced if that is wanted, and who may read it stays as it was;
    /// anything else stays.
    pub fn finish(mut self, file: &File, force: bool) -> io::Result<()> {
        file.sync_all()?;
        let taken = self.taken().filter(|_| force);
        if let Some(Taken::ByFile(mode)) = taken {
            rustix::fs::fchmod(file, mode)?;
            rustix::fs::renameat(&self.folder, &self.draft, &self.folder, &self.name)?;
        } else {
            rustix::fs::renameat_with(&self.folder, &self.draft, &self.folder, &self.name, RenameFlags::NOREPLACE)?;
        }
        self.is_done = true;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_done {
            // It may be gone; there is nobody to tell.
            rustix::fs::unlinkat(&self.folder, &self.draft, AtFlags::empty()).ok();
        }
    }
}

/// A name comes from a server, which may be anybody.
fn check(part: &str) -> io::Result<()> {
    match ork_core::artifact::check_name(part) {
        Ok(()) if !part.contains('/') => Ok(()),
        Ok(()) => Err(io::Error::new(io::ErrorKind::InvalidInput, "the name is a path")),
        Err(why) => Err(io::Error::new(io::ErrorKind::InvalidInput, why)),
    }
}
