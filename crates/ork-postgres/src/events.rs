//! Events and logs.

use async_trait::async_trait;
use ork_core::error::StoreResult;
use ork_core::event::EventRow;
use ork_core::id::RunId;
use ork_core::store::{Appended, Events, LogChunk, LogPage, LogQuery, Logs, NewEvents, Scope};

use crate::rows::{self, Columns, big, filter, int};
use crate::sql::Sql;
use crate::store::PgStore;
use crate::tells::Append;

#[async_trait]
impl Events for PgStore {
    async fn events(&self, scope: Scope, run: RunId, after: u64, limit: u32) -> StoreResult<Vec<EventRow>> {
        let rows =
            self.select(scope, Sql::EventsList, &[&run.uuid(), &big(after), &filter(scope), &i64::from(limit)]).await?;
        rows.iter().map(|row| rows::event_row(run, Columns::of(row, "events"))).collect()
    }

    async fn append_events(&self, scope: Scope, new: &NewEvents) -> StoreResult<Appended> {
        self.write(scope, Append { scope, new: new.clone() }).await
    }
}

#[async_trait]
impl Logs for PgStore {
    async fn append_logs(&self, scope: Scope, chunks: &[LogChunk]) -> StoreResult<()> {
        if chunks.is_empty() {
            return Ok(());
        }
        let runs: Vec<_> = chunks.iter().map(|c| c.task.run.uuid()).collect();
        let numbers: Vec<_> = chunks.iter().map(|c| int(c.task.n)).collect();
        let attempts: Vec<_> = chunks.iter().map(|c| int(c.attempt)).collect();
        let positions: Vec<_> = chunks.iter().map(|c| int(c.position)).collect();
        let streams: Vec<_> = chunks.iter().map(|c| c.stream.word()).collect();
        let bytes: Vec<_> = chunks.iter().map(|c| c.bytes.as_slice()).collect();
        self.change(
            scope,
            Sql::LogsInsert,
            &[&runs, &numbers, &attempts, &positions, &streams, &bytes, &filter(scope)],
        )
        .await?;
        Ok(())
    }

    async fn logs(&self, scope: Scope, query: LogQuery) -> StoreResult<LogPage> {
        let task = query.task;
        // At least one chunk: the first is in the page whenever the page has room for one byte.
        let bytes_max = i64::try_from(query.bytes_max.max(1)).unwrap_or(i64::MAX);
        let rows = self
            .select(
                scope,
                Sql::LogsRead,
                &[&task.run.uuid(), &int(task.n), &int(query.attempt), &int(query.from), &filter(scope), &bytes_max],
            )
            .await?;
        let mut page = LogPage::default();
        for row in &rows {
            let mut c = Columns::of(row, "logs");
            page.chunks.push(LogChunk {
                task,
                attempt: query.attempt,
                position: c.next("position")?,
                stream: c.next("stream")?,
                bytes: c.next("bytes")?,
            });
            page.next =
                c.next::<bool>("more")?.then(|| page.chunks.last().map_or(query.from, |chunk| chunk.position + 1));
        }
        Ok(page)
    }
}
