//! Logs: chunks, places, and parts that take their place.

use ork_core::blobs::BlobKey;
use ork_core::clock::Timestamp;
use ork_core::executor::Stream;
use ork_core::id::{TaskRef, WorkspaceId};
use ork_core::limits::LOG_PACK_BYTES_MIN;
use ork_core::log::{Block, Cutter, LogPlace};
use ork_core::plan::Node;
use ork_core::store::{LogChunk, LogPack, LogPart, LogQuery, LooseBlob, Packed, PartKept, Scope, Store};

use crate::OTHER;
use crate::bed::{Bed, ada, done, failed};
use crate::plans::{node, plan, tries};

/// Writes a log, chunk by chunk.
struct Writer {
    task: TaskRef,
    attempt: u32,
    at: LogPlace,
}

impl Writer {
    fn of(task: TaskRef, attempt: u32) -> Self {
        Self { task, attempt, at: LogPlace::default() }
    }

    fn chunk(&mut self, stream: Stream, bytes: &[u8]) -> LogChunk {
        let chunk = LogChunk { task: self.task, attempt: self.attempt, at: self.at, stream, bytes: bytes.to_vec() };
        self.at = chunk.end();
        chunk
    }
}

/// What is stored, as bytes, read in steps.
async fn whole(store: &dyn Store, task: TaskRef, attempt: u32, bytes_max: usize) -> Vec<u8> {
    let (mut bytes, mut from) = (Vec::new(), 0);
    loop {
        let page = store.logs(Scope::All, LogQuery { task, attempt, from, bytes_max }).await.expect("logs are read");
        let parts = page.parts.into_iter().map(unpack);
        for block in parts.chain(page.chunks.into_iter().map(LogChunk::into_block)) {
            bytes.extend(block.behind(bytes.len() as u64).map(|block| block.bytes).unwrap_or_default());
        }
        match page.next {
            Some(next) => from = next,
            None => return bytes,
        }
    }
}

/// Parts are kept here as they are: what packs them is not the store's.
fn packed(block: &Block) -> LogPart {
    LogPart {
        at: block.at,
        length: block.bytes.len() as u64,
        lines: block.end().line - block.at.line,
        kept: PartKept::Inline(block.encode()),
    }
}

fn unpack(part: LogPart) -> Block {
    let PartKept::Inline(bytes) = part.kept else { panic!("the part is here") };
    Block::decode(part.at, &bytes).expect("it is a block")
}

pub async fn logs_are_kept_in_order(bed: &mut Bed) {
    let run = bed.submit(plan(vec![node("a", &[])])).await;
    let task = TaskRef { run, n: 0 };
    let mut writer = Writer::of(task, 1);
    let chunks = [
        writer.chunk(Stream::Stdout, b"one\n"),
        writer.chunk(Stream::Stderr, b"two"),
        writer.chunk(Stream::Ork, b"\nthree\n"),
    ];
    let store = bed.store.clone();
    store.append_logs(Scope::All, &chunks[1..]).await.expect("logs are kept");
    store.append_logs(Scope::All, &chunks[..2]).await.expect("logs are kept");
    let changed = LogChunk { bytes: b"changed".to_vec(), ..chunks[0].clone() };
    store.append_logs(Scope::All, &[changed]).await.expect("logs are kept");
    let mut query = LogQuery { task, attempt: 1, from: 0, bytes_max: 5 };
    let page = store.logs(Scope::All, query).await.expect("logs are read");
    assert_eq!((page.chunks.as_slice(), page.next), (&chunks[..2], Some(7)));
    query.from = 7;
    let page = store.logs(Scope::All, query).await.expect("logs are read");
    assert_eq!((page.chunks.as_slice(), page.next), (&chunks[2..], None));
    query = LogQuery { from: 5, bytes_max: 1, ..query };
    let page = store.logs(Scope::All, query).await.expect("logs are read");
    assert_eq!(page.chunks, chunks[1..2], "at least one, and the one that holds the byte");
    query.from = 14;
    assert_eq!(store.logs(Scope::All, query).await.expect("logs are read").chunks, [], "nothing follows");
    query = LogQuery { from: 0, attempt: 2, ..query };
    assert_eq!(store.logs(Scope::All, query).await.expect("logs are read").chunks, []);
    let end = store.log_end(Scope::All, task, 1).await;
    assert_eq!(end, Ok(LogPlace { offset: 14, line: 3 }));
    assert_eq!(store.log_end(Scope::All, task, 2).await, Ok(LogPlace::default()));
    for (line, offset) in [(0, 0), (1, 0), (2, 7), (3, 7), (99, 7)] {
        let place = store.log_place(Scope::All, task, 1, line).await.expect("a place is found");
        assert_eq!(place.offset, offset, "line {line}");
    }
}

