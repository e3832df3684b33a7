//! What a measurement needs beside it to mean something: the machine, the tools, the commit, the date.

use std::fs;
use std::process::Command;

use anyhow::Result;
use serde_json::{Value, json};

use crate::shell;

/// Facts about this machine and this tree, as one JSON object.
pub fn gather() -> Result<Value> {
    let word = |program: &str, arguments: &[&str]| -> Result<String> {
        let text = shell::capture(Command::new(program).args(arguments).current_dir(shell::root()))?;
        Ok(text.trim().to_owned())
    };
    let changed = !word("git", &["status", "--porcelain", "--untracked-files=no"])?.is_empty();
    Ok(json!({
        "date": word("date", &["-u", "+%Y-%m-%dT%H:%M:%SZ"])?,
        "commit": word("git", &["rev-parse", "HEAD"])?,
        "commit_is_changed": changed,
        "rustc": word("rustc", &["--version"])?,
        "kernel": word("uname", &["-srm"])?,
        "cores": std::thread::available_parallelism()?.get(),
        "cpu": proc_field("/proc/cpuinfo", "model name"),
        "memory_kib": proc_field("/proc/meminfo", "MemTotal").and_then(|text| first_number(&text)),
        // Durable on a RAM disk is not durable: this is where the clusters live.
        "tmp_filesystem": word("stat", &["-f", "-c", "%T", "/tmp"])?,
    }))
}

fn proc_field(path: &str, key: &str) -> Option<String> {
    field(&fs::read_to_string(path).ok()?, key)
}

fn field(text: &str, key: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(key))?;
    line.split_once(':').map(|(_, value)| value.trim().to_owned())
}

fn first_number(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_proc_files_are_read() {
        let text = "MemFree:  1 kB\nMemTotal:       24684520 kB\n";
        assert_eq!(field(text, "MemTotal").as_deref(), Some("24684520 kB"));
        assert_eq!(first_number("24684520 kB"), Some(24_684_520));
        assert_eq!(field(text, "Swap"), None);
    }
}
