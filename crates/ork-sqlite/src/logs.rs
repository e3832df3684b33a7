//! Logs: chunks, and the parts that take their place.

use ork_core::blobs::BlobKey;
use ork_core::error::{StoreError, StoreResult};
use ork_core::executor::Stream;
use ork_core::id::{RunId, TaskRef};
use ork_core::log::LogPlace;
use ork_core::store::{LogChunk, LogPack, LogPage, LogPart, LogQuery, Packable, Packed, PartKept, Scope};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::change::execute;
use crate::connection::failed;
use crate::rows::{filter, get, run_key};
use crate::sql;

pub fn append(db: &Connection, scope: Scope, chunks: &[LogChunk]) -> StoreResult<()> {
    for chunk in chunks.iter().filter(|chunk| !chunk.bytes.is_empty()) {
        let (run, n, attempt) = (run_key(chunk.task.run), chunk.task.n, chunk.attempt);
        let (start, line) = (number(chunk.at.offset), number(chunk.at.line));
        let (stream, scope) = (chunk.stream.word(), filter(scope));
        execute(db, sql::logs::INSERT, params![run, n, attempt, start, line, stream, chunk.bytes, scope])?;
        if chunk.is_of_large_log() {
            execute(db, sql::unpacked_logs::INSERT, params![run, n, attempt, start, scope])?;
        }
    }
    Ok(())
}

pub fn read(db: &Connection, scope: Scope, query: LogQuery) -> StoreResult<LogPage> {
    let LogQuery { task, attempt, from, .. } = query;
    let values = params![run_key(task.run), task.n, attempt, number(from), filter(scope)];
    let mut statement = db.prepare_cached(sql::log_parts::READ).map_err(failed)?;
    let mut rows = statement.query(values).map_err(failed)?;
    let mut broken = None;
    let parts = std::iter::from_fn(|| next(&mut rows, &mut broken, |row| part(task, row)));
    // What is packed is no chunk any more.
    let (run, n) = (run_key(task.run), task.n);
    let goes_on = || db.prepare_cached(sql::logs::ANY)?.exists(params![run, n, attempt, filter(scope)]);
    let page = LogPage::of_parts(query, parts, goes_on().map_err(failed)?);
    if let Some(error) = broken {
        return Err(error);
    }
    if !page.parts.is_empty() {
        return Ok(page);
    }
    let mut statement = db.prepare_cached(sql::logs::READ).map_err(failed)?;
    let mut rows = statement.query(values).map_err(failed)?;
    let mut broken = None;
    let chunks = std::iter::from_fn(|| next(&mut rows, &mut broken, |row| chunk(query, row)));
    let page = LogPage::of_chunks(query, chunks);
    broken.map_or(Ok(page), Err)
}

