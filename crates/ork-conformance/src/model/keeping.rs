//! Secrets, schedules, and what is not kept.

use async_trait::async_trait;
use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::Actor;
use ork_core::id::{RunId, WorkflowId, WorkspaceId};
use ork_core::limits::SECRETS_MAX;
use ork_core::store::{
    DeliveryStatus, Fired, Firing, NewSecret, Reseal, Retention, Runs, ScheduleRow, Schedules, Scope, SealHead,
    SealedAt, SealedSecret, SecretRow, Secrets, Swept, Tombstone,
};

use super::{Model, State};

#[async_trait]
impl Secrets for Model {
    async fn set_secret(&self, new: &NewSecret) -> StoreResult<bool> {
        let mut state = self.state();
        let key = (new.workspace, new.name.clone());
        let others = state.secrets.keys().filter(|(of, name)| *of == key.0 && *name != key.1).count();
        if others >= SECRETS_MAX as usize {
            return Err(StoreError::Limit("too many secrets".into()));
        }
        let created_at = state.secrets.get(&key).map_or(new.now, |(row, _)| row.created_at);
        let row = SecretRow {
            workspace: new.workspace,
            name: new.name.clone(),
            key_id: new.key_id.clone(),
            created_at,
            updated_by: new.actor.id.clone(),
            updated_at: new.now,
        };
        Ok(state.secrets.insert(key, (row, new.sealed.clone())).is_none())
    }

    async fn secrets(&self, scope: Scope, after: Option<&str>, limit: u32) -> StoreResult<Vec<SecretRow>> {
        let state = self.state();
        let rows = state.secrets.values().map(|(row, _)| row);
        let wanted =
            |row: &&SecretRow| scope.admits(row.workspace) && after.is_none_or(|after| row.name.as_str() > after);
        Ok(rows.filter(wanted).take(limit as usize).cloned().collect())
    }

    async fn sealed_secrets(&self, workspace: WorkspaceId, names: &[String]) -> StoreResult<Vec<SealedSecret>> {
        let state = self.state();
        let found = state.secrets.iter().filter(|((of, name), _)| *of == workspace && names.contains(name));
        Ok(found.map(|((_, name), (_, sealed))| SealedSecret { name: name.clone(), sealed: sealed.clone() }).collect())
    }

    async fn delete_secret(&self, workspace: WorkspaceId, name: &str) -> StoreResult<bool> {
        Ok(self.state().secrets.remove(&(workspace, name.to_owned())).is_some())
    }

    async fn reseal(&self, of: &Reseal) -> StoreResult<bool> {
        let mut state = self.state();
        let mut texts: Vec<&mut Vec<u8>> = match &of.at {
            SealedAt::Secret(name) => {
                let found = state.secrets.get_mut(&(of.workspace, name.clone()));
                let Some((row, sealed)) = found.filter(|(_, sealed)| *sealed == of.old) else { return Ok(false) };
                row.key_id.clone_from(&of.key_id);
                vec![sealed]
            }
            SealedAt::Endpoint(id) => {
                let found = state.endpoints.get_mut(id).filter(|row| row.workspace == of.workspace);
                found.map_or(Vec::new(), |row| {
                    std::iter::once(&mut row.secret).chain(row.previous.as_mut().map(|(secret, _)| secret)).collect()
                })
            }
            SealedAt::Hook(key) => {
                let own = state.hooks.values_mut().filter(|row| row.workspace == of.workspace && row.key == *key);
                own.map(|row| &mut row.secret).collect()
            }
        };
        let found = texts.iter_mut().find(|text| ***text == of.old);
        Ok(found.map(|text| text.clone_from(&of.new)).is_some())
    }
}

#[async_trait]
impl Schedules for Model {
    async fn schedules(&self, scope: Scope, after: Option<&str>, limit: u32) -> StoreResult<Vec<ScheduleRow>> {
        let state = self.state();
        let wanted =
            |row: &&ScheduleRow| scope.admits(row.workspace) && after.is_none_or(|after| row.name.as_str() > after);
        let mut rows: Vec<ScheduleRow> = state.schedules.values().filter(wanted).cloned().collect();
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        rows.truncate(limit as usize);
        Ok(rows)
    }

    async fn schedule(&self, scope: Scope, name: &str) -> StoreResult<Option<ScheduleRow>> {
        let state = self.state();
        Ok(state.schedules.values().find(|row| row.name == name && scope.admits(row.workspace)).cloned())
    }

