//! A log that is not packed, half packed, packed, and in an artifact store, against what a plain text says.

use std::sync::Arc;

use ork_conformance::{Model, logged};
use ork_core::blobs::{BlobKey, Blobs, Expected, Whole};
use ork_core::clock::Timestamp;
use ork_core::error::StoreError;
use ork_core::executor::Stream;
use ork_core::id::{TaskRef, WorkspaceId};
use ork_core::log::{Block, Cutter, LogPlace};
use ork_core::store::{Artifacts, LogPack, LogPart, LogQuery, Logs, LooseBlob, Packed, PartKept, Scope, Store};
use ork_logs::{LinesAsked, LinesFrom, Pattern, Reader, pack};

use crate::shelf::Shelf;

/// How much of a log is packed, and whether into the artifact store.
#[derive(Debug, Clone, Copy)]
struct State {
    parts: usize,
    in_blobs: bool,
}

const STATES: [State; 4] = [
    State { parts: 0, in_blobs: false },
    State { parts: 1, in_blobs: false },
    State { parts: usize::MAX, in_blobs: false },
    State { parts: usize::MAX, in_blobs: true },
];

struct World {
    store: Arc<Model>,
    shelf: Arc<Shelf>,
    task: TaskRef,
}

impl World {
    async fn new(pieces: Vec<(Stream, Vec<u8>)>, state: State) -> Self {
        let (store, shelf) = (Arc::new(Model::new()), Arc::new(Shelf::default()));
        let task = logged(Arc::clone(&store) as Arc<dyn Store>, pieces).await;
        let world = Self { store, shelf, task };
        for (number, block) in world.parts().await.into_iter().enumerate().take(state.parts) {
            world.put(number, &block, state.in_blobs).await;
        }
        world
    }

    fn reader(&self) -> Reader {
        let blobs = Arc::clone(&self.shelf) as Arc<dyn Blobs>;
        Reader::new(Arc::clone(&self.store) as Arc<dyn Store>, Some(blobs), Scope::All)
    }

    async fn parts(&self) -> Vec<Block> {
        let mut cutter = Cutter::new(LogPlace::default());
        let query = LogQuery { task: self.task, attempt: 1, from: 0, bytes_max: usize::MAX };
        let page = self.store.logs(Scope::All, query).await.unwrap();
        let mut parts: Vec<Block> = page.chunks.into_iter().flat_map(|chunk| cutter.push(chunk.into_block())).collect();
        parts.extend(cutter.finish());
        parts
    }

    async fn put(&self, number: usize, block: &Block, in_blobs: bool) {
        let (bytes, now) = (pack(block).unwrap(), Timestamp::default());
        let kept = if in_blobs {
            let workspace = WorkspaceId::DEFAULT;
            let key = BlobKey::of_run(workspace, self.task.run, &format!("log-0-1-{number}"));
            let loose = LooseBlob { key: key.clone(), workspace, kept_until: now };
            assert!(self.store.note_blob(Scope::All, &loose).await.unwrap());
            let size = bytes.len() as u64;
            self.shelf.put(&key, &mut Whole::new(bytes), &Expected::default()).await.unwrap();
            PartKept::Blob { key, size }
        } else {
            PartKept::Inline(bytes)
        };
        let (length, lines) = (block.bytes.len() as u64, block.end().line - block.at.line);
        let part = LogPart { at: block.at, length, lines, kept };
        let pack = LogPack { task: self.task, attempt: 1, after: block.at.offset, part, now };
        assert_eq!(self.store.pack_log(&pack).await, Ok(Packed::Done));
    }

    async fn lines(
        &self,
        from: LinesFrom,
        limit: usize,
        pattern: Option<&Pattern>,
    ) -> (Vec<(u64, u64, String)>, u64, bool) {
        let asked = LinesAsked { from, limit, pattern: pattern.cloned() };
        let page = self.reader().lines((self.task, 1), asked).await.unwrap();
        let lines = page.lines.iter().map(|line| (line.number, line.offset, line.text())).collect();
        (lines, page.after, page.more)
    }
}

