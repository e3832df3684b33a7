//! Logs as lines of text.

use std::collections::VecDeque;

use anyhow::Result;
use ork_core::executor::Stream;
use ork_core::id::TaskRef;
use ork_core::store::{LogChunk, LogPage, LogQuery};

use crate::history::History;

/// What is read of a log at once.
const PAGE_BYTES: usize = 256 << 10;

/// Cuts chunks into lines. A line of one stream stays whole when the other stream writes in between.
#[derive(Debug, Default)]
pub struct Lines {
    open: [Vec<u8>; 2],
}

impl Lines {
    /// The lines that end in this chunk.
    pub fn take(&mut self, chunk: &LogChunk) -> Vec<(Stream, String)> {
        let open = &mut self.open[chunk.stream as usize];
        let mut lines = Vec::new();
        for piece in chunk.bytes.split_inclusive(|b| *b == b'\n') {
            open.extend_from_slice(piece);
            if open.ends_with(b"\n") {
                open.pop();
                lines.push((chunk.stream, text(&std::mem::take(open))));
            }
        }
        lines
    }

    /// What is left without a line break at the end.
    pub fn rest(&mut self) -> Vec<(Stream, String)> {
        let open = [Stream::Stdout, Stream::Stderr].into_iter().zip(self.open.iter_mut().map(std::mem::take));
        open.filter(|(_, bytes)| !bytes.is_empty()).map(|(stream, bytes)| (stream, text(&bytes))).collect()
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned()
}

/// The last line with anything in it, of those that line breaks and carriage returns make: programs that draw a
/// progress bar of their own write many over each other.
pub fn last_line(bytes: &[u8]) -> Option<String> {
    let mut lines = bytes.rsplit(|b| matches!(b, b'\n' | b'\r')).map(text);
    lines.find(|line| !line.trim().is_empty())
}

/// A line of somebody else's, without anything that a terminal would obey.
pub fn clean(line: &str) -> String {
    let plain = anstream::adapter::strip_str(line).to_string();
    let is_shown =
        |letter: &char| !letter.is_control() && !matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    plain.replace('\t', "  ").chars().filter(is_shown).collect()
}

/// A page of a log.
pub async fn page(history: &History, task: TaskRef, attempt: u32, from: u32) -> Result<LogPage> {
    history.logs(LogQuery { task, attempt, from, bytes_max: PAGE_BYTES }).await
}

/// The last `count` lines of a log, however long it is, and the position behind them.
pub async fn tail(
    history: &History,
    task: TaskRef,
    attempt: u32,
    count: usize,
) -> Result<(Vec<(Stream, String)>, u32)> {
    let Some(last) = last_position(history, task, attempt).await? else { return Ok((Vec::new(), 0)) };
    let mut back = 8;
    loop {
        let from = last.saturating_sub(back);
        let (mut lines, mut kept, mut at) = (Lines::default(), VecDeque::new(), from);
        let mut is_first = from > 0;
        loop {
            let found = page(history, task, attempt, at).await?;
            for line in found.chunks.iter().flat_map(|chunk| lines.take(chunk)).collect::<Vec<_>>() {
                // What comes first may have begun in a chunk before.
                if !std::mem::take(&mut is_first) {
                    kept.push_back(line);
                }
            }
            match found.next {
                Some(next) => at = next,
                None => break,
            }
        }
        kept.extend(lines.rest());
        if kept.len() >= count || from == 0 {
            let surplus = kept.len().saturating_sub(count);
            return Ok((kept.into_iter().skip(surplus).collect(), last + 1));
        }
        back = back.saturating_mul(4);
    }
}

/// The position of a log's last chunk, in a number of requests that grows with its logarithm.
async fn last_position(history: &History, task: TaskRef, attempt: u32) -> Result<Option<u32>> {
    let exists = async |from: u32| -> Result<bool> {
        let found = history.logs(LogQuery { task, attempt, from, bytes_max: 1 }).await?;
        Ok(!found.chunks.is_empty())
    };
    if !exists(0).await? {
        return Ok(None);
    }
    let (mut low, mut high) = (0, 1);
    while exists(high).await? {
        (low, high) = (high, high.saturating_mul(2));
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if exists(middle).await? { low = middle } else { high = middle }
    }
    Ok(Some(low))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ork_core::clock::{SeededEntropy, Timestamp};
    use ork_core::id::RunId;

    #[test]
    fn the_last_line_is_harmless() {
        assert_eq!(last_line(b"one\ntwo\rthree\r\n \n"), Some("three".into()));
        assert_eq!(last_line(b"\n\r\n"), None);
        assert_eq!(clean("\x1b[2J\x1b]0;title\x07a\tb\u{202e}c\x08"), "a  bc");
    }

    #[test]
    fn lines_of_two_streams_stay_whole() {
        let task = TaskRef { run: RunId::new(Timestamp::default(), &mut SeededEntropy::new(1)), n: 0 };
        let mut lines = Lines::default();
        let mut take = |stream, text: &str| {
            let chunk = LogChunk { task, attempt: 1, position: 0, stream, bytes: text.as_bytes().to_vec() };
            lines.take(&chunk).into_iter().map(|(_, line)| line).collect::<Vec<_>>()
        };
        assert_eq!(take(Stream::Stdout, "one\ntw"), ["one"]);
        assert_eq!(take(Stream::Stderr, "oops\r\n"), ["oops"]);
        assert_eq!(take(Stream::Stdout, "o\n\nthree"), ["two", ""]);
        assert_eq!(lines.rest(), [(Stream::Stdout, "three".to_owned())]);
    }
}
