//! What runs keep, and the bytes that nobody names.

use std::collections::BTreeSet;

use async_trait::async_trait;
use ork_core::artifact::{ArtifactAt, ArtifactRow, NewArtifact, Provenance, fresh, too_many};
use ork_core::blobs::BlobKey;
use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::Actor;
use ork_core::id::{ArtifactId, WorkspaceId};
use ork_core::json::Json;
use ork_core::limits::ARTIFACTS_MAX;
use ork_core::store::{ArtifactFilter, Artifacts, ArtifactsCreated, KeptUnder, LooseBlob, ROWS_MAX, Scope};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::change::{Also, Open, close, not_found};
use crate::conn::{Batch, Conn, column, one};
use crate::fault::{Fault, Work};
use crate::rows::{self, Columns, big, filter, int};
use crate::sql::Sql;
use crate::store::{PgStore, Transition};

#[async_trait]
impl Artifacts for PgStore {
    async fn note_blob(&self, scope: Scope, blob: &LooseBlob) -> StoreResult<bool> {
        if !scope.admits(blob.workspace) {
            return Err(StoreError::NotFound(format!("workspace `{}`", blob.workspace)));
        }
        self.write(scope, Note { blob: blob.clone() }).await
    }

    async fn create_artifacts(
        &self,
        scope: Scope,
        new: &[NewArtifact],
        under: Option<KeptUnder>,
        actor: &Actor,
        now: Timestamp,
    ) -> StoreResult<ArtifactsCreated> {
        self.write(scope, Create { scope, new: new.to_vec(), under, actor: actor.clone(), now }).await
    }

    async fn artifact(&self, scope: Scope, id: ArtifactId) -> StoreResult<Option<ArtifactRow>> {
        let rows = self.select(scope, Sql::ArtifactsGet, &[&id.uuid(), &filter(scope)]).await?;
        rows.first().map(row).transpose()
    }

    async fn artifacts(&self, scope: Scope, wanted: &ArtifactFilter) -> StoreResult<Vec<ArtifactRow>> {
        let run = wanted.run.or(wanted.task.map(|task| task.run));
        if wanted.task.is_some_and(|task| run != Some(task.run)) {
            return Ok(Vec::new());
        }
        let values: [&(dyn ToSql + Sync); 8] = [
            &filter(scope),
            &wanted.before.map(ArtifactId::uuid),
            &wanted.kind,
            &wanted.name,
            &wanted.owner,
            &i64::from(wanted.limit.min(ROWS_MAX)),
            &run.map(|run| run.uuid()),
            &wanted.task.map(|task| int(task.n)),
        ];
        self.select(scope, Sql::ArtifactsList, &values).await?.iter().map(row).collect()
    }

    async fn doom_blobs(&self, now: Timestamp, limit: u32) -> StoreResult<Vec<BlobKey>> {
        // Read without a lock, along the index: how many are due does not matter.
        let due = self.select(Scope::All, Sql::BlobsDue, &[&now.micros(), &i64::from(limit)]).await?;
        let keys: Vec<String> = due.iter().map(|row| row.get(0)).collect();
        if keys.is_empty() { Ok(Vec::new()) } else { self.write(Scope::All, Doom { now, keys }).await }
    }

    async fn forget_blobs(&self, keys: &[BlobKey]) -> StoreResult<()> {
        let keys: Vec<&str> = keys.iter().map(BlobKey::as_str).collect();
        self.change(Scope::All, Sql::BlobsForget, &[&keys]).await?;
        Ok(())
    }
}

/// Reads a row of `v_artifacts`.
pub fn row(row: &Row) -> StoreResult<ArtifactRow> {
    let mut c = Columns::of(row, "artifacts");
    let (id, workspace, run): (ArtifactId, _, _) = (c.next("id")?, c.next("workspace_id")?, c.next("run_id")?);
    let owner = c.option("owner_id")?;
    let from = Provenance { n: c.option("n")?, attempt: c.option("attempt")?, step: c.option("step")? };
    let (name, kind, content_type) = (c.next("name")?, c.next("kind")?, c.next("content_type")?);
    let key: Option<String> = c.option("key")?;
    let (url, size, checksum) = (c.option("url")?, c.option("size")?, c.option("checksum")?);
    let at = ArtifactAt::from_stored(key.as_deref(), url, size, checksum).ok_or_else(|| StoreError::Corrupt {
        table: "artifacts",
        column: "key",
        row: id.to_string(),
        problem: "it says of no bytes where they are".into(),
    })?;
    let meta = c.option("meta")?;
    let artifact = NewArtifact { id, run, from, name, kind, content_type, at, meta };
    Ok(ArtifactRow { workspace, owner, artifact, created_at: c.next("created_at")? })
}

struct Create {
    scope: Scope,
    new: Vec<NewArtifact>,
    under: Option<KeptUnder>,
    actor: Actor,
    now: Timestamp,
}

impl Transition for Create {
    type Output = ArtifactsCreated;

