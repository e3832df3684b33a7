//! Bytes on their way between this machine and an artifact: counted, hashed, and shown to whoever waits at a terminal.

use std::io::Read;
use std::time::Duration;

use async_trait::async_trait;
use ork_core::blobs::{BlobError, BlobResult, ByteSource, PIECE_BYTES};
use ork_core::checksum::Checksum;
use tokio::time::Instant;

use super::bytes;
use crate::log_text::clean;
use crate::output::Output;
use crate::region;

/// Transfers that are shown have more bytes than this.
const SHOWN_BYTES: u64 = 8 << 20;
/// How often what is shown changes.
const FRAME: Duration = Duration::from_millis(200);

/// Shows how far a transfer is; takes itself away.
pub struct Meter {
    name: String,
    size: Option<u64>,
    done: u64,
    /// When it was drawn the last time; `None` when nobody sees it.
    drawn: Option<Instant>,
}

impl Meter {
    pub fn new(out: Output, name: &str, size: Option<u64>) -> Self {
        let is_shown = !out.json && region::is_possible() && size.is_none_or(|size| size > SHOWN_BYTES);
        Self { name: clean(name), size, done: 0, drawn: is_shown.then(Instant::now) }
    }

    pub fn passed(&mut self, count: usize) {
        self.done += count as u64;
        let Some(drawn) = &mut self.drawn else { return };
        if drawn.elapsed() < FRAME {
            return;
        }
        *drawn = Instant::now();
        let of = match self.size {
            Some(size) => format!(" of {}  {} %", bytes(size), self.done.saturating_mul(100) / size.max(1)),
            None => String::new(),
        };
        region::draw(vec![format!("{}  {}{of}", self.name, bytes(self.done))]);
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if self.drawn.is_some() {
            region::clear();
        }
    }
}

/// A file, or what comes through a pipe, as pieces.
pub struct FileSource<R> {
    file: R,
    pub checksum: Checksum,
    meter: Meter,
}

impl<R: Read + Send> FileSource<R> {
    pub fn new(file: R, meter: Meter) -> Self {
        Self { file, checksum: Checksum::new(), meter }
    }
}

#[async_trait]
impl<R: Read + Send> ByteSource for FileSource<R> {
    async fn next(&mut self) -> BlobResult<Option<Vec<u8>>> {
        let mut piece = vec![0; PIECE_BYTES];
        let read = loop {
            match self.file.read(&mut piece) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                // Other work of this process goes on between two pieces; there is none to speak of.
                read => break read,
            }
        };
        let count = read.map_err(|error| BlobError::Refused(format!("failed to read the file: {error}")))?;
        if count == 0 {
            return Ok(None);
        }
        piece.truncate(count);
        self.checksum.update(&piece);
        self.meter.passed(count);
        Ok(Some(piece))
    }
}
