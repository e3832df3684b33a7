//! Workspaces and tokens.

use async_trait::async_trait;
use ork_core::access::Settings;
use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::id::{TokenId, WorkspaceId};
use ork_core::store::{Access, Grant, ROWS_MAX, Scope, TokenHash, TokenRow, WorkspaceRow};
use tokio_postgres::Row;

use crate::rows::{Columns, encode, filter};
use crate::sql::Sql;
use crate::store::PgStore;

#[async_trait]
impl Access for PgStore {
    async fn create_workspace(&self, new: &WorkspaceRow) -> StoreResult<()> {
        let settings = encode(&new.settings)?;
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
            [&new.id.uuid(), &new.name, &settings, &new.created_at.micros()];
        let inserted = self.change(Scope::All, Sql::WorkspacesInsert, &values).await?;
        if inserted == 1 || !self.workspaces(Scope::One(new.id), None, 1).await?.is_empty() {
            return Ok(());
        }
        Err(StoreError::Conflict(format!("a workspace `{}` exists", new.name)))
    }

    async fn workspaces(&self, scope: Scope, after: Option<&str>, limit: u32) -> StoreResult<Vec<WorkspaceRow>> {
        let limit = i64::from(limit.min(ROWS_MAX));
        let rows = self.select(scope, Sql::WorkspacesList, &[&filter(scope), &after, &limit]).await?;
        rows.iter().map(workspace_row).collect()
    }

    async fn workspace_by_name(&self, scope: Scope, name: &str) -> StoreResult<Option<WorkspaceRow>> {
        let rows = self.select(scope, Sql::WorkspacesByName, &[&name, &filter(scope)]).await?;
        rows.first().map(workspace_row).transpose()
    }

    async fn set_workspace(&self, id: WorkspaceId, settings: &Settings) -> StoreResult<bool> {
        Ok(self.change(Scope::All, Sql::WorkspacesSet, &[&id.uuid(), &encode(settings)?]).await? == 1)
    }

    async fn create_token(&self, token: &TokenRow, hash: TokenHash) -> StoreResult<()> {
        let inserted = self
            .change(
                Scope::One(token.workspace),
                Sql::TokensInsert,
                &[
                    &token.id.uuid(),
                    &token.workspace.uuid(),
                    &token.name,
                    &token.principal,
                    &token.role.word(),
                    &token.queues,
                    &hash.0.as_slice(),
                    &token.prefix,
                    &token.created_by,
                    &token.created_at.micros(),
                    &token.expires_at.map(Timestamp::micros),
                    &token.key_id,
                ],
            )
            .await?;
        if inserted == 1 || self.token_by_hash(hash).await?.is_some_and(|grant| grant.token.id == token.id) {
            return Ok(());
        }
        if self.workspaces(Scope::One(token.workspace), None, 1).await?.is_empty() {
            return Err(StoreError::NotFound(format!("workspace `{}`", token.workspace)));
        }
        Err(StoreError::Conflict(format!("a token `{}` exists", token.name)))
    }

    async fn tokens(&self, scope: Scope, before: Option<TokenId>, limit: u32) -> StoreResult<Vec<TokenRow>> {
        let (before, limit) = (before.map(TokenId::uuid), i64::from(limit.min(ROWS_MAX)));
        let rows = self.select(scope, Sql::TokensList, &[&filter(scope), &before, &limit]).await?;
        rows.iter().map(|row| token_row(&mut Columns::of(row, "api_tokens"))).collect()
    }

    async fn token_by_hash(&self, hash: TokenHash) -> StoreResult<Option<Grant>> {
        let rows = self.select(self.own_scope(), Sql::TokensByHash, &[&hash.0.as_slice()]).await?;
        let grant = |row: &Row| {
            let mut c = Columns::of(row, "api_tokens");
            let token = token_row(&mut c)?;
            let workspace = WorkspaceRow {
                id: token.workspace,
                name: c.next("workspace_name")?,
                settings: c.next("settings")?,
                created_at: c.next("workspace_created_at")?,
            };
            Ok(Grant { token, workspace })
        };
        rows.first().map(grant).transpose()
    }

    async fn revoke_token(&self, scope: Scope, id: TokenId, now: Timestamp) -> StoreResult<bool> {
        if self.change(scope, Sql::TokensRevoke, &[&id.uuid(), &filter(scope), &now.micros()]).await? == 1 {
            return Ok(true);
        }
        if self.select(scope, Sql::TokensGet, &[&id.uuid(), &filter(scope)]).await?.is_empty() {
            return Err(StoreError::NotFound(format!("token `{id}`")));
        }
        Ok(false)
    }

    async fn touch_token(&self, id: TokenId, now: Timestamp) -> StoreResult<()> {
        self.change(self.own_scope(), Sql::TokensTouch, &[&id.uuid(), &now.micros()]).await?;
        Ok(())
    }
}

/// Reads the columns of `workspaces/*.sql`.
fn workspace_row(row: &Row) -> StoreResult<WorkspaceRow> {
    let mut c = Columns::of(row, "workspaces");
    Ok(WorkspaceRow {
        id: c.next("id")?,
        name: c.next("name")?,
        settings: c.next("settings")?,
        created_at: c.next("created_at")?,
    })
}

/// Reads the first columns of `tokens/*.sql`.
fn token_row(c: &mut Columns<'_>) -> StoreResult<TokenRow> {
    Ok(TokenRow {
        id: c.next("id")?,
        workspace: c.next("workspace_id")?,
        name: c.next("name")?,
        principal: c.next("principal")?,
        role: c.next("role")?,
        queues: c.next("queues")?,
        prefix: c.next("prefix")?,
        key_id: c.next("key_id")?,
        created_by: c.next("created_by")?,
        created_at: c.next("created_at")?,
        expires_at: c.option("expires_at")?,
        last_used_at: c.option("last_used_at")?,
        revoked_at: c.option("revoked_at")?,
    })
}
