//! Server-sent events: bytes become events, as the HTML standard says it.

use std::time::Duration;

/// Bytes of a line, and of what an event says. Values of Ork are at most 1 MiB, and are escaped in JSON.
const BYTES_MAX: usize = 8 << 20;

/// An event of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The cursor behind it.
    pub id: String,
    /// Its type; `message` when the server gave none.
    pub kind: String,
    /// What it says; lines are joined by line feeds.
    pub data: String,
}

/// A line, or an event of many, that is longer than anybody has to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

/// Reads bytes as they come, in pieces of any size.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    /// The last byte was a carriage return: a line feed after it belongs to it.
    after_return: bool,
    begun: bool,
    /// As far as a blank line has come: an event that breaks off was not seen.
    seen: String,
    id: String,
    kind: String,
    data: Option<String>,
    retry: Option<Duration>,
}

impl Parser {
    /// A parser of a stream that goes on after this event.
    #[must_use]
    pub fn after(id: &str) -> Self {
        Self { id: id.to_owned(), seen: id.to_owned(), ..Self::default() }
    }

    /// The id to go on from: that of the last event or of a heartbeat; empty when none was sent.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        &self.seen
    }

    /// What the server wants to be waited before the stream is opened again.
    #[must_use]
    pub const fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// The stream is opened again after this event: half an event is forgotten, and what the server wants to be waited is not.
    pub fn open_again(&mut self, id: &str) {
        *self = Self { retry: self.retry, ..Self::after(id) };
    }

    /// Takes bytes, and gives the events that they complete, each with the id to go on from.
    ///
    /// # Errors
    /// When a line or an event is too long; nothing can be read after it.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, TooLong> {
        let mut events = Vec::new();
        for byte in bytes {
            match byte {
                b'\n' if self.after_return => self.after_return = false,
                b'\n' | b'\r' => {
                    self.after_return = *byte == b'\r';
                    events.extend(self.end_line()?);
                }
                _ if self.line.len() >= BYTES_MAX => return Err(TooLong),
                _ => {
                    self.after_return = false;
                    self.line.push(*byte);
                }
            }
        }
        Ok(events)
    }

    fn end_line(&mut self) -> Result<Option<Event>, TooLong> {
        let line = std::mem::take(&mut self.line);
        let mut line = &*String::from_utf8_lossy(&line);
        if !std::mem::replace(&mut self.begun, true) {
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        if line.is_empty() {
            self.seen.clone_from(&self.id);
            let kind = std::mem::take(&mut self.kind);
            let kind = if kind.is_empty() { "message".into() } else { kind };
            return Ok(self.data.take().map(|data| Event { id: self.id.clone(), kind, data }));
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" if !value.contains('\0') => self.id = value.to_owned(),
            "event" => self.kind = value.to_owned(),
            "data" => match &mut self.data {
                Some(data) if data.len() + value.len() >= BYTES_MAX => return Err(TooLong),
                Some(data) => *data += &format!("\n{value}"),
                None => self.data = Some(value.to_owned()),
            },
            "retry" if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) => {
                self.retry = value.parse().ok().map(Duration::from_millis);
            }
            // A comment, or a field that is not known.
            _ => {}
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, kind: &str, data: &str) -> Event {
        Event { id: id.into(), kind: kind.into(), data: data.into() }
    }

    /// Whatever the pieces are.
    fn check(text: &str, expected: &[Event]) -> Parser {
        for size in 1..=text.len().max(1) {
            let mut parser = Parser::default();
            let pieces = text.as_bytes().chunks(size);
            let events: Vec<Event> = pieces.flat_map(|piece| parser.push(piece).unwrap()).collect();
            assert_eq!(events, expected, "{text:?} in pieces of {size}");
        }
        let mut parser = Parser::default();
        parser.push(text.as_bytes()).unwrap();
        parser
    }

    #[test]
    fn events_are_read_as_the_standard_says() {
        check("id: 1\nevent: a\ndata: x\n\n", &[event("1", "a", "x")]);
        check("data: x\ndata:y\n\ndata\n\n", &[event("", "message", "x\ny"), event("", "message", "")]);
        check(
            "\u{feff}data:  x \r\n\r\ndata: y\r\rdata: z\n\n",
            &[event("", "message", " x "), event("", "message", "y"), event("", "message", "z")],
        );
        check("id: 1\ndata: a\n\nid: 2\n\ndata: b\n\n", &[event("1", "message", "a"), event("2", "message", "b")]);
        check("event: a\n\ndata: x\n\n", &[event("", "message", "x")]);
        check("what: is\n: a comment\n:\nid\ndata: x\n\n", &[event("", "message", "x")]);
        check("data: not ended\n", &[]);
        assert_eq!(check("retry: 250\nid: 7\n\nretry: 9x\nretry:\n\n", &[]).retry(), Some(Duration::from_millis(250)));
        assert_eq!(check(":\nid: 7\n\nid: a\0b\n\n", &[]).last_event_id(), "7");
    }

    #[test]
    fn a_line_without_an_end_is_refused() {
        let mut parser = Parser::default();
        assert_eq!(parser.push(&vec![b'x'; BYTES_MAX]), Ok(vec![]));
        assert_eq!(parser.push(b"x"), Err(TooLong));
    }

    #[test]
    fn an_event_without_an_end_is_refused() {
        let mut parser = Parser::default();
        let half = format!("data:{}\n", "x".repeat(BYTES_MAX / 2)).into_bytes();
        assert_eq!(parser.push(&half), Ok(vec![]));
        assert_eq!(parser.push(&half), Err(TooLong));
    }
}