    async fn apply(&self, db: &Conn) -> Work<ArtifactsCreated> {
        let Some(run) = self.new.first().map(|artifact| artifact.run) else { return Ok(ArtifactsCreated::Created) };
        let mut batch = Batch::default();
        // A lease before the head, as everywhere: nobody settles it before this transaction is over.
        let lease = self.under.map(|KeptUnder { task, attempt, lease }| {
            let of = (one(task.run.uuid()), one(int(task.n)), one(int(attempt)), one(lease.0));
            batch.add(Sql::LeasesWorkspace, vec![of.0, of.1, of.2, of.3, one(filter(self.scope))])
        });
        let head = batch.add(Sql::HeadsLock, vec![one(vec![run.uuid()]), one(filter(self.scope))]);
        let known = batch.add(Sql::ArtifactsKnown, vec![column(&self.new, |artifact| artifact.id.uuid())]);
        let answers = db.begin_send(&batch).await?;
        let head = rows::head(answers[head].rows.first().ok_or_else(|| not_found(run))?)?;
        let found = answers[known].rows.iter().map(|found| row(found).map(|row| row.artifact));
        let fresh = fresh(&self.new, &found.collect::<StoreResult<Vec<_>>>()?, head.tasks_total)?;
        if fresh.is_empty() {
            return Ok(ArtifactsCreated::Created);
        }
        let is_of_run = self.under.is_none_or(|under| under.task.run == run);
        if !is_of_run || lease.is_some_and(|at| answers[at].rows.is_empty()) {
            return Ok(ArtifactsCreated::Stale);
        }
        if let Some(gone) = take(db, (head.workspace, self.now), &fresh).await? {
            return Ok(ArtifactsCreated::Gone(gone));
        }
        let count: [&(dyn ToSql + Sync); 3] =
            [&run.uuid(), &i32::try_from(fresh.len()).unwrap_or(i32::MAX), &int(ARTIFACTS_MAX)];
        if db.run(Sql::ArtifactsCount, &count).await? == 0 {
            return Err(too_many(run).into());
        }
        self.store(db, Open::new(head, Vec::new(), &self.actor, self.now), &fresh).await?;
        Ok(ArtifactsCreated::Created)
    }
}

impl Create {
    async fn store(&self, db: &Conn, mut open: Open, fresh: &[&NewArtifact]) -> Work<()> {
        let mut also = Also::default();
        insert(&mut also.first, open.graph.head.workspace, fresh, self.now);
        for artifact in fresh {
            open.graph.note_artifact(artifact);
        }
        match close(db, vec![open], self.now, also).await {
            Err(fault) if matches!(fault.constraint(), Some("artifacts_pkey" | "artifacts_by_key")) => {
                let text = "an id or a key of these artifacts is given to another one".to_owned();
                Err(Fault::Store(StoreError::Conflict(text)))
            }
            closed => closed.map(drop),
        }
    }
}

/// Takes the bytes that artifacts name; the first of those whose bytes are not loose, or are so no more. Then nothing is committed.
async fn take(db: &Conn, (workspace, now): (WorkspaceId, Timestamp), new: &[&NewArtifact]) -> Work<Option<ArtifactId>> {
    let keyed = || new.iter().filter_map(|artifact| artifact.at.key().map(|key| (artifact.id, key.as_str())));
    let keys: Vec<&str> = keyed().map(|(_, key)| key).collect();
    if keys.is_empty() {
        return Ok(None);
    }
    let taken = db.rows(Sql::BlobsTake, &[&keys, &workspace.uuid(), &now.micros()]).await?;
    let mut taken: BTreeSet<&str> = taken.iter().map(|row| row.get(0)).collect();
    // What is named twice is there for the first one alone.
    Ok(keyed().find(|(_, key)| !taken.remove(key)).map(|(id, _)| id))
}

fn insert<'a>(batch: &mut Batch<'a>, workspace: WorkspaceId, new: &[&'a NewArtifact], now: Timestamp) {
    let run = new[0].run.uuid();
    let text = |value: fn(&'a NewArtifact) -> &'a str| one(new.iter().map(|a| value(a)).collect::<Vec<&str>>());
    let some = |value: fn(&'a NewArtifact) -> Option<&'a str>| {
        one(new.iter().map(|a| value(a)).collect::<Vec<Option<&str>>>())
    };
    let number =
        |value: fn(&NewArtifact) -> Option<u32>| one(new.iter().map(|a| value(a).map(int)).collect::<Vec<_>>());
    batch.add(
        Sql::ArtifactsInsert,
        vec![
            one(new.iter().map(|a| a.id.uuid()).collect::<Vec<_>>()),
            one(workspace.uuid()),
            one(run),
            number(|a| a.from.n),
            number(|a| a.from.attempt),
            some(|a| a.from.step.as_deref()),
            text(|a| &a.name),
            text(|a| &a.kind),
            text(|a| &a.content_type),
            some(|a| a.at.key().map(BlobKey::as_str)),
            some(|a| a.at.url()),
            one(new.iter().map(|a| a.at.size().map(big)).collect::<Vec<_>>()),
            some(|a| a.at.checksum()),
            one(now.micros()),
            some(|a| a.meta.as_ref().map(Json::as_str)),
        ],
    );
}

struct Note {
    blob: LooseBlob,
}

impl Transition for Note {
    type Output = bool;

    async fn apply(&self, db: &Conn) -> Work<bool> {
        let LooseBlob { key, workspace, kept_until } = &self.blob;
        let mut batch = Batch::default();
        batch.add(Sql::BlobsNote, vec![one(key.as_str()), one(workspace.uuid()), one(kept_until.micros())]);
        batch.add(Sql::BlobsNamed, vec![one(key.as_str())]);
        let answers = db.begin_send(&batch).await?;
        if answers[0].changed == 0 || !answers[1].rows.is_empty() {
            return Ok(false);
        }
        db.commit().await?;
        Ok(true)
    }
}

struct Doom {
    now: Timestamp,
    keys: Vec<String>,
}

impl Transition for Doom {
    type Output = Vec<BlobKey>;

    async fn apply(&self, db: &Conn) -> Work<Vec<BlobKey>> {
        db.begin().await?;
        let rows = db.rows(Sql::BlobsDoom, &[&self.now.micros(), &self.keys]).await?;
        db.commit().await?;
        let mut keys: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
        keys.sort_unstable();
        // Whatever is no key of ours names no bytes of ours.
        Ok(keys.into_iter().filter_map(BlobKey::parse).collect())
    }
}
