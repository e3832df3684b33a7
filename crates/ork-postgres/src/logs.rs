//! Logs: chunks, and the parts that take their place.

use async_trait::async_trait;
use ork_core::blobs::BlobKey;
use ork_core::error::{StoreError, StoreResult};
use ork_core::executor::Stream;
use ork_core::id::TaskRef;
use ork_core::log::LogPlace;
use ork_core::store::{LogChunk, LogPack, LogPage, LogPart, LogQuery, Logs, Packable, Packed, PartKept, Scope};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::conn::Conn;
use crate::fault::Work;
use crate::rows::{Columns, big, filter, int};
use crate::sql::Sql;
use crate::store::{PgStore, Transition};

#[async_trait]
impl Logs for PgStore {
    async fn append_logs(&self, scope: Scope, chunks: &[LogChunk]) -> StoreResult<()> {
        let chunks: Vec<&LogChunk> = chunks.iter().filter(|chunk| !chunk.bytes.is_empty()).collect();
        if chunks.is_empty() {
            return Ok(());
        }
        if chunks.iter().any(|chunk| chunk.is_of_large_log()) {
            let chunks = chunks.into_iter().cloned().collect();
            return self.write(scope, Append { scope, chunks }).await;
        }
        let places = Places::of(&chunks);
        let lines: Vec<_> = chunks.iter().map(|c| big(c.at.line)).collect();
        let streams: Vec<_> = chunks.iter().map(|c| c.stream.word()).collect();
        let bytes: Vec<_> = chunks.iter().map(|c| c.bytes.as_slice()).collect();
        let Places { runs, numbers, attempts, starts } = &places;
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 8] =
            [runs, numbers, attempts, starts, &lines, &streams, &bytes, &filter(scope)];
        self.change(scope, Sql::LogsInsert, &values).await?;
        Ok(())
    }

    async fn logs(&self, scope: Scope, query: LogQuery) -> StoreResult<LogPage> {
        let LogQuery { task, attempt, from, bytes_max } = query;
        // At least one piece: the first is in the page whenever the page has room for one byte.
        let bytes_max = i64::try_from(bytes_max.max(1)).unwrap_or(i64::MAX);
        let (run, n, attempt, start) = (task.run.uuid(), int(task.n), int(attempt), big(from));
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
            [&run, &n, &attempt, &start, &filter(scope), &bytes_max];
        page(query, &self.select(scope, Sql::LogsRead, &values).await?)
    }

    async fn log_place(&self, scope: Scope, task: TaskRef, attempt: u32, line: u64) -> StoreResult<LogPlace> {
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
            [&task.run.uuid(), &int(task.n), &int(attempt), &big(line), &filter(scope)];
        let rows = self.select(scope, Sql::LogsPlace, &values).await?;
        let places = rows.iter().map(|row| place(&mut Columns::of(row, "logs"))).collect::<StoreResult<Vec<_>>>()?;
        Ok(places.into_iter().max().unwrap_or_default())
    }

    async fn log_end(&self, scope: Scope, task: TaskRef, attempt: u32) -> StoreResult<LogPlace> {
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
            [&task.run.uuid(), &int(task.n), &int(attempt), &filter(scope)];
        let mut end = LogPlace::default();
        for row in &self.select(scope, Sql::LogsLast, &values).await? {
            let mut c = Columns::of(row, "logs");
            let at = place(&mut c)?;
            end = end.max(at.after(&c.next::<Vec<u8>>("bytes")?));
        }
        Ok(end)
    }

    async fn packable_logs(&self, after: Option<(TaskRef, u32)>, limit: u32) -> StoreResult<Vec<Packable>> {
        let run = after.map(|(task, _)| task.run.uuid());
        let (n, attempt) = after.map_or((0, 0), |(task, attempt)| (int(task.n), int(attempt)));
        let rows = self.select(Scope::All, Sql::UnpackedLogsList, &[&run, &n, &attempt, &i64::from(limit)]).await?;
        rows.iter().map(packable).collect()
    }

    async fn pack_log(&self, pack: &LogPack) -> StoreResult<Packed> {
        self.write(Scope::All, Pack(pack.clone())).await
    }
}

/// The keys of chunks, column by column.
struct Places {
    runs: Vec<Uuid>,
    numbers: Vec<i32>,
    attempts: Vec<i32>,
    starts: Vec<i64>,
}

impl Places {
    fn of(chunks: &[&LogChunk]) -> Self {
        Self {
            runs: chunks.iter().map(|c| c.task.run.uuid()).collect(),
            numbers: chunks.iter().map(|c| int(c.task.n)).collect(),
            attempts: chunks.iter().map(|c| int(c.attempt)).collect(),
            starts: chunks.iter().map(|c| big(c.at.offset)).collect(),
        }
    }
}

/// Chunks of which some make their log large.
struct Append {
    scope: Scope,
    chunks: Vec<LogChunk>,
}

impl Transition for Append {
    type Output = ();

