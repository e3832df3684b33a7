//! The log of an attempt: one sequence of bytes, what both streams wrote and what Ork noted, in the order in which it came.
//!
//! While the attempt runs it is stored in small chunks; afterwards in packed parts, of which each can be read alone. Both say
//! where they begin: how many bytes are before them, and how many line breaks. So whatever is looked for, one part holds it.
//!
//! Lines are those of the whole sequence: where one stream writes into a line that the other has begun, the line is shown as
//! it was written, and is said to be of the stream that began it.

use memchr::{memchr, memchr_iter, memrchr};

use crate::executor::Stream;
use crate::limits::LOG_PART_BYTES_MAX;

/// A place in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct LogPlace {
    /// Bytes before it.
    pub offset: u64,
    /// Line breaks before it.
    pub line: u64,
}

impl LogPlace {
    /// The place behind these bytes.
    #[must_use]
    pub fn after(self, bytes: &[u8]) -> Self {
        Self { offset: self.offset + bytes.len() as u64, line: self.line + breaks(bytes) }
    }
}

/// How many line breaks there are.
#[must_use]
pub fn breaks(bytes: &[u8]) -> u64 {
    memchr_iter(b'\n', bytes).count() as u64
}

/// Bytes of one stream that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The stream.
    pub stream: Stream,
    /// How many bytes.
    pub bytes: usize,
}

/// Bytes of a log that follow each other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Block {
    /// Where it begins.
    pub at: LogPlace,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Whose they are, one after the other; together as many as there are bytes.
    pub stretches: Vec<Stretch>,
}

/// The first byte of a block as it is kept: how what follows is to be read.
const VERSION: u8 = 1;

impl Block {
    /// Nothing, at a place.
    #[must_use]
    pub fn at(at: LogPlace) -> Self {
        Self { at, ..Self::default() }
    }

    /// Bytes of one stream.
    #[must_use]
    pub fn of(at: LogPlace, stream: Stream, bytes: Vec<u8>) -> Self {
        let stretches = if bytes.is_empty() { Vec::new() } else { vec![Stretch { stream, bytes: bytes.len() }] };
        Self { at, bytes, stretches }
    }

    /// The place behind it.
    #[must_use]
    pub fn end(&self) -> LogPlace {
        self.at.after(&self.bytes)
    }

    /// How many bytes are before its end.
    #[must_use]
    pub const fn end_offset(&self) -> u64 {
        self.at.offset + self.bytes.len() as u64
    }

    /// Adds what follows.
    pub fn append(&mut self, next: &Self) {
        self.bytes.extend_from_slice(&next.bytes);
        for stretch in &next.stretches {
            add(&mut self.stretches, *stretch);
        }
    }

    /// Cuts it in two; the second begins behind so many bytes.
    #[must_use]
    pub fn split_off(&mut self, at: usize) -> Self {
        let mut rest = Self { bytes: self.bytes.split_off(at), ..Self::default() };
        rest.at = self.end();
        let (mut left, mut first) = (at, Vec::new());
        for stretch in self.stretches.drain(..) {
            let here = stretch.bytes.min(left);
            left -= here;
            add(&mut first, Stretch { bytes: here, ..stretch });
            add(&mut rest.stretches, Stretch { bytes: stretch.bytes - here, ..stretch });
        }
        self.stretches = first;
        rest
    }

    /// What of it comes behind so many bytes of the log; `None` when nothing does. What was stored twice, cut in another way,
    /// counts once.
    #[must_use]
    pub fn behind(mut self, offset: u64) -> Option<Self> {
        let known = offset.saturating_sub(self.at.offset);
        if known == 0 {
            return Some(self).filter(|block| !block.bytes.is_empty());
        }
        let known = usize::try_from(known).ok().filter(|known| *known < self.bytes.len())?;
        Some(self.split_off(known))
    }

    /// Its pieces, each of one stream and with its offset.
    pub fn pieces(&self) -> impl Iterator<Item = (u64, Stream, &[u8])> {
        let mut from = 0;
        self.stretches.iter().map(move |stretch| {
            let piece = &self.bytes[from..from + stretch.bytes];
            let offset = self.at.offset + from as u64;
            from += stretch.bytes;
            (offset, stretch.stream, piece)
        })
    }

