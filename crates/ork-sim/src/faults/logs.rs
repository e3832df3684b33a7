//! Logs.

use async_trait::async_trait;
use ork_core::error::StoreResult;
use ork_core::id::TaskRef;
use ork_core::log::LogPlace;
use ork_core::store::{LogChunk, LogPack, LogPage, LogQuery, Logs, Packable, Packed, Scope};

use super::FaultyStore;

#[async_trait]
impl Logs for FaultyStore {
    async fn append_logs(&self, scope: Scope, chunks: &[LogChunk]) -> StoreResult<()> {
        self.send("append_logs", self.world.store.append_logs(scope, chunks)).await
    }

    async fn logs(&self, scope: Scope, query: LogQuery) -> StoreResult<LogPage> {
        self.send("logs", self.world.store.logs(scope, query)).await
    }

    async fn log_place(&self, scope: Scope, task: TaskRef, attempt: u32, line: u64) -> StoreResult<LogPlace> {
        self.send("log_place", self.world.store.log_place(scope, task, attempt, line)).await
    }

    async fn log_end(&self, scope: Scope, task: TaskRef, attempt: u32) -> StoreResult<LogPlace> {
        self.send("log_end", self.world.store.log_end(scope, task, attempt)).await
    }

    async fn packable_logs(&self, after: Option<(TaskRef, u32)>, limit: u32) -> StoreResult<Vec<Packable>> {
        self.send("packable_logs", self.world.store.packable_logs(after, limit)).await
    }

    async fn pack_log(&self, pack: &LogPack) -> StoreResult<Packed> {
        self.send("pack_log", self.world.store.pack_log(pack)).await
    }
}
