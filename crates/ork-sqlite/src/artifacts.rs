//! What runs keep, and the bytes that nobody names.

use std::collections::BTreeSet;

use ork_core::artifact::{ArtifactAt, ArtifactRow, NewArtifact, Provenance, fresh, too_many};
use ork_core::blobs::BlobKey;
use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::Actor;
use ork_core::graph::RunGraph;
use ork_core::id::{ArtifactId, RunId, WorkspaceId};
use ork_core::json::Json;
use ork_core::limits::ARTIFACTS_MAX;
use ork_core::planted::{self, Bug};
use ork_core::store::{ArtifactFilter, ArtifactsCreated, KeptUnder, LooseBlob, ROWS_MAX, Scope};
use rusqlite::types::{FromSqlError, Type};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use crate::budgets::big;
use crate::change::{self, execute};
use crate::connection::failed;
use crate::rows::{filter, get, get_option, run_key, workspace_key};
use crate::{sql, steps};

fn key(id: ArtifactId) -> [u8; 16] {
    *id.uuid().as_bytes()
}

fn row(row: &Row<'_>) -> rusqlite::Result<ArtifactRow> {
    let key: Option<String> = row.get("key")?;
    let size = row.get::<_, Option<i64>>("size")?.map(i64::unsigned_abs);
    let at = ArtifactAt::from_stored(key.as_deref(), row.get("url")?, size, row.get("checksum")?);
    let nowhere = || {
        let wrong = Box::new(FromSqlError::Other("it says of no bytes where they are".into()));
        rusqlite::Error::FromSqlConversionFailure(row.as_ref().column_index("key").unwrap_or(0), Type::Text, wrong)
    };
    Ok(ArtifactRow {
        workspace: get(row, "workspace_id")?,
        owner: row.get("owner_id")?,
        artifact: NewArtifact {
            id: get(row, "id")?,
            run: get(row, "run_id")?,
            from: Provenance { n: row.get("n")?, attempt: row.get("attempt")?, step: row.get("step")? },
            name: row.get("name")?,
            kind: row.get("kind")?,
            content_type: row.get("content_type")?,
            at: at.ok_or_else(nowhere)?,
            meta: get_option(row, "meta")?,
        },
        created_at: get(row, "created_at")?,
    })
}

