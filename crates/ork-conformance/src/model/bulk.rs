//! Actions on many runs, and duties.

use async_trait::async_trait;
use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::id::{BulkId, WorkerId, WorkspaceId};
use ork_core::store::{Bulk, BulkRow, BulkStatus, BulkStep, Scope, Submitted};

use super::Model;

#[async_trait]
impl Bulk for Model {
    async fn create_bulk(&self, new: &BulkRow) -> StoreResult<Submitted> {
        let mut state = self.state();
        if state.bulks.contains_key(&new.id) {
            return Ok(Submitted::Existing);
        }
        let same = |row: &BulkRow| row.workspace == new.workspace && row.external_id == new.external_id;
        if new.external_id.is_some() && state.bulks.values().any(same) {
            return Err(StoreError::Conflict("the external id is taken by another action".into()));
        }
        state.bulks.insert(new.id, new.clone());
        Ok(Submitted::Created)
    }

    async fn bulk(&self, scope: Scope, id: BulkId) -> StoreResult<Option<BulkRow>> {
        Ok(self.state().bulks.get(&id).filter(|row| scope.admits(row.workspace)).cloned())
    }

    async fn bulk_by_external_id(&self, workspace: WorkspaceId, external_id: &str) -> StoreResult<Option<BulkRow>> {
        let state = self.state();
        let is_it = |row: &&BulkRow| row.workspace == workspace && row.external_id.as_deref() == Some(external_id);
        Ok(state.bulks.values().find(is_it).cloned())
    }

    async fn bulks(&self, scope: Scope, before: Option<BulkId>, limit: u32) -> StoreResult<Vec<BulkRow>> {
        let state = self.state();
        let rows = state.bulks.values().rev().filter(|row| scope.admits(row.workspace));
        Ok(rows.filter(|row| before.is_none_or(|before| row.id < before)).take(limit as usize).cloned().collect())
    }

    async fn running_bulks(&self, limit: u32) -> StoreResult<Vec<BulkRow>> {
        let state = self.state();
        let rows = state.bulks.values().filter(|row| row.status == BulkStatus::Running);
        Ok(rows.take(limit as usize).cloned().collect())
    }

    async fn advance_bulk(&self, id: BulkId, step: BulkStep, now: Timestamp) -> StoreResult<bool> {
        let mut state = self.state();
        let goes_on = |row: &&mut BulkRow| row.status == BulkStatus::Running && row.before == step.from;
        let Some(row) = state.bulks.get_mut(&id).filter(goes_on) else { return Ok(false) };
        row.before = step.to;
        row.seen += u64::from(step.seen);
        row.changed += u64::from(step.changed);
        if step.is_last {
            (row.status, row.finished_at) = (BulkStatus::Success, Some(now));
        }
        Ok(true)
    }

    async fn cancel_bulk(&self, scope: Scope, id: BulkId, now: Timestamp) -> StoreResult<bool> {
        let mut state = self.state();
        let row = state.bulks.get_mut(&id).filter(|row| scope.admits(row.workspace));
        let row = row.ok_or_else(|| StoreError::NotFound(format!("bulk action `{id}`")))?;
        if row.status != BulkStatus::Running {
            return Ok(false);
        }
        (row.status, row.finished_at) = (BulkStatus::Cancelled, Some(now));
        Ok(true)
    }

    async fn hold_duty(&self, name: &str, holder: WorkerId, now: Timestamp, until: Timestamp) -> StoreResult<bool> {
        let mut state = self.state();
        let is_taken = state.duties.get(name).is_some_and(|(other, until)| *other != holder && *until > now);
        if !is_taken {
            state.duties.insert(name.to_owned(), (holder, until));
        }
        Ok(!is_taken)
    }
}
