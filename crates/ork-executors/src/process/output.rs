//! A task's output: from a file that it wrote, or from what it printed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ork_core::artifact::KIND_VALUE;
use ork_core::attempt::{Failure, FailureKind};
use ork_core::executor::{KeptBytes, KeptFile, Stream};
use ork_core::json::{Json, JsonError, JsonScan, Utf8Scan};
use ork_core::limits::{LARGE_VALUE_BYTES_MAX, VALUE_BYTES_MAX};
use ork_core::plan::OutputFrom;
use serde_json::Value;

use super::answer;
use super::source::{FromStart, OpenBytes};

/// The largest value that stands in a row, and the newline that may follow it.
const READ_BYTES_MAX: usize = VALUE_BYTES_MAX + 1;
/// What is looked at of a large value at once.
const CHUNK_BYTES: usize = 64 << 10;

/// What a task answers.
pub enum Answer {
    /// A value that is stored as it is.
    Value(Option<Json>),
    /// One that is too large for that, and becomes a file.
    Large(Large),
}

/// A value that becomes a file. Nobody has looked at it yet.
pub struct Large {
    bytes: Bytes,
    size: u64,
    from: OutputFrom,
}

enum Bytes {
    File(Arc<File>),
    Memory(Vec<u8>),
}

/// The standard output, as far as it may be the output.
pub struct Printed {
    from: OutputFrom,
    bytes: Vec<u8>,
    /// Where the file is made that takes what is too large for memory.
    path: PathBuf,
    spilled: Option<Spilled>,
}

/// What was printed, in a file without a name.
struct Spilled {
    file: io::Result<File>,
    size: u64,
}

impl Printed {
    pub const fn new(from: OutputFrom, path: PathBuf) -> Self {
        Self { from, bytes: Vec::new(), path, spilled: None }
    }

    /// Takes what was read from a stream.
    pub fn take(&mut self, stream: Stream, bytes: &[u8]) {
        if stream != Stream::Stdout || self.from == OutputFrom::File {
            return;
        }
        if let Some(spilled) = &mut self.spilled {
            spilled.take(bytes);
        } else if self.bytes.len() + bytes.len() <= READ_BYTES_MAX {
            self.bytes.extend_from_slice(bytes);
        } else {
            let mut spilled = Spilled { file: open_nameless(&self.path), size: 0 };
            spilled.take(&std::mem::take(&mut self.bytes));
            spilled.take(bytes);
            self.spilled = Some(spilled);
        }
    }

    /// The output of an attempt that succeeded; `file` is its `$ORK_OUTPUT`, if it can be there.
    ///
    /// # Errors
    /// When it is not what the task promised, or over the limit.
    pub fn into_answer(self, file: Option<&Path>) -> Result<Answer, Failure> {
        let answer = match (self.from, self.spilled) {
            (OutputFrom::File, _) => file.map_or(Ok(Answer::Value(None)), read_file),
            (from, None) => inline(from, self.bytes),
            (from, Some(Spilled { file: Ok(file), size })) => large(Bytes::File(Arc::new(file)), size, from),
            (from, Some(Spilled { file: Err(error), .. })) => Err(format!("failed to keep {}: {error}", what(from))),
        };
        answer.map_err(output_failure)
    }
}

impl Spilled {
    fn take(&mut self, bytes: &[u8]) {
        self.size = self.size.saturating_add(bytes.len() as u64);
        // What is over the limit is refused, and need not be there.
        if self.size <= LARGE_VALUE_BYTES_MAX
            && let Ok(file) = &mut self.file
            && let Err(error) = file.write_all(bytes)
        {
            self.file = Err(error);
        }
    }
}

/// A file that nobody else finds.
fn open_nameless(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
    fs::remove_file(path)?;
    Ok(file)
}