    async fn due_schedules(
        &self,
        after: Option<(Timestamp, WorkflowId)>,
        now: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<ScheduleRow>> {
        let state = self.state();
        let is_after = |row: &ScheduleRow| after.is_none_or(|(at, of)| (row.next_at, row.workflow) > (Some(at), of));
        let is_due = |row: &&ScheduleRow| row.is_enabled && row.next_at.is_some_and(|at| at <= now) && is_after(row);
        let mut rows: Vec<ScheduleRow> = state.schedules.values().filter(is_due).cloned().collect();
        rows.sort_by_key(|row| (row.next_at, row.workflow));
        rows.truncate(limit as usize);
        Ok(rows)
    }

    async fn enable_schedule(
        &self,
        workspace: WorkspaceId,
        name: &str,
        next_at: Option<Timestamp>,
        by: (&Actor, Timestamp),
    ) -> StoreResult<bool> {
        let mut state = self.state();
        let row = state.schedules.values_mut().find(|row| row.workspace == workspace && row.name == name);
        let row = row.ok_or_else(|| StoreError::NotFound(format!("schedule `{name}`")))?;
        if row.is_enabled {
            return Ok(false);
        }
        (row.is_enabled, row.next_at) = (true, next_at);
        (row.updated_by, row.updated_at) = (by.0.id.clone(), by.1);
        Ok(true)
    }

    async fn disable_schedule(&self, workspace: WorkspaceId, name: &str, by: (&Actor, Timestamp)) -> StoreResult<bool> {
        let mut state = self.state();
        let row = state.schedules.values_mut().find(|row| row.workspace == workspace && row.name == name);
        let row = row.ok_or_else(|| StoreError::NotFound(format!("schedule `{name}`")))?;
        if !row.is_enabled {
            return Ok(false);
        }
        row.is_enabled = false;
        (row.updated_by, row.updated_at) = (by.0.id.clone(), by.1);
        Ok(true)
    }

    async fn fire_schedule(&self, firing: &Firing) -> StoreResult<Fired> {
        let is_as_read =
            |row: &ScheduleRow| row.is_enabled && row.revision == firing.revision && row.next_at == Some(firing.from);
        if !self.state().schedules.get(&firing.workflow).is_some_and(is_as_read) {
            return Ok(Fired::Stale);
        }
        if let Some((_, new)) = &firing.run {
            self.submit(new).await?;
        }
        let mut state = self.state();
        if let Some(row) = state.schedules.get_mut(&firing.workflow) {
            row.next_at = firing.to;
            if let Some((at, new)) = &firing.run {
                (row.last_at, row.last_run) = (Some(*at), Some(new.id));
            }
        }
        Ok(Fired::Done)
    }
}

#[async_trait]
impl Retention for Model {
    async fn prunable(&self, workspace: WorkspaceId, until: Timestamp, limit: u32) -> StoreResult<Vec<RunId>> {
        let state = self.state();
        let is_origin =
            |id: RunId| state.runs.values().any(|run| run.new.retry_of == Some(id) && run.finished_at.is_none());
        let of = state.runs.iter().filter(|(_, run)| run.new.workspace == workspace);
        let mut found: Vec<(Timestamp, RunId)> = of
            .filter_map(|(id, run)| Some((run.finished_at?, *id)))
            .filter(|(at, id)| *at < until && !is_origin(*id) && !state.is_taken_over(*id) && !state.is_to_be_told(*id))
            .collect();
        found.sort_unstable();
        Ok(found.into_iter().map(|(_, id)| id).take(limit as usize).collect())
    }

    async fn prune_runs(&self, scope: Scope, runs: &[RunId], now: Timestamp) -> StoreResult<u64> {
        let mut state = self.state();
        Ok(runs.iter().filter(|run| state.prune(scope, **run, now).is_some()).count() as u64)
    }

    async fn sweep(&self, limit: u32) -> StoreResult<Swept> {
        let mut state = self.state();
        let open: Vec<RunId> = state.tombstones.iter().filter(|(_, (_, swept))| !swept).map(|(id, _)| *id).collect();
        for id in open.iter().take(limit as usize) {
            if let Some((_, swept)) = state.tombstones.get_mut(id) {
                *swept = true;
            }
            state.logs.retain(|(task, ..), _| task.run != *id);
            state.feed.retain(|row| row.event.run != *id);
            state.deliveries.retain(|_, row| row.run != Some(*id));
            state.saved.retain(|(task, _), _| task.run != *id);
            state.parts.retain(|(task, ..), _| task.run != *id);
            state.drop_artifacts(*id);
        }
        Ok(Swept { rows: open.len() as u64, more: open.len() > limit as usize })
    }

    async fn tombstone(&self, scope: Scope, run: RunId) -> StoreResult<Option<Tombstone>> {
        let state = self.state();
        Ok(state.tombstones.get(&run).map(|(row, _)| row).filter(|row| scope.admits(row.workspace)).cloned())
    }
}

impl State {
    fn is_to_be_told(&self, run: RunId) -> bool {
        self.deliveries.values().any(|row| row.run == Some(run) && row.status == DeliveryStatus::Pending)
    }

    /// Whether another run has outputs of it.
    fn is_taken_over(&self, run: RunId) -> bool {
        let mut tasks = self.runs.values().flat_map(|other| &other.tasks);
        tasks.any(|task| task.from.is_some_and(|from| from.run == run))
    }

    fn prune(&mut self, scope: Scope, run: RunId, now: Timestamp) -> Option<()> {
        if self.runs.values().any(|other| other.new.retry_of == Some(run) && other.finished_at.is_none()) {
            return None;
        }
        if self.is_to_be_told(run) || self.is_taken_over(run) {
            return None;
        }
        let found = self.run(scope, run)?;
        let (row, finished_at) = (found.row(), found.finished_at?);
        let last = found.seals.last();
        let head = last.map(|seal| SealHead { seq: seal.seq_last, link: seal.link, key_id: seal.key_id.clone() });
        let tombstone = Tombstone {
            run,
            workspace: row.workspace,
            owner: row.owner,
            name: row.name,
            status: row.status,
            seq: row.seq,
            head,
            finished_at,
            pruned_at: now,
        };
        self.runs.remove(&run);
        self.tombstones.insert(run, (tombstone, false));
        Some(())
    }
}
