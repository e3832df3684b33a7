//! Hooks: what others say to a workspace starts runs of its workflows. Each change is one statement, which is its own
//! transaction.

use async_trait::async_trait;
use ork_core::error::{StoreError, StoreResult};
use ork_core::id::WorkspaceId;
use ork_core::json::Json;
use ork_core::limits::HOOKS_MAX;
use ork_core::store::{HookRow, Hooks, Scope};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::rows::{Columns, filter};
use crate::sql::Sql;
use crate::store::PgStore;

#[async_trait]
impl Hooks for PgStore {
    async fn create_hook(&self, new: &HookRow) -> StoreResult<()> {
        let scope = Scope::One(new.workspace);
        let params: [&(dyn ToSql + Sync); 9] = [
            &new.workspace.uuid(),
            &new.name,
            &new.key,
            &new.workflow,
            &new.secret,
            &new.input.as_ref().map(Json::as_str),
            &new.created_by,
            &new.created_at.micros(),
            &i64::from(HOOKS_MAX),
        ];
        let inserted = self.change(scope, Sql::HooksInsert, &params).await;
        if matches!(inserted, Ok(1)) {
            return Ok(());
        }
        // What was in the way: itself, one of the same name, or too many of them.
        let others = self.hooks(scope).await?;
        match inserted {
            _ if others.iter().any(|other| other.key == new.key) => Ok(()),
            _ if others.iter().any(|other| other.name == new.name) => {
                Err(StoreError::Conflict(format!("a hook `{}` exists", new.name)))
            }
            Ok(_) => Err(StoreError::Limit(format!("there are {HOOKS_MAX} hooks, and no more can be"))),
            Err(error) => Err(error),
        }
    }

    async fn hooks(&self, scope: Scope) -> StoreResult<Vec<HookRow>> {
        self.select(scope, Sql::HooksList, &[&filter(scope)]).await?.iter().map(row).collect()
    }

    async fn hook_by_key(&self, key: &str) -> StoreResult<Option<HookRow>> {
        let rows = self.select(self.own_scope(), Sql::HooksByKey, &[&key]).await?;
        rows.first().map(row).transpose()
    }

    async fn delete_hook(&self, workspace: WorkspaceId, name: &str) -> StoreResult<bool> {
        Ok(self.change(Scope::One(workspace), Sql::HooksDelete, &[&workspace.uuid(), &name]).await? > 0)
    }
}

fn row(row: &Row) -> StoreResult<HookRow> {
    let mut c = Columns::of(row, "hooks");
    Ok(HookRow {
        workspace: c.next("workspace_id")?,
        name: c.next("name")?,
        key: c.next("key")?,
        workflow: c.next("workflow")?,
        secret: c.next("secret")?,
        input: c.option("input")?,
        created_by: c.next("created_by")?,
        created_at: c.next("created_at")?,
    })
}
