//! The live lines at the bottom of the terminal: drawn over in place, and what is told meanwhile goes above them.
//!
//! A frame is one write that overwrites line by line and erases only what is left over, so that nothing is ever blank
//! in between. (A library for progress bars clears lines before it writes them, and knows nothing of other writers.)

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::sync::{Mutex, PoisonError};

use anstream::{AutoStream, ColorChoice};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The lines as they stand on the screen, with their colours.
static REGION: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Begins and ends a frame for terminals that can hold the picture meanwhile; the others ignore it.
const HOLD: &str = "\x1b[?2026h";
const SHOW: &str = "\x1b[?2026l";

/// Whether there is a terminal that can be drawn on.
pub fn is_possible() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Columns and rows of the terminal.
pub fn size() -> (usize, usize) {
    match rustix::termios::tcgetwinsize(io::stderr()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
        _ => (80, 24),
    }
}

/// Draws these lines in place of those that are there. A terminal that is stopped, or slow, misses a picture rather than
/// making the run wait for it.
pub fn draw(lines: Vec<String>) {
    let mut region = REGION.lock().unwrap_or_else(PoisonError::into_inner);
    if *region != lines && (lines.is_empty() || has_room()) {
        write(&frame(&region, None, &lines, size().0));
        *region = lines;
    }
}

/// Takes the lines away.
pub fn clear() {
    draw(Vec::new());
}

/// Writes a text above the lines.
pub fn tell(text: &str) {
    let region = REGION.lock().unwrap_or_else(PoisonError::into_inner);
    if region.is_empty() {
        // Nobody can be told when stderr is gone.
        let _ = writeln!(anstream::stderr().lock(), "{text}");
    } else {
        write(&frame(&region, Some(text), &region, size().0));
    }
}

fn has_room() -> bool {
    let stderr = io::stderr();
    let mut end = [PollFd::new(&stderr, PollFlags::OUT)];
    poll(&mut end, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
}

fn write(frame: &str) {
    let _ = io::stderr().lock().write_all(frame.as_bytes());
}

/// Text as stderr wants it: with colours or without.
fn dressed(text: &str) -> Cow<'_, str> {
    match AutoStream::choice(&io::stderr()) {
        ColorChoice::Never => Cow::Owned(anstream::adapter::strip_str(text).to_string()),
        _ => Cow::Borrowed(text),
    }
}

fn frame(old: &[String], above: Option<&str>, new: &[String], columns: usize) -> String {
    let columns = columns.max(1);
    // The terminal may have become narrower since, and broken them.
    let rows: usize = old.iter().map(|line| width(line).div_ceil(columns).max(1)).sum();
    let mut frame = String::from(HOLD);
    if rows > 0 {
        let _ = write!(frame, "\r\x1b[{rows}A");
    }
    for line in above.iter().flat_map(|text| text.split('\n')).chain(new.iter().map(String::as_str)) {
        frame.push_str(&dressed(line));
        // At the end of a full row erasing would take its last letter.
        if !width(line).is_multiple_of(columns) || line.is_empty() {
            frame.push_str("\x1b[K");
        }
        frame.push('\n');
    }
    frame.push_str("\x1b[J");
    frame.push_str(SHOW);
    frame
}

/// Columns that a text takes, its colours apart.
pub fn width(text: &str) -> usize {
    anstream::adapter::strip_str(text).to_string().width()
}

/// A text without colours, cut to so many columns.
pub fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let (mut shown, mut left) = (String::new(), columns.saturating_sub(1));
    for letter in text.chars() {
        let wide = letter.width().unwrap_or(0);
        if wide > left {
            break;
        }
        left -= wide;
        shown.push(letter);
    }
    if columns > 0 {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_by_columns() {
        assert_eq!(
            [cut("abcdef", 6), cut("abcdef", 5), cut("日本語", 4), cut("ab", 0)],
            ["abcdef", "abcd…", "日…", ""]
        );
        assert_eq!(width("\x1b[31mred\x1b[0m 日"), 6);
    }

    #[test]
    fn a_frame_goes_back_over_broken_lines_and_erases_what_is_left() {
        let lines = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let shown = frame(&lines(&["0123456789ab", "x"]), Some("told"), &lines(&["y"]), 10);
        assert_eq!(shown, "\x1b[?2026h\r\x1b[3Atold\x1b[K\ny\x1b[K\n\x1b[J\x1b[?2026l");
        let full = frame(&[], None, &lines(&["0123456789"]), 10);
        assert_eq!(full, "\x1b[?2026h0123456789\n\x1b[J\x1b[?2026l");
    }
}
