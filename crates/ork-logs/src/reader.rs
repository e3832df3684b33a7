//! Reads logs.

use std::sync::Arc;

use futures_util::future::try_join_all;
use ork_core::blobs::{BlobError, BlobKey, Blobs};
use ork_core::error::{StoreError, StoreResult};
use ork_core::id::TaskRef;
use ork_core::log::{Block, LogPlace};
use ork_core::store::{LogChunk, LogPart, LogQuery, PartKept, Scope, Store};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::lines::{LinesAsked, LinesFrom, LinesPage};
use crate::pack::unpack;
use crate::scan::Scan;

/// A task and its attempt.
pub type Whose = (TaskRef, u32);

/// What is read at once to find lines, and to search: several parts, so that the way to them costs less.
const LINES_BYTES: usize = 256 << 10;
const SEARCH_BYTES: usize = 8 << 20;
/// Searches that are at work at once in one process.
static SEARCHES: Semaphore = Semaphore::const_new(2);

/// Reads logs of attempts.
#[derive(Clone)]
pub struct Reader {
    store: Arc<dyn Store>,
    blobs: Option<Arc<dyn Blobs>>,
    scope: Scope,
}

/// Pieces of a log that follow each other.
#[derive(Debug, Default)]
pub struct Pieces {
    /// They: none begins before what was asked for, and none overlaps another.
    pub blocks: Vec<Block>,
    /// Where to go on; `None` when nothing follows so far.
    pub next: Option<u64>,
}

/// A piece as it was stored.
pub enum Packed {
    Part { task: TaskRef, at: LogPlace, length: u64, bytes: Vec<u8> },
    Chunk(LogChunk),
}

impl Packed {
    /// What is in it.
    pub fn open(self) -> StoreResult<Block> {
        match self {
            Self::Chunk(chunk) => Ok(chunk.into_block()),
            Self::Part { task, at, length, bytes } => {
                let block = unpack(at, &bytes).map_err(|problem| corrupt(task, at, problem))?;
                if block.bytes.len() as u64 != length {
                    return Err(corrupt(task, at, format!("it has {} bytes, not {length}", block.bytes.len())));
                }
                Ok(block)
            }
        }
    }
}

fn corrupt(task: TaskRef, at: LogPlace, problem: String) -> StoreError {
    let row = format!("{} byte {}", task.id(), at.offset);
    StoreError::Corrupt { table: "log_parts", column: "bytes", row, problem }
}