/// Lines of every kind: short, empty, of 64 KiB, with the ends of another system, with letters that pieces cut.
fn text() -> Vec<u8> {
    let mut text = Vec::new();
    for n in 0..40_000_u32 {
        match n % 5_000 {
            7 => text.extend(b"x".repeat(64 << 10)),
            8 => {}
            9 => text.extend(b"dos\r"),
            10 => text.extend([0xff, 0xfe, 0]),
            _ => text.extend(format!("{n} größer als {}", n / 2).into_bytes()),
        }
        text.push(b'\n');
    }
    text.extend("ohne Ende ü".as_bytes());
    text
}

fn pieces(text: &[u8], bytes: usize) -> Vec<(Stream, Vec<u8>)> {
    let streams = [Stream::Stdout, Stream::Stdout, Stream::Stderr, Stream::Ork];
    text.chunks(bytes).zip(streams.iter().cycle()).map(|(piece, stream)| (*stream, piece.to_vec())).collect()
}

/// What a plain text says: number, offset and text of each line.
fn plain(text: &[u8]) -> Vec<(u64, u64, String)> {
    let mut offset = 0;
    let lines = text.split_inclusive(|byte| *byte == b'\n').zip(1..);
    lines
        .map(|(line, number)| {
            let bytes = line.strip_suffix(b"\n").unwrap_or(line);
            let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
            let row = (number, offset, String::from_utf8_lossy(bytes).into_owned());
            offset += line.len() as u64;
            row
        })
        .collect()
}

#[tokio::test]
async fn bytes_are_the_same_however_they_are_stored() {
    let text = text();
    for state in STATES {
        let world = World::new(pieces(&text, 60_013), state).await;
        let (reader, whose) = (world.reader(), (world.task, 1));
        assert_eq!(reader.end(whose).await.unwrap(), LogPlace::default().after(&text), "{state:?}");
        for (from, bytes_max) in [(0, 1 << 20), (1, 100_000), (1_048_000, 1_000), (text.len() as u64 - 3, 10)] {
            let pieces = reader.pieces(whose, from, bytes_max).await.unwrap();
            let found: Vec<u8> = pieces.blocks.iter().flat_map(|block| block.bytes.clone()).collect();
            let start = from as usize;
            assert!(!found.is_empty() && found.len() <= bytes_max, "{state:?} {from}: {} bytes", found.len());
            assert!(found == text[start..start + found.len()], "{state:?} from {from}");
            let first = &pieces.blocks[0];
            assert_eq!(first.at, LogPlace::default().after(&text[..start]), "{state:?} from {from}");
            let end = from + found.len() as u64;
            assert!(pieces.next.is_none_or(|next| next == end), "{state:?} from {from}: {:?} {end}", pieces.next);
            assert!(pieces.next.is_some() || end == text.len() as u64, "{state:?} from {from}");
        }
        assert!(reader.pieces(whose, text.len() as u64, 10).await.unwrap().blocks.is_empty());
        assert!(reader.pieces(whose, 1 << 60, 10).await.unwrap().blocks.is_empty());
    }
}

#[tokio::test]
async fn lines_are_the_same_however_they_are_stored() {
    let text = text();
    let plain = plain(&text);
    for state in STATES {
        let world = World::new(pieces(&text, 4_099), state).await;
        for after in [0, 1, 6, 7, 8, 11, 19_999, 39_998, 39_999, 40_000, 40_001, 50_000] {
            let (lines, next, more) = world.lines(LinesFrom::After(after as u64), 5, None).await;
            let expected = plain.get(after..plain.len().min(after + 5)).unwrap_or_default();
            assert!(lines == expected, "{state:?} after {after}: {lines:?}");
            assert_eq!(more, after + 5 < plain.len(), "{state:?} after {after}");
            // The last line is not over.
            let looked_at = (after + expected.len()).min(plain.len() - 1).max(after);
            assert_eq!(next, looked_at as u64, "{state:?} after {after}");
        }
        for count in [1, 2, 3, 300, 30_000] {
            let (lines, next, more) = world.lines(LinesFrom::Last(count), 1, None).await;
            assert!(lines == plain[plain.len() - count as usize..], "{state:?} last {count}: {} lines", lines.len());
            assert_eq!((next, more), (40_000, false), "{state:?} last {count}");
        }
    }
}

