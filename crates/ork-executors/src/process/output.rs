//! A task's output: from a file that it wrote, or from what it printed.

use std::path::Path;

use ork_core::attempt::{Failure, FailureKind};
use ork_core::executor::Stream;
use ork_core::json::Json;
use ork_core::limits::VALUE_BYTES_MAX;
use ork_core::plan::OutputFrom;
use serde_json::Value;

use super::answer;

/// The largest value and the newline that may follow it.
const READ_BYTES_MAX: usize = VALUE_BYTES_MAX + 1;

/// The standard output, as far as it may be the output.
pub struct Printed {
    from: OutputFrom,
    bytes: Vec<u8>,
}

impl Printed {
    pub const fn new(from: OutputFrom) -> Self {
        Self { from, bytes: Vec::new() }
    }

    /// Takes what was read from a stream. Keeps so much of it that a value which is too large can be told.
    pub fn take(&mut self, stream: Stream, bytes: &[u8]) {
        if stream == Stream::Stdout && self.from != OutputFrom::File {
            let room = (READ_BYTES_MAX + 1).saturating_sub(self.bytes.len());
            self.bytes.extend_from_slice(&bytes[..room.min(bytes.len())]);
        }
    }

    /// The output of an attempt that succeeded; `file` is its `$ORK_OUTPUT`, if it can be there.
    ///
    /// # Errors
    /// When it is not what the task promised, or over the limit.
    pub fn into_output(self, file: Option<&Path>) -> Result<Option<Json>, Failure> {
        let result = match self.from {
            OutputFrom::File => file.map_or(Ok(None), read_file),
            OutputFrom::Stdout => text(self.bytes, "the standard output").and_then(|mut text| {
                if text.ends_with('\n') {
                    text.pop();
                }
                Json::from_value(&Value::String(text)).map(Some).map_err(|e| format!("the standard output is {e}"))
            }),
            OutputFrom::StdoutJson => text(self.bytes, "the standard output")
                .and_then(|text| Json::parse(&text).map(Some).map_err(|e| format!("the standard output: {e}"))),
        };
        result.map_err(|message| Failure::new(FailureKind::Output, message))
    }
}

fn read_file(path: &Path) -> Result<Option<Json>, String> {
    let bytes = answer::read(path, READ_BYTES_MAX).map_err(|error| format!("failed to read `$ORK_OUTPUT`: {error}"))?;
    let Some(bytes) = bytes else { return Ok(None) };
    let text = text(bytes, "`$ORK_OUTPUT`")?;
    if text.trim().is_empty() {
        return Ok(None);
    }
    Json::parse(&text).map(Some).map_err(|error| format!("`$ORK_OUTPUT`: {error}"))
}

fn text(bytes: Vec<u8>, what: &str) -> Result<String, String> {
    if bytes.len() > READ_BYTES_MAX {
        return Err(format!("{what} is larger than {VALUE_BYTES_MAX} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| format!("{what} is not valid UTF-8"))
}
