//! Secrets in what a task writes: found also when encoded, or written in pieces, and replaced.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::secret::Secret;

/// What stands in a secret's place.
pub const MASK: &str = "***";

/// Shorter texts are not looked for: they would be found everywhere. A secret of fewer characters is refused when it is set.
pub const SECRET_BYTES_MIN: usize = 8;

/// A text that is looked for, and how it may be written.
struct Pattern {
    text: Zeroizing<String>,
    form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    /// Each byte as itself or as `%XX`, and a blank also as `+`. What spares the percent sign, as `URL.password` of browsers does,
    /// writes it as itself; all else does not.
    Percent { spares_percent: bool },
    /// As JSON, and most languages, write it between quotes: each sign as itself, as its short escape, or as `\uXXXX`.
    Json,
    /// The text is base64 already, of which programs make lines.
    Base64,
}

/// What is looked for, of all secrets of an attempt.
pub struct Mask {
    patterns: Vec<Pattern>,
    /// By the byte that they may begin with.
    by_first: Vec<Vec<usize>>,
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mask").field("patterns", &self.patterns.len()).finish_non_exhaustive()
    }
}

/// What follows on bytes that were taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// More, later: what may be the beginning of a secret has to wait.
    Later,
    /// Nothing: what is not a secret by now is none.
    Nothing,
    /// What nobody sees: what may be the beginning of a secret is hidden, if it has [`SECRET_BYTES_MIN`] bytes.
    Lost,
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
                patterns.extend(forms(piece));
            }
        }
        patterns.retain(|pattern| pattern.text.len() >= SECRET_BYTES_MIN);
        patterns.sort_by(|a, b| (&*a.text, a.form).cmp(&(&*b.text, b.form)));
        patterns.dedup_by(|a, b| (&*a.text, a.form) == (&*b.text, b.form));
        let begins = |first: u8| (0..patterns.len()).filter(|at| patterns[*at].may_begin(first)).collect();
        let by_first = (0..=u8::MAX).map(begins).collect();
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
        self.replaced(text, Rest::Nothing)
    }

    /// A text that was cut, or may not be whole, with the secrets replaced: also one of which the end shows only the beginning, if
    /// that has [`SECRET_BYTES_MIN`] bytes.
    #[must_use]
    pub fn cut_text(&self, text: &str) -> String {
        self.replaced(text, Rest::Lost)
    }

    fn replaced(&self, text: &str, rest: Rest) -> String {
        if self.is_empty() {
            return text.to_owned();
        }
        let mut state = State::default();
        let mut masked = state.take(self, text.as_bytes(), rest);
        masked.shrink_to_fit();
        // What is cut out begins and ends with whole characters, as the patterns do.
        String::from_utf8(masked).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    /// Looks at the beginning of `bytes`; `before` is what an earlier look at fewer bytes found, which is not done again.
    fn look(&self, bytes: &[u8], before: Option<Look>) -> Look {
        let mut look = Look { longest: before.as_ref().map_or(0, |before| before.longest), begun: Vec::new() };
        let mut go_on = |at: usize, mut place: Followed| match self.patterns[at].find(&mut place, bytes) {
            Found::No => {}
            Found::Begun => look.begun.push((at, place)),
            Found::Whole => look.longest = look.longest.max(place.read),
        };
        match before {
            Some(before) => before.begun.into_iter().for_each(|(at, place)| go_on(at, place)),
            None => self.by_first[usize::from(bytes[0])].iter().for_each(|at| go_on(*at, Followed::default())),
        }
        look
    }
}

/// What begins at one place of a stream.
#[derive(Default)]
struct Look {
    /// Bytes of the longest pattern that is there.
    longest: usize,
    /// Those that may be there once more has come, and how far they are.
    begun: Vec<(usize, Followed)>,
}

/// How far a pattern was followed.
#[derive(Clone, Copy, Default)]
struct Followed {
    /// Bytes of the stream.
    read: usize,
    /// Bytes of the pattern's text.
    of: usize,
}

/// Whether a pattern is at a place.
enum Found {
    No,
    /// What is there so far is its beginning.
    Begun,
    Whole,
}

/// Whether the next sign of a pattern is at a place.
enum Step {
    No,
    /// What is there so far is its beginning.
    Begun,
    Took(Followed),
}

impl Pattern {
    fn may_begin(&self, first: u8) -> bool {
        !matches!(self.step(0, &[first]), Step::No)
    }

    fn find(&self, place: &mut Followed, bytes: &[u8]) -> Found {
        while place.of < self.text.len() {
            match self.step(place.of, &bytes[place.read..]) {
                Step::No => return Found::No,
                Step::Begun => return Found::Begun,
                Step::Took(Followed { read, of }) => *place = Followed { read: place.read + read, of: place.of + of },
            }
        }
        Found::Whole
    }

    /// The sign of the text that begins at `at`.
    fn step(&self, at: usize, bytes: &[u8]) -> Step {
        let Some(first) = bytes.first() else { return Step::Begun };
        match self.form {
            Form::Percent { spares_percent } => percent(self.text.as_bytes()[at], spares_percent, *first, bytes),
            Form::Json => self.text[at..].chars().next().map_or(Step::No, |sign| json(sign, *first, bytes)),
            Form::Base64 => {
                // One break between two signs: of any number nobody would know where they end.
                let broken = match bytes {
                    _ if at == 0 => 0,
                    [b'\n', ..] => 1,
                    [b'\r', b'\n', ..] | [b'\r'] => 2,
                    _ => 0,
                };
                match bytes.get(broken) {
                    None => Step::Begun,
                    Some(sign) if *sign == self.text.as_bytes()[at] => Step::Took(Followed { read: broken + 1, of: 1 }),
                    Some(_) => Step::No,
                }
            }
        }
    }
}

