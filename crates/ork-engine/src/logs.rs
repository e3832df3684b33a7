//! Logs of attempts, on their way to the store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ork_core::executor::Stream;
use ork_core::id::TaskRef;
use ork_core::limits;
use ork_core::log::LogPlace;
use ork_core::store::LogChunk;
use tokio::sync::Notify;

use crate::backoff::Backoff;
use crate::parts::{Parts, lock};

/// How long a piece of log waits for others.
const PERIOD: Duration = Duration::from_millis(200);
/// Bytes that are stored without waiting longer, and bytes of one chunk.
const CHUNK_BYTES_MAX: usize = limits::LOG_CHUNK_BYTES_MAX;
/// Bytes that are kept when the store is slow; what comes then is dropped, and a note says so.
const PENDING_BYTES_MAX: usize = 32 << 20;
/// Bytes of one request.
const REQUEST_BYTES_MAX: usize = 1 << 20;

/// How long an outcome waits for the log of its attempt.
const PATIENCE: Duration = Duration::from_secs(1);

/// A task and its attempt.
pub type Whose = (TaskRef, u32);

/// What one attempt has written so far.
#[derive(Default)]
pub struct LogState {
    /// Where its next chunk begins.
    end: LogPlace,
    /// Its last line has no end yet.
    is_in_line: bool,
    /// Bytes dropped since the last chunk.
    dropped: u64,
    is_full: bool,
}

impl LogState {
    /// Of an attempt that another lease has carried before: behind what that wrote.
    pub fn behind(end: LogPlace, is_in_line: bool) -> Self {
        Self { end, is_in_line, is_full: end.offset >= limits::LOG_BYTES_MAX, ..Self::default() }
    }
}

/// Chunks that are not stored yet.
#[derive(Default)]
pub struct LogBook {
    state: Mutex<Pending>,
    filled: Notify,
    due: Notify,
    stored: Notify,
}

#[derive(Default)]
struct Pending {
    chunks: BTreeMap<Whose, Vec<LogChunk>>,
    bytes: usize,
    in_flight: BTreeSet<Whose>,
    /// Logs that will be packed once their attempts are over.
    large: BTreeSet<Whose>,
}

impl LogBook {
    /// Takes what an attempt wrote, or Ork notes. Never waits: beyond the limits it drops, and says so in the log itself.
    pub fn push(&self, whose: Whose, log: &mut LogState, stream: Stream, bytes: &[u8]) {
        let mut pending = lock(&self.state);
        if log.is_full || pending.bytes + bytes.len() > PENDING_BYTES_MAX {
            log.dropped += bytes.len() as u64;
            return;
        }
        pending.note_dropped(whose, log);
        let room = limits::LOG_BYTES_MAX.saturating_sub(log.end.offset);
        let fits = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
        if stream == Stream::Ork {
            pending.note(whose, log, &bytes[..fits]);
        } else {
            pending.append(whose, log, stream, &bytes[..fits]);
        }
        if fits < bytes.len() {
            log.is_full = true;
            let note = format!("[ork: log truncated after {} bytes]\n", limits::LOG_BYTES_MAX);
            pending.note(whose, log, note.as_bytes());
        }
        if log.end.offset >= limits::LOG_PACK_BYTES_MIN {
            pending.large.insert(whose);
        }
        self.filled.notify_one();
        if pending.bytes >= CHUNK_BYTES_MAX {
            self.due.notify_one();
        }
    }

    /// Takes note that nothing more will come: what was dropped last is said all the same.
    pub fn close(&self, whose: Whose, log: &mut LogState) {
        lock(&self.state).note_dropped(whose, log);
        self.filled.notify_one();
    }

    /// Whether the log of one of these is to be packed. Asked once their attempts are settled.
    pub fn take_large(&self, whose: impl Iterator<Item = Whose>) -> bool {
        let mut pending = lock(&self.state);
        // Most are not, and then nothing is looked up.
        !pending.large.is_empty() && whose.filter(|one| pending.large.remove(one)).count() > 0
    }

    fn take(&self) -> Vec<LogChunk> {
        let mut pending = lock(&self.state);
        let mut taken = Vec::new();
        let mut bytes = 0;
        while bytes < REQUEST_BYTES_MAX
            && let Some(mut entry) = pending.chunks.first_entry()
        {
            let chunks = entry.get_mut();
            let full = |chunk: &LogChunk| {
                let had_room = bytes < REQUEST_BYTES_MAX;
                bytes += if had_room { chunk.bytes.len() } else { 0 };
                had_room
            };
            let count = chunks.iter().map(full).take_while(|had_room| *had_room).count();
            taken.extend(chunks.drain(..count));
            if chunks.is_empty() {
                entry.remove();
            }
        }
        pending.in_flight = taken.iter().map(|chunk| (chunk.task, chunk.attempt)).collect();
        taken
    }