impl Reader {
    /// Reads what this scope may see. Without `blobs`, logs that are in an artifact store cannot be read.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, blobs: Option<Arc<dyn Blobs>>, scope: Scope) -> Self {
        Self { store, blobs, scope }
    }

    /// The end of a log, so far.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn end(&self, (task, attempt): Whose) -> StoreResult<LogPlace> {
        self.store.log_end(self.scope, task, attempt).await
    }

    /// The beginning of the last piece that has fewer than so many line breaks before it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn place(&self, (task, attempt): Whose, lines: u64) -> StoreResult<LogPlace> {
        self.store.log_place(self.scope, task, attempt, lines.min(i64::MAX.unsigned_abs())).await
    }

    /// What comes behind so many bytes: about `bytes_max`, and never more.
    ///
    /// # Errors
    /// When it cannot be read, or is not what was written.
    pub async fn pieces(&self, whose: Whose, from: u64, bytes_max: usize) -> StoreResult<Pieces> {
        let (packed, mut next) = self.packed(whose, from, bytes_max).await?;
        let (mut blocks, mut at, mut left) = (Vec::new(), from, bytes_max.max(1));
        for piece in packed {
            let Some(mut block) = piece.open()?.behind(at) else { continue };
            if left == 0 {
                next = Some(at);
                break;
            }
            if block.bytes.len() > left {
                // The rest is read again.
                drop(block.split_off(left));
                next = Some(block.end_offset());
            }
            left -= block.bytes.len();
            at = block.end_offset();
            blocks.push(block);
        }
        Ok(Pieces { blocks, next })
    }

    /// Lines of a log. What was asked for may not be all there is: see [`LinesPage::more`].
    ///
    /// # Errors
    /// When it cannot be read, or is not what was written.
    pub async fn lines(&self, whose: Whose, asked: LinesAsked) -> StoreResult<LinesPage> {
        let (start, at) = match asked.from {
            LinesFrom::After(lines) => (lines, self.place(whose, lines).await?),
            // Of all lines that match, which ones are the last is known at the end.
            LinesFrom::Last(_) if asked.pattern.is_some() => (0, LogPlace::default()),
            LinesFrom::Last(count) => {
                // Of a packed log they are in its last piece nearly always, whose first line may have begun before it.
                let at = self.place(whose, u64::MAX).await?;
                let is_all = at.offset == 0;
                let start = if is_all { 0 } else { at.line + 1 };
                let page = self.scan(whose, asked.clone(), (start, at)).await?;
                if is_all || page.lines.len() as u64 >= count {
                    return Ok(page);
                }
                // Where no line began in it, `after` is one behind the end.
                let start = page.after.saturating_sub(count.saturating_add(1));
                (start, self.place(whose, start).await?)
            }
        };
        self.scan(whose, asked, (start, at)).await
    }

    /// Goes over a log for the lines behind `start`, from a place before them on.
    async fn scan(&self, whose: Whose, asked: LinesAsked, (start, at): (u64, LogPlace)) -> StoreResult<LinesPage> {
        let is_search = asked.pattern.is_some();
        let size = if is_search { SEARCH_BYTES } else { LINES_BYTES };
        let mut scan = Scan::new(asked, start, at.offset);
        let mut page = self.packed(whose, at.offset, size).await?;
        loop {
            let (pieces, next) = page;
            let _turn = if is_search { SEARCHES.acquire().await.ok() } else { None };
            let work = spawn_blocking(move || scan.feed(pieces).map(|goes_on| (scan, goes_on)));
            // A search reads on while that is at work; of lines one page is enough nearly always.
            let ahead = match next {
                Some(next) if is_search => Some(self.packed(whose, next, size).await),
                _ => None,
            };
            let (back, goes_on) = match work.await {
                Ok(done) => done?,
                Err(error) => return Err(StoreError::Unavailable(format!("a search was given up: {error}"))),
            };
            scan = back;
            let Some(next) = next else { return Ok(scan.finish(false)) };
            if !goes_on || (is_search && scan.is_late()) {
                return Ok(scan.finish(true));
            }
            page = match ahead {
                Some(ahead) => ahead?,
                None => self.packed(whose, next, size).await?,
            };
        }
    }

    /// Pieces as they are stored.
    async fn packed(
        &self,
        (task, attempt): Whose,
        from: u64,
        bytes_max: usize,
    ) -> StoreResult<(Vec<Packed>, Option<u64>)> {
        let page = self.store.logs(self.scope, LogQuery { task, attempt, from, bytes_max }).await?;
        let parts = try_join_all(page.parts.into_iter().map(|part| self.part(task, part))).await?;
        let chunks = page.chunks.into_iter().map(Packed::Chunk);
        Ok((parts.into_iter().chain(chunks).collect(), page.next))
    }

    async fn part(&self, task: TaskRef, part: LogPart) -> StoreResult<Packed> {
        let LogPart { at, length, kept, .. } = part;
        let bytes = match kept {
            PartKept::Inline(bytes) => bytes,
            PartKept::Blob { key, size } => self.fetch(task, at, &key, size).await?,
        };
        Ok(Packed::Part { task, at, length, bytes })
    }

    async fn fetch(&self, task: TaskRef, at: LogPlace, key: &BlobKey, size: u64) -> StoreResult<Vec<u8>> {
        let Some(blobs) = &self.blobs else {
            let text = "this log is in an artifact store, and this process has none (hint: the setting `artifacts`)";
            return Err(StoreError::Incompatible(text.into()));
        };
        let failed = |error: BlobError| match error {
            BlobError::Unavailable(_) => StoreError::Unavailable(format!("the log of task `{}`: {error}", task.id())),
            error => corrupt(task, at, error.to_string()),
        };
        let mut source = blobs.get(key, None).await.map_err(failed)?;
        let mut bytes = Vec::new();
        while let Some(piece) = source.next().await.map_err(failed)? {
            bytes.extend_from_slice(&piece);
            if bytes.len() as u64 > size {
                break;
            }
        }
        if bytes.len() as u64 != size {
            return Err(corrupt(task, at, format!("`{key}` has not {size} bytes")));
        }
        Ok(bytes)
    }
}
