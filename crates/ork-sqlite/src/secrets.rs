//! Secrets, as sealed as they come.

use ork_core::error::{StoreError, StoreResult};
use ork_core::id::WorkspaceId;
use ork_core::limits::SECRETS_MAX;
use ork_core::store::{NewSecret, ROWS_MAX, Reseal, Scope, SealedAt, SealedSecret, SecretRow};
use rusqlite::{Connection, params};

use crate::change::execute;
use crate::connection::failed;
use crate::rows::{encode, filter, get, workspace_key};
use crate::{endpoints, sql};

pub fn set(db: &Connection, new: &NewSecret) -> StoreResult<bool> {
    let workspace = workspace_key(new.workspace);
    let was_there = db
        .prepare_cached(sql::secrets::GET)
        .and_then(|mut s| s.exists(params![workspace, new.name]))
        .map_err(failed)?;
    let values = params![workspace, new.name, new.sealed, new.key_id, new.actor.id, new.now.micros(), SECRETS_MAX];
    if execute(db, sql::secrets::SET, values)? == 0 {
        return Err(StoreError::Limit(format!("the workspace has {SECRETS_MAX} secrets, and no more can be set")));
    }
    Ok(!was_there)
}

pub fn list(db: &Connection, scope: Scope, after: Option<&str>, limit: u32) -> StoreResult<Vec<SecretRow>> {
    let mut statement = db.prepare_cached(sql::secrets::LIST).map_err(failed)?;
    let values = params![filter(scope), after.unwrap_or_default(), limit.min(ROWS_MAX)];
    let found = statement
        .query_map(values, |row| {
            Ok(SecretRow {
                workspace: get(row, "workspace_id")?,
                name: row.get("name")?,
                key_id: row.get("key_id")?,
                created_at: get(row, "created_at")?,
                updated_by: row.get("updated_by")?,
                updated_at: get(row, "updated_at")?,
            })
        })
        .map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

pub fn sealed(db: &Connection, workspace: WorkspaceId, names: &[String]) -> StoreResult<Vec<SealedSecret>> {
    let mut statement = db.prepare_cached(sql::secrets::SEALED).map_err(failed)?;
    let found = statement
        .query_map(params![workspace_key(workspace), encode(&names)?], |row| {
            Ok(SealedSecret { name: row.get("name")?, sealed: row.get("ciphertext")? })
        })
        .map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

pub fn delete(db: &Connection, workspace: WorkspaceId, name: &str) -> StoreResult<bool> {
    Ok(execute(db, sql::secrets::DELETE, params![workspace_key(workspace), name])? > 0)
}

pub fn reseal(db: &Connection, of: &Reseal) -> StoreResult<bool> {
    let workspace = workspace_key(of.workspace);
    let rows = match &of.at {
        SealedAt::Secret(name) => {
            execute(db, sql::secrets::RESEAL, params![workspace, name, of.old, of.new, of.key_id])?
        }
        SealedAt::Endpoint(id) => {
            execute(db, sql::endpoints::RESEAL, params![workspace, endpoints::key(*id), of.old, of.new])?
        }
        SealedAt::Hook(key) => execute(db, sql::hooks::RESEAL, params![workspace, key, of.old, of.new])?,
    };
    Ok(rows > 0)
}
