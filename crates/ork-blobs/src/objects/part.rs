//! What is collected of an upload until it can be sent.
//!
//! A part is sent as a whole, because its signature comes before it, and those who bring its bytes may be slow. So a part that is
//! more than a few bytes waits in a file without a name, and takes memory only while it is sent: a thousand slow uploads at once need a
//! thousand files, and no more memory than a few fast ones.

use std::env;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use object_store::PutPayload;
use ork_http::Bytes;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, openat, unlinkat};
use rustix::io::Errno;
use tokio::task::spawn_blocking;

/// Bytes that wait in memory; what is longer waits in a file.
const HEAD_BYTES: usize = 64 << 10;
/// Bytes that are handed to a connection at once: it copies what it encrypts.
const SLICE_BYTES: usize = 64 << 10;

/// A part that is being collected.
#[derive(Debug, Default)]
pub struct Part {
    head: Vec<u8>,
    /// Once there is one, all that is in no `head`.
    file: Option<File>,
    size: usize,
}

impl Part {
    /// Bytes so far.
    pub const fn size(&self) -> usize {
        self.size
    }

    /// Adds bytes.
    pub async fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.size += bytes.len();
        if self.size <= HEAD_BYTES {
            self.head.extend_from_slice(bytes);
            return Ok(());
        }
        let (file, bytes) = (self.file.take(), bytes.to_vec());
        let head = std::mem::take(&mut self.head);
        let written = spawn_blocking(move || {
            let mut file = file.map_or_else(nameless, Ok)?;
            file.write_all(&head)?;
            file.write_all(&bytes)?;
            Ok::<_, io::Error>(file)
        });
        self.file = Some(written.await??);
        Ok(())
    }

    /// All of them, to be sent.
    pub async fn load(self) -> io::Result<PutPayload> {
        let Self { head, file, size } = self;
        let bytes = match file {
            None => head,
            Some(file) => {
                let read = spawn_blocking(move || {
                    let mut bytes = vec![0; size];
                    file.read_exact_at(&mut bytes, 0)?;
                    Ok::<_, io::Error>(bytes)
                });
                read.await??
            }
        };
        let bytes = Bytes::from(bytes);
        let slice = |at: usize| bytes.slice(at..(at + SLICE_BYTES).min(bytes.len()));
        Ok((0..bytes.len()).step_by(SLICE_BYTES).map(slice).collect())
    }
}

/// A file in the folder for such files that nobody else can open, and that is gone with this process.
fn nameless() -> io::Result<File> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let folder = env::temp_dir();
    let mode = Mode::RUSR | Mode::WUSR;
    match openat(CWD, &folder, OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC, mode) {
        // Not every file system knows files without a name.
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOENT | Errno::INVAL) => {}
        opened => return Ok(opened?.into()),
    }
    loop {
        let path = folder.join(format!("ork-part-{}-{}", process::id(), COUNTER.fetch_add(1, Ordering::Relaxed)));
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::RDWR | OFlags::CLOEXEC;
        match openat(CWD, &path, flags, mode) {
            Err(Errno::EXIST) => {}
            opened => {
                let file = File::from(opened?);
                unlinkat(CWD, &path, AtFlags::empty())?;
                return Ok(file);
            }
        }
    }
}
