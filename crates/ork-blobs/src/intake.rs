//! Whether a stream is what was said of it.

use ork_core::blobs::{BlobError, BlobResult, Expected, Written};
use ork_core::checksum::Checksum;

/// Measures what comes in.
pub struct Intake {
    expected: Expected,
    came: Checksum,
}

impl Intake {
    pub fn new(expected: &Expected) -> Self {
        Self { expected: expected.clone(), came: Checksum::new() }
    }

    /// The next piece.
    ///
    /// # Errors
    /// `Refused` as soon as there is too much.
    pub fn take(&mut self, piece: &[u8]) -> BlobResult<()> {
        self.came.update(piece);
        let size = self.came.size();
        if let Some(max) = self.expected.size_max.filter(|max| size > *max) {
            return Err(BlobError::Refused(format!("there are more than {max} bytes, and no more are allowed")));
        }
        match self.expected.size.filter(|announced| size > *announced) {
            Some(announced) => {
                Err(BlobError::Refused(format!("there are more than the {announced} bytes that were announced")))
            }
            None => Ok(()),
        }
    }

    /// What came, when that was all.
    ///
    /// # Errors
    /// `Refused` when it is not what was announced.
    pub fn finish(self) -> BlobResult<Written> {
        let size = self.came.size();
        if let Some(announced) = self.expected.size.filter(|announced| size != *announced) {
            return Err(BlobError::Refused(format!(
                "the bytes end after {size} of the {announced} that were announced"
            )));
        }
        let checksum = self.came.finish();
        match self.expected.checksum.filter(|announced| *announced != checksum) {
            Some(announced) => Err(BlobError::Refused(format!(
                "the SHA-256 of the bytes is {checksum}, and {announced} was announced"
            ))),
            None => Ok(Written { size, checksum }),
        }
    }
}
