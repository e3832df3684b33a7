//! A folder as one stream of bytes: a tar archive, as GNU tar writes them, compressed by Zstandard.
//!
//! `tar --zstd -x` reads it, and nothing else than what is written here is read back. Both are by hand: there are three
//! kinds of entries, and the reader has to be narrower than any general one. A folder stands behind what is in it, so that
//! it gets its mode and its time when nobody has to write into it any more, without a list of all folders.

mod entry;
mod pack;
mod pieces;
mod unpack;

use std::io;

pub use pack::pack;
pub use unpack::unpack;

/// Entries of one archive.
const ENTRIES_MAX: u32 = 1_000_000;
/// Bytes of all files in one archive, unpacked.
const FILE_BYTES_MAX: u64 = 16 << 30;

/// What an archive may still hold.
struct Room {
    entries: u32,
    bytes: u64,
}

impl Room {
    const fn new() -> Self {
        Self { entries: ENTRIES_MAX, bytes: FILE_BYTES_MAX }
    }

    /// Takes the room of one entry.
    fn take(&mut self, bytes: u64) -> io::Result<()> {
        self.entries =
            self.entries.checked_sub(1).ok_or_else(|| refused(format!("more than {ENTRIES_MAX} entries")))?;
        let left = self.bytes.checked_sub(bytes);
        self.bytes = left.ok_or_else(|| refused(format!("more than {FILE_BYTES_MAX} bytes of files")))?;
        Ok(())
    }
}

fn refused(message: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.into())
}

/// An error with the name of what it befell.
fn about(name: &[u8], error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("`{}`: {error}", name.escape_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_archive_may_hold() {
        let mut room = Room { entries: 2, bytes: 10 };
        assert!(room.take(10).is_ok());
        assert!(room.take(1).is_err_and(|error| error.to_string() == "more than 17179869184 bytes of files"));
        let mut room = Room { entries: 1, bytes: 0 };
        assert!(room.take(0).is_ok());
        assert!(room.take(0).is_err_and(|error| error.to_string() == "more than 1000000 entries"));
    }
}