    /// Its lines. The first one is the rest of a line when the block begins within one.
    #[must_use]
    pub fn lines(&self) -> Lines<'_> {
        Lines { block: self, from: 0, line: self.at.line, stretch: 0, stretch_from: 0 }
    }

    /// As it is kept.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.bytes.len() + 8 * self.stretches.len() + 8);
        bytes.push(VERSION);
        write_number(&mut bytes, self.stretches.len() as u64);
        for stretch in &self.stretches {
            bytes.push(code(stretch.stream));
            write_number(&mut bytes, stretch.bytes as u64);
        }
        bytes.extend_from_slice(&self.bytes);
        bytes
    }

    /// Reads what was kept; `None` when Ork cannot have written it.
    #[must_use]
    pub fn decode(at: LogPlace, kept: &[u8]) -> Option<Self> {
        let mut rest = kept.strip_prefix(&[VERSION])?;
        let count = read_number(&mut rest)?;
        let mut stretches = Vec::new();
        let mut bytes = 0_usize;
        for _ in 0..count {
            let (first, after) = rest.split_first()?;
            rest = after;
            let stretch = Stretch { stream: stream(*first)?, bytes: usize::try_from(read_number(&mut rest)?).ok()? };
            bytes = bytes.checked_add(stretch.bytes)?;
            stretches.push(stretch);
        }
        (bytes == rest.len()).then(|| Self { at, bytes: rest.to_vec(), stretches })
    }
}

fn add(stretches: &mut Vec<Stretch>, next: Stretch) {
    match stretches.last_mut() {
        _ if next.bytes == 0 => {}
        Some(last) if last.stream == next.stream => last.bytes += next.bytes,
        _ => stretches.push(next),
    }
}

const fn code(stream: Stream) -> u8 {
    match stream {
        Stream::Stdout => 1,
        Stream::Stderr => 2,
        Stream::Ork => 3,
    }
}

fn stream(code_of: u8) -> Option<Stream> {
    Stream::ALL.iter().copied().find(|stream| code(*stream) == code_of)
}

/// Seven bits a byte, the lowest first.
fn write_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn read_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// A line of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Its number in the log, from 1.
    pub number: u64,
    /// Bytes of the log before it.
    pub offset: u64,
    /// The stream that began it.
    pub stream: Stream,
    /// What it says, without its line break.
    pub bytes: &'a [u8],
    /// Whether it has a line break: otherwise more of it may follow.
    pub is_whole: bool,
}

impl Line<'_> {
    /// What it says, as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes.strip_suffix(b"\r").unwrap_or(self.bytes)).into_owned()
    }
}

/// The lines of a block.
#[derive(Debug, Clone)]
pub struct Lines<'a> {
    block: &'a Block,
    from: usize,
    line: u64,
    /// The stretch that holds `from`, and where it begins.
    stretch: usize,
    stretch_from: usize,
}

impl Lines<'_> {
    /// Passes over everything before a byte of the block, which begins a line.
    pub fn skip_to(&mut self, from: usize) {
        self.line += breaks(&self.block.bytes[self.from..from]);
        self.from = from;
    }

    /// Passes over so many lines. False when the block ends before that.
    pub fn skip_lines(&mut self, lines: u64) -> bool {
        let Some(last) = lines.checked_sub(1) else { return true };
        let last = usize::try_from(last).unwrap_or(usize::MAX);
        let Some(end) = memchr_iter(b'\n', &self.block.bytes[self.from..]).nth(last) else { return false };
        self.from += end + 1;
        self.line += lines;
        true
    }

    /// The byte of the block with which the next line begins.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.from
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let rest = self.block.bytes.get(self.from..).filter(|rest| !rest.is_empty())?;
        let end = memchr(b'\n', rest);
        let bytes = &rest[..end.unwrap_or(rest.len())];
        while let Some(stretch) = self.block.stretches.get(self.stretch)
            && self.stretch_from + stretch.bytes <= self.from
        {
            self.stretch_from += stretch.bytes;
            self.stretch += 1;
        }
        let stream = self.block.stretches.get(self.stretch).map_or(Stream::Stdout, |stretch| stretch.stream);
        let line = Line {
            number: self.line + 1,
            offset: self.block.at.offset + self.from as u64,
            stream,
            bytes,
            is_whole: end.is_some(),
        };
        self.from += bytes.len() + usize::from(line.is_whole);
        self.line += u64::from(line.is_whole);
        Some(line)
    }
}

/// Cuts what comes, in order, into parts that are packed one by one: behind a line break if there is one near.
#[derive(Debug)]
pub struct Cutter {
    open: Block,
}

impl Cutter {
    /// Behind what is packed already.
    #[must_use]
    pub fn new(at: LogPlace) -> Self {
        Self { open: Block::at(at) }
    }

