//! Texts for models, in all their versions.

use ork_core::error::{StoreError, StoreResult};
use ork_core::id::WorkspaceId;
use ork_core::limits::PROMPTS_MAX;
use ork_core::store::{NewPrompt, PromptRow, ROWS_MAX};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use crate::budgets::require_workspace;
use crate::change::execute;
use crate::connection::failed;
use crate::rows::{encode, get, workspace_key};
use crate::sql;

pub fn put(db: &Connection, new: &NewPrompt) -> StoreResult<PromptRow> {
    require_workspace(db, new.workspace)?;
    let key = workspace_key(new.workspace);
    if execute(db, sql::prompts::PUT, params![key, new.id, new.category, new.context, PROMPTS_MAX])? == 0 {
        return Err(StoreError::Limit(format!("the workspace has {PROMPTS_MAX} prompts, and no more can be stored")));
    }
    let present = prompt(db, new.workspace, &new.id, None)?;
    if !present.as_ref().is_some_and(|row| row.text == new.text && row.variables == new.variables) {
        let version = present.map_or(0, |row| row.latest) + 1;
        let (variables, now) = (encode(&new.variables)?, new.now.micros());
        let values = params![key, new.id, version, new.text, variables, new.actor.id, now];
        execute(db, sql::prompts::INSERT_VERSION, values)?;
        execute(db, sql::prompts::SET_VERSION, params![key, new.id, version])?;
    }
    prompt(db, new.workspace, &new.id, None)?.ok_or_else(|| StoreError::NotFound(format!("prompt `{}`", new.id)))
}

pub fn prompt(
    db: &Connection,
    workspace: WorkspaceId,
    id: &str,
    version: Option<u32>,
) -> StoreResult<Option<PromptRow>> {
    let mut statement = db.prepare_cached(sql::prompts::GET).map_err(failed)?;
    statement.query_row(params![workspace_key(workspace), id, version], row).optional().map_err(failed)
}

pub fn list(db: &Connection, workspace: WorkspaceId, after: Option<&str>, limit: u32) -> StoreResult<Vec<PromptRow>> {
    let values = params![workspace_key(workspace), after.unwrap_or_default(), limit.min(ROWS_MAX)];
    rows(db, sql::prompts::LIST, values)
}

pub fn versions(
    db: &Connection,
    workspace: WorkspaceId,
    id: &str,
    before: Option<u32>,
    limit: u32,
) -> StoreResult<Vec<PromptRow>> {
    rows(db, sql::prompts::VERSIONS, params![workspace_key(workspace), id, before, limit.min(ROWS_MAX)])
}

fn rows(db: &Connection, statement: &str, values: impl Params) -> StoreResult<Vec<PromptRow>> {
    let mut statement = db.prepare_cached(statement).map_err(failed)?;
    let found = statement.query_map(values, row).map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

fn row(row: &Row<'_>) -> rusqlite::Result<PromptRow> {
    Ok(PromptRow {
        workspace: get(row, "workspace_id")?,
        id: row.get("id")?,
        category: row.get("category")?,
        context: row.get("context")?,
        latest: row.get("latest")?,
        version: row.get("version")?,
        text: row.get("prompt_text")?,
        variables: get(row, "variables")?,
        created_by: row.get("created_by")?,
        created_at: get(row, "created_at")?,
    })
}