    fn stored(&self, chunks: &[LogChunk]) {
        let mut pending = lock(&self.state);
        pending.bytes -= chunks.iter().map(|chunk| chunk.bytes.len()).sum::<usize>();
        pending.in_flight.clear();
        self.stored.notify_waiters();
    }

    /// Ends when everything that these attempts wrote is stored, or after [`PATIENCE`]: whoever sees that a task is over
    /// should find its log, but a slow log must not keep a run from its end.
    pub async fn settle_after(&self, attempts: &BTreeSet<Whose>) {
        let all_stored = async {
            loop {
                let stored = self.stored.notified();
                if !lock(&self.state).holds_any(attempts) {
                    return;
                }
                self.due.notify_one();
                stored.await;
            }
        };
        // What is not stored by then follows later.
        let _ = tokio::time::timeout(PATIENCE, all_stored).await;
    }

    /// Ends when everything that came so far is stored.
    pub async fn flush(&self) {
        loop {
            let stored = self.stored.notified();
            {
                let pending = lock(&self.state);
                if pending.chunks.is_empty() && pending.in_flight.is_empty() {
                    return;
                }
            }
            self.due.notify_one();
            stored.await;
        }
    }
}

impl Pending {
    fn holds_any(&self, attempts: &BTreeSet<Whose>) -> bool {
        let is_idle = self.chunks.is_empty() && self.in_flight.is_empty();
        !is_idle && attempts.iter().any(|whose| self.chunks.contains_key(whose) || self.in_flight.contains(whose))
    }

    /// Notes of Ork's own are lines of their own: what a task wrote before one does not become a part of it.
    fn note_dropped(&mut self, whose: Whose, log: &mut LogState) {
        if log.dropped > 0 && !log.is_full {
            let note = format!("[ork: {} bytes dropped: the database was too slow]\n", log.dropped);
            log.dropped = 0;
            self.note(whose, log, note.as_bytes());
        }
    }

    fn note(&mut self, whose: Whose, log: &mut LogState, note: &[u8]) {
        if log.is_in_line {
            self.append(whose, log, Stream::Ork, b"\n");
        }
        self.append(whose, log, Stream::Ork, note);
    }

    fn append(&mut self, whose: Whose, log: &mut LogState, stream: Stream, bytes: &[u8]) {
        self.bytes += bytes.len();
        log.is_in_line = bytes.last().map_or(log.is_in_line, |last| *last != b'\n');
        let chunks = self.chunks.entry(whose).or_default();
        for piece in bytes.chunks(CHUNK_BYTES_MAX) {
            if let Some(last) = chunks.last_mut()
                && last.stream == stream
                && last.bytes.len() + piece.len() <= CHUNK_BYTES_MAX
            {
                last.bytes.extend_from_slice(piece);
            } else {
                let (task, attempt) = whose;
                chunks.push(LogChunk { task, attempt, at: log.end, stream, bytes: piece.to_vec() });
            }
            log.end = log.end.after(piece);
        }
    }
}

pub async fn run(parts: Arc<Parts>) {
    let book = &parts.logs;
    loop {
        book.filled.notified().await;
        tokio::select! {
            biased;
            () = book.due.notified() => {}
            () = tokio::time::sleep(PERIOD) => {}
        }
        loop {
            let chunks = book.take();
            if chunks.is_empty() {
                break;
            }
            store(&parts, &chunks).await;
            book.stored(&chunks);
        }
    }
}

