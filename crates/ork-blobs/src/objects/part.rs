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

use super::room::{Room, SEAT_BYTES};

/// Bytes that wait in memory; what is longer waits in a file.
const HEAD_BYTES: usize = 64 << 10;

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

    /// All of them, to be sent, when there is room.
    pub async fn load(self, room: &Room) -> io::Result<PutPayload> {
        let Self { head, file, size } = self;
        let Some(file) = file else { return Ok(Bytes::from(head).into()) };
        let mut seats = room.seats(size).await;
        let read = spawn_blocking(move || {
            for (n, seat) in seats.iter_mut().enumerate() {
                let at = n * SEAT_BYTES;
                seat.bytes.resize((size - at).min(SEAT_BYTES), 0);
                file.read_exact_at(&mut seat.bytes, at as u64)?;
            }
            Ok::<_, io::Error>(seats)
        });
        Ok(read.await??.into_iter().map(Bytes::from_owner).collect())
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
