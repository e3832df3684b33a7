//! What happened, as a hash and, if somebody wants to read it, as lines.

use std::fmt::{self, Write};

/// The trace of one world. Two worlds of the same seed have the same hash.
#[derive(Debug)]
pub struct Trace {
    hash: Fnv,
    lines: Option<Vec<String>>,
}

/// FNV-1a, 64 bits (<https://datatracker.ietf.org/doc/html/draft-eastlake-fnv>): stable over versions of Rust.
#[derive(Debug)]
struct Fnv(u64);

impl Fnv {
    const NEW: Self = Self(0xcbf2_9ce4_8422_2325);

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

impl Write for Fnv {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.add(text.as_bytes());
        Ok(())
    }
}

/// The hash of some bytes.
#[must_use]
pub fn fnv(bytes: &[u8]) -> u64 {
    let mut hash = Fnv::NEW;
    hash.add(bytes);
    hash.0
}

impl Trace {
    /// An empty trace; `kept` keeps its lines.
    #[must_use]
    pub fn new(kept: bool) -> Self {
        Self { hash: Fnv::NEW, lines: kept.then(Vec::new) }
    }

    /// Adds a line.
    pub fn note(&mut self, ms: u64, line: fmt::Arguments<'_>) {
        // Neither a hash nor a text refuses to be written to.
        let _ = writeln!(self.hash, "{ms} {line}");
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>3}.{:03} {line}", ms / 1000, ms % 1000));
        }
    }

    /// The hash so far.
    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.hash.0
    }

    /// The lines, if they are kept.
    pub fn take_lines(&mut self) -> Vec<String> {
        self.lines.take().unwrap_or_default()
    }
}