fn rows(db: &Connection, statement: &str, values: impl Params) -> StoreResult<Vec<ArtifactRow>> {
    let mut statement = db.prepare_cached(statement).map_err(failed)?;
    let found = statement.query_map(values, row).map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

pub fn artifact(db: &Connection, scope: Scope, id: ArtifactId) -> StoreResult<Option<ArtifactRow>> {
    Ok(rows(db, sql::artifacts::GET, params![key(id), filter(scope)])?.pop())
}

/// All of a run, by id.
pub fn of_run(db: &Connection, run: RunId) -> StoreResult<Vec<ArtifactRow>> {
    rows(db, sql::artifacts::OF_RUN, params![run_key(run)])
}

pub fn list(db: &Connection, scope: Scope, wanted: &ArtifactFilter) -> StoreResult<Vec<ArtifactRow>> {
    let run = wanted.run.or(wanted.task.map(|task| task.run));
    if wanted.task.is_some_and(|task| run != Some(task.run)) {
        return Ok(Vec::new());
    }
    let (before, limit) = (wanted.before.map_or([u8::MAX; 16], key), wanted.limit.min(ROWS_MAX));
    let (own, kind, name, owner) = (filter(scope), &wanted.kind, &wanted.name, &wanted.owner);
    match (run.map(run_key), wanted.task) {
        (Some(run), Some(task)) => {
            let values = params![own, before, kind, name, owner, limit, run, task.n];
            rows(db, sql::artifacts::LIST_OF_TASK, values)
        }
        (Some(run), None) => rows(db, sql::artifacts::LIST_OF_RUN, params![own, before, kind, name, owner, limit, run]),
        (None, _) => {
            let statement = if own.is_some() { sql::artifacts::LIST_OF_WORKSPACE } else { sql::artifacts::LIST };
            rows(db, statement, params![own, before, kind, name, owner, limit])
        }
    }
}

pub fn create(
    db: &Connection,
    scope: Scope,
    new: &[NewArtifact],
    under: Option<KeptUnder>,
    by: (&Actor, Timestamp),
) -> StoreResult<ArtifactsCreated> {
    let Some(run) = new.first().map(|artifact| artifact.run) else { return Ok(ArtifactsCreated::Created) };
    let head = change::head_or_not_found(db, scope, run)?;
    let mut found = Vec::new();
    for artifact in new {
        found.extend(self::artifact(db, Scope::All, artifact.id)?.map(|row| row.artifact));
    }
    let fresh = fresh(new, &found, head.tasks_total)?;
    if fresh.is_empty() {
        return Ok(ArtifactsCreated::Created);
    }
    if let Some(KeptUnder { task, attempt, lease }) = under
        && (task.run != run || steps::leased(db, scope, task, attempt, lease)?.is_none())
    {
        return Ok(ArtifactsCreated::Stale);
    }
    if let Some(gone) = first_gone(db, (head.workspace, by.1), &fresh)? {
        return Ok(ArtifactsCreated::Gone(gone));
    }
    let count = params![run_key(run), u32::try_from(fresh.len()).unwrap_or(u32::MAX), ARTIFACTS_MAX];
    if execute(db, sql::artifacts::COUNT, count)? == 0 {
        return Err(too_many(run));
    }
    let workspace = head.workspace;
    let mut graph = RunGraph::new(head, Vec::new(), by.0.clone(), by.1);
    for artifact in fresh {
        if let Some(key) = artifact.at.key() {
            execute(db, sql::blobs::TAKE, params![key.as_str()])?;
        }
        insert(db, workspace, artifact, by.1)?;
        graph.note_artifact(artifact);
    }
    change::close(db, graph, None, by.1)?;
    Ok(ArtifactsCreated::Created)
}

/// The first of them whose bytes are not loose, or are so no more. Looked at before anything is taken: what answers so changes
/// nothing.
fn first_gone(
    db: &Connection,
    (workspace, now): (WorkspaceId, Timestamp),
    new: &[&NewArtifact],
) -> StoreResult<Option<ArtifactId>> {
    let since = if planted::is(Bug::RemovedWithoutDoom) { i64::MIN } else { now.micros() };
    let mut doomed = db.prepare_cached(sql::blobs::GET).map_err(failed)?;
    let mut seen = BTreeSet::new();
    for artifact in new {
        let Some(key) = artifact.at.key() else { continue };
        let found =
            doomed.query_row(params![key.as_str(), workspace_key(workspace), since], |row| row.get::<_, bool>(0));
        if found.optional().map_err(failed)? != Some(false) || !seen.insert(key) {
            return Ok(Some(artifact.id));
        }
    }
    Ok(None)
}

fn insert(db: &Connection, workspace: WorkspaceId, new: &NewArtifact, now: Timestamp) -> StoreResult<()> {
    let NewArtifact { from, at, .. } = new;
    let values = params![
        key(new.id),
        workspace_key(workspace),
        run_key(new.run),
        from.n,
        from.attempt,
        from.step,
        new.name,
        new.kind,
        new.content_type,
        at.key().map(BlobKey::as_str),
        at.url(),
        at.size().map(big),
        at.checksum(),
        new.meta.as_ref().map(Json::as_str),
        now.micros(),
    ];
    execute(db, sql::artifacts::INSERT, values)?;
    Ok(())
}

pub fn note(db: &Connection, scope: Scope, blob: &LooseBlob) -> StoreResult<bool> {
    if !scope.admits(blob.workspace) {
        return Err(StoreError::NotFound(format!("workspace `{}`", blob.workspace)));
    }
    let values = params![blob.key.as_str(), workspace_key(blob.workspace), blob.kept_until.micros()];
    Ok(execute(db, sql::blobs::NOTE, values)? == 1)
}

pub fn doom(db: &Connection, now: Timestamp, limit: u32) -> StoreResult<Vec<BlobKey>> {
    let dooms = !planted::is(Bug::RemovedWithoutDoom);
    let mut statement = db.prepare_cached(sql::blobs::DOOM).map_err(failed)?;
    let found = statement.query_map(params![now.micros(), limit, dooms], |row| row.get::<_, String>(0));
    let mut keys: Vec<String> = found.map_err(failed)?.collect::<Result<_, _>>().map_err(failed)?;
    keys.sort_unstable();
    // Whatever is no key of ours names no bytes of ours.
    Ok(keys.iter().filter_map(|key| BlobKey::parse(key)).collect())
}

pub fn forget(db: &Connection, keys: &[BlobKey]) -> StoreResult<()> {
    keys.iter().try_for_each(|key| execute(db, sql::blobs::FORGET, params![key.as_str()]).map(drop))
}