/// The next row; what is wrong with it is left in `broken`, and no row follows.
fn next<T>(
    rows: &mut rusqlite::Rows<'_>,
    broken: &mut Option<StoreError>,
    read: impl Fn(&Row<'_>) -> StoreResult<T>,
) -> Option<T> {
    let found = rows.next().map_err(failed).and_then(|row| row.map(&read).transpose());
    found.unwrap_or_else(|error| {
        *broken = Some(error);
        None
    })
}

fn chunk(query: LogQuery, row: &Row<'_>) -> StoreResult<LogChunk> {
    let stream: String = row.get("stream").map_err(failed)?;
    Ok(LogChunk {
        task: query.task,
        attempt: query.attempt,
        at: place(row)?,
        stream: Stream::from_word(&stream).unwrap_or(Stream::Stdout),
        bytes: row.get("bytes").map_err(failed)?,
    })
}

fn part(task: TaskRef, row: &Row<'_>) -> StoreResult<LogPart> {
    let key: Option<String> = row.get("blob_key").map_err(failed)?;
    let kept = match key {
        None => PartKept::Inline(row.get("bytes").map_err(failed)?),
        Some(key) => PartKept::Blob { key: blob_key(task, &key)?, size: count(row, "size")? },
    };
    Ok(LogPart { at: place(row)?, length: count(row, "length")?, lines: count(row, "lines")?, kept })
}

fn blob_key(task: TaskRef, key: &str) -> StoreResult<BlobKey> {
    BlobKey::parse(key).ok_or_else(|| StoreError::Corrupt {
        table: "log_parts",
        column: "blob_key",
        row: task.id().to_string(),
        problem: format!("`{}` is no key", key.escape_debug()),
    })
}

fn place(row: &Row<'_>) -> StoreResult<LogPlace> {
    Ok(LogPlace { offset: count(row, "start")?, line: count(row, "line")? })
}

fn count(row: &Row<'_>, column: &str) -> StoreResult<u64> {
    row.get::<_, i64>(column).map(i64::unsigned_abs).map_err(failed)
}

/// A count as SQLite has it.
fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub fn find(db: &Connection, scope: Scope, (task, attempt): (TaskRef, u32), line: u64) -> StoreResult<LogPlace> {
    let values = params![run_key(task.run), task.n, attempt, number(line), filter(scope)];
    for statement in [sql::logs::PLACE, sql::log_parts::PLACE] {
        let mut statement = db.prepare_cached(statement).map_err(failed)?;
        let found = statement.query_row(values, |row| Ok(place(row))).optional().map_err(failed)?;
        if let Some(found) = found {
            return found;
        }
    }
    Ok(LogPlace::default())
}

pub fn end(db: &Connection, scope: Scope, (task, attempt): (TaskRef, u32)) -> StoreResult<LogPlace> {
    let values = params![run_key(task.run), task.n, attempt, filter(scope)];
    let mut statement = db.prepare_cached(sql::logs::LAST).map_err(failed)?;
    let bytes = |row: &Row<'_>| row.get::<_, Vec<u8>>("bytes").map_err(failed);
    let last = statement.query_row(values, |row| Ok(place(row).and_then(|at| Ok(at.after(&bytes(row)?)))));
    let chunks = last.optional().map_err(failed)?.transpose()?.unwrap_or_default();
    Ok(chunks.max(packed_end(db, scope, (task, attempt))?))
}

fn packed_end(db: &Connection, scope: Scope, (task, attempt): (TaskRef, u32)) -> StoreResult<LogPlace> {
    let values = params![run_key(task.run), task.n, attempt, filter(scope)];
    let mut statement = db.prepare_cached(sql::log_parts::LAST).map_err(failed)?;
    let last = statement.query_row(values, |row| Ok(place(row))).optional().map_err(failed)?;
    Ok(last.transpose()?.unwrap_or_default())
}

pub fn packable(db: &Connection, after: Option<(TaskRef, u32)>, limit: u32) -> StoreResult<Vec<Packable>> {
    let (run, n, attempt) = after.map_or(([0; 16], 0, 0), |(task, attempt)| (run_key(task.run), task.n, attempt));
    let mut statement = db.prepare_cached(sql::unpacked_logs::LIST).map_err(failed)?;
    let mut rows = statement.query(params![run, n, attempt, limit]).map_err(failed)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let run: RunId = get(row, "run_id").map_err(failed)?;
        found.push(Packable {
            task: TaskRef { run, n: row.get("n").map_err(failed)? },
            attempt: row.get("attempt").map_err(failed)?,
            workspace: get(row, "workspace_id").map_err(failed)?,
            packed: place(row)?,
        });
    }
    Ok(found)
}

pub fn pack(db: &Connection, pack: &LogPack) -> StoreResult<Packed> {
    let LogPack { task, attempt, part, .. } = pack;
    if packed_end(db, Scope::All, (*task, *attempt))?.offset != pack.after {
        return Ok(Packed::Beaten);
    }
    let (key, bytes, size) = match &part.kept {
        PartKept::Inline(bytes) => (None, Some(bytes), bytes.len() as u64),
        PartKept::Blob { key, size } => (Some(key.as_str()), None, *size),
    };
    let (run, n) = (run_key(task.run), task.n);
    if let Some(key) = key {
        let mut loose = db.prepare_cached(sql::unpacked_logs::LOOSE).map_err(failed)?;
        let doomed = loose.query_row(params![run, n, attempt, key, pack.now.micros()], |row| row.get::<_, bool>(0));
        if doomed.optional().map_err(failed)? != Some(false) {
            return Ok(Packed::Gone);
        }
    }
    let (start, line) = (number(part.at.offset), number(part.at.line));
    let (length, lines, size) = (number(part.length), number(part.lines), number(size));
    let values = params![run, n, attempt, start, length, line, lines, size, key, bytes];
    if execute(db, sql::log_parts::INSERT, values)? == 0 {
        return Ok(Packed::Beaten);
    }
    if let Some(key) = key {
        execute(db, sql::blobs::TAKE, params![key])?;
    }
    execute(db, sql::logs::DELETE_PACKED, params![run, n, attempt, number(part.end().offset)])?;
    execute(db, sql::unpacked_logs::DONE, params![run, n, attempt])?;
    Ok(Packed::Done)
}