/// More chunks than a page has, however small they are.
pub async fn a_log_of_many_chunks_is_whole(bed: &mut Bed) {
    let run = bed.submit(plan(vec![node("a", &[])])).await;
    let (task, store) = (TaskRef { run, n: 0 }, bed.store.clone());
    let mut writer = Writer::of(task, 1);
    let chunks: Vec<LogChunk> = (0..5_000).map(|n| writer.chunk(Stream::Stdout, format!("{n}\n").as_bytes())).collect();
    store.append_logs(Scope::All, &chunks).await.expect("logs are kept");
    let text: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.bytes.clone()).collect();
    assert!(whole(store.as_ref(), task, 1, 8 << 20).await == text);
}

/// A log of more than a part, in pieces that end anywhere.
fn large(writer: &mut Writer) -> Vec<LogChunk> {
    let text: Vec<u8> = (0..60_000).flat_map(|n| format!("line {n} größer\n").into_bytes()).collect();
    let streams = [Stream::Stdout, Stream::Stderr];
    text.chunks(50_001).zip(streams.iter().cycle()).map(|(bytes, stream)| writer.chunk(*stream, bytes)).collect()
}

async fn pack(store: &dyn Store, (task, attempt): (TaskRef, u32), after: u64, block: &Block) -> Packed {
    let pack = LogPack { task, attempt, after, part: packed(block), now: Timestamp::default() };
    store.pack_log(&pack).await.expect("a log is packed")
}

pub async fn a_packed_log_is_the_same(bed: &mut Bed) {
    let run = bed.submit(plan(vec![Node { retry: tries(2), ..node("a", &[]) }])).await;
    let task = TaskRef { run, n: 0 };
    let store = bed.store.clone();
    let held = bed.claim_one().await;
    let mut writer = Writer::of(task, 1);
    let chunks = large(&mut writer);
    let text: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.bytes.clone()).collect();
    store.append_logs(Scope::All, &chunks).await.expect("logs are kept");
    assert_eq!(store.packable_logs(None, 10).await, Ok(vec![]), "the attempt is at work");
    bed.settle(held, failed()).await;
    // The next attempt changes nothing about this one.
    store.retry_task_now(Scope::All, task, &ada(), bed.now).await.expect("it is asked for");
    let second = bed.claim_one().await;
    let found = store.packable_logs(None, 10).await.expect("logs are listed");
    assert_eq!(found.iter().map(|one| (one.task, one.attempt, one.packed.offset)).collect::<Vec<_>>(), [(task, 1, 0)]);
    assert_eq!(store.packable_logs(Some((task, 1)), 10).await, Ok(vec![]));

    let mut cutter = Cutter::new(LogPlace::default());
    let mut parts: Vec<Block> = chunks.iter().flat_map(|chunk| cutter.push(chunk.clone().into_block())).collect();
    parts.extend(cutter.finish());
    assert!(parts.len() > 1);
    let own = (task, 1);
    assert_eq!(pack(store.as_ref(), own, 5, &parts[0]).await, Packed::Beaten, "not behind what is packed");
    assert_eq!(pack(store.as_ref(), own, 0, &parts[0]).await, Packed::Done);
    assert_eq!(pack(store.as_ref(), own, 0, &parts[0]).await, Packed::Beaten, "once");
    // Half of it is packed, and everything is as it was.
    same(store.as_ref(), task, &text).await;
    let half = store.packable_logs(None, 10).await.expect("logs are listed");
    assert_eq!(half.first().map(|one| one.packed), Some(parts[0].end()));
    for two in parts.windows(2) {
        assert_eq!(pack(store.as_ref(), own, two[0].end_offset(), &two[1]).await, Packed::Done);
    }
    same(store.as_ref(), task, &text).await;
    assert_eq!(store.packable_logs(None, 10).await, Ok(vec![]), "nothing is left");

    // An answer that was lost: the same chunks come again.
    store.append_logs(Scope::All, &chunks).await.expect("logs are kept");
    assert_eq!(store.packable_logs(None, 10).await, Ok(vec![]), "they are there");
    // One that comes late follows behind.
    let late = writer.chunk(Stream::Stderr, b"late\n");
    store.append_logs(Scope::All, std::slice::from_ref(&late)).await.expect("logs are kept");
    let text = [text, late.bytes.clone()].concat();
    same(store.as_ref(), task, &text).await;
    let found = store.packable_logs(None, 10).await.expect("logs are listed");
    assert_eq!(found.first().map(|one| one.packed.offset), Some(late.at.offset));
    assert_eq!(pack(store.as_ref(), own, late.at.offset, &late.into_block()).await, Packed::Done);
    same(store.as_ref(), task, &text).await;
    bed.settle(second, done()).await;
}

