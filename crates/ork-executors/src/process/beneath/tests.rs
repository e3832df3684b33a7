//! Attack 27: what a task makes of its folder.

use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::thread;

use rustix::fs::{CWD, mknodat};
use rustix::process::geteuid;

use super::*;

struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ork-beneath-{name}-{}", std::process::id()));
        fs::remove_dir_all(&path).ok();
        fs::create_dir_all(path.join("in/sub")).unwrap();
        fs::create_dir(path.join("out")).unwrap();
        fs::write(path.join("out/secret"), "secret").unwrap();
        fs::write(path.join("in/sub/secret"), "public").unwrap();
        Self(path)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// Both ways to reach a file say the same.
fn check(folder: &Beneath, path: &str, expected: &str) {
    let said = |found: io::Result<OwnedFd>| match found.and_then(|fd| Ok((fstat(&fd)?, fd))) {
        Err(error) => error.to_string(),
        Ok((stat, fd)) => unfit(&stat).map_or_else(
            || {
                let mut text = String::new();
                File::from(fd).read_to_string(&mut text).unwrap();
                text
            },
            str::to_owned,
        ),
    };
    let steps = folder.reach_by_steps(path.as_bytes(), FLAGS | OFlags::RDONLY).map_err(explain);
    assert_eq!(said(folder.reach(path.as_bytes(), OFlags::RDONLY)), expected, "{path}");
    assert_eq!(said(steps), expected, "{path}, by steps");
    let opened = folder.file(path.as_bytes());
    assert_eq!(opened.is_ok(), expected == "public" || expected.is_empty(), "{path}: {opened:?}");
}

#[test]
fn only_regular_files_below_the_folder_are_opened() {
    let place = Place::new("kinds");
    let inner = place.0.join("in");
    let folder = Beneath::open(&inner).unwrap();
    symlink("/etc/shadow", inner.join("link")).unwrap();
    symlink("../out", inner.join("leads-out")).unwrap();
    symlink("sub", inner.join("leads-in")).unwrap();
    symlink("/proc/self/fd/0", inner.join("magic")).unwrap();
    fs::hard_link(place.0.join("out/secret"), inner.join("hard")).unwrap();
    mknodat(CWD, inner.join("pipe"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(inner.join("socket")).unwrap();
    fs::write(inner.join("empty"), "").unwrap();
    let link = "it is a symbolic link, or lies behind one";
    for (path, expected) in [
        ("sub/secret", "public"),
        ("empty", ""),
        ("link", link),
        ("leads-out/secret", link),
        ("leads-in/secret", link),
        ("magic", link),
        ("empty/x", link),
        ("hard", "it has another name (a hard link)"),
        ("pipe", "it is a pipe"),
        ("socket", "it is a socket, or a device that is not there"),
        ("sub", "it is a folder"),
        ("../out/secret", "it leads out of the folder"),
    ] {
        check(&folder, path, expected);
    }
    assert!(folder.file(b"/etc/passwd").is_err() && folder.file(b"sub/../../out/secret").is_err());
    assert!(folder.reach_by_steps(b"/etc/passwd", FLAGS).is_err());
    assert!(
        folder.folder(b"leads-out").is_err() && folder.folder(b"leads-in").is_err() && folder.folder(b"..").is_err()
    );
    assert!(Beneath::open(&inner.join("leads-in")).is_err());
    // Making a device is for root, and not everywhere.
    if geteuid().is_root() && mknodat(CWD, inner.join("device"), FileType::CharacterDevice, Mode::RWXU, 0x0105).is_ok()
    {
        check(&folder, "device", "it is a device");
    }
    // The folder is the one that was opened, whatever its path has become.
    fs::rename(&inner, place.0.join("moved")).unwrap();
    symlink("out", &inner).unwrap();
    check(&folder, "sub/secret", "public");
    assert!(folder.file(b"secret").is_err());
}

/// A folder on the way becomes a link to another one, and back, while files are opened: 1,000 rounds of it, each way.
#[test]
fn a_folder_that_becomes_a_link_leads_nowhere() {
    let place = Place::new("swap");
    let inner = place.0.join("in");
    let folder = Beneath::open(&inner).unwrap();
    symlink("../out", inner.join("link")).unwrap();
    let is_over = AtomicBool::new(false);
    let (mut refused, mut read) = (0, 0);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let swap = || {
                    let flags = rustix::fs::RenameFlags::EXCHANGE;
                    rustix::fs::renameat_with(CWD, inner.join("sub"), CWD, inner.join("link"), flags)
                };
                swap().unwrap();
            }
        });
        for round in 0..20_000 {
            let opened = if round % 2 == 0 {
                folder.file(b"sub/secret").map(|opened| opened.file)
            } else {
                let found = folder.reach_by_steps(b"sub/secret", FLAGS | OFlags::RDONLY);
                found.map(File::from).map_err(explain)
            };
            match opened {
                Ok(mut file) => {
                    let mut text = String::new();
                    file.read_to_string(&mut text).unwrap();
                    assert_eq!(text, "public", "round {round}");
                    read += 1;
                }
                Err(_) => refused += 1,
            }
            if round >= 1_000 && read >= 100 && refused >= 100 {
                break;
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(read >= 100 && refused >= 100, "both were met: {read} read, {refused} refused");
}
