//! Logs of attempts.

use async_trait::async_trait;

use super::Scope;
use crate::blobs::BlobKey;
use crate::clock::Timestamp;
use crate::error::StoreResult;
use crate::executor::Stream;
use crate::id::{TaskRef, WorkspaceId};
use crate::limits::LOG_PACK_BYTES_MIN;
use crate::log::{Block, LogPlace};

/// A piece of one stream of one attempt's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogChunk {
    /// The task.
    pub task: TaskRef,
    /// The attempt.
    pub attempt: u32,
    /// Where it begins in the attempt's log. Its offset is its natural key.
    pub at: LogPlace,
    /// The stream.
    pub stream: Stream,
    /// What was written.
    pub bytes: Vec<u8>,
}

impl LogChunk {
    /// The place behind it.
    #[must_use]
    pub fn end(&self) -> LogPlace {
        self.at.after(&self.bytes)
    }

    /// How many bytes are before its end.
    #[must_use]
    pub const fn end_offset(&self) -> u64 {
        self.at.offset + self.bytes.len() as u64
    }

    /// Whether the log is so large with it that it is packed once its attempt is over.
    #[must_use]
    pub const fn is_of_large_log(&self) -> bool {
        self.end_offset() >= LOG_PACK_BYTES_MIN
    }

    /// As a block.
    #[must_use]
    pub fn into_block(self) -> Block {
        Block::of(self.at, self.stream, self.bytes)
    }
}

/// A part of a packed log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPart {
    /// Where it begins.
    pub at: LogPlace,
    /// Bytes of the log in it.
    pub length: u64,
    /// Line breaks in it.
    pub lines: u64,
    /// Its packed bytes.
    pub kept: PartKept,
}

impl LogPart {
    /// The place behind it.
    #[must_use]
    pub const fn end(&self) -> LogPlace {
        LogPlace { offset: self.at.offset + self.length, line: self.at.line + self.lines }
    }
}

/// Where the packed bytes of a part are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartKept {
    /// Here.
    Inline(Vec<u8>),
    /// In the artifact store.
    Blob {
        /// Under this key.
        key: BlobKey,
        /// How many bytes.
        size: u64,
    },
}

/// Which part of a log is wanted.
#[derive(Debug, Clone, Copy)]
pub struct LogQuery {
    /// The task.
    pub task: TaskRef,
    /// The attempt.
    pub attempt: u32,
    /// Only what comes behind so many bytes. The first piece may begin before that.
    pub from: u64,
    /// At most about so many bytes of the log; at least one piece if there is one.
    pub bytes_max: usize,
}

/// Pieces of a log, in order: parts or chunks, never both. Pieces may overlap; then the first one that has a byte counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogPage {
    /// Packed parts.
    pub parts: Vec<LogPart>,
    /// Chunks.
    pub chunks: Vec<LogChunk>,
    /// Where to go on; `None` when nothing follows so far.
    pub next: Option<u64>,
}

impl LogPage {
    /// A page of chunks that lie behind `query.from`, of which as many as fit are taken.
    #[must_use]
    pub fn of_chunks(query: LogQuery, chunks: impl IntoIterator<Item = LogChunk>) -> Self {
        let mut page = Self::default();
        let mut bytes = 0;
        for chunk in chunks.into_iter().filter(|chunk| chunk.end_offset() > query.from) {
            if bytes >= query.bytes_max && !page.chunks.is_empty() {
                page.next = page.chunks.last().map(LogChunk::end_offset);
                break;
            }
            bytes += chunk.bytes.len();
            page.chunks.push(chunk);
        }
        page
    }

    /// A page of parts that lie behind `query.from`, of which as many as fit are taken; `goes_on`: chunks follow the last one.
    #[must_use]
    pub fn of_parts(query: LogQuery, parts: impl IntoIterator<Item = LogPart>, goes_on: bool) -> Self {
        let mut page = Self::default();
        let (mut bytes, mut goes_on) = (0, goes_on);
        for part in parts.into_iter().filter(|part| part.end().offset > query.from) {
            if bytes >= query.bytes_max as u64 && !page.parts.is_empty() {
                goes_on = true;
                break;
            }
            bytes += part.length;
            page.parts.push(part);
        }
        page.next = page.parts.last().map(|part| part.end().offset).filter(|_| goes_on);
        page
    }
}

/// A log that is to be packed: its attempt is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Packable {
    /// The task.
    pub task: TaskRef,
    /// The attempt.
    pub attempt: u32,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// The end of what is packed of it.
    pub packed: LogPlace,
}

/// One part that takes the place of chunks.
#[derive(Debug, Clone)]
pub struct LogPack {
    /// The task.
    pub task: TaskRef,
    /// The attempt.
    pub attempt: u32,
    /// The end of the part before it, as whoever packs has seen it; 0 without one.
    pub after: u64,
    /// The part. Bytes in the artifact store were noted, and are loose until this names them.
    pub part: LogPart,
    /// The present moment.
    pub now: Timestamp,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packed {
    /// It is in its place.
    Done,
    /// Somebody else was faster, or the run is gone: nothing was changed.
    Beaten,
    /// Its bytes in the artifact store are doomed, or were never noted: nothing was changed.
    Gone,
}

/// Logs of attempts. Not events: the last second of a log may be lost in a crash.
#[async_trait]
pub trait Logs {
    /// Keeps chunks. One that begins where another does, or that is packed already, is left out: it is there.
    async fn append_logs(&self, scope: Scope, chunks: &[LogChunk]) -> StoreResult<()>;

    /// A part of a log, from any node. Whether it is packed meanwhile makes no difference.
    async fn logs(&self, scope: Scope, query: LogQuery) -> StoreResult<LogPage>;

    /// The beginning of the last piece that has fewer than `line` line breaks before it: whoever reads from there finds the line
    /// behind so many breaks. The beginning of the log if there is none.
    async fn log_place(&self, scope: Scope, task: TaskRef, attempt: u32, line: u64) -> StoreResult<LogPlace>;

    /// The end of a log, so far.
    async fn log_end(&self, scope: Scope, task: TaskRef, attempt: u32) -> StoreResult<LogPlace>;

    /// Logs of [`LOG_PACK_BYTES_MIN`] bytes and more whose attempts are over and of which something is not packed, in order, after
    /// this one.
    async fn packable_logs(&self, after: Option<(TaskRef, u32)>, limit: u32) -> StoreResult<Vec<Packable>>;

    /// Puts a part into the place of the chunks that end in it. Natural key: the log and the part's offset.
    async fn pack_log(&self, pack: &LogPack) -> StoreResult<Packed>;
}