/// The log says what it said, from wherever it is read.
async fn same(store: &dyn Store, task: TaskRef, text: &[u8]) {
    for bytes_max in [1, 100_000, 10 << 20] {
        assert!(whole(store, task, 1, bytes_max).await == text, "{bytes_max} bytes at once");
    }
    let end = LogPlace::default().after(text);
    assert_eq!(store.log_end(Scope::All, task, 1).await, Ok(end));
    for (from, goes_on) in [(0, true), (end.offset - 1, false), (end.offset, false)] {
        let query = LogQuery { task, attempt: 1, from, bytes_max: 1 };
        let page = store.logs(Scope::All, query).await.expect("logs are read");
        assert_eq!(page.next.is_some(), goes_on, "from byte {from}: {:?}", page.next);
    }
    for line in [0, 1, 2, 30_000, 59_999, end.line, end.line + 1] {
        let at = store.log_place(Scope::All, task, 1, line).await.expect("a place is found");
        let offset = usize::try_from(at.offset).expect("it is small");
        assert_eq!(at, LogPlace::default().after(&text[..offset]), "line {line}");
        assert!(line == 0 || at.line < line, "line {line}");
        let query = LogQuery { task, attempt: 1, from: at.offset, bytes_max: 1 };
        let page = store.logs(Scope::All, query).await.expect("logs are read");
        let ends =
            page.parts.iter().map(|part| part.end().line).chain(page.chunks.iter().map(|chunk| chunk.end().line));
        assert!(line > end.line || ends.last() >= Some(line), "line {line} begins in what is read from there");
    }
}

pub async fn small_logs_stay_as_they_are(bed: &mut Bed) {
    let run = bed.submit(plan(vec![node("a", &[])])).await;
    let task = TaskRef { run, n: 0 };
    let mut writer = Writer::of(task, 1);
    let held = bed.claim_one().await;
    let small = vec![b'x'; LOG_PACK_BYTES_MIN as usize - 1];
    let store = bed.store.clone();
    let chunk = writer.chunk(Stream::Stdout, &small);
    store.append_logs(Scope::All, std::slice::from_ref(&chunk)).await.expect("logs are kept");
    bed.settle(held, done()).await;
    assert_eq!(store.packable_logs(None, 10).await, Ok(vec![]));
    assert_eq!(pack(store.as_ref(), (task, 1), 0, &chunk.into_block()).await, Packed::Beaten);
    assert_eq!(whole(store.as_ref(), task, 1, 1).await, small);
}