#[tokio::test]
async fn a_search_finds_the_same_however_it_is_stored() {
    let text = text();
    let plain = plain(&text);
    let patterns = [("größer als 199", false), (r"^1\d{3} .*99$", true), (r"[^0-9a-z ]", true), ("nowhere", false)];
    for state in STATES {
        let world = World::new(pieces(&text, 30_001), state).await;
        for (pattern, is_regex) in patterns {
            let own = Pattern::new(pattern, is_regex, false).unwrap();
            let regex = regex::Regex::new(&if is_regex { pattern.to_owned() } else { regex::escape(pattern) }).unwrap();
            let expected: Vec<_> = plain.iter().filter(|(.., line)| regex.is_match(line)).cloned().collect();
            for limit in [7, 100_000] {
                let (mut found, mut after) = (Vec::new(), 0);
                loop {
                    let (lines, next, more) = world.lines(LinesFrom::After(after), limit, Some(&own)).await;
                    assert!(lines.len() <= limit);
                    found.extend(lines);
                    if !more {
                        break;
                    }
                    assert!(next > after, "{pattern}: it goes on");
                    after = next;
                    if found.len() > 100 {
                        break;
                    }
                }
                let is_same = if found.len() > 100 { expected.starts_with(&found) } else { expected == found };
                assert!(is_same, "{state:?} {pattern} {limit}: {} of {}", found.len(), expected.len());
            }
        }
        let (last, ..) = world.lines(LinesFrom::Last(2), 1, Some(&Pattern::new("größer", false, false).unwrap())).await;
        assert_eq!(last.iter().map(|(number, ..)| *number).collect::<Vec<_>>(), [39_999, 40_000], "{state:?}");
    }
}

/// Pieces that begin and end anywhere: in a line, at its break, behind it. Whatever is last, so many lines before the end are found.
#[tokio::test]
async fn the_last_lines_are_found_wherever_pieces_end() {
    for text in ["a\nbb\n\nccc\n", "a\nbb\n\nccc\nd", "\n", "a", "a\n", "\n\n\n", "aaaaaaaa\nb"] {
        let plain = plain(text.as_bytes());
        let breaks = text.matches('\n').count() as u64;
        for size in 1..=text.len() {
            let world = World::new(pieces(text.as_bytes(), size), STATES[0]).await;
            for count in 1..=plain.len() + 1 {
                let found = world.lines(LinesFrom::Last(count as u64), 1, None).await;
                let expected = plain[plain.len().saturating_sub(count)..].to_vec();
                assert_eq!(found, (expected, breaks, false), "{text:?} in pieces of {size}, the last {count}");
            }
        }
    }
}

#[tokio::test]
async fn an_empty_log_has_no_lines() {
    let world = World::new(Vec::new(), STATES[0]).await;
    assert_eq!(world.lines(LinesFrom::After(0), 5, None).await, (vec![], 0, false));
    assert_eq!(world.lines(LinesFrom::Last(5), 5, None).await, (vec![], 0, false));
    assert_eq!(world.reader().end((world.task, 1)).await, Ok(LogPlace::default()));
}

#[tokio::test]
async fn bytes_that_changed_are_named() {
    let world = World::new(pieces(&text(), 60_000), STATES[3]).await;
    let key = world.shelf.0.lock().unwrap().keys().nth(1).unwrap().clone();
    world.shelf.0.lock().unwrap().get_mut(&key).unwrap()[1_000] ^= 1;
    let whole = || async {
        let (mut from, reader) = (0, world.reader());
        loop {
            let pieces = reader.pieces((world.task, 1), from, 1 << 20).await?;
            match pieces.next {
                Some(next) => from = next,
                None => return Ok::<_, StoreError>(()),
            }
        }
    };
    let error = whole().await.unwrap_err().to_string();
    assert!(error.contains(&world.task.id().to_string()) && error.contains("`log_parts`"), "{error}");
    world.shelf.0.lock().unwrap().get_mut(&key).unwrap().pop();
    assert!(whole().await.unwrap_err().to_string().contains("has not"));
    world.shelf.0.lock().unwrap().remove(&key);
    assert!(whole().await.unwrap_err().to_string().contains("no bytes under"));
    let blind = Reader::new(Arc::clone(&world.store) as Arc<dyn Store>, None, Scope::All);
    let error = blind.pieces((world.task, 1), 0, 10).await.unwrap_err();
    assert!(matches!(&error, StoreError::Incompatible(text) if text.contains("the setting `artifacts`")), "{error}");
}
