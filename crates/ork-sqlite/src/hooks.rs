//! Hooks: what others say to a workspace starts runs of its workflows.

use ork_core::error::{StoreError, StoreResult};
use ork_core::id::WorkspaceId;
use ork_core::json::Json;
use ork_core::limits::HOOKS_MAX;
use ork_core::store::{HookRow, Scope};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::change::execute;
use crate::connection::failed;
use crate::rows::{filter, get, get_option, workspace_key};
use crate::sql;

pub fn create(db: &Connection, new: &HookRow) -> StoreResult<()> {
    let params = params![
        workspace_key(new.workspace),
        new.name,
        new.key,
        new.workflow,
        new.secret,
        new.input.as_ref().map(Json::as_str),
        new.created_by,
        new.created_at.micros(),
        HOOKS_MAX,
    ];
    let inserted = execute(db, sql::hooks::INSERT, params).map_err(|error| match error {
        StoreError::Conflict(text) if text.contains("name") => {
            StoreError::Conflict(format!("a hook `{}` exists", new.name))
        }
        error => error,
    })?;
    if inserted == 1 || by_key(db, &new.key)?.is_some_and(|row| row.workspace == new.workspace) {
        return Ok(());
    }
    if list(db, Scope::One(new.workspace))?.iter().any(|row| row.name == new.name) {
        return Err(StoreError::Conflict(format!("a hook `{}` exists", new.name)));
    }
    Err(StoreError::Limit(format!("there are {HOOKS_MAX} hooks, and no more can be")))
}

fn row(row: &Row<'_>) -> rusqlite::Result<HookRow> {
    Ok(HookRow {
        workspace: get(row, "workspace_id")?,
        name: row.get("name")?,
        key: row.get("key")?,
        workflow: row.get("workflow")?,
        secret: row.get("secret")?,
        input: get_option(row, "input")?,
        created_by: row.get("created_by")?,
        created_at: get(row, "created_at")?,
    })
}

pub fn list(db: &Connection, scope: Scope) -> StoreResult<Vec<HookRow>> {
    let mut statement = db.prepare_cached(sql::hooks::LIST).map_err(failed)?;
    let found = statement.query_map(params![filter(scope)], row).map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

pub fn by_key(db: &Connection, key: &str) -> StoreResult<Option<HookRow>> {
    let mut statement = db.prepare_cached(sql::hooks::BY_KEY).map_err(failed)?;
    statement.query_row(params![key], row).optional().map_err(failed)
}

pub fn delete(db: &Connection, workspace: WorkspaceId, name: &str) -> StoreResult<bool> {
    Ok(execute(db, sql::hooks::DELETE, params![workspace_key(workspace), name])? > 0)
}
