//! Events, and whole runs.

use std::collections::BTreeMap;

use async_trait::async_trait;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::{EventRow, EventType};
use ork_core::feed::FeedPosition;
use ork_core::id::{RunId, TaskRef};
use ork_core::limits::BOT_EVENTS_MAX;
use ork_core::store::{Appended, Events, Feed, FeedPage, FeedRow, Inspect, LaneRow, NewEvents, RunDump, Scope};

use super::{Model, Place, Run};

#[async_trait]
impl Events for Model {
    async fn events(&self, scope: Scope, run: RunId, after: u64, limit: u32) -> StoreResult<Vec<EventRow>> {
        let state = self.state();
        let Some(run) = state.run(scope, run) else { return Ok(Vec::new()) };
        Ok(run.events.iter().filter(|event| event.seq_last > after).take(limit as usize).cloned().collect())
    }

    async fn append_events(&self, scope: Scope, new: &NewEvents) -> StoreResult<Appended> {
        let mut state = self.state();
        let run = state.change_or_not_found(scope, new.run, &new.actor, new.now)?;
        if let Some((seq, seq_last)) = new.key.as_ref().and_then(|key| run.requests.get(key).copied()) {
            let written: Vec<EventRow> =
                run.events.iter().filter(|event| (seq..=seq_last).contains(&event.seq)).cloned().collect();
            return if new.are(&written) {
                Ok(Appended { seq, seq_last, repeated: true })
            } else {
                Err(new.conflict())
            };
        }
        if new.events.iter().any(|event| event.task.is_some_and(|n| n as usize >= run.tasks.len())) {
            return Err(StoreError::Conflict("there is no such task".into()));
        }
        let before = run.events.iter().filter(|event| matches!(event.event_type, EventType::Bot(_))).count();
        if before + new.events.len() > BOT_EVENTS_MAX as usize {
            return Err(new.too_many());
        }
        let seq = run.events.len() as u64 + 1;
        for event in &new.events {
            let tasks: Vec<u32> = event.task.into_iter().collect();
            run.event(EventType::Bot(event.event_type), &tasks, event.payload.clone());
        }
        let seq_last = run.events.len() as u64;
        if let Some(key) = &new.key {
            run.requests.insert(key.clone(), (seq, seq_last));
        }
        Ok(Appended { seq, seq_last, repeated: false })
    }
}

#[async_trait]
impl Feed for Model {
    async fn feed(&self, scope: Scope, after: FeedPosition, limit: u32) -> StoreResult<FeedPage> {
        let state = self.state();
        let looked_at: Vec<&FeedRow> = state.feed.iter().filter(|row| row.end() > after).take(limit as usize).collect();
        let rows = looked_at.iter().filter(|row| scope.admits(row.workspace)).map(|row| (*row).clone()).collect();
        let next = looked_at.last().map_or(after, |row| row.end());
        Ok(FeedPage { rows, next, more: looked_at.len() == limit as usize, held_back: false })
    }

    async fn feed_head(&self) -> StoreResult<FeedPosition> {
        Ok(self.state().feed.last().map_or(FeedPosition::START, FeedRow::end))
    }

    async fn feed_changed(&self) {}
}

#[async_trait]
impl Inspect for Model {
    async fn dump(&self, scope: Scope, run: RunId) -> StoreResult<Option<RunDump>> {
        let state = self.state();
        Ok(state.run(scope, run).map(|run| state.dump(run)))
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

    async fn lanes(&self, scope: Scope, limit: u32) -> StoreResult<Vec<LaneRow>> {
        let state = self.state();
        let mut lanes: BTreeMap<String, LaneRow> = BTreeMap::new();
        for run in state.runs.values().filter(|run| scope.admits(run.new.workspace)) {
            for task in run.tasks.iter().filter(|task| task.place != Place::None) {
                let name = run.groups[task.g as usize].spec.lane.clone();
                if name.starts_with('#') {
                    continue;
                }
                let lane = lanes.entry(name.clone()).or_insert_with(|| LaneRow { lane: name, ..LaneRow::default() });
                match task.place {
                    Place::None => {}
                    Place::Ready(_, at) => {
                        lane.ready = limit.min(lane.ready + 1);
                        lane.oldest_at = Some(lane.oldest_at.map_or(at, |oldest| oldest.min(at)));
                    }
                    Place::Held(_) => lane.held += 1,
                    Place::Delayed(_) => lane.delayed += 1,
                    Place::Leased(..) => lane.leased += 1,
                }
            }
        }
        Ok(lanes.into_values().collect())
    }

    async fn slot_tasks(&self, scope: Scope, key: &str, limit: u32) -> StoreResult<Vec<TaskRef>> {
        let state = self.state();
        let mut taken = Vec::new();
        for run in state.runs.values().filter(|run| scope.admits(run.new.workspace)) {
            for (n, task) in (0_u32..).zip(&run.tasks) {
                let own = run.groups[task.g as usize].spec.concurrency.as_ref().is_some_and(|own| own.key == key);
                let turn = match task.place {
                    Place::Leased(..) => 0,
                    Place::Ready(..) => 1,
                    _ => continue,
                };
                if own {
                    taken.push((turn, TaskRef { run: run.new.id, n }));
                }
            }
        }
        taken.sort_unstable();
        Ok(taken.into_iter().map(|(_, task)| task).take(limit as usize).collect())
    }

    async fn slot_runs(&self, scope: Scope, key: &str, limit: u32) -> StoreResult<Vec<RunId>> {
        let state = self.state();
        let has_slot = |run: &&Run| {
            scope.admits(run.new.workspace)
                && !run.status.is_terminal()
                && !run.held
                && run.new.plan.concurrency.as_ref().is_some_and(|own| own.key == key)
        };
        Ok(state.runs.values().filter(has_slot).map(|run| run.new.id).take(limit as usize).collect())
    }
}
