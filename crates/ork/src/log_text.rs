//! Logs as lines of text, for people: in colours, and with nothing else that a terminal would obey.

use std::borrow::Cow;

use anyhow::Result;
use ork_core::executor::Stream;
use ork_core::id::TaskRef;
use ork_core::limits::LOG_LINES_MAX;
use ork_logs::LineRow;
use ork_server::logs::Wish;

use crate::history::History;

/// Signs of one sequence that sets colours.
const COLOURS_MAX: usize = 32;
/// How lines of Ork's own begin.
const NOTES: [&str; 2] = ["ork:", "[ork:"];

/// Cuts what comes of a log into lines. A line of one stream stays whole when the other stream writes in between.
#[derive(Debug, Default)]
pub struct Lines {
    open: [Vec<u8>; Stream::ALL.len()],
}

impl Lines {
    /// The lines that end in this piece.
    pub fn take(&mut self, stream: Stream, bytes: &[u8]) -> Vec<(Stream, String)> {
        let open = &mut self.open[stream as usize];
        let mut lines = Vec::new();
        for piece in bytes.split_inclusive(|b| *b == b'\n') {
            open.extend_from_slice(piece);
            if open.ends_with(b"\n") {
                open.pop();
                lines.push((stream, text(&std::mem::take(open))));
            }
        }
        lines
    }

