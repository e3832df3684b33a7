//! What a task says of its progress, in `$ORK_PROGRESS`: lines `PERCENT [STAGE [MESSAGE]]`.
//!
//! Progress is a state, not a history: of several new lines the last good one counts. A line that is none is passed
//! over in silence: it may be half written, and a task must not fail, nor its log fill, because of it. A line is passed on as
//! it was written: a secret in it can be told only before it is split.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use ork_core::executor::Progress;

use super::answer;

/// What one look reads at most: of a file that has grown by more, its end.
const LOOK_BYTES_MAX: u64 = 64 << 10;

/// The file, and how far it has been read.
pub struct ProgressFile {
    path: PathBuf,
    file: Option<File>,
    read: u64,
    /// What is read next is the end of a line of which the beginning was passed over.
    is_torn: bool,
}

impl ProgressFile {
    pub fn new(path: PathBuf) -> Self {
        Self { path, file: None, read: 0, is_torn: false }
    }

    /// The last good line since the last look, as it was written. Costs one call as long as the file does not exist. At the
    /// `end` of an attempt a last line without its newline counts too.
    pub fn look(&mut self, end: bool) -> Option<String> {
        if self.file.is_none() {
            self.file = answer::open(&self.path).ok()?;
        }
        let bytes = self.grown().ok()?;
        let whole = if end { bytes.len() } else { bytes.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1) };
        let mut bytes = &bytes[..whole];
        self.read += bytes.len() as u64;
        if self.is_torn {
            // The end of a line says nothing, and would show the end of a secret that nobody knows for one.
            bytes = &bytes[bytes.iter().position(|&b| b == b'\n')? + 1..];
            self.is_torn = false;
        }
        let mut lines = bytes.rsplit(|&b| b == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
        lines.find(|line| Progress::parse(line).is_some()).map(str::to_owned)
    }

    fn grown(&mut self) -> io::Result<Vec<u8>> {
        let Some(file) = &self.file else { return Ok(Vec::new()) };
        let size = file.metadata()?.len();
        if size < self.read {
            (self.read, self.is_torn) = (0, false); // written anew instead of appended to
        }
        let from = size.saturating_sub(LOOK_BYTES_MAX);
        if self.read < from {
            (self.read, self.is_torn) = (from, true);
        }
        let mut bytes = vec![0; usize::try_from(size - self.read).unwrap_or(0)];
        let len = if bytes.is_empty() { 0 } else { file.read_at(&mut bytes, self.read)? };
        bytes.truncate(len);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_long_line_is_no_line() {
        let path = std::env::temp_dir().join(format!("ork-progress-{}", std::process::id()));
        let mut file = ProgressFile::new(path.clone());
        let filler = "x".repeat(usize::try_from(LOOK_BYTES_MAX).unwrap() - 7);
        std::fs::write(&path, format!("1 long\n2 no\n{filler} 3 of\n4 end")).unwrap();
        assert_eq!(file.look(false), None);
        std::fs::write(&path, format!("1 long\n2 no\n{filler} 3 of\n4 end  of \n")).unwrap();
        assert_eq!(file.look(false).as_deref(), Some("4 end  of "));
        std::fs::write(&path, format!("5 {}", "x\n6 y".repeat(3))).unwrap();
        assert_eq!(file.look(true).as_deref(), Some("6 y"));
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn lines() {
        let check = |line: &str| Progress::parse(line).map(|p| format!("{}|{:?}|{:?}", p.percent, p.stage, p.message));
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