    async fn apply(&self, db: &Conn) -> Work<()> {
        let chunks: Vec<&LogChunk> = self.chunks.iter().collect();
        let Places { runs, numbers, attempts, starts } = Places::of(&chunks);
        let lines: Vec<_> = chunks.iter().map(|c| big(c.at.line)).collect();
        let streams: Vec<_> = chunks.iter().map(|c| c.stream.word()).collect();
        let bytes: Vec<_> = chunks.iter().map(|c| c.bytes.as_slice()).collect();
        let scope = filter(self.scope);
        db.begin().await?;
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 8] =
            [&runs, &numbers, &attempts, &starts, &lines, &streams, &bytes, &scope];
        db.run(Sql::LogsInsert, &values).await?;
        let large: Vec<&LogChunk> = chunks.into_iter().filter(|chunk| chunk.is_of_large_log()).collect();
        let Places { runs, numbers, attempts, starts } = Places::of(&large);
        db.run(Sql::UnpackedLogsInsert, &[&runs, &numbers, &attempts, &starts, &scope]).await?;
        db.commit().await
    }
}

struct Pack(LogPack);

impl Transition for Pack {
    type Output = Packed;

    /// The row of the log is locked first: nobody else packs it, and nobody adds to it what this does not see.
    async fn apply(&self, db: &Conn) -> Work<Packed> {
        let LogPack { task, attempt, after, part, now } = &self.0;
        let (run, n, attempt) = (task.run.uuid(), int(task.n), int(*attempt));
        db.begin().await?;
        let Some(row) = db.row(Sql::UnpackedLogsLock, &[&run, &n, &attempt]).await? else {
            return Ok(Packed::Beaten);
        };
        let workspace: Uuid = row.get(0);
        let last = db.row(Sql::LogPartsLast, &[&run, &n, &attempt]).await?;
        if last.map_or(0, |row| row.get::<_, i64>(0)) != big(*after) {
            return Ok(Packed::Beaten);
        }
        let (key, bytes, size) = match &part.kept {
            PartKept::Inline(bytes) => (None, Some(bytes.as_slice()), bytes.len() as u64),
            PartKept::Blob { key, size } => (Some(key.as_str()), None, *size),
        };
        if let Some(key) = key
            && db.run(Sql::BlobsTake, &[&vec![key], &workspace, &now.micros()]).await? == 0
        {
            return Ok(Packed::Gone);
        }
        let (start, line) = (big(part.at.offset), big(part.at.line));
        let (length, lines, size) = (big(part.length), big(part.lines), big(size));
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 11] =
            [&run, &n, &attempt, &start, &workspace, &length, &line, &lines, &size, &key, &bytes];
        if db.run(Sql::LogPartsInsert, &values).await? == 0 {
            return Ok(Packed::Beaten);
        }
        db.run(Sql::LogsDeletePacked, &[&run, &n, &attempt, &big(part.end().offset)]).await?;
        db.run(Sql::UnpackedLogsDone, &[&run, &n, &attempt]).await?;
        db.commit().await?;
        Ok(Packed::Done)
    }
}

/// Reads the columns of `logs/read.sql`.
fn page(query: LogQuery, rows: &[Row]) -> StoreResult<LogPage> {
    let LogQuery { task, attempt, .. } = query;
    let mut page = LogPage::default();
    for row in rows {
        let mut c = Columns::of(row, "logs");
        let (at, length, lines, size) = (place(&mut c)?, c.next("length")?, c.next("lines")?, c.next("size")?);
        let (key, bytes) = (c.option::<String>("blob_key")?, c.option::<Vec<u8>>("bytes")?);
        let (stream, more) = (c.option::<Stream>("stream")?, c.next::<bool>("more")?);
        let kept = match key {
            Some(key) => PartKept::Blob { key: blob_key(task, &key)?, size },
            None => PartKept::Inline(bytes.unwrap_or_default()),
        };
        match (stream, kept) {
            (Some(stream), PartKept::Inline(bytes)) => {
                let chunk = LogChunk { task, attempt, at, stream, bytes };
                page.next = more.then(|| chunk.end_offset());
                page.chunks.push(chunk);
            }
            (_, kept) => {
                let part = LogPart { at, length, lines, kept };
                page.next = more.then(|| part.end().offset);
                page.parts.push(part);
            }
        }
    }
    Ok(page)
}

fn place(c: &mut Columns<'_>) -> StoreResult<LogPlace> {
    Ok(LogPlace { offset: c.next("start")?, line: c.next("line")? })
}

fn blob_key(task: TaskRef, key: &str) -> StoreResult<BlobKey> {
    BlobKey::parse(key).ok_or_else(|| StoreError::Corrupt {
        table: "log_parts",
        column: "blob_key",
        row: task.id().to_string(),
        problem: format!("`{}` is no key", key.escape_debug()),
    })
}

fn packable(row: &Row) -> StoreResult<Packable> {
    let mut c = Columns::of(row, "unpacked_logs");
    Ok(Packable {
        task: TaskRef { run: c.next("run_id")?, n: c.next("n")? },
        attempt: c.next("attempt")?,
        workspace: c.next("workspace_id")?,
        packed: place(&mut c)?,
    })
}
