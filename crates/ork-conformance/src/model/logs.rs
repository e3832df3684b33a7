//! Logs.

use async_trait::async_trait;
use ork_core::error::StoreResult;
use ork_core::id::TaskRef;
use ork_core::log::LogPlace;
use ork_core::store::{LogChunk, LogPack, LogPage, LogPart, LogQuery, Logs, Packable, Packed, PartKept, Scope};

use super::{Model, State};

impl State {
    fn chunks(&self, task: TaskRef, attempt: u32) -> impl Iterator<Item = &LogChunk> {
        self.logs.range((task, attempt, 0)..=(task, attempt, u64::MAX)).map(|(_, chunk)| chunk)
    }

    fn log_parts(&self, task: TaskRef, attempt: u32) -> impl Iterator<Item = &LogPart> {
        self.log_parts.range((task, attempt, 0)..=(task, attempt, u64::MAX)).map(|(_, part)| part)
    }

    fn packed_end(&self, task: TaskRef, attempt: u32) -> LogPlace {
        self.log_parts(task, attempt).last().map(LogPart::end).unwrap_or_default()
    }
}

#[async_trait]
impl Logs for Model {
    async fn append_logs(&self, scope: Scope, chunks: &[LogChunk]) -> StoreResult<()> {
        let mut state = self.state();
        for chunk in chunks.iter().filter(|chunk| !chunk.bytes.is_empty()) {
            let known = state.run(scope, chunk.task.run).is_some_and(|run| run.tasks.len() > chunk.task.n as usize);
            if known && state.packed_end(chunk.task, chunk.attempt).offset < chunk.end_offset() {
                let place = (chunk.task, chunk.attempt, chunk.at.offset);
                state.logs.entry(place).or_insert_with(|| chunk.clone());
            }
        }
        Ok(())
    }

    async fn logs(&self, scope: Scope, query: LogQuery) -> StoreResult<LogPage> {
        let state = self.state();
        if state.run(scope, query.task.run).is_none() {
            return Ok(LogPage::default());
        }
        let goes_on = state.chunks(query.task, query.attempt).next().is_some();
        let page = LogPage::of_parts(query, state.log_parts(query.task, query.attempt).cloned(), goes_on);
        if !page.parts.is_empty() {
            return Ok(page);
        }
        Ok(LogPage::of_chunks(query, state.chunks(query.task, query.attempt).cloned()))
    }

    async fn log_place(&self, scope: Scope, task: TaskRef, attempt: u32, line: u64) -> StoreResult<LogPlace> {
        let state = self.state();
        if state.run(scope, task.run).is_none() {
            return Ok(LogPlace::default());
        }
        let chunks = state.chunks(task, attempt).map(|chunk| chunk.at);
        let parts = state.log_parts(task, attempt).map(|part| part.at);
        Ok(parts.chain(chunks).filter(|at| at.line < line).max().unwrap_or_default())
    }

    async fn log_end(&self, scope: Scope, task: TaskRef, attempt: u32) -> StoreResult<LogPlace> {
        let state = self.state();
        if state.run(scope, task.run).is_none() {
            return Ok(LogPlace::default());
        }
        let chunks = state.chunks(task, attempt).last().map(LogChunk::end).unwrap_or_default();
        Ok(chunks.max(state.packed_end(task, attempt)))
    }

    async fn packable_logs(&self, after: Option<(TaskRef, u32)>, limit: u32) -> StoreResult<Vec<Packable>> {
        let state = self.state();
        let mut found: Vec<Packable> = Vec::new();
        for ((task, attempt, _), chunk) in &state.logs {
            let Some(run) = state.run(Scope::All, task.run) else { continue };
            let is_over = |n: u32| run.tasks[n as usize].attempts.iter().any(|row| row.attempt >= *attempt);
            let is_known = found.last().is_some_and(|last| (last.task, last.attempt) == (*task, *attempt));
            if chunk.is_of_large_log()
                && !is_known
                && is_over(task.n)
                && after.is_none_or(|after| (*task, *attempt) > after)
            {
                let packed = state.packed_end(*task, *attempt);
                found.push(Packable { task: *task, attempt: *attempt, workspace: run.new.workspace, packed });
            }
        }
        found.truncate(limit as usize);
        Ok(found)
    }

    async fn pack_log(&self, pack: &LogPack) -> StoreResult<Packed> {
        let mut state = self.state();
        let LogPack { task, attempt, after, part, now } = pack;
        let is_large = state.chunks(*task, *attempt).any(LogChunk::is_of_large_log);
        if !is_large || state.packed_end(*task, *attempt).offset != *after {
            return Ok(Packed::Beaten);
        }
        if let PartKept::Blob { key, .. } = &part.kept {
            let workspace = state.runs.get(&task.run).map(|run| run.new.workspace);
            if !workspace.is_some_and(|workspace| state.is_loose(workspace, key, *now)) {
                return Ok(Packed::Gone);
            }
            state.loose.remove(key);
        }
        state.log_parts.insert((*task, *attempt, part.at.offset), part.clone());
        let end = part.end().offset;
        state.logs.retain(|key, chunk| (key.0, key.1) != (*task, *attempt) || chunk.end_offset() > end);
        Ok(Packed::Done)
    }
}
