//! Hooks.

use async_trait::async_trait;
use ork_core::error::{StoreError, StoreResult};
use ork_core::id::WorkspaceId;
use ork_core::limits::HOOKS_MAX;
use ork_core::store::{HookRow, Hooks, Scope};

use super::Model;

#[async_trait]
impl Hooks for Model {
    async fn create_hook(&self, new: &HookRow) -> StoreResult<()> {
        let mut state = self.state();
        if state.hooks.values().any(|row| row.key == new.key && row.workspace == new.workspace) {
            return Ok(());
        }
        let id = (new.workspace, new.name.clone());
        if state.hooks.contains_key(&id) {
            return Err(StoreError::Conflict("the name is taken".into()));
        }
        if state.hooks.keys().filter(|(workspace, _)| *workspace == new.workspace).count() >= HOOKS_MAX as usize {
            return Err(StoreError::Limit("too many hooks".into()));
        }
        state.hooks.insert(id, new.clone());
        Ok(())
    }

    async fn hooks(&self, scope: Scope) -> StoreResult<Vec<HookRow>> {
        Ok(self.state().hooks.values().filter(|row| scope.admits(row.workspace)).cloned().collect())
    }

    async fn hook_by_key(&self, key: &str) -> StoreResult<Option<HookRow>> {
        Ok(self.state().hooks.values().find(|row| row.key == key).cloned())
    }

    async fn delete_hook(&self, workspace: WorkspaceId, name: &str) -> StoreResult<bool> {
        Ok(self.state().hooks.remove(&(workspace, name.to_owned())).is_some())
    }
}
