//! Stored workflows, and queues that somebody paused.

use async_trait::async_trait;
use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::Actor;
use ork_core::id::{RevisionId, WorkflowId, WorkspaceId};
use ork_core::limits::{PAUSES_MAX, SCHEDULES_MAX};
use ork_core::store::{
    Applied, Deleted, Expected, NewRevision, Pauses, QueuePause, RevisionRow, ScheduleRow, Scope, WorkflowRow,
    Workflows,
};

use super::{Model, State};

/// A workflow: all that was applied under its name.
#[derive(Debug)]
pub(super) struct Workflow {
    /// The first one that was applied gave it its id.
    revisions: Vec<NewRevision>,
    /// What the last apply said, which may have been one of an old text.
    description: Option<String>,
    updated_at: Timestamp,
    is_deleted: bool,
}

impl Workflow {
    fn last(&self) -> &NewRevision {
        self.revisions.last().expect("a workflow has a revision")
    }

    fn current(&self) -> ork_core::store::Current<'_> {
        let number = self.revisions.len() as u32;
        ork_core::store::Current { number, hash: &self.last().hash, is_deleted: self.is_deleted }
    }

    fn row(&self) -> WorkflowRow {
        let (first, last) = (&self.revisions[0], self.last());
        WorkflowRow {
            id: first.workflow,
            workspace: first.workspace,
            name: first.name.clone(),
            description: self.description.clone(),
            revision: revision(self.revisions.len(), last),
            created_at: first.now,
            updated_at: self.updated_at,
        }
    }
}

fn revision(number: usize, of: &NewRevision) -> RevisionRow {
    RevisionRow {
        id: of.revision,
        number: number as u32,
        hash: of.hash.clone(),
        created_by: of.actor.id.clone(),
        created_at: of.now,
    }
}

impl State {
    fn live(&self, scope: Scope) -> impl Iterator<Item = &Workflow> {
        let seen = move |key: &(WorkspaceId, String)| scope.admits(key.0);
        self.workflows.iter().filter(move |(key, found)| seen(key) && !found.is_deleted).map(|(_, found)| found)
    }

    /// The text of a revision, of any workflow.
    pub(super) fn source(&self, scope: Scope, id: RevisionId) -> Option<String> {
        let mut all = self.workflows.values().flat_map(|found| &found.revisions);
        all.find(|own| own.revision == id && scope.admits(own.workspace)).map(|own| own.source.clone())
    }
}

impl State {
    fn put_schedule(&mut self, new: &NewRevision, (workflow, revision): (WorkflowId, RevisionId)) {
        let Some(schedule) = &new.schedule else {
            self.schedules.remove(&workflow);
            return;
        };
        let spec = schedule.spec.clone();
        let old = self.schedules.get(&workflow);
        let same = old.filter(|old| old.spec.cron == spec.cron && old.spec.timezone == spec.timezone);
        let row = ScheduleRow {
            workflow,
            workspace: new.workspace,
            name: new.name.clone(),
            revision,
            spec,
            is_enabled: old.is_none_or(|old| old.is_enabled),
            next_at: same.map_or(Some(schedule.next_at), |old| old.next_at),
            last_at: old.and_then(|old| old.last_at),
            last_run: old.and_then(|old| old.last_run),
            updated_by: new.actor.id.clone(),
            updated_at: new.now,
        };
        self.schedules.insert(workflow, row);
    }
}

#[async_trait]
impl Workflows for Model {
    async fn apply_workflow(&self, new: &NewRevision) -> StoreResult<Applied> {
        let mut state = self.state();
        let key = (new.workspace, new.name.clone());
        let (applied, number) = new.apply(state.workflows.get(&key).map(Workflow::current));
        if matches!(applied, Applied::Refused | Applied::Unchanged) {
            return Ok(applied);
        }
        let is_other = |row: &&ScheduleRow| row.workspace == new.workspace && row.name != new.name;
        let others = state.schedules.values().filter(is_other).count();
        if new.schedule.is_some() && others >= SCHEDULES_MAX as usize {
            return Err(StoreError::Limit("too many schedules".into()));
        }
        let found = state.workflows.entry(key).or_insert_with(|| Workflow {
            revisions: Vec::new(),
            description: None,
            updated_at: new.now,
            is_deleted: false,
        });
        if number as usize > found.revisions.len() {
            found.revisions.push(new.clone());
        }
        (found.description, found.updated_at, found.is_deleted) = (new.description.clone(), new.now, false);
        let of = (found.revisions[0].workflow, found.last().revision);
        state.put_schedule(new, of);
        Ok(applied)
    }