    /// Takes what follows; answers the parts that are full. Where bytes are missing, a part ends.
    pub fn push(&mut self, next: Block) -> Vec<Block> {
        let mut full = Vec::new();
        let Some(next) = next.behind(self.open.end_offset()) else { return full };
        if next.at.offset > self.open.end_offset() {
            full.extend(
                Some(std::mem::replace(&mut self.open, Block::at(next.at))).filter(|open| !open.bytes.is_empty()),
            );
        }
        self.open.append(&next);
        while self.open.bytes.len() >= LOG_PART_BYTES_MAX {
            let head = &self.open.bytes[..LOG_PART_BYTES_MAX];
            let cut = memrchr(b'\n', head).map_or(LOG_PART_BYTES_MAX, |at| at + 1);
            let rest = self.open.split_off(cut);
            full.push(std::mem::replace(&mut self.open, rest));
        }
        full
    }

    /// What is left.
    #[must_use]
    pub fn finish(self) -> Option<Block> {
        Some(self.open).filter(|open| !open.bytes.is_empty())
    }
}

/// Puts what is read together so that no line is cut.
#[derive(Debug, Default)]
pub struct LineBlocks {
    open: Block,
}

/// Bytes of a line that are waited for. A longer one, which no attempt of ours writes, is given in pieces.
const LINE_BYTES_MAX: usize = LOG_PART_BYTES_MAX;

impl LineBlocks {
    /// Takes what follows; answers blocks that end with a line.
    pub fn push(&mut self, next: Block) -> Vec<Block> {
        let mut whole = Vec::new();
        if next.at.offset != self.open.end_offset() || self.open.bytes.is_empty() {
            let before = std::mem::replace(&mut self.open, next);
            whole.extend(Some(before).filter(|before| !before.bytes.is_empty()));
        } else {
            self.open.append(&next);
        }
        let end = memrchr(b'\n', &self.open.bytes).map(|at| at + 1);
        let is_too_long = self.open.bytes.len() >= LINE_BYTES_MAX;
        if let Some(end) = end.or_else(|| is_too_long.then_some(self.open.bytes.len())) {
            let rest = self.open.split_off(end);
            whole.push(std::mem::replace(&mut self.open, rest));
        }
        whole
    }