    /// What is left without a line break at the end.
    pub fn rest(&mut self) -> Vec<(Stream, String)> {
        let open = Stream::ALL.iter().copied().zip(self.open.iter_mut().map(std::mem::take));
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

/// A line of a log: colours are as they were written, and end with it. Whatever else a terminal would obey, or would show as
/// something that it is not, is written out; and what a task writes like a note of Ork's has a backslash before it.
pub fn shown(stream: Stream, line: &str) -> String {
    let mut shown = String::with_capacity(line.len() + 8);
    if stream != Stream::Ork && is_like_a_note(line) {
        shown.push('\\');
    }
    if write_out(line, &mut shown) {
        shown.push_str("\x1b[0m");
    }
    shown
}

/// What goes to a terminal, of whoever it is: lines, colours, and nothing else that it would obey.
pub fn harmless(text: &str) -> Cow<'_, str> {
    let is_plain = |letter: char| matches!(letter, '\n' | '\t') || !(letter.is_control() || is_deceptive(letter));
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for line in text.split_inclusive('\n') {
        write_out(line.trim_end_matches('\n'), &mut shown);
        shown.extend(line.ends_with('\n').then_some('\n'));
    }
    Cow::Owned(shown)
}

/// A line with its colours, and the rest of what a terminal would obey written out; whether there are colours.
fn write_out(line: &str, shown: &mut String) -> bool {
    let (mut rest, mut is_coloured) = (line, false);
    while let Some(letter) = rest.chars().next() {
        if let Some(sequence) = colours(rest) {
            shown.push_str(sequence);
            is_coloured = true;
            rest = &rest[sequence.len()..];
            continue;
        }
        match letter {
            '\t' => shown.push(letter),
            '\r' => shown.push_str("\\r"),
            letter if u32::from(letter) < 0x80 && letter.is_control() => {
                shown.push_str(&format!("\\x{:02x}", u32::from(letter)));
            }
            letter if letter.is_control() || is_deceptive(letter) => {
                shown.push_str(&format!("\\u{{{:x}}}", u32::from(letter)));
            }
            letter => shown.push(letter),
        }
        rest = &rest[letter.len_utf8()..];
    }
    is_coloured
}

/// The sequence that sets colours with which a text begins.
fn colours(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("\x1b[")?;
    let end = inner.bytes().take(COLOURS_MAX).position(|b| !(b.is_ascii_digit() || b == b';' || b == b':'))?;
    (inner.as_bytes()[end] == b'm').then(|| &text[..2 + end + 1])
}

/// Signs that turn the direction of a text, break lines where there are none, or say something that nobody sees.
fn is_deceptive(letter: char) -> bool {
    matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{e0000}'..='\u{e007f}')
}

fn is_like_a_note(line: &str) -> bool {
    let plain = anstream::adapter::strip_str(line).to_string();
    let is_seen = |letter: &char| !letter.is_control() && !letter.is_whitespace() && !is_unseen(*letter);
    let beginning: String = plain.chars().filter(is_seen).take(8).collect();
    NOTES.iter().any(|note| beginning.starts_with(note))
}

fn is_unseen(letter: char) -> bool {
    is_deceptive(letter) || matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

/// The last `count` lines of a log, however long it is.
pub async fn tail(history: &History, task: TaskRef, attempt: u32, count: usize) -> Result<Vec<LineRow>> {
    let tail = (count as u64).clamp(1, LOG_LINES_MAX.into());
    Ok(history.log_lines((task, attempt), &Wish { tail: Some(tail), ..Wish::default() }).await?.lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_to_a_terminal_keeps_lines_and_colours() {
        let check = |text: &str, expected: &str| assert_eq!(harmless(text), expected);
        check("one\ttwo\nthree\n", "one\ttwo\nthree\n");
        check("\x1b[31mred\x1b[0m\n\x1b[2Jgone\x07", "\x1b[31mred\x1b[0m\n\\x1b[2Jgone\\x07");
        check("a\u{202e}b\r", "a\\u{202e}b\\r");
        check("\n\n\u{9b}2J", "\n\n\\u{9b}2J");
    }

    #[test]
    fn the_last_line_is_harmless() {
        assert_eq!(last_line(b"one\ntwo\rthree\r\n \n"), Some("three".into()));
        assert_eq!(last_line(b"\n\r\n"), None);
        assert_eq!(clean("\x1b[2J\x1b]0;title\x07a\tb\u{202e}c\x08"), "a  bc");
    }

    /// Attack 44.
    #[test]
    fn only_colours_reach_the_terminal() {
        let check = |line: &str, expected: &str| assert_eq!(shown(Stream::Stdout, line), expected, "{line:?}");
        check("plain\ttext — größer", "plain\ttext — größer");
        check("\x1b[1;31mred\x1b[0m", "\x1b[1;31mred\x1b[0m\x1b[0m");
        check("\x1b[38:2::1:2:3mrgb", "\x1b[38:2::1:2:3mrgb\x1b[0m");
        // The screen, the cursor, the title, the clipboard, links, and what terminals answer to.
        check("\x1b[2J\x1b[H", "\\x1b[2J\\x1b[H");
        check("\x1b[1A\x1b[2Kgone", "\\x1b[1A\\x1b[2Kgone");
        check("\x1b]0;title\x07", "\\x1b]0;title\\x07");
        check("\x1b]52;c;Zm9v\x1b\\", "\\x1b]52;c;Zm9v\\x1b\\");
        check(
            "\x1b]8;;javascript:alert(1)\x1b\\x\x1b]8;;\x1b\\",
            "\\x1b]8;;javascript:alert(1)\\x1b\\x\\x1b]8;;\\x1b\\",
        );
        check("\x1b[6n\x1bc\x1b(0\u{9b}2J", "\\x1b[6n\\x1bc\\x1b(0\\u{9b}2J");
        check("\x1b[?25m\x1b[ m\x1b[1", "\\x1b[?25m\\x1b[ m\\x1b[1");
        check(&format!("\x1b[{}m", "1;".repeat(40)), &format!("\\x1b[{}m", "1;".repeat(40)));
        check("10%\r20%\x08\x7f\0", "10%\\r20%\\x08\\x7f\\x00");
        check("a\u{202e}b\u{2066}c\u{2028}d\u{e0041}", "a\\u{202e}b\\u{2066}c\\u{2028}d\\u{e0041}");
        check("<script>alert(1)</script>", "<script>alert(1)</script>");
    }

    /// Attack 44.
    #[test]
    fn notes_of_ork_cannot_be_forged() {
        assert_eq!(shown(Stream::Ork, "ork: stopped"), "ork: stopped");
        for forged in
            ["ork: stopped", "[ork: x]", "  ork: x", "\u{200b}ork: x", "\x1b[2mork: x", "o\u{ad}rk: x", "[ ork: x"]
        {
            assert!(shown(Stream::Stdout, forged).starts_with('\\'), "{forged:?}");
        }
        for fine in ["work: x", "the ork: x", "ork", "orkestra: x", "[orkestra]"] {
            assert!(!shown(Stream::Stdout, fine).starts_with('\\'), "{fine:?}");
        }
    }

    #[test]
    fn lines_of_two_streams_stay_whole() {
        let mut lines = Lines::default();
        let mut take = |stream, text: &str| {
            lines.take(stream, text.as_bytes()).into_iter().map(|(_, line)| line).collect::<Vec<_>>()
        };
        assert_eq!(take(Stream::Stdout, "one\ntw"), ["one"]);
        assert_eq!(take(Stream::Stderr, "oops\r\n"), ["oops"]);
        assert_eq!(take(Stream::Stdout, "o\n\nthree"), ["two", ""]);
        assert_eq!(lines.rest(), [(Stream::Stdout, "three".to_owned())]);
    }
}