async fn store(parts: &Parts, chunks: &[LogChunk]) {
    let mut backoff = Backoff::new();
    while let Err(error) = parts.store.append_logs(parts.config.scope, chunks).await {
        parts.store_failed("scribe", &error);
        if !error.is_transient() {
            return;
        }
        backoff.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ork_core::clock::{SeededEntropy, Timestamp};
    use ork_core::id::RunId;

    fn task() -> TaskRef {
        TaskRef { run: RunId::new(Timestamp::default(), &mut SeededEntropy::new(1)), n: 0 }
    }

    #[test]
    fn pieces_of_one_stream_become_one_chunk_and_order_is_kept() {
        let (book, mut log) = (LogBook::default(), LogState::default());
        for (stream, text) in
            [(Stream::Stdout, "a"), (Stream::Stdout, "b"), (Stream::Stderr, "c"), (Stream::Stdout, "d")]
        {
            book.push((task(), 1), &mut log, stream, text.as_bytes());
        }
        let chunks = book.take();
        let shown: Vec<(u64, &str, &[u8])> =
            chunks.iter().map(|c| (c.at.offset, c.stream.word(), c.bytes.as_slice())).collect();
        assert_eq!(shown, [(0, "stdout", b"ab".as_slice()), (2, "stderr", b"c"), (3, "stdout", b"d")]);
        book.stored(&chunks);
        book.push((task(), 1), &mut log, Stream::Stdout, b"\n");
        book.push((task(), 1), &mut log, Stream::Stderr, b"e");
        let places: Vec<_> = book.take().iter().map(|c| (c.at.offset, c.at.line)).collect();
        assert_eq!(places, [(4, 0), (5, 1)]);
    }

    /// Attack 44: what a task writes before a note, or like one, is none.
    #[test]
    fn what_is_dropped_last_is_said_at_the_end() {
        let (book, mut log) = (LogBook::default(), LogState::default());
        book.push((task(), 1), &mut log, Stream::Stdout, b"kept");
        book.push((task(), 1), &mut log, Stream::Stdout, &vec![b'x'; PENDING_BYTES_MAX]);
        assert_eq!(log.dropped, PENDING_BYTES_MAX as u64);
        book.close((task(), 1), &mut log);
        book.close((task(), 1), &mut log);
        let text: Vec<u8> = book.take().into_iter().flat_map(|chunk| chunk.bytes).collect();
        let expected = format!("kept\n[ork: {PENDING_BYTES_MAX} bytes dropped: the database was too slow]\n");
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    #[test]
    fn notes_are_lines_of_their_own() {
        let (book, mut log) = (LogBook::default(), LogState::default());
        let mut push = |stream, text: &str| book.push((task(), 1), &mut log, stream, text.as_bytes());
        push(Stream::Stdout, "[ork: forged]\nhalf a line");
        push(Stream::Ork, "ork: stopped\n");
        push(Stream::Ork, "ork: again\n");
        push(Stream::Stderr, "more\n");
        let mut whole = ork_core::log::Block::default();
        book.take().into_iter().for_each(|chunk| whole.append(&chunk.into_block()));
        let lines: Vec<_> = whole.lines().map(|line| (line.stream.word(), line.text())).collect();
        let expected = [
            ("stdout", "[ork: forged]"),
            ("stdout", "half a line"),
            ("ork", "ork: stopped"),
            ("ork", "ork: again"),
            ("stderr", "more"),
        ];
        assert_eq!(lines, expected.map(|(stream, text)| (stream, text.to_owned())));
    }

    #[test]
    fn large_logs_are_told_once() {
        let (book, mut small, mut large) = (LogBook::default(), LogState::default(), LogState::default());
        book.push((task(), 1), &mut small, Stream::Stdout, b"small");
        let bytes = vec![b'x'; usize::try_from(limits::LOG_PACK_BYTES_MIN).unwrap()];
        book.push((task(), 2), &mut large, Stream::Stdout, &bytes);
        let told = |attempt| book.take_large([(task(), attempt)].into_iter());
        assert_eq!([told(1), told(2), told(2)], [false, true, false]);
    }

    #[test]
    fn a_slow_store_costs_log_and_not_memory() {
        let (book, mut log) = (LogBook::default(), LogState::default());
        let megabyte = vec![b'x'; 1 << 20];
        for _ in 0..40 {
            book.push((task(), 1), &mut log, Stream::Stdout, &megabyte);
        }
        for _ in 0..32 {
            let chunks = book.take();
            assert_eq!(chunks.iter().map(|chunk| chunk.bytes.len()).sum::<usize>(), REQUEST_BYTES_MAX);
            book.stored(&chunks);
        }
        assert!(book.take().is_empty());
        book.push((task(), 1), &mut log, Stream::Stdout, b"end");
        let chunks = book.take();
        assert_eq!(chunks[0].bytes, b"\n[ork: 8388608 bytes dropped: the database was too slow]\n");
        assert_eq!((chunks[0].at.offset, chunks[0].stream), (32 << 20, Stream::Ork));
        assert_eq!(chunks[1].bytes, b"end");
    }

    #[test]
    fn a_log_has_an_end() {
        let (book, mut log) = (LogBook::default(), LogState::default());
        let megabyte = vec![b'x'; 1 << 20];
        for _ in 0..52 {
            book.push((task(), 1), &mut log, Stream::Stdout, &megabyte);
            book.stored(&book.take());
        }
        book.push((task(), 1), &mut log, Stream::Stdout, b"more");
        let note = format!("\n[ork: log truncated after {} bytes]\n", limits::LOG_BYTES_MAX).len() as u64;
        assert_eq!((log.end.offset, log.end.line, book.take().len()), (limits::LOG_BYTES_MAX + note, 2, 0));
    }
}
