//! Workspaces and tokens.

use async_trait::async_trait;
use ork_core::access::Settings;
use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::id::{TokenId, WorkspaceId};
use ork_core::store::{Access, Grant, Scope, TokenHash, TokenRow, WorkspaceRow};

use super::Model;

#[async_trait]
impl Access for Model {
    async fn create_workspace(&self, new: &WorkspaceRow) -> StoreResult<()> {
        let mut state = self.state();
        if state.workspaces.contains_key(&new.id) {
            return Ok(());
        }
        if state.workspaces.values().any(|row| row.name == new.name) {
            return Err(StoreError::Conflict("the name is taken by another workspace".into()));
        }
        state.workspaces.insert(new.id, new.clone());
        Ok(())
    }

    async fn workspaces(&self, scope: Scope, after: Option<&str>, limit: u32) -> StoreResult<Vec<WorkspaceRow>> {
        let state = self.state();
        let wanted = |row: &&WorkspaceRow| scope.admits(row.id) && after.is_none_or(|after| row.name.as_str() > after);
        let mut rows: Vec<WorkspaceRow> = state.workspaces.values().filter(wanted).cloned().collect();
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        rows.truncate(limit as usize);
        Ok(rows)
    }

    async fn workspace_by_name(&self, scope: Scope, name: &str) -> StoreResult<Option<WorkspaceRow>> {
        let state = self.state();
        Ok(state.workspaces.values().find(|row| row.name == name && scope.admits(row.id)).cloned())
    }

    async fn set_workspace(&self, id: WorkspaceId, settings: &Settings) -> StoreResult<bool> {
        let mut state = self.state();
        let found = state.workspaces.get_mut(&id);
        Ok(found.map(|row| row.settings = settings.clone()).is_some())
    }

    async fn create_token(&self, token: &TokenRow, hash: TokenHash) -> StoreResult<()> {
        let mut state = self.state();
        if state.tokens.get(&token.id).is_some_and(|(_, known)| *known == hash) {
            return Ok(());
        }
        if !state.workspaces.contains_key(&token.workspace) {
            return Err(StoreError::NotFound("such workspace".into()));
        }
        let is_taken =
            |row: &TokenRow| row.workspace == token.workspace && row.name == token.name && row.revoked_at.is_none();
        if state.tokens.values().any(|(row, _)| is_taken(row)) {
            return Err(StoreError::Conflict("the name is taken by another token".into()));
        }
        state.tokens.insert(token.id, (token.clone(), hash));
        Ok(())
    }

    async fn tokens(&self, scope: Scope, before: Option<TokenId>, limit: u32) -> StoreResult<Vec<TokenRow>> {
        let state = self.state();
        let rows = state.tokens.values().rev().map(|(row, _)| row);
        let wanted = |row: &&TokenRow| scope.admits(row.workspace) && before.is_none_or(|before| row.id < before);
        Ok(rows.filter(wanted).take(limit as usize).cloned().collect())
    }

    async fn token_by_hash(&self, hash: TokenHash) -> StoreResult<Option<Grant>> {
        let state = self.state();
        let found = state.tokens.values().find(|(_, known)| *known == hash);
        Ok(found
            .map(|(token, _)| Grant { token: token.clone(), workspace: state.workspaces[&token.workspace].clone() }))
    }

    async fn revoke_token(&self, scope: Scope, id: TokenId, now: Timestamp) -> StoreResult<bool> {
        let mut state = self.state();
        let found = state.tokens.get_mut(&id).map(|(row, _)| row).filter(|row| scope.admits(row.workspace));
        let row = found.ok_or_else(|| StoreError::NotFound(format!("token `{id}`")))?;
        let is_new = row.revoked_at.is_none();
        row.revoked_at = row.revoked_at.or(Some(now));
        Ok(is_new)
    }

    async fn touch_token(&self, id: TokenId, now: Timestamp) -> StoreResult<()> {
        let mut state = self.state();
        if let Some((row, _)) = state.tokens.get_mut(&id) {
            row.last_used_at = row.last_used_at.max(Some(now));
        }
        Ok(())
    }
}
