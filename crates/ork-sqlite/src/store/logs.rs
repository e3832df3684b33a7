//! Logs.

use async_trait::async_trait;
use ork_core::error::StoreResult;
use ork_core::id::TaskRef;
use ork_core::log::LogPlace;
use ork_core::store::{LogChunk, LogPack, LogPage, LogQuery, Logs, Packable, Packed, Scope};

use super::SqliteStore;
use crate::logs;

#[async_trait]
impl Logs for SqliteStore {
    async fn append_logs(&self, scope: Scope, chunks: &[LogChunk]) -> StoreResult<()> {
        let chunks = chunks.to_vec();
        self.write(move |db| logs::append(db, scope, &chunks)).await
    }

    async fn logs(&self, scope: Scope, query: LogQuery) -> StoreResult<LogPage> {
        self.read(|db| logs::read(db, scope, query))
    }

    async fn log_place(&self, scope: Scope, task: TaskRef, attempt: u32, line: u64) -> StoreResult<LogPlace> {
        self.read(|db| logs::find(db, scope, (task, attempt), line))
    }

    async fn log_end(&self, scope: Scope, task: TaskRef, attempt: u32) -> StoreResult<LogPlace> {
        self.read(|db| logs::end(db, scope, (task, attempt)))
    }

    async fn packable_logs(&self, after: Option<(TaskRef, u32)>, limit: u32) -> StoreResult<Vec<Packable>> {
        self.read(|db| logs::packable(db, after, limit))
    }

    async fn pack_log(&self, pack: &LogPack) -> StoreResult<Packed> {
        let pack = pack.clone();
        self.write(move |db| logs::pack(db, &pack)).await
    }
}
