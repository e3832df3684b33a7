//! Going over a log, page by page, for lines.

use std::collections::VecDeque;
use std::time::Duration;

use memchr::memchr;
use ork_core::error::StoreResult;
use ork_core::log::{Block, LineBlocks, breaks};
use tokio::time::Instant;

use crate::lines::{LineRow, LinesAsked, LinesFrom, LinesPage};
use crate::pattern::Pattern;
use crate::reader::Packed;

/// Bytes of the lines of one answer, about: at least one line.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// How long one search goes on; then it answers how far it came.
const SEARCH_TIME: Duration = Duration::from_secs(2);
/// Bytes that are searched between two looks at the time, and the rest of their last line.
const SLICE_BYTES: usize = 32 << 10;

/// What was found so far, and what is looked for.
pub struct Scan {
    asked: LinesAsked,
    /// Lines before this are passed over.
    start: u64,
    /// Bytes before this were read.
    read: u64,
    assembler: LineBlocks,
    found: VecDeque<LineRow>,
    bytes: usize,
    ends: Instant,
    /// All lines up to this one were looked at.
    after: u64,
    is_full: bool,
}

impl Scan {
    /// For lines behind `start`, from a place of the log on.
    pub fn new(asked: LinesAsked, start: u64, read: u64) -> Self {
        let (assembler, found) = (LineBlocks::default(), VecDeque::new());
        Self {
            asked,
            start,
            read,
            assembler,
            found,
            bytes: 0,
            ends: Instant::now() + SEARCH_TIME,
            after: start,
            is_full: false,
        }
    }

    /// Takes in what was read. False once there is enough.
    pub fn feed(&mut self, pieces: Vec<Packed>) -> StoreResult<bool> {
        for piece in pieces {
            let Some(block) = piece.open()?.behind(self.read) else { continue };
            self.read = block.end_offset();
            for block in self.assembler.push(block) {
                self.look(&block);
                if self.is_full {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Whether the time of a search is over.
    pub fn is_late(&self) -> bool {
        Instant::now() >= self.ends
    }

    /// There is nothing more to be read, at this moment or at all.
    pub fn finish(mut self, more: bool) -> LinesPage {
        if !more
            && !self.is_full
            && let Some(rest) = std::mem::take(&mut self.assembler).finish()
        {
            self.look(&rest);
        }
        LinesPage { lines: self.found.into(), after: self.after, more: more || self.is_full }
    }

    fn look(&mut self, block: &Block) {
        let skipped = self.start.saturating_sub(block.at.line);
        let mut lines = block.lines();
        if !lines.skip_lines(skipped) {
            return;
        }
        let from = lines.position();
        let pattern = self.asked.pattern.take();
        match &pattern {
            Some(pattern) => self.search(pattern, block, from),
            None => {
                for line in lines {
                    if !self.take(line.into()) {
                        break;
                    }
                }
            }
        }
        self.asked.pattern = pattern;
        if !self.is_full {
            self.after = self.after.max(block.end().line);
        }
    }

    /// Searches a block from one of its bytes on, as long as there is time.
    fn search(&mut self, pattern: &Pattern, block: &Block, mut from: usize) {
        let bytes = block.bytes.as_slice();
        while from < bytes.len() && !self.is_full {
            let rest = bytes.get(from + SLICE_BYTES..).unwrap_or_default();
            let end = memchr(b'\n', rest).map_or(bytes.len(), |end| from + SLICE_BYTES + end + 1);
            pattern.search(block, from..end, |line| self.take(line.into()));
            from = end;
            if !self.is_full && from < bytes.len() && self.is_late() {
                self.is_full = true;
                self.after = block.at.line + breaks(&bytes[..from]);
            }
        }
    }

    /// Whether to go on.
    fn take(&mut self, line: LineRow) -> bool {
        if let LinesFrom::Last(count) = self.asked.from {
            self.bytes += line.bytes.len();
            self.found.push_back(line);
            while self.found.len() as u64 > count || (self.bytes > ANSWER_BYTES_MAX && self.found.len() > 1) {
                self.bytes -= self.found.pop_front().map_or(0, |line| line.bytes.len());
            }
            return true;
        }
        let is_full = self.found.len() >= self.asked.limit || self.bytes >= ANSWER_BYTES_MAX;
        if is_full {
            // What follows it was not looked at.
            self.is_full = true;
            self.after = line.number - 1;
            return false;
        }
        self.bytes += line.bytes.len();
        self.found.push_back(line);
        true
    }
}
