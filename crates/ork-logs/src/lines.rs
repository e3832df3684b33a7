//! Which lines of a log are wanted, and what is answered.

use ork_core::executor::Stream;
use ork_core::log::Line;

use crate::pattern::Pattern;

/// From where on lines are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinesFrom {
    /// Behind so many.
    After(u64),
    /// The last so many.
    Last(u64),
}

/// Which lines are wanted.
#[derive(Debug, Clone)]
pub struct LinesAsked {
    /// From where on.
    pub from: LinesFrom,
    /// So many at the most.
    pub limit: usize,
    /// Only those that match.
    pub pattern: Option<Pattern>,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineRow {
    /// Its number, from 1.
    pub number: u64,
    /// Bytes of the log before it.
    pub offset: u64,
    /// The stream that began it.
    pub stream: Stream,
    /// What it says, without its line break.
    pub bytes: Vec<u8>,
    /// Whether it has a line break: otherwise more of it may follow.
    pub is_whole: bool,
}

impl LineRow {
    /// What it says, as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes.strip_suffix(b"\r").unwrap_or(&self.bytes)).into_owned()
    }
}

impl From<Line<'_>> for LineRow {
    fn from(line: Line<'_>) -> Self {
        let Line { number, offset, stream, bytes, is_whole } = line;
        Self { number, offset, stream, bytes: bytes.to_vec(), is_whole }
    }
}

/// Lines that were found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinesPage {
    /// They.
    pub lines: Vec<LineRow>,
    /// Behind how many lines to go on: all those before were looked at, and are whole.
    pub after: u64,
    /// Whether there is more already.
    pub more: bool,
}