pub async fn a_packed_log_goes_with_its_run(bed: &mut Bed) {
    let run = bed.submit(plan(vec![node("a", &[])])).await;
    let task = TaskRef { run, n: 0 };
    let mut writer = Writer::of(task, 1);
    let held = bed.claim_one().await;
    let chunks = large(&mut writer);
    let store = bed.store.clone();
    store.append_logs(Scope::All, &chunks).await.expect("logs are kept");
    bed.settle(held, done()).await;
    let mut cutter = Cutter::new(LogPlace::default());
    let parts: Vec<Block> = chunks.into_iter().flat_map(|chunk| cutter.push(chunk.into_block())).collect();
    assert_eq!(pack(store.as_ref(), (task, 1), 0, &parts[0]).await, Packed::Done);
    bed.pass(1_000);
    assert_eq!(store.prune_runs(Scope::All, &[run], bed.now).await, Ok(1));
    while store.sweep(100).await.expect("a piece is removed").more {}
    assert_eq!(whole(store.as_ref(), task, 1, 1 << 20).await, b"");
    assert_eq!(store.packable_logs(None, 10).await, Ok(vec![]));
    assert_eq!(store.log_end(Scope::All, task, 1).await, Ok(LogPlace::default()));
    let rest = cutter.finish().expect("there is some");
    assert_eq!(pack(store.as_ref(), (task, 1), rest.at.offset, &rest).await, Packed::Beaten, "there is no run");
}

/// Bytes in the artifact store are named once they were noted, and are doomed when their run goes.
pub async fn a_packed_log_names_its_bytes(bed: &mut Bed) {
    let run = bed.submit(plan(vec![node("a", &[])])).await;
    let (task, workspace, store) = (TaskRef { run, n: 0 }, WorkspaceId::DEFAULT, bed.store.clone());
    let mut writer = Writer::of(task, 1);
    let held = bed.claim_one().await;
    let chunks = large(&mut writer);
    store.append_logs(Scope::All, &chunks).await.expect("logs are kept");
    bed.settle(held, done()).await;
    let key = |name: &str| BlobKey::of_run(workspace, run, name);
    let mut cutter = Cutter::new(LogPlace::default());
    let parts: Vec<Block> = chunks.into_iter().flat_map(|chunk| cutter.push(chunk.into_block())).collect();
    let part = |name: &str| LogPart { kept: PartKept::Blob { key: key(name), size: 9 }, ..packed(&parts[0]) };
    let pack = |name: &str, now| LogPack { task, attempt: 1, after: 0, part: part(name), now };
    let note = async |name: &str, workspace, kept_until| {
        let loose = LooseBlob { key: key(name), workspace, kept_until };
        store.note_blob(Scope::One(workspace), &loose).await.expect("bytes are noted")
    };
    assert_eq!(store.pack_log(&pack("unknown", bed.now)).await, Ok(Packed::Gone));
    assert!(note("foreign", OTHER, bed.now.plus_ms(10)).await);
    assert_eq!(store.pack_log(&pack("foreign", bed.now)).await, Ok(Packed::Gone));
    assert!(note("late", workspace, bed.now).await);
    assert_eq!(store.pack_log(&pack("late", bed.now.plus_ms(1))).await, Ok(Packed::Gone));
    assert!(note("own", workspace, bed.now.plus_ms(10)).await);
    assert_eq!(store.pack_log(&pack("own", bed.now)).await, Ok(Packed::Done));
    bed.pass(1_000);
    let mut doomed = store.doom_blobs(bed.now, 10).await.expect("bytes are doomed");
    doomed.sort();
    assert_eq!(doomed, [key("foreign"), key("late")], "what a log names is not");
    store.forget_blobs(&doomed).await.expect("they are forgotten");
    assert_eq!(store.prune_runs(Scope::All, &[run], bed.now).await, Ok(1));
    while store.sweep(100).await.expect("a piece is removed").more {}
    assert_eq!(store.doom_blobs(bed.now, 10).await, Ok(vec![key("own")]));
}

/// A task of a run that is over, whose only attempt has written this.
pub async fn logged(store: std::sync::Arc<dyn Store>, pieces: impl IntoIterator<Item = (Stream, Vec<u8>)>) -> TaskRef {
    let mut bed = Bed::new(std::sync::Arc::clone(&store)).await;
    let run = bed.submit(plan(vec![node("a", &[])])).await;
    let held = bed.claim_one().await;
    let task = TaskRef { run, n: 0 };
    let mut writer = Writer::of(task, 1);
    let chunks: Vec<LogChunk> = pieces.into_iter().map(|(stream, bytes)| writer.chunk(stream, &bytes)).collect();
    for some in chunks.chunks(100) {
        store.append_logs(Scope::All, some).await.expect("logs are kept");
    }
    bed.settle(held, done()).await;
    task
}
