//! JSON that is looked at as it passes, for values too large to be held in memory.

use super::JsonError;
use crate::limits::JSON_DEPTH_MAX;

/// Looks at a text piece by piece by the rules of [`super::Json`], but for its size: valid JSON (RFC 8259) in UTF-8, at most
/// [`JSON_DEPTH_MAX`] levels deep, without NUL characters. Needs no memory but for one bit a level.
#[derive(Debug)]
pub struct JsonScan {
    state: State,
    /// What is open, from the outside: whether it is an object.
    open: Vec<bool>,
    utf8: Utf8Scan,
    bytes: u64,
}

/// What may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Value,
    /// A value, or the end of the array that was just opened.
    ValueOrEnd,
    /// A key, or the end of the object that was just opened.
    KeyOrEnd,
    Key,
    Colon,
    /// What follows a value.
    After,
    Text(Text),
    /// The rest of `true`, `false` or `null`.
    Word(&'static [u8]),
    Number(Number),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Text {
    is_key: bool,
    at: InText,
    /// A high surrogate was read, and its low one must follow.
    wants_low: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InText {
    Plain,
    Escape,
    /// So many hexadecimal digits were read, and what they say.
    Hex(u8, u16),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Number {
    Minus,
    Zero,
    Whole,
    Point,
    Fraction,
    E,
    ESign,
    Exponent,
}

impl Default for JsonScan {
    fn default() -> Self {
        Self { state: State::Value, open: Vec::new(), utf8: Utf8Scan::default(), bytes: 0 }
    }
}

impl JsonScan {
    /// Looks at the next bytes.
    ///
    /// # Errors
    /// When the text is not JSON, whatever comes, or breaks a rule.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), JsonError> {
        self.utf8.take(bytes).map_err(JsonError::Invalid)?;
        for &byte in bytes {
            self.byte(byte)?;
            self.bytes += 1;
        }
        Ok(())
    }

    /// Nothing more comes.
    ///
    /// # Errors
    /// When something is missing.
    pub fn end(mut self) -> Result<(), JsonError> {
        self.utf8.end().map_err(JsonError::Invalid)?;
        if let State::Number(number) = self.state
            && number.may_end()
        {
            self.state = State::After;
        }
        if self.state == State::After && self.open.is_empty() { Ok(()) } else { Err(self.wrong("it ends too early")) }
    }

    fn wrong(&self, what: &str) -> JsonError {
        JsonError::Invalid(format!("{what}, at byte {}", self.bytes + 1))
    }

    fn byte(&mut self, byte: u8) -> Result<(), JsonError> {
        match self.state {
            State::Text(text) => return self.in_text(text, byte),
            State::Word(rest) => {
                self.state = match rest.split_first() {
                    Some((first, [])) if *first == byte => State::After,
                    Some((first, rest)) if *first == byte => State::Word(rest),
                    _ => return Err(self.wrong("no such word")),
                };
                return Ok(());
            }
            State::Number(number) => {
                if let Some(next) = number.next(byte) {
                    self.state = State::Number(next);
                    return Ok(());
                }
                if !number.may_end() {
                    return Err(self.wrong("not a number"));
                }
                self.state = State::After;
            }
            _ => {}
        }
        if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            return Ok(());
        }
        match (self.state, byte) {
            (State::ValueOrEnd | State::After, b']') if self.open.last() == Some(&false) => self.close(),
            (State::KeyOrEnd | State::After, b'}') if self.open.last() == Some(&true) => self.close(),
            (State::Value | State::ValueOrEnd, _) => return self.value(byte),
            (State::Key | State::KeyOrEnd, b'"') => self.state = text(true),
            (State::Colon, b':') => self.state = State::Value,
            (State::After, b',') => match self.open.last() {
                Some(true) => self.state = State::Key,
                Some(false) => self.state = State::Value,
                None => return Err(self.wrong("something follows the value")),
            },
            (State::After, _) if self.open.is_empty() => return Err(self.wrong("something follows the value")),
            _ => return Err(self.wrong("another character was expected")),
        }
        Ok(())
    }

    fn value(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.open.len() >= JSON_DEPTH_MAX {
            return Err(JsonError::TooDeep);
        }
        self.state = match byte {
            b'{' => {
                self.open.push(true);
                State::KeyOrEnd
            }
            b'[' => {
                self.open.push(false);
                State::ValueOrEnd
            }
            b'"' => text(false),
            b't' => State::Word(b"rue"),
            b'f' => State::Word(b"alse"),
            b'n' => State::Word(b"ull"),
            b'-' => State::Number(Number::Minus),
            b'0' => State::Number(Number::Zero),
            b'1'..=b'9' => State::Number(Number::Whole),
            _ => return Err(self.wrong("a value was expected")),
        };
        Ok(())
    }

    fn close(&mut self) {
        self.open.pop();
        self.state = State::After;
    }

    fn in_text(&mut self, mut text: Text, byte: u8) -> Result<(), JsonError> {
        let is_escape =
            matches!((text.at, byte), (InText::Plain, b'\\') | (InText::Escape, b'u') | (InText::Hex(..), _));
        if text.wants_low && !is_escape {
            return Err(self.wrong("half of a surrogate pair"));
        }
        text.at = match (text.at, byte) {
            (InText::Plain, b'"') => {
                self.state = if text.is_key { State::Colon } else { State::After };
                return Ok(());
            }
            (InText::Plain, b'\\') => InText::Escape,
            (InText::Plain, 0..=0x1f) => return Err(self.wrong("a control character in a string")),
            (InText::Plain, _) | (InText::Escape, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                InText::Plain
            }
            (InText::Escape, b'u') => InText::Hex(0, 0),
            (InText::Escape, _) => return Err(self.wrong("no such escape")),
            (InText::Hex(count, value), digit) => {
                let digit = char::from(digit).to_digit(16).and_then(|digit| u16::try_from(digit).ok());
                let value = value << 4 | digit.ok_or_else(|| self.wrong("not a hexadecimal digit"))?;
                if count < 3 {
                    InText::Hex(count + 1, value)
                } else {
                    text.wants_low = self.unit(value, text.wants_low)?;
                    InText::Plain
                }
            }
        };
        self.state = State::Text(text);
        Ok(())
    }

    /// One unit of UTF-16; whether another must follow.
    fn unit(&self, value: u16, wants_low: bool) -> Result<bool, JsonError> {
        match value {
            0 if !wants_low => Err(JsonError::Nul),
            0xd800..=0xdbff if !wants_low => Ok(true),
            0xdc00..=0xdfff if wants_low => Ok(false),
            0xd800..=0xdfff => Err(self.wrong("half of a surrogate pair")),
            _ if wants_low => Err(self.wrong("half of a surrogate pair")),
            _ => Ok(false),
        }
    }
}

const fn text(is_key: bool) -> State {
    State::Text(Text { is_key, at: InText::Plain, wants_low: false })
}

impl Number {
    const fn may_end(self) -> bool {
        matches!(self, Self::Zero | Self::Whole | Self::Fraction | Self::Exponent)
    }

    const fn next(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Minus, b'0') => Self::Zero,
            (Self::Minus, b'1'..=b'9') | (Self::Whole, b'0'..=b'9') => Self::Whole,
            (Self::Zero | Self::Whole, b'.') => Self::Point,
            (Self::Point | Self::Fraction, b'0'..=b'9') => Self::Fraction,
            (Self::Zero | Self::Whole | Self::Fraction, b'e' | b'E') => Self::E,
            (Self::E, b'+' | b'-') => Self::ESign,
            (Self::E | Self::ESign | Self::Exponent, b'0'..=b'9') => Self::Exponent,
            _ => return None,
        })
    }
}

