//! Secrets in what a task writes: found also when encoded, or written in pieces, and replaced.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::secret::Secret;

/// What stands in a secret's place.
pub const MASK: &str = "***";

/// Shorter texts are not looked for: they would be found everywhere. A secret of fewer characters is refused when it is set.
pub const SECRET_BYTES_MIN: usize = 8;

/// A form that a secret may take.
struct Pattern {
    bytes: Zeroizing<Vec<u8>>,
    /// Programs break base64 into lines.
    may_break: bool,
}

/// What is looked for, of all secrets of an attempt.
pub struct Mask {
    patterns: Vec<Pattern>,
    /// By their first byte.
    by_first: Vec<Vec<usize>>,
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mask").field("patterns", &self.patterns.len()).finish_non_exhaustive()
    }
}

/// Whether a pattern begins at a place.
enum Found {
    No,
    /// What is there so far is its beginning.
    Begun,
    /// It does, and ends after so many bytes.
    Whole(usize),
}

impl Mask {
    /// Looks for these secrets as they are, in base64 wherever it began, percent-encoded, and escaped as JSON has it; those of
    /// several lines line by line as well.
    #[must_use]
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut patterns: Vec<Pattern> = Vec::new();
        for secret in secrets {
            let text = secret.expose();
            let lines = text.lines().map(str::trim).filter(|line| line.len() >= SECRET_BYTES_MIN && *line != text);
            for piece in std::iter::once(text.trim_matches(['\r', '\n'])).chain(lines) {
                patterns.extend(forms(piece.as_bytes()));
            }
        }
        patterns.retain(|pattern| pattern.bytes.len() >= SECRET_BYTES_MIN);
        patterns.sort_by(|a, b| a.bytes.cmp(&b.bytes));
        patterns.dedup_by(|a, b| a.bytes == b.bytes);
        let mut by_first = vec![Vec::new(); 256];
        for (at, pattern) in patterns.iter().enumerate() {
            by_first[usize::from(pattern.bytes[0])].push(at);
        }
        Self { patterns, by_first }
    }

    /// Whether there is nothing to look for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// A whole text with the secrets replaced.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        if self.is_empty() {
            return text.to_owned();
        }
        let mut state = State::default();
        let mut masked = state.take(self, text.as_bytes(), true);
        masked.shrink_to_fit();
        // What is cut out begins and ends with whole characters, as the patterns do.
        String::from_utf8(masked).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    /// The longest pattern at the beginning of `bytes`; and whether one may still come when more follows.
    fn look(&self, bytes: &[u8]) -> (usize, bool) {
        let (mut longest, mut may_come) = (0, false);
        for at in &self.by_first[usize::from(bytes[0])] {
            match self.patterns[*at].find(bytes) {
                Found::No => {}
                Found::Begun => may_come = true,
                Found::Whole(length) => longest = longest.max(length),
            }
        }
        (longest, may_come)
    }
}

impl Pattern {
    fn find(&self, bytes: &[u8]) -> Found {
        let mut wanted = self.bytes.iter();
        let mut next = wanted.next();
        for (at, byte) in bytes.iter().enumerate() {
            match next {
                None => return Found::Whole(at),
                Some(one) if one == byte => next = wanted.next(),
                Some(_) if self.may_break && matches!(byte, b'\r' | b'\n') => {}
                Some(_) => return Found::No,
            }
        }
        if next.is_none() { Found::Whole(bytes.len()) } else { Found::Begun }
    }
}

/// One stream that secrets are looked for in. What may be the beginning of one is held back until it is clear.
#[derive(Debug)]
pub struct Masked {
    mask: Arc<Mask>,
    state: State,
}

#[derive(Default)]
struct State {
    held: Zeroizing<Vec<u8>>,
    /// So many bytes of what comes next belong to what was replaced.
    covered: usize,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("held", &self.held.len()).finish_non_exhaustive()
    }
}

impl Masked {
    /// A stream of which nothing was written yet.
    #[must_use]
    pub fn new(mask: Arc<Mask>) -> Self {
        Self { mask, state: State::default() }
    }

    /// What may be shown now that this was written.
    pub fn write(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.mask.is_empty() { bytes.to_vec() } else { self.state.take(&self.mask, bytes, false) }
    }

    /// What is left now that nothing more is written.
    pub fn end(&mut self) -> Vec<u8> {
        self.state.take(&self.mask, &[], true)
    }
}

impl State {
    fn take(&mut self, mask: &Mask, bytes: &[u8], is_last: bool) -> Vec<u8> {
        self.held.extend_from_slice(bytes);
        let (mut shown, mut at) = (Vec::with_capacity(self.held.len()), 0);
        while at < self.held.len() {
            let (length, may_come) = mask.look(&self.held[at..]);
            if may_come && !is_last {
                break;
            }
            if length > self.covered {
                // What overlaps is replaced as one.
                if self.covered == 0 {
                    shown.extend_from_slice(MASK.as_bytes());
                }
                self.covered = length;
            }
            if self.covered > 0 {
                self.covered -= 1;
            } else {
                shown.push(self.held[at]);
            }
            at += 1;
        }
        self.held.drain(..at);
        shown
    }
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn forms(piece: &[u8]) -> Vec<Pattern> {
    let plain = |bytes: Vec<u8>| Pattern { bytes: Zeroizing::new(bytes), may_break: false };
    let mut forms = vec![plain(piece.to_vec()), plain(escaped(piece))];
    for hex in [b"0123456789ABCDEF", b"0123456789abcdef"] {
        for spared in [b"-_.~".as_slice(), b"-_.!~*'()", b"-_.~/"] {
            forms.push(plain(percent(piece, hex, spared, false)));
            forms.push(plain(percent(piece, hex, spared, true)));
        }
    }
    for signs in [STANDARD, URL] {
        for before in 0..3 {
            forms.push(Pattern { bytes: Zeroizing::new(base64(piece, signs, before)), may_break: true });
        }
    }
    forms
}

/// The signs of base64 that depend on nothing but these bytes, when `before` bytes of something else were encoded with them.
fn base64(piece: &[u8], signs: &[u8; 64], before: usize) -> Vec<u8> {
    let bit = |n: usize| if n < before * 8 { 0 } else { piece[n / 8 - before] >> (7 - n % 8) & 1 };
    let first = (before * 8).div_ceil(6);
    let end = (before + piece.len()) * 8 / 6;
    (first..end).map(|sign| signs[usize::from((sign * 6..sign * 6 + 6).fold(0, |six, n| six << 1 | bit(n)))]).collect()
}

fn percent(piece: &[u8], hex: &[u8; 16], spared: &[u8], plus: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(piece.len());
    for byte in piece {
        match byte {
            b' ' if plus => out.push(b'+'),
            byte if byte.is_ascii_alphanumeric() || spared.contains(byte) => out.push(*byte),
            byte => out.extend([b'%', hex[usize::from(byte >> 4)], hex[usize::from(byte & 15)]]),
        }
    }
    out
}

/// As JSON, and most languages, write it between quotes.
fn escaped(piece: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(piece.len());
    for byte in piece {
        match byte {
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            b'"' | b'\\' => out.extend([b'\\', *byte]),
            byte => out.push(*byte),
        }
    }
    out
}