    /// The line that is not over yet.
    #[must_use]
    pub fn finish(self) -> Option<Block> {
        Some(self.open).filter(|open| !open.bytes.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn log(pieces: &[(Stream, &[u8])]) -> Block {
        let mut whole = Block::default();
        for (stream, bytes) in pieces {
            whole.append(&Block::of(whole.end(), *stream, bytes.to_vec()));
        }
        whole
    }

    #[test]
    fn lines_are_of_the_stream_that_begins_them() {
        let whole = log(&[
            (Stream::Stdout, b"one\ntw"),
            (Stream::Stderr, b"oops\r\n"),
            (Stream::Ork, b"note\n"),
            (Stream::Stdout, b"\nthree"),
        ]);
        let lines: Vec<_> =
            whole.lines().map(|l| (l.number, l.offset, l.stream.word(), l.text(), l.is_whole)).collect();
        assert_eq!(
            lines,
            [
                (1, 0, "stdout", "one".to_owned(), true),
                (2, 4, "stdout", "twoops".to_owned(), true),
                (3, 12, "ork", "note".to_owned(), true),
                (4, 17, "stdout", String::new(), true),
                (5, 18, "stdout", "three".to_owned(), false),
            ]
        );
        assert_eq!(Block::default().lines().count(), 0);
        assert_eq!(whole.end(), LogPlace { offset: 23, line: 4 });
    }

    #[test]
    fn breaks_are_counted_however_many_there_are() {
        for count in [0, 1, 254, 255, 256, 70_000] {
            assert_eq!(breaks(&b"\n".repeat(count)), count as u64);
            assert_eq!(breaks(&b"a\n".repeat(count)), count as u64);
        }
    }

    #[test]
    fn what_is_kept_otherwise_is_not_read() {
        let kept = log(&[(Stream::Stdout, b"ab"), (Stream::Stderr, b"c")]).encode();
        assert!(Block::decode(LogPlace::default(), &kept).is_some());
        for cut in 0..kept.len() {
            assert_eq!(Block::decode(LogPlace::default(), &kept[..cut]), None, "{cut}");
        }
        assert_eq!(Block::decode(LogPlace::default(), &[1, 1, 9, 1, b'a']), None, "an unknown stream");
        let mut huge = vec![1, 1, 1];
        write_number(&mut huge, u64::MAX >> 1);
        assert_eq!(Block::decode(LogPlace::default(), &huge), None);
    }

    #[test]
    fn parts_end_with_lines_where_there_are_any() {
        let mut cutter = Cutter::new(LogPlace::default());
        let line = [b"x".repeat(64 << 10), b"\n".to_vec()].concat();
        let text = line.repeat(40);
        let mut parts = cutter.push(Block::of(LogPlace::default(), Stream::Stdout, text.clone()));
        parts.extend(cutter.finish());
        assert!(parts.iter().all(|part| part.bytes.ends_with(b"\n") && part.bytes.len() <= LOG_PART_BYTES_MAX));
        assert_eq!(parts.iter().flat_map(|part| part.bytes.clone()).collect::<Vec<_>>(), text);
        assert_eq!(parts.iter().map(|part| breaks(&part.bytes)).sum::<u64>(), 40);
        // One line without an end.
        let mut cutter = Cutter::new(LogPlace::default());
        let text = b"y".repeat(3 * LOG_PART_BYTES_MAX + 5);
        let mut parts = cutter.push(Block::of(LogPlace::default(), Stream::Stdout, text));
        parts.extend(cutter.finish());
        assert_eq!(
            parts.iter().map(|part| part.bytes.len()).collect::<Vec<_>>(),
            [LOG_PART_BYTES_MAX; 3].into_iter().chain([5]).collect::<Vec<_>>()
        );
    }

    #[test]
    fn what_came_twice_counts_once_and_what_is_missing_ends_a_part() {
        let at = |offset, line| LogPlace { offset, line };
        let mut cutter = Cutter::new(at(10, 2));
        assert!(cutter.push(Block::of(at(4, 1), Stream::Stdout, b"packed".to_vec())).is_empty());
        assert!(cutter.push(Block::of(at(8, 2), Stream::Stdout, b"..abc\n".to_vec())).is_empty());
        assert!(cutter.push(Block::of(at(12, 2), Stream::Stderr, b"c\nde".to_vec())).is_empty());
        let full = cutter.push(Block::of(at(100, 7), Stream::Stdout, b"z\n".to_vec()));
        assert_eq!(full.len(), 1);
        assert_eq!((full[0].at, full[0].bytes.as_slice()), (at(10, 2), b"abc\nde".as_slice()));
        let rest = cutter.finish().unwrap();
        assert_eq!((rest.at, rest.end()), (at(100, 7), at(102, 8)));
    }

    fn any_pieces() -> impl Strategy<Value = Vec<(Stream, Vec<u8>)>> {
        let stream = prop_oneof![Just(Stream::Stdout), Just(Stream::Stderr), Just(Stream::Ork)];
        let byte = prop_oneof![4 => any::<u8>(), 1 => Just(b'\n')];
        prop::collection::vec((stream, prop::collection::vec(byte, 0..40)), 0..40)
    }

    proptest! {
        #[test]
        fn blocks_come_back_as_they_were(pieces in any_pieces(), cut in 0_usize..1_000, from in 0_u64..1_000) {
            let pieces: Vec<(Stream, &[u8])> = pieces.iter().map(|(stream, bytes)| (*stream, bytes.as_slice())).collect();
            let whole = log(&pieces);
            prop_assert_eq!(Block::decode(whole.at, &whole.encode()), Some(whole.clone()));
            let streams: Vec<Stream> = pieces.iter().flat_map(|(stream, bytes)| bytes.iter().map(|_| *stream)).collect();
            let shown: Vec<Stream> = whole.pieces().flat_map(|(_, stream, bytes)| bytes.iter().map(move |_| stream)).collect();
            prop_assert_eq!(&shown, &streams);
            let mut first = whole.clone();
            let second = first.split_off(cut.min(whole.bytes.len()));
            prop_assert_eq!(second.at, first.end());
            let mut joined = first;
            joined.append(&second);
            prop_assert_eq!(&joined, &whole);
            let behind = whole.clone().behind(from).map(|rest| rest.bytes).unwrap_or_default();
            prop_assert_eq!(behind, whole.bytes.get(from as usize..).unwrap_or_default());
        }

        /// However a log is cut on its way, its lines are the same.
        #[test]
        fn lines_do_not_depend_on_cuts(pieces in any_pieces(), cuts in prop::collection::vec(1_usize..60, 1..30)) {
            let pieces: Vec<(Stream, &[u8])> = pieces.iter().map(|(stream, bytes)| (*stream, bytes.as_slice())).collect();
            let whole = log(&pieces);
            let (mut rest, mut blocks) = (whole.clone(), Vec::new());
            let mut assembler = LineBlocks::default();
            for cut in cuts.iter().cycle() {
                if rest.bytes.is_empty() { break; }
                let next = rest.split_off((*cut).min(rest.bytes.len()));
                blocks.extend(assembler.push(std::mem::replace(&mut rest, next)));
            }
            blocks.extend(assembler.finish());
            let shown: Vec<_> = blocks.iter().flat_map(|block| block.lines()).collect();
            prop_assert_eq!(shown, whole.lines().collect::<Vec<_>>());
        }
    }
}
