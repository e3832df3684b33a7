//! Secrets, as sealed as they come.

use async_trait::async_trait;
use ork_core::error::{StoreError, StoreResult};
use ork_core::id::WorkspaceId;
use ork_core::limits::SECRETS_MAX;
use ork_core::store::{NewSecret, ROWS_MAX, Reseal, Scope, SealedAt, SealedSecret, SecretRow, Secrets};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::rows::{Columns, filter};
use crate::sql::Sql;
use crate::store::PgStore;

#[async_trait]
impl Secrets for PgStore {
    async fn set_secret(&self, new: &NewSecret) -> StoreResult<bool> {
        let (scope, workspace) = (Scope::One(new.workspace), new.workspace.uuid());
        let was_there = !self.select(scope, Sql::SecretsGet, &[&workspace, &new.name]).await?.is_empty();
        let (limit, now) = (i64::from(SECRETS_MAX), new.now.micros());
        let values: [&(dyn ToSql + Sync); 7] =
            [&workspace, &new.name, &new.sealed, &new.key_id, &new.actor.id, &now, &limit];
        if self.change(scope, Sql::SecretsSet, &values).await? == 0 {
            return Err(StoreError::Limit(format!("the workspace has {SECRETS_MAX} secrets, and no more can be set")));
        }
        Ok(!was_there)
    }

    async fn secrets(&self, scope: Scope, after: Option<&str>, limit: u32) -> StoreResult<Vec<SecretRow>> {
        let (after, limit) = (after.unwrap_or_default(), i64::from(limit.min(ROWS_MAX)));
        self.select(scope, Sql::SecretsList, &[&filter(scope), &after, &limit]).await?.iter().map(row).collect()
    }

    async fn sealed_secrets(&self, workspace: WorkspaceId, names: &[String]) -> StoreResult<Vec<SealedSecret>> {
        let rows = self.select(Scope::One(workspace), Sql::SecretsSealed, &[&workspace.uuid(), &names]).await?;
        let sealed = |row| {
            let mut c = Columns::of(row, "secrets");
            Ok(SealedSecret { name: c.next("name")?, sealed: c.next("ciphertext")? })
        };
        rows.iter().map(sealed).collect()
    }

    async fn delete_secret(&self, workspace: WorkspaceId, name: &str) -> StoreResult<bool> {
        Ok(self.change(Scope::One(workspace), Sql::SecretsDelete, &[&workspace.uuid(), &name]).await? > 0)
    }

    async fn reseal(&self, of: &Reseal) -> StoreResult<bool> {
        let (scope, workspace) = (Scope::One(of.workspace), of.workspace.uuid());
        let rows = match &of.at {
            SealedAt::Secret(name) => {
                self.change(scope, Sql::SecretsReseal, &[&workspace, name, &of.old, &of.new, &of.key_id]).await?
            }
            SealedAt::Endpoint(id) => {
                self.change(scope, Sql::EndpointsReseal, &[&workspace, &id.uuid(), &of.old, &of.new]).await?
            }
            SealedAt::Hook(key) => self.change(scope, Sql::HooksReseal, &[&workspace, key, &of.old, &of.new]).await?,
        };
        Ok(rows > 0)
    }
}

fn row(row: &Row) -> StoreResult<SecretRow> {
    let mut c = Columns::of(row, "secrets");
    Ok(SecretRow {
        workspace: c.next("workspace_id")?,
        name: c.next("name")?,
        key_id: c.next("key_id")?,
        created_at: c.next("created_at")?,
        updated_by: c.next("updated_by")?,
        updated_at: c.next("updated_at")?,
    })
}
