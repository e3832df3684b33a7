//! Evidence that the kernel killed something for its memory.
//!
//! A SIGKILL says nothing of its sender. The kernel counts its own, for each control group; without that count nobody
//! can claim that memory was the reason.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

/// The count of the control group that this process, and so every attempt, is in.
pub struct OomKills(Option<File>);

impl OomKills {
    /// Opens it, where there is one: `memory.events` of cgroup v2, `memory.oom_control` of v1.
    pub fn open() -> Self {
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let files = groups.lines().filter_map(|line| {
            let (_, rest) = line.split_once(':')?;
            let (controllers, path) = rest.split_once(':')?;
            if controllers.is_empty() {
                Some(vec![
                    format!("/sys/fs/cgroup{path}/memory.events"),
                    format!("/sys/fs/cgroup/unified{path}/memory.events"),
                ])
            } else if controllers.split(',').any(|name| name == "memory") {
                Some(vec![format!("/sys/fs/cgroup/memory{path}/memory.oom_control")])
            } else {
                None
            }
        });
        Self(files.flatten().find_map(|file| File::open(file).ok()))
    }

    /// How many there have been; `None` when nobody counts.
    pub fn count(&self) -> Option<u64> {
        let mut text = [0; 512];
        let len = self.0.as_ref()?.read_at(&mut text, 0).ok()?;
        parse(std::str::from_utf8(&text[..len]).ok()?)
    }
}

fn parse(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_of_cgroups() {
        assert_eq!(parse("low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 1\n"), Some(2));
        assert_eq!(parse("oom_kill_disable 0\nunder_oom 0\noom_kill 7\n"), Some(7));
        assert_eq!(parse("oom_kill_disable 0\nunder_oom 0\n"), None);
    }
}
