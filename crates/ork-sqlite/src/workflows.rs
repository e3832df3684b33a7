//! Stored workflows.

use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::id::{RevisionId, WorkflowId, WorkspaceId};
use ork_core::store::{Applied, Current, Deleted, Expected, NewRevision, ROWS_MAX, RevisionRow, Scope, WorkflowRow};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::change::execute;
use crate::connection::failed;
use crate::rows::{Cell, filter, get, workspace_key};
use crate::{schedules, sql};

/// A workflow as a change finds it.
struct Found {
    id: WorkflowId,
    revision: RevisionId,
    number: u32,
    hash: String,
    is_deleted: bool,
}

impl Found {
    fn current(&self) -> Current<'_> {
        Current { number: self.number, hash: &self.hash, is_deleted: self.is_deleted }
    }
}

pub fn workflow_key(id: WorkflowId) -> [u8; 16] {
    *id.uuid().as_bytes()
}

pub fn revision_key(id: RevisionId) -> [u8; 16] {
    *id.uuid().as_bytes()
}

fn find(db: &Connection, workspace: WorkspaceId, name: &str) -> StoreResult<Option<Found>> {
    let mut statement = db.prepare_cached(sql::workflows::CURRENT).map_err(failed)?;
    let found = statement.query_row(params![workspace_key(workspace), name], |row| {
        Ok(Found {
            id: row.get::<_, Cell<_>>(0)?.0,
            revision: row.get::<_, Cell<_>>(1)?.0,
            number: row.get(2)?,
            hash: row.get(3)?,
            is_deleted: row.get(4)?,
        })
    });
    found.optional().map_err(failed)
}

pub fn apply(db: &Connection, new: &NewRevision) -> StoreResult<Applied> {
    let found = find(db, new.workspace, &new.name)?;
    let (applied, number) = new.apply(found.as_ref().map(Found::current));
    if matches!(applied, Applied::Refused | Applied::Unchanged) {
        return Ok(applied);
    }
    let (workspace, now) = (workspace_key(new.workspace), new.now.micros());
    let workflow = found.as_ref().map_or(new.workflow, |found| found.id);
    let kept = found.as_ref().filter(|found| found.number == number).map(|found| found.revision);
    let revision = revision_key(kept.unwrap_or(new.revision));
    let key = workflow_key(workflow);
    if found.is_none() {
        execute(db, sql::workflows::INSERT, params![key, workspace, new.name, new.description, revision, now])?;
    }
    if kept.is_none() {
        let params = params![revision, workspace, key, number, new.hash, new.source, new.actor.id, now];
        execute(db, sql::workflows::INSERT_REVISION, params)?;
    }
    execute(db, sql::workflows::UPDATE, params![key, new.description, revision, now])?;
    schedules::put(db, new, (workflow, kept.unwrap_or(new.revision)))?;
    Ok(applied)
}

pub fn delete(
    db: &Connection,
    (workspace, name): (WorkspaceId, &str),
    expected: Expected,
    now: Timestamp,
) -> StoreResult<Deleted> {
    let found = find(db, workspace, name)?;
    if !expected.is_met(found.as_ref().map(Found::current)) {
        return Ok(Deleted::Refused);
    }
    let Some(found) = found.filter(|found| !found.is_deleted) else { return Ok(Deleted::Missing) };
    execute(db, sql::workflows::DELETE, params![workflow_key(found.id), now.micros()])?;
    execute(db, sql::schedules::DROP, params![workflow_key(found.id)])?;
    Ok(Deleted::Done)
}

fn workflow_row(row: &Row<'_>) -> rusqlite::Result<WorkflowRow> {
    Ok(WorkflowRow {
        id: get(row, "id")?,
        workspace: get(row, "workspace_id")?,
        name: row.get("name")?,
        description: row.get("description")?,
        revision: RevisionRow {
            id: get(row, "revision_id")?,
            number: row.get("number")?,
            hash: row.get("definition_hash")?,
            created_by: row.get("created_by")?,
            created_at: get(row, "revised_at")?,
        },
        created_at: get(row, "created_at")?,
        updated_at: get(row, "updated_at")?,
    })
}

pub fn workflow(db: &Connection, scope: Scope, name: &str) -> StoreResult<Option<WorkflowRow>> {
    let mut statement = db.prepare_cached(sql::workflows::GET).map_err(failed)?;
    statement.query_row(params![name, filter(scope)], workflow_row).optional().map_err(failed)
}

pub fn workflows(db: &Connection, scope: Scope, after: Option<&str>, limit: u32) -> StoreResult<Vec<WorkflowRow>> {
    let mut statement = db.prepare_cached(sql::workflows::LIST).map_err(failed)?;
    let params = params![filter(scope), after.unwrap_or_default(), limit.min(ROWS_MAX)];
    let found = statement.query_map(params, workflow_row).map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

pub fn revisions(
    db: &Connection,
    scope: Scope,
    workflow: WorkflowId,
    before: Option<u32>,
    limit: u32,
) -> StoreResult<Vec<RevisionRow>> {
    let mut statement = db.prepare_cached(sql::workflows::REVISIONS).map_err(failed)?;
    let before = before.map_or(i64::MAX, i64::from);
    let params = params![workflow_key(workflow), filter(scope), before, limit.min(ROWS_MAX)];
    let found = statement
        .query_map(params, |row| {
            Ok(RevisionRow {
                id: get(row, "revision_id")?,
                number: row.get("number")?,
                hash: row.get("definition_hash")?,
                created_by: row.get("created_by")?,
                created_at: get(row, "created_at")?,
            })
        })
        .map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

pub fn source(db: &Connection, scope: Scope, revision: RevisionId) -> StoreResult<Option<String>> {
    let mut statement = db.prepare_cached(sql::workflows::SOURCE).map_err(failed)?;
    statement.query_row(params![revision_key(revision), filter(scope)], |row| row.get(0)).optional().map_err(failed)
}