fn read_file(path: &Path) -> Result<Answer, String> {
    let failed = |error: io::Error| format!("failed to read `$ORK_OUTPUT`: {error}");
    let Some(file) = answer::open(path).map_err(failed)? else { return Ok(Answer::Value(None)) };
    let found = file.metadata().map_err(failed)?;
    if found.len() > READ_BYTES_MAX as u64 {
        if found.nlink() != 1 {
            return Err(failed(io::Error::other("it has another name (a hard link)")));
        }
        return large(Bytes::File(Arc::new(file)), found.len(), OutputFrom::File);
    }
    let mut bytes = Vec::new();
    file.take(READ_BYTES_MAX as u64).read_to_end(&mut bytes).map_err(failed)?;
    inline(OutputFrom::File, bytes)
}

/// A value that was read into memory: as a rule it is small enough to stay one.
fn inline(from: OutputFrom, bytes: Vec<u8>) -> Result<Answer, String> {
    let text = std::str::from_utf8(&bytes).map_err(|_| format!("{} is not valid UTF-8", what(from)))?;
    let read = match from {
        OutputFrom::Stdout => Json::from_value(&Value::from(text.strip_suffix('\n').unwrap_or(text))),
        OutputFrom::File if text.trim().is_empty() => return Ok(Answer::Value(None)),
        OutputFrom::File | OutputFrom::StdoutJson => Json::parse(text),
    };
    match read {
        Ok(value) => Ok(Answer::Value(Some(value))),
        Err(JsonError::TooLarge { .. }) => {
            let size = bytes.len() as u64;
            large(Bytes::Memory(bytes), size, from)
        }
        Err(error) => Err(format!("{}: {error}", what(from))),
    }
}

fn large(bytes: Bytes, size: u64, from: OutputFrom) -> Result<Answer, String> {
    if size > LARGE_VALUE_BYTES_MAX {
        return Err(format!("{} is larger than {LARGE_VALUE_BYTES_MAX} bytes", what(from)));
    }
    Ok(Answer::Large(Large { bytes, size, from }))
}

const fn what(from: OutputFrom) -> &'static str {
    match from {
        OutputFrom::File => "`$ORK_OUTPUT`",
        OutputFrom::Stdout | OutputFrom::StdoutJson => "the standard output",
    }
}

fn output_failure(message: String) -> Failure {
    Failure::new(FailureKind::Output, message)
}

impl Large {
    /// Looks at all of it, by the rules of any value but for its size. Blocks.
    ///
    /// # Errors
    /// When it is none, or cannot be read.
    pub fn check(self) -> Result<KeptFile, Failure> {
        let fine = match &self.bytes {
            Bytes::Memory(bytes) => self.scan(bytes.as_slice()),
            Bytes::File(file) => self.scan(FromStart { file: Arc::clone(file), at: 0 }),
        };
        fine.map_err(|why| output_failure(format!("{}: {why}", what(self.from))))?;
        let (name, content_type) = match self.from {
            OutputFrom::Stdout => ("output.txt", "text/plain; charset=utf-8"),
            OutputFrom::File | OutputFrom::StdoutJson => ("output.json", "application/json"),
        };
        let bytes: Arc<dyn KeptBytes> = match self.bytes {
            Bytes::Memory(bytes) => Arc::new(bytes),
            Bytes::File(file) => Arc::new(OpenBytes(file)),
        };
        Ok(KeptFile {
            name: name.to_owned(),
            kind: KIND_VALUE.to_owned(),
            content_type: content_type.to_owned(),
            size: self.size,
            meta: None,
            is_value: true,
            bytes,
        })
    }

    fn scan(&self, mut bytes: impl Read) -> Result<(), String> {
        let (mut json, mut text) = (JsonScan::default(), Utf8Scan::default());
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut size = 0;
        loop {
            let count = bytes.read(&mut chunk).map_err(|error| error.to_string())?;
            size += count as u64;
            match (self.from, &chunk[..count]) {
                (_, []) => break,
                (OutputFrom::Stdout, read) => text.take(read)?,
                (_, read) => json.take(read).map_err(|error| error.to_string())?,
            }
        }
        if size != self.size {
            return Err("it changed while it was read".to_owned());
        }
        match self.from {
            OutputFrom::Stdout if text.has_nul() => Err(JsonError::Nul.to_string()),
            OutputFrom::Stdout => text.end(),
            OutputFrom::File | OutputFrom::StdoutJson => json.end().map_err(|error| error.to_string()),
        }
    }
}
