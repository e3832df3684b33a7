//! Stored workflows.

use async_trait::async_trait;
use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::id::{RevisionId, WorkflowId, WorkspaceId};
use ork_core::store::{
    Applied, Current, Deleted, Expected, NewRevision, ROWS_MAX, RevisionRow, Scope, WorkflowRow, Workflows,
};
use tokio_postgres::Row;

use crate::conn::Conn;
use crate::fault::Work;
use crate::rows::{Columns, filter, int};
use crate::schedules;
use crate::sql::Sql;
use crate::store::{PgStore, Transition};

#[async_trait]
impl Workflows for PgStore {
    async fn apply_workflow(&self, new: &NewRevision) -> StoreResult<Applied> {
        self.write(Scope::One(new.workspace), Apply(new.clone())).await
    }

    async fn workflow(&self, scope: Scope, name: &str) -> StoreResult<Option<WorkflowRow>> {
        let rows = self.select(scope, Sql::WorkflowsGet, &[&name, &filter(scope)]).await?;
        rows.first().map(workflow_row).transpose()
    }

    async fn workflows(&self, scope: Scope, after: Option<&str>, limit: u32) -> StoreResult<Vec<WorkflowRow>> {
        let (after, limit) = (after.unwrap_or_default(), i64::from(limit.min(ROWS_MAX)));
        let rows = self.select(scope, Sql::WorkflowsList, &[&filter(scope), &after, &limit]).await?;
        rows.iter().map(workflow_row).collect()
    }

    async fn revisions(
        &self,
        scope: Scope,
        workflow: WorkflowId,
        before: Option<u32>,
        limit: u32,
    ) -> StoreResult<Vec<RevisionRow>> {
        let (before, limit) = (before.map_or(i32::MAX, int), i64::from(limit.min(ROWS_MAX)));
        let rows =
            self.select(scope, Sql::WorkflowsRevisions, &[&workflow.uuid(), &filter(scope), &before, &limit]).await?;
        rows.iter().map(|row| revision_row(&mut Columns::of(row, "workflow_revisions"), "created_at")).collect()
    }

    async fn revision_source(&self, scope: Scope, revision: RevisionId) -> StoreResult<Option<String>> {
        let rows = self.select(scope, Sql::WorkflowsSource, &[&revision.uuid(), &filter(scope)]).await?;
        rows.first().map(|row| Columns::of(row, "workflow_revisions").next("source")).transpose()
    }

    async fn delete_workflow(
        &self,
        workspace: WorkspaceId,
        name: &str,
        expected: Expected,
        now: Timestamp,
    ) -> StoreResult<Deleted> {
        self.write(Scope::One(workspace), Delete { workspace, name: name.to_owned(), expected, now }).await
    }
}

fn workflow_row(row: &Row) -> StoreResult<WorkflowRow> {
    let mut c = Columns::of(row, "workflows");
    let (id, workspace) = (c.next("id")?, c.next("workspace_id")?);
    let (name, description) = (c.next("name")?, c.option("description")?);
    let revision = revision_row(&mut c, "revised_at")?;
    Ok(WorkflowRow {
        id,
        workspace,
        name,
        description,
        revision,
        created_at: c.next("created_at")?,
        updated_at: c.next("updated_at")?,
    })
}

fn revision_row(c: &mut Columns<'_>, created_at: &'static str) -> StoreResult<RevisionRow> {
    Ok(RevisionRow {
        id: c.next("revision_id")?,
        number: c.next("number")?,
        hash: c.next("definition_hash")?,
        created_by: c.next("created_by")?,
        created_at: c.next(created_at)?,
    })
}

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

/// A workflow, locked.
async fn find(db: &Conn, workspace: WorkspaceId, name: &str) -> Work<Option<Found>> {
    let Some(row) = db.row(Sql::WorkflowsCurrent, &[&workspace.uuid(), &name]).await? else { return Ok(None) };
    let mut c = Columns::of(&row, "workflows");
    Ok(Some(Found {
        id: c.next("id")?,
        revision: c.next("revision_id")?,
        number: c.next("number")?,
        hash: c.next("definition_hash")?,
        is_deleted: c.next("?column?")?,
    }))
}

struct Apply(NewRevision);

impl Transition for Apply {
    type Output = Applied;

    async fn apply(&self, db: &Conn) -> Work<Applied> {
        let new = &self.0;
        let (workspace, now) = (new.workspace.uuid(), new.now.micros());
        let (own, revision) = (new.workflow.uuid(), new.revision.uuid());
        db.begin().await?;
        // Two that are the first of a name meet at its index: one of them waits here, and then finds the other's.
        let is_new =
            db.run(Sql::WorkflowsInsert, &[&own, &workspace, &new.name, &new.description, &revision, &now]).await? > 0;
        let found = if is_new { None } else { find(db, new.workspace, &new.name).await? };
        let (applied, number) = new.apply(found.as_ref().map(Found::current));
        if matches!(applied, Applied::Refused | Applied::Unchanged) {
            return Ok(applied);
        }
        let workflow = found.as_ref().map_or(new.workflow, |found| found.id).uuid();
        let kept = found.filter(|found| found.number == number).map(|found| found.revision.uuid());
        if kept.is_none() {
            let number = int(number);
            let params: [&(dyn tokio_postgres::types::ToSql + Sync); 8] =
                [&revision, &workspace, &workflow, &number, &new.hash, &new.source, &new.actor.id, &now];
            db.run(Sql::WorkflowsInsertRevision, &params).await?;
        }
        let revision = kept.unwrap_or(revision);
        db.run(Sql::WorkflowsUpdate, &[&workflow, &new.description, &revision, &now]).await?;
        schedules::put(db, new, (workflow, revision)).await?;
        db.commit().await?;
        Ok(applied)
    }
}

struct Delete {
    workspace: WorkspaceId,
    name: String,
    expected: Expected,
    now: Timestamp,
}

impl Transition for Delete {
    type Output = Deleted;

    async fn apply(&self, db: &Conn) -> Work<Deleted> {
        db.begin().await?;
        let found = find(db, self.workspace, &self.name).await?;
        if !self.expected.is_met(found.as_ref().map(Found::current)) {
            return Ok(Deleted::Refused);
        }
        let Some(found) = found.filter(|found| !found.is_deleted) else { return Ok(Deleted::Missing) };
        db.run(Sql::WorkflowsDelete, &[&found.id.uuid(), &self.now.micros()]).await?;
        db.run(Sql::SchedulesDrop, &[&found.id.uuid()]).await?;
        db.commit().await?;
        Ok(Deleted::Done)
    }
}
