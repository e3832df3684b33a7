//! The bytes of an archive, in pieces, between a thread that may block and one that may not.

use std::io::{self, Read, Write};

use ork_core::limits::{WORK_BYTES_MAX, WORK_PART_BYTES_MAX};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::refused;

/// Cuts what is written into pieces.
pub struct PieceWriter {
    pieces: mpsc::Sender<Vec<u8>>,
    piece: Vec<u8>,
    count: Count,
}

/// Puts the pieces together again.
pub struct PieceReader {
    pieces: mpsc::Receiver<Result<Vec<u8>, String>>,
    piece: io::Cursor<Vec<u8>>,
    count: Count,
}

/// How many bytes there were, and which.
struct Count {
    bytes: u64,
    bytes_max: u64,
    hash: Sha256,
}

impl Count {
    fn new() -> Self {
        Self { bytes: 0, bytes_max: WORK_BYTES_MAX, hash: Sha256::new() }
    }

    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes += bytes.len() as u64;
        if self.bytes > self.bytes_max {
            return Err(refused(format!("the archive is larger than {} bytes", self.bytes_max)));
        }
        self.hash.update(bytes);
        Ok(())
    }

    fn checksum(self) -> String {
        self.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl PieceWriter {
    pub fn new(pieces: mpsc::Sender<Vec<u8>>) -> Self {
        Self { pieces, piece: Vec::with_capacity(WORK_PART_BYTES_MAX), count: Count::new() }
    }

    /// Sends the last piece; tells the number of all bytes and their SHA-256.
    ///
    /// # Errors
    /// When nobody takes it.
    pub fn finish(mut self) -> io::Result<(u64, String)> {
        if !self.piece.is_empty() {
            self.send()?;
        }
        Ok((self.count.bytes, self.count.checksum()))
    }

    fn send(&mut self) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(WORK_PART_BYTES_MAX));
        self.pieces.blocking_send(piece).map_err(|_| io::Error::other("nobody takes the pieces"))
    }
}

impl Write for PieceWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = bytes.len().min(WORK_PART_BYTES_MAX - self.piece.len());
        self.count.take(&bytes[..len])?;
        self.piece.extend_from_slice(&bytes[..len]);
        if self.piece.len() == WORK_PART_BYTES_MAX {
            self.send()?;
        }
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl PieceReader {
    pub fn new(pieces: mpsc::Receiver<Result<Vec<u8>, String>>) -> Self {
        Self { pieces, piece: io::Cursor::default(), count: Count::new() }
    }

    /// The SHA-256 of what was read.
    pub fn checksum(self) -> String {
        self.count.checksum()
    }
}

impl Read for PieceReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let len = self.piece.read(buffer)?;
            if len > 0 || buffer.is_empty() {
                return Ok(len);
            }
            let Some(piece) = self.pieces.blocking_recv() else { return Ok(0) };
            let piece = piece.map_err(io::Error::other)?;
            self.count.take(&piece)?;
            self.piece = io::Cursor::new(piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The SHA-256 of nothing.
    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn an_archive_has_a_limit_in_both_directions() {
        let (sender, mut pieces) = mpsc::channel(4);
        let mut writer = PieceWriter::new(sender);
        writer.count.bytes_max = WORK_PART_BYTES_MAX as u64 + 1;
        writer.write_all(&vec![7; WORK_PART_BYTES_MAX + 1]).unwrap();
        let error = writer.write_all(&[7]).unwrap_err();
        assert_eq!(error.to_string(), "the archive is larger than 1048577 bytes");
        assert_eq!(pieces.blocking_recv().map(|piece| piece.len()), Some(WORK_PART_BYTES_MAX));

        let (sender, pieces) = mpsc::channel(4);
        let mut reader = PieceReader::new(pieces);
        reader.count.bytes_max = 3;
        for _ in 0..2 {
            sender.blocking_send(Ok(vec![1, 2])).unwrap();
        }
        drop(sender);
        assert_eq!(reader.read_to_end(&mut Vec::new()).unwrap_err().to_string(), "the archive is larger than 3 bytes");
    }

    #[test]
    fn the_last_piece_is_shorter_and_none_is_empty() {
        for (len, expected) in
            [(0, vec![]), (1, vec![1]), (2 << 20, vec![1 << 20; 2]), ((1 << 20) + 5, vec![1 << 20, 5])]
        {
            let (sender, mut pieces) = mpsc::channel(4);
            let mut writer = PieceWriter::new(sender);
            writer.write_all(&vec![0; len]).unwrap();
            let (bytes, checksum) = writer.finish().unwrap();
            assert_eq!((bytes, checksum == EMPTY), (len as u64, len == 0));
            let found: Vec<usize> = std::iter::from_fn(|| pieces.blocking_recv()).map(|piece| piece.len()).collect();
            assert_eq!(found, expected);
        }
    }
}