/// Looks whether bytes that come in pieces are UTF-8.
#[derive(Debug, Default)]
pub struct Utf8Scan {
    /// The beginning of a character of which the rest is still to come.
    begun: Vec<u8>,
    has_nul: bool,
}

impl Utf8Scan {
    /// Looks at the next bytes.
    ///
    /// # Errors
    /// In plain words, when they are not UTF-8.
    pub fn take(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        self.has_nul |= bytes.contains(&0);
        while !self.begun.is_empty() {
            let Some((first, rest)) = bytes.split_first() else { return Ok(()) };
            self.begun.push(*first);
            bytes = rest;
            match std::str::from_utf8(&self.begun) {
                Ok(_) => self.begun.clear(),
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return Err(not_utf8()),
            }
        }
        match std::str::from_utf8(bytes) {
            Ok(_) => Ok(()),
            Err(error) if error.error_len().is_none() => {
                self.begun.extend_from_slice(&bytes[error.valid_up_to()..]);
                Ok(())
            }
            Err(_) => Err(not_utf8()),
        }
    }

    /// Nothing more comes.
    ///
    /// # Errors
    /// When a character is not whole.
    pub fn end(&self) -> Result<(), String> {
        if self.begun.is_empty() { Ok(()) } else { Err(not_utf8()) }
    }

