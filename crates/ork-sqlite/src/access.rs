//! Workspaces and tokens.

use ork_core::access::Settings;
use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::id::{TokenId, WorkspaceId};
use ork_core::store::{Grant, ROWS_MAX, Scope, TokenHash, TokenRow, WorkspaceRow};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::change::execute;
use crate::connection::failed;
use crate::rows::{Cell, encode, filter, get, get_option, workspace_key};
use crate::sql;

fn token_key(id: TokenId) -> [u8; 16] {
    *id.uuid().as_bytes()
}

pub fn create_workspace(db: &Connection, new: &WorkspaceRow) -> StoreResult<()> {
    let values = params![workspace_key(new.id), new.name, encode(&new.settings)?, new.created_at.micros()];
    if execute(db, sql::workspaces::INSERT, values)? == 1 || !workspaces(db, Scope::One(new.id), None, 1)?.is_empty() {
        return Ok(());
    }
    Err(StoreError::Conflict(format!("a workspace `{}` exists", new.name)))
}

pub fn workspaces(db: &Connection, scope: Scope, after: Option<&str>, limit: u32) -> StoreResult<Vec<WorkspaceRow>> {
    let mut statement = db.prepare_cached(sql::workspaces::LIST).map_err(failed)?;
    let values = params![filter(scope), after, limit.min(ROWS_MAX)];
    let found = statement.query_map(values, workspace_row).map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

pub fn workspace_by_name(db: &Connection, scope: Scope, name: &str) -> StoreResult<Option<WorkspaceRow>> {
    let mut statement = db.prepare_cached(sql::workspaces::BY_NAME).map_err(failed)?;
    statement.query_row(params![name, filter(scope)], workspace_row).optional().map_err(failed)
}

pub fn set_workspace(db: &Connection, id: WorkspaceId, settings: &Settings) -> StoreResult<bool> {
    Ok(execute(db, sql::workspaces::SET, params![workspace_key(id), encode(settings)?])? == 1)
}

pub fn create_token(db: &Connection, token: &TokenRow, hash: TokenHash) -> StoreResult<()> {
    let inserted = execute(
        db,
        sql::tokens::INSERT,
        params![
            token_key(token.id),
            workspace_key(token.workspace),
            token.name,
            token.principal,
            token.role.word(),
            encode(&token.queues)?,
            hash.0,
            token.prefix,
            token.created_by,
            token.created_at.micros(),
            token.expires_at.map(Timestamp::micros),
            token.key_id,
        ],
    )?;
    if inserted == 1 || token_by_hash(db, hash)?.is_some_and(|grant| grant.token.id == token.id) {
        return Ok(());
    }
    if workspaces(db, Scope::One(token.workspace), None, 1)?.is_empty() {
        return Err(StoreError::NotFound(format!("workspace `{}`", token.workspace)));
    }
    Err(StoreError::Conflict(format!("a token `{}` exists", token.name)))
}

pub fn tokens(db: &Connection, scope: Scope, before: Option<TokenId>, limit: u32) -> StoreResult<Vec<TokenRow>> {
    let mut statement = db.prepare_cached(sql::tokens::LIST).map_err(failed)?;
    let before = before.map_or([u8::MAX; 16], token_key);
    let values = params![filter(scope), before, limit.min(ROWS_MAX)];
    let found = statement.query_map(values, token_row).map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

pub fn token_by_hash(db: &Connection, hash: TokenHash) -> StoreResult<Option<Grant>> {
    let mut statement = db.prepare_cached(sql::tokens::BY_HASH).map_err(failed)?;
    let found = statement.query_row(params![hash.0], |row| {
        let token = token_row(row)?;
        let workspace = WorkspaceRow {
            id: token.workspace,
            name: row.get("workspace_name")?,
            settings: get(row, "settings")?,
            created_at: get(row, "workspace_created_at")?,
        };
        Ok(Grant { token, workspace })
    });
    found.optional().map_err(failed)
}

pub fn revoke_token(db: &Connection, scope: Scope, id: TokenId, now: Timestamp) -> StoreResult<bool> {
    if execute(db, sql::tokens::REVOKE, params![token_key(id), filter(scope), now.micros()])? == 1 {
        return Ok(true);
    }
    let mut statement = db.prepare_cached(sql::tokens::GET).map_err(failed)?;
    let found =
        statement.query_row(params![token_key(id), filter(scope)], |row| row.get::<_, Option<Cell<Timestamp>>>(0));
    match found.optional().map_err(failed)? {
        Some(_) => Ok(false),
        None => Err(StoreError::NotFound(format!("token `{id}`"))),
    }
}

pub fn touch_token(db: &Connection, id: TokenId, now: Timestamp) -> StoreResult<()> {
    execute(db, sql::tokens::TOUCH, params![token_key(id), now.micros()])?;
    Ok(())
}

fn workspace_row(row: &Row<'_>) -> rusqlite::Result<WorkspaceRow> {
    Ok(WorkspaceRow {
        id: get(row, "id")?,
        name: row.get("name")?,
        settings: get(row, "settings")?,
        created_at: get(row, "created_at")?,
    })
}

fn token_row(row: &Row<'_>) -> rusqlite::Result<TokenRow> {
    Ok(TokenRow {
        id: get(row, "id")?,
        workspace: get(row, "workspace_id")?,
        name: row.get("name")?,
        principal: row.get("principal")?,
        role: get(row, "role")?,
        queues: get(row, "queues")?,
        prefix: row.get("prefix")?,
        key_id: row.get("key_id")?,
        created_by: row.get("created_by")?,
        created_at: get(row, "created_at")?,
        expires_at: get_option(row, "expires_at")?,
        last_used_at: get_option(row, "last_used_at")?,
        revoked_at: get_option(row, "revoked_at")?,
    })
}
