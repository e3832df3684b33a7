//! What a task says of its progress, in `$ORK_PROGRESS`: lines `PERCENT [STAGE [MESSAGE]]`.
//!
//! Progress is a state, not a history: of several new lines the last good one counts. A line that is none is passed
//! over in silence: it may be half written, and a task must not fail, nor its log fill, because of it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use ork_core::executor::Progress;

use super::answer;

/// What one look reads at most: of a file that has grown by more, its end.
const LOOK_BYTES_MAX: u64 = 64 << 10;
/// What is kept of a stage and of a message.
const WORDS_BYTES_MAX: usize = 1 << 10;

/// The file, and how far it has been read.
pub struct ProgressFile {
    path: PathBuf,
    file: Option<File>,
    read: u64,
}

impl ProgressFile {
    pub fn new(path: PathBuf) -> Self {
        Self { path, file: None, read: 0 }
    }

    /// What is new since the last look. Costs one call as long as the file does not exist. At the `end` of an attempt
    /// a last line without its newline counts too.
    pub fn look(&mut self, end: bool) -> Option<Progress> {
        if self.file.is_none() {
            self.file = answer::open(&self.path).ok()?;
        }
        let bytes = self.grown().ok()?;
        let whole = if end { bytes.len() } else { bytes.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1) };
        let bytes = &bytes[..whole];
        self.read += bytes.len() as u64;
        bytes.rsplit(|&b| b == b'\n').find_map(|line| parse(std::str::from_utf8(line).ok()?))
    }

    fn grown(&mut self) -> io::Result<Vec<u8>> {
        let Some(file) = &self.file else { return Ok(Vec::new()) };
        let size = file.metadata()?.len();
        if size < self.read {
            self.read = 0; // written anew instead of appended to
        }
        self.read = self.read.max(size.saturating_sub(LOOK_BYTES_MAX));
        let mut bytes = vec![0; usize::try_from(size - self.read).unwrap_or(0)];
        let len = if bytes.is_empty() { 0 } else { file.read_at(&mut bytes, self.read)? };
        bytes.truncate(len);
        Ok(bytes)
    }
}

fn parse(line: &str) -> Option<Progress> {
    let mut words = line.trim().splitn(3, char::is_whitespace);
    let percent = words.next()?.parse().ok().filter(|&percent| percent <= 100)?;
    // PostgreSQL cannot store a NUL.
    let mut text = || words.next().map(str::trim).filter(|text| !text.is_empty() && !text.contains('\0'));
    let cut = |text: &str| text[..text.floor_char_boundary(WORDS_BYTES_MAX)].to_owned();
    Some(Progress { percent, stage: text().map(cut), message: text().map(cut) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let check = |line: &str| parse(line).map(|p| format!("{}|{:?}|{:?}", p.percent, p.stage, p.message));
        assert_eq!(check("40").as_deref(), Some("40|None|None"));
        assert_eq!(check(" 100 encoding\r").as_deref(), Some(r#"100|Some("encoding")|None"#));
        assert_eq!(check("7 a  b c ").as_deref(), Some(r#"7|Some("a")|Some("b c")"#));
        for bad in ["", "x", "101", "-1", "40%", "1e1"] {
            assert_eq!(check(bad), None, "{bad}");
        }
        let long = check(&format!("1 {}", "é".repeat(5000))).unwrap_or_default();
        assert!(long.len() < 1100, "{}", long.len());
    }
}