    /// Whether there was a NUL character.
    #[must_use]
    pub const fn has_nul(&self) -> bool {
        self.has_nul
    }
}

fn not_utf8() -> String {
    "not valid UTF-8".to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Json;
    use super::*;

    fn scan(text: &[u8], piece: usize) -> Result<(), JsonError> {
        let mut scan = JsonScan::default();
        for piece in text.chunks(piece.max(1)) {
            scan.take(piece)?;
        }
        scan.end()
    }

    /// Both readers say the same; the kind of error may differ where several apply.
    fn check(text: &str, piece: usize) {
        let (scanned, parsed) = (scan(text.as_bytes(), piece), Json::parse(text));
        assert_eq!(scanned.is_ok(), parsed.is_ok(), "{text:?}: {scanned:?}, {parsed:?}");
    }

    const SEEDS: &[&str] = &[
        "",
        " ",
        "1",
        "-",
        "-0",
        "01",
        "1.",
        "1.5",
        ".5",
        "1e5",
        "1E+5",
        "1e",
        "1e-",
        "1.0e-07",
        "+1",
        "0x1",
        "1 2",
        "1,",
        "null",
        "nul",
        "nulll",
        "true",
        "false",
        "True",
        "\"\"",
        "\"a",
        "\"a\nb\"",
        "\"\\n\\t\\/\\b\\f\\r\\\\\\\"\"",
        "\"\\x\"",
        "\"\\u00e9\"",
        "\"\\u00E\"",
        "\"\\u0000\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"\\ud83dx\"",
        "\"\\ud83d\\n\"",
        "\"\\ud83d\\u0041\"",
        "\"\\ude00\"",
        "\"\\ud83d\\ud83d\"",
        "[]",
        "[1]",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[",
        "]",
        "[1",
        "{}",
        "{\"a\":1}",
        "{\"a\":1,}",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{1:1}",
        "{\"a\":1 \"b\":2}",
        "[{}]",
        "[}",
        "{]",
        " [ 1 , { \"\\u0041\" : [ ] } ] \n",
        "{\"\\u0000\":1}",
    ];

    #[test]
    fn both_readers_agree() {
        for text in SEEDS {
            for piece in [1, 2, 3, 100] {
                check(text, piece);
            }
        }
        for levels in [63, 64, 65] {
            for inner in ["", "1"] {
                check(&format!("{}{inner}{}", "[".repeat(levels), "]".repeat(levels)), 7);
                check(
                    &format!(
                        "{}{inner}{}",
                        "[{\"a\":".repeat(levels / 2) + "[",
                        "]".to_owned() + &"}]".repeat(levels / 2)
                    ),
                    7,
                );
            }
        }
        assert_eq!(scan(b"\"\\u0000\"", 1), Err(JsonError::Nul));
        assert_eq!(scan("[".repeat(65).as_bytes(), 9), Err(JsonError::TooDeep));
        assert!(matches!(scan(b"\"\xff\"", 1), Err(JsonError::Invalid(why)) if why == "not valid UTF-8"));
        assert!(
            matches!(scan("\"é".as_bytes(), 1), Err(JsonError::Invalid(why)) if why.starts_with("it ends too early"))
        );
        assert!(scan(&"\"é\"".as_bytes()[..2], 1).is_err());
    }

    proptest! {
        #[test]
        fn whatever_comes(picks in proptest::collection::vec((0..SEEDS.len(), any::<u16>(), any::<u16>()), 1..4), piece in 1_usize..9) {
            let mut text = String::new();
            for (seed, from, to) in picks {
                let seed = SEEDS[seed];
                let (a, b) = (seed.floor_char_boundary(usize::from(from) % (seed.len() + 1)), usize::from(to) % (seed.len() + 1));
                let b = seed.floor_char_boundary(b).max(a);
                text.push_str(if from % 3 == 0 { seed } else { &seed[a..b] });
                text.push_str(["", ",", ":", "é"][usize::from(to % 4)]);
            }
            check(&text, piece);
        }
    }
}
