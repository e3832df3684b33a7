//! The SHA-256 of bytes as they pass.

use sha2::{Digest, Sha256};

/// Counts bytes and computes their SHA-256.
#[derive(Clone, Default)]
pub struct Checksum {
    hash: Sha256,
    size: u64,
}

/// Only the count.
impl std::fmt::Debug for Checksum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checksum").field("size", &self.size).finish_non_exhaustive()
    }
}

impl Checksum {
    /// Of no bytes yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The SHA-256 of bytes in lower-case hexadecimal.
    #[must_use]
    pub fn of(bytes: &[u8]) -> String {
        let mut own = Self::new();
        own.update(bytes);
        own.finish()
    }

    /// The next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
    }

    /// How many bytes there were so far.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The SHA-256 of all of them in lower-case hexadecimal.
    #[must_use]
    pub fn finish(self) -> String {
        let mut text = String::with_capacity(64);
        for byte in self.hash.finalize() {
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(digit), 16).expect("four bits are one digit"));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_sha_256_of_fips_180() {
        // The examples of the standard.
        assert_eq!(Checksum::of(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        let mut pieces = Checksum::new();
        pieces.update(b"a");
        pieces.update(b"bc");
        assert_eq!(pieces.size(), 3);
        assert_eq!(pieces.finish(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
