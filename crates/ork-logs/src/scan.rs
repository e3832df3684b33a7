//! Going over a log, page by page, for lines.

use std::collections::VecDeque;

use ork_core::error::StoreResult;
use ork_core::log::{Block, LineBlocks};

use crate::lines::{LineRow, LinesAsked, LinesFrom, LinesPage};
use crate::reader::Packed;

/// Bytes of the lines of one answer, about: at least one line.
const ANSWER_BYTES_MAX: usize = 4 << 20;

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
    /// All lines up to this one were looked at.
    after: u64,
    is_full: bool,
}

impl Scan {
    /// For lines behind `start`, from a place of the log on.
    pub fn new(asked: LinesAsked, start: u64, read: u64) -> Self {
        let (assembler, found) = (LineBlocks::default(), VecDeque::new());
        Self { asked, start, read, assembler, found, bytes: 0, after: start, is_full: false }
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
            Some(pattern) => pattern.search(block, from, |line| self.take(line.into())),
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
