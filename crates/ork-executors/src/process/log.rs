//! What is kept of an attempt's two streams.

use ork_core::executor::{AttemptIo, Stream};
use ork_core::limits::{LOG_BYTES_MAX, LOG_LINE_BYTES_MAX};

/// Passes an attempt's log on, up to the limits: of a line that is too long its beginning and a mark, of a log that is
/// too long its beginning and one mark. Bytes are passed as they come, in pieces as large as they come. Before a mark it is said
/// that the stream is cut: what comes after it is not what the task wrote next.
pub struct Log<'a> {
    io: &'a dyn AttemptIo,
    /// Bytes that may still be kept.
    left: u64,
    is_cut: bool,
    lines: [Line; 2],
}

/// The line that a stream is in.
#[derive(Default)]
struct Line {
    bytes: usize,
    is_cut: bool,
}

const LINE_MARK: &[u8] = b" [ork: line truncated]";

impl<'a> Log<'a> {
    pub fn new(io: &'a dyn AttemptIo) -> Self {
        Self { io, left: LOG_BYTES_MAX, is_cut: false, lines: <[Line; 2]>::default() }
    }

    /// Takes what was read from a stream.
    pub fn take(&mut self, stream: Stream, bytes: &[u8]) {
        if self.is_cut {
            return;
        }
        let mut from = 0; // what is before it is passed on
        let mut at = 0;
        for piece in bytes.split_inclusive(|&b| b == b'\n') {
            let end = at + piece.len();
            let is_whole = piece.ends_with(b"\n");
            let line = &mut self.lines[stream as usize];
            let room = LOG_LINE_BYTES_MAX.saturating_sub(line.bytes);
            let body = piece.len() - usize::from(is_whole);
            let overflows = body > room;
            let was_cut = line.is_cut;
            if is_whole {
                *line = Line::default();
            } else {
                *line = Line { bytes: line.bytes.saturating_add(body), is_cut: was_cut || overflows };
            }
            if overflows {
                self.keep(stream, &bytes[from..at + room]);
                if !was_cut {
                    self.io.log_cut(stream);
                    self.keep(stream, LINE_MARK);
                }
                from = at + body; // the newline, if it is there, is passed on with what follows
            }
            at = end;
        }
        self.keep(stream, &bytes[from..]);
    }

    /// A line of Ork's own, which no limit holds back.
    pub fn note(&self, text: &str) {
        self.io.log(Stream::Ork, format!("ork: {text}\n").as_bytes());
    }

    fn keep(&mut self, stream: Stream, bytes: &[u8]) {
        if bytes.is_empty() || self.is_cut {
            return;
        }
        let fits = usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()));
        self.left -= fits as u64;
        if fits > 0 {
            self.io.log(stream, &bytes[..fits]);
        }
        if fits < bytes.len() {
            self.is_cut = true;
            self.io.log_cut(stream);
            let kept = LOG_BYTES_MAX >> 20;
            self.io.log(Stream::Ork, format!("[ork: log truncated: the first {kept} MiB are kept]\n").as_bytes());
        }
    }
}
