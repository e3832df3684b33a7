//! Events, logs, and whole runs.

use async_trait::async_trait;
use ork_core::error::StoreResult;
use ork_core::event::EventRow;
use ork_core::id::RunId;
use ork_core::store::{Events, Inspect, LogChunk, LogPage, LogQuery, Logs, RunDump, Scope};

use super::{Model, Run};

#[async_trait]
impl Events for Model {
    async fn events(&self, scope: Scope, run: RunId, after: u64, limit: u32) -> StoreResult<Vec<EventRow>> {
        let state = self.state();
        let Some(run) = state.run(scope, run) else { return Ok(Vec::new()) };
        Ok(run.events.iter().filter(|event| event.seq_last > after).take(limit as usize).cloned().collect())
    }
}

#[async_trait]
impl Logs for Model {
    async fn append_logs(&self, scope: Scope, chunks: &[LogChunk]) -> StoreResult<()> {
        let mut state = self.state();
        for chunk in chunks {
            let known = state.run(scope, chunk.task.run).is_some_and(|run| run.tasks.len() > chunk.task.n as usize);
            if known {
                let place = (chunk.task, chunk.attempt, chunk.position);
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
        let from = (query.task, query.attempt, query.from);
        let to = (query.task, query.attempt, u32::MAX);
        let (mut page, mut bytes) = (LogPage::default(), 0);
        for (_, chunk) in state.logs.range(from..=to) {
            if !page.chunks.is_empty() && bytes + chunk.bytes.len() > query.bytes_max {
                page.next = Some(chunk.position);
                break;
            }
            bytes += chunk.bytes.len();
            page.chunks.push(chunk.clone());
        }
        Ok(page)
    }
}

#[async_trait]
impl Inspect for Model {
    async fn dump(&self, scope: Scope, run: RunId) -> StoreResult<Option<RunDump>> {
        Ok(self.state().run(scope, run).map(Run::dump))
    }

    async fn run_ids(&self, scope: Scope, after: Option<RunId>, limit: u32) -> StoreResult<Vec<RunId>> {
        let state = self.state();
        let own = state.runs.values().filter(|run| scope.admits(run.new.workspace)).map(|run| run.new.id);
        Ok(own.filter(|id| after.is_none_or(|after| *id > after)).take(limit as usize).collect())
    }

    async fn overbooked(&self, scope: Scope) -> StoreResult<Vec<(String, u32, u32)>> {
        let state = self.state();
        let mut found = std::collections::BTreeSet::new();
        for run in state.runs.values().filter(|run| scope.admits(run.new.workspace)) {
            for slots in run.groups.iter().filter_map(|group| group.spec.concurrency.as_ref()) {
                let taken = state.slots_taken(run.new.workspace, &slots.key) as u32;
                if taken > slots.limit {
                    found.insert((slots.key.clone(), slots.limit, taken));
                }
            }
        }
        Ok(found.into_iter().collect())
    }
}