    async fn workflow(&self, scope: Scope, name: &str) -> StoreResult<Option<WorkflowRow>> {
        Ok(self.state().live(scope).map(Workflow::row).find(|row| row.name == name))
    }

    async fn workflows(&self, scope: Scope, after: Option<&str>, limit: u32) -> StoreResult<Vec<WorkflowRow>> {
        let state = self.state();
        let mut rows: Vec<WorkflowRow> = state.live(scope).map(Workflow::row).collect();
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        rows.retain(|row| after.is_none_or(|after| row.name.as_str() > after));
        rows.truncate(limit as usize);
        Ok(rows)
    }

    async fn revisions(
        &self,
        scope: Scope,
        workflow: WorkflowId,
        before: Option<u32>,
        limit: u32,
    ) -> StoreResult<Vec<RevisionRow>> {
        let state = self.state();
        let mut all = state.workflows.iter().filter(|((workspace, _), _)| scope.admits(*workspace));
        let found = all.find(|(_, found)| found.revisions[0].workflow == workflow);
        let all = found.map_or(&[][..], |(_, found)| &found.revisions);
        let rows = all.iter().enumerate().rev().map(|(at, own)| revision(at + 1, own));
        Ok(rows.filter(|row| before.is_none_or(|before| row.number < before)).take(limit as usize).collect())
    }

    async fn revision_source(&self, scope: Scope, revision: RevisionId) -> StoreResult<Option<String>> {
        Ok(self.state().source(scope, revision))
    }

    async fn delete_workflow(
        &self,
        workspace: WorkspaceId,
        name: &str,
        expected: Expected,
        now: Timestamp,
    ) -> StoreResult<Deleted> {
        let mut state = self.state();
        let found = state.workflows.get_mut(&(workspace, name.to_owned()));
        if !expected.is_met(found.as_deref().map(Workflow::current)) {
            return Ok(Deleted::Refused);
        }
        let Some(found) = found.filter(|found| !found.is_deleted) else { return Ok(Deleted::Missing) };
        (found.is_deleted, found.updated_at) = (true, now);
        let workflow = found.revisions[0].workflow;
        state.schedules.remove(&workflow);
        Ok(Deleted::Done)
    }
}

#[async_trait]
impl Pauses for Model {
    async fn pause_queue(
        &self,
        workspace: WorkspaceId,
        queue: &str,
        actor: &Actor,
        now: Timestamp,
    ) -> StoreResult<bool> {
        let mut state = self.state();
        let key = (workspace, queue.to_owned());
        if state.pauses.contains_key(&key) {
            return Ok(false);
        }
        if state.pauses.keys().filter(|(own, _)| *own == workspace).count() >= PAUSES_MAX as usize {
            return Err(StoreError::Limit(format!("{PAUSES_MAX} queues are paused, and no more can be")));
        }
        state.pauses.insert(key, QueuePause { workspace, queue: queue.into(), by: actor.id.clone(), at: now });
        Ok(true)
    }

    async fn resume_queue(&self, workspace: WorkspaceId, queue: &str) -> StoreResult<bool> {
        Ok(self.state().pauses.remove(&(workspace, queue.to_owned())).is_some())
    }

    async fn queue_pauses(&self, scope: Scope) -> StoreResult<Vec<QueuePause>> {
        let state = self.state();
        Ok(state.pauses.values().filter(|pause| scope.admits(pause.workspace)).cloned().collect())
    }
}