fn percent(byte: u8, spares_percent: bool, first: u8, bytes: &[u8]) -> Step {
    let itself = Step::Took(Followed { read: 1, of: 1 });
    match first {
        b'%' if byte == b'%' && spares_percent => itself,
        b'%' => after(1, 1, hex(u32::from(byte), 2, &bytes[1..])),
        b'+' if byte == b' ' => itself,
        first if first == byte => itself,
        _ => Step::No,
    }
}

fn json(sign: char, first: u8, bytes: &[u8]) -> Step {
    let of = sign.len_utf8();
    // A backslash is never written as itself: it begins an escape.
    if first != b'\\' {
        let mut utf8 = [0; 4];
        return match sign.encode_utf8(&mut utf8).as_bytes() {
            wanted if bytes.starts_with(wanted) => Step::Took(Followed { read: of, of }),
            wanted if wanted.starts_with(bytes) => Step::Begun,
            _ => Step::No,
        };
    }
    let short = match sign {
        '"' | '\\' | '/' | '\'' => u8::try_from(sign).ok(),
        '\n' => Some(b'n'),
        '\r' => Some(b'r'),
        '\t' => Some(b't'),
        '\u{8}' => Some(b'b'),
        '\u{c}' => Some(b'f'),
        _ => None,
    };
    match bytes.get(1) {
        None => Step::Begun,
        Some(b'u') => {
            let mut read = 0;
            for unit in sign.encode_utf16(&mut [0; 2]) {
                match unicode(*unit, &bytes[read..]) {
                    Step::Took(place) => read += place.read,
                    other => return other,
                }
            }
            Step::Took(Followed { read, of })
        }
        Some(second) if short == Some(*second) => Step::Took(Followed { read: 2, of }),
        Some(_) => Step::No,
    }
}

/// `\uXXXX`.
fn unicode(unit: u16, bytes: &[u8]) -> Step {
    if bytes.starts_with(b"\\u") {
        return after(2, 0, hex(u32::from(unit), 4, &bytes[2..]));
    }
    if b"\\u".starts_with(bytes) { Step::Begun } else { Step::No }
}

/// So many digits, in either case.
fn hex(number: u32, digits: usize, bytes: &[u8]) -> Step {
    for n in 0..digits {
        let Some(digit) = bytes.get(n) else { return Step::Begun };
        if char::from(*digit).to_digit(16) != Some(number >> (4 * (digits - 1 - n)) & 15) {
            return Step::No;
        }
    }
    Step::Took(Followed { read: digits, of: 0 })
}

/// A step that so much came before.
fn after(read: usize, of: usize, step: Step) -> Step {
    match step {
        Step::Took(place) => Step::Took(Followed { read: place.read + read, of: place.of + of }),
        other => other,
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
    /// What begins where `held` does, as far as it is known.
    look: Option<Look>,
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
        if self.mask.is_empty() { bytes.to_vec() } else { self.state.take(&self.mask, bytes, Rest::Later) }
    }

    /// What is left now that nothing more is written, or that what was written next is not passed on. Whoever wrote may have been
    /// killed while it did: the beginning of a secret is hidden as if it were whole, if it has [`SECRET_BYTES_MIN`] bytes. What
    /// is written after that begins anew.
    pub fn end(&mut self) -> Vec<u8> {
        self.state.take(&self.mask, &[], Rest::Lost)
    }
}

impl State {
    fn take(&mut self, mask: &Mask, bytes: &[u8], rest: Rest) -> Vec<u8> {
        self.held.extend_from_slice(bytes);
        let (mut shown, mut at) = (Vec::with_capacity(self.held.len()), 0);
        while at < self.held.len() {
            let look = mask.look(&self.held[at..], self.look.take());
            let mut length = look.longest;
            if !look.begun.is_empty() {
                let left = self.held.len() - at;
                match rest {
                    Rest::Later => {
                        self.look = Some(look);
                        break;
                    }
                    Rest::Lost if left >= SECRET_BYTES_MIN => length = left,
                    Rest::Lost | Rest::Nothing => {}
                }
            }
            if length > self.covered {
                // What overlaps is replaced as one.
                if self.covered == 0 {
                    shown.extend_from_slice(MASK.as_bytes());
                }
                self.covered = length;
            }
            if rest != Rest::Later && self.covered == self.held.len() - at {
                // Nothing is left that could be shown, nor a secret that could go on.
                (self.covered, at) = (0, self.held.len());
                break;
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

fn forms(piece: &str) -> Vec<Pattern> {
    let pattern = |text: String, form| Pattern { text: Zeroizing::new(text), form };
    // The first has each byte as itself too.
    let mut forms =
        vec![pattern(piece.to_owned(), Form::Percent { spares_percent: true }), pattern(piece.to_owned(), Form::Json)];
    if piece.contains('%') {
        forms.push(pattern(piece.to_owned(), Form::Percent { spares_percent: false }));
    }
    for signs in [STANDARD, URL] {
        for before in 0..3 {
            forms.push(pattern(base64(piece.as_bytes(), signs, before), Form::Base64));
        }
    }
    forms
}

/// The signs of base64 that depend on nothing but these bytes, when `before` bytes of something else were encoded with them.
fn base64(piece: &[u8], signs: &[u8; 64], before: usize) -> String {
    let bit = |n: usize| if n < before * 8 { 0 } else { piece[n / 8 - before] >> (7 - n % 8) & 1 };
    let first = (before * 8).div_ceil(6);
    let end = (before + piece.len()) * 8 / 6;
    let six = |sign: usize| (sign * 6..sign * 6 + 6).fold(0, |six, n| six << 1 | bit(n));
    (first..end).map(|sign| char::from(signs[usize::from(six(sign))])).collect()
}
