//! The kernel's table of processes, as `/proc` shows it.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::LazyLock;

use rustix::fs::{PROC_SUPER_MAGIC, fstatfs};

/// One process.
#[derive(Debug, Clone)]
pub struct Row {
    pub pid: i32,
    /// Its parent; 0 when that is not in this namespace.
    pub parent: i32,
    pub group: i32,
    pub session: i32,
    pub state: u8,
    /// When it began, in clock ticks since boot: together with the pid it names a process for ever.
    pub start: u64,
    /// The first 15 bytes of its program's name, or what it calls itself.
    pub name: String,
}

impl Row {
    /// Whether it is over and only waits to be reaped.
    pub const fn is_zombie(&self) -> bool {
        matches!(self.state, b'Z' | b'X')
    }

    /// Whether it is held by a stop signal, and so cannot heed another one.
    pub const fn is_stopped(&self) -> bool {
        self.state == b'T'
    }
}

/// The row of `pid`; `None` when there is no such process.
pub fn row(pid: i32) -> Option<Row> {
    parse(pid, &fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// What of this process stays as it is for life: where it stands among the others.
pub struct Own {
    pub group: i32,
    pub session: i32,
}

/// This process. Its group or session is 0 when whoever leads it is outside of this process's namespace, as in many a
/// container; so it is for its children, and numbers can be compared all the same. (`getsid` and `getpgrp` of a library
/// that takes ids for positive cannot be asked.)
pub fn own() -> &'static Own {
    static OWN: LazyLock<Own> = LazyLock::new(|| {
        let row = row(std::process::id().cast_signed());
        row.map_or(Own { group: -1, session: -1 }, |row| Own { group: row.group, session: row.session })
    });
    &OWN
}

/// `pid (name) state ppid pgrp session … starttime(22) …`; the name may hold spaces and brackets.
fn parse(pid: i32, stat: &[u8]) -> Option<Row> {
    let open = stat.iter().position(|&b| b == b'(')?;
    let close = stat.iter().rposition(|&b| b == b')')?;
    let name = String::from_utf8_lossy(stat.get(open + 1..close)?).into_owned();
    let rest = std::str::from_utf8(stat.get(close + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = *fields.next()?.as_bytes().first()?;
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let session = fields.next()?.parse().ok()?;
    let start = fields.nth(15)?.parse().ok()?;
    Some(Row { pid, parent, group, session, state, start, name })
}

/// All processes' ids, in no order.
pub fn pids() -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// All processes.
pub fn rows() -> Vec<Row> {
    pids().into_iter().filter_map(row).collect()
}

/// Whether one of these pipes, given by inode, is open in a process.
pub fn holds_pipe(pid: i32, inodes: &[u64]) -> bool {
    let names: Vec<PathBuf> = inodes.iter().map(|inode| format!("pipe:[{inode}]").into()).collect();
    let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    open.filter_map(|entry| fs::read_link(entry.path()).ok()).any(|target| names.contains(&target))
}

/// The environment that a process was started with; empty when it may not be read, or the process is over.
pub struct Environ(Vec<u8>);

impl Environ {
    /// Reads that of `pid`.
    pub fn of(pid: i32) -> Self {
        Self(fs::read(format!("/proc/{pid}/environ")).unwrap_or_default())
    }

    /// The value of the first variable with exactly this name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.split(|&b| b == 0).find_map(|entry| entry.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
    }
}

/// The id that was given out last on this machine, or in this container.
pub struct LastPid(Option<File>);

impl LastPid {
    pub fn open() -> Self {
        // LXC lays a file of its own over this one; its last number is not the kernel's.
        let is_the_kernels = |file: &File| fstatfs(file).is_ok_and(|fs| fs.f_type == PROC_SUPER_MAGIC);
        Self(File::open("/proc/loadavg").ok().filter(is_the_kernels))
    }

    /// `None` when it cannot be known.
    pub fn get(&self) -> Option<i32> {
        let mut text = [0; 128];
        let len = self.0.as_ref()?.read_at(&mut text, 0).ok()?;
        std::str::from_utf8(&text[..len]).ok()?.split_ascii_whitespace().next_back()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_look_like_anything() {
        let stat = b"42 (a) R (b\n) S 7 8 9 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 12345 99 1";
        let row = parse(42, stat).unwrap();
        assert_eq!((row.name.as_str(), row.state, row.parent), ("a) R (b\n", b'S', 7));
        assert_eq!((row.group, row.session, row.start), (8, 9, 12345));
        assert!(parse(1, b"1 (x) S 0").is_none());
    }

    #[test]
    fn a_variable_is_matched_by_its_whole_name() {
        let environ = Environ(b"XORK_NONCE=no\0ORK_NONCE2=no\0ORK_NONCE=yes=1\0ORK_NONCE=late\0".to_vec());
        assert_eq!(environ.get("ORK_NONCE"), Some(&b"yes=1"[..]));
        assert_eq!(environ.get("ORK"), None);
    }

    #[test]
    fn the_last_pid_is_not_older_than_a_child() {
        let mut child = std::process::Command::new("/bin/true").spawn().unwrap();
        let last = LastPid::open().get();
        child.wait().unwrap();
        assert!(last.is_some_and(|last| last >= i32::try_from(child.id()).unwrap() || last < 1000));
    }
}
