//! Opening what lies beneath a folder, and nothing else: no link is followed, wherever it points.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::{Errno, Result};

/// The kernel, or what watches over this process, does not know `openat2`.
static IS_STEPWISE: AtomicBool = AtomicBool::new(false);

/// Opens names below each other, each in the one before.
///
/// # Errors
/// `LOOP` or `NOTDIR` when one of them is a link.
pub fn open(folder: impl AsFd, names: &[&str], flags: OFlags, mode: Mode) -> Result<OwnedFd> {
    let folder = folder.as_fd();
    if !IS_STEPWISE.load(Ordering::Relaxed) {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        match openat2(folder, names.join("/"), flags | OFlags::CLOEXEC | OFlags::NOFOLLOW, mode, resolve) {
            // A sandbox answers what it does not know with either.
            Err(Errno::NOSYS | Errno::PERM) => IS_STEPWISE.store(true, Ordering::Relaxed),
            opened => return opened,
        }
    }
    stepwise(folder, names, flags, mode)
}

/// The same for kernels before 5.6.
pub fn stepwise(folder: BorrowedFd<'_>, names: &[&str], flags: OFlags, mode: Mode) -> Result<OwnedFd> {
    let Some((last, before)) = names.split_last() else { return Err(Errno::INVAL) };
    let mut inner: Option<OwnedFd> = None;
    for name in before {
        let at = inner.as_ref().map_or(folder, AsFd::as_fd);
        let step =
            openat(at, *name, OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
        inner = Some(step);
    }
    let at = inner.as_ref().map_or(folder, AsFd::as_fd);
    openat(at, *last, flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, mode)
}

/// Whether a name from a folder's list is one of `.` and `..`.
pub fn is_dots(name: &CStr) -> bool {
    matches!(name.to_bytes(), b"." | b"..")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use rustix::fs::CWD;

    use super::*;

    /// Kernels that know `openat2` never come to the other way.
    #[test]
    fn step_by_step_no_link_is_followed_either() {
        let root = std::env::temp_dir().join(format!("ork-beneath-{}", std::process::id()));
        fs::create_dir_all(root.join("inside/run")).unwrap();
        fs::create_dir_all(root.join("outside/run")).unwrap();
        fs::write(root.join("inside/run/file"), "").unwrap();
        fs::write(root.join("outside/run/file"), "").unwrap();
        symlink("../outside", root.join("inside/link")).unwrap();
        symlink("../../outside/run", root.join("inside/run/link")).unwrap();
        symlink("../../outside/run/file", root.join("inside/run/name")).unwrap();
        let folder = openat(CWD, root.join("inside"), OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
        type Open = fn(BorrowedFd<'_>, &[&str]) -> Result<OwnedFd>;
        let ways: [Open; 2] = [
            |folder, names| stepwise(folder, names, OFlags::RDONLY, Mode::empty()),
            |folder, names| open(folder, names, OFlags::RDONLY, Mode::empty()),
        ];
        for way in ways {
            assert!(way(folder.as_fd(), &["run", "file"]).is_ok());
            assert_eq!(way(folder.as_fd(), &["run", "none"]).unwrap_err(), Errno::NOENT);
            for names in [["link", "run", "file"].as_slice(), &["run", "link", "file"], &["run", "name"]] {
                let error = way(folder.as_fd(), names).unwrap_err();
                assert!(matches!(error, Errno::LOOP | Errno::NOTDIR), "{names:?}: {error}");
            }
        }
        fs::remove_dir_all(&root).unwrap();
    }
}
