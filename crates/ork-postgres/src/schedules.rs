//! Schedules of stored workflows.

use async_trait::async_trait;
use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::Actor;
use ork_core::id::{WorkflowId, WorkspaceId};
use ork_core::limits::SCHEDULES_MAX;
use ork_core::store::{Fired, Firing, NewRevision, ROWS_MAX, ScheduleRow, ScheduleSpec, Schedules, Scope};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::conn::Conn;
use crate::fault::Work;
use crate::rows::{Columns, filter};
use crate::sql::Sql;
use crate::store::{PgStore, Transition};
use crate::submit::submit_within;

#[async_trait]
impl Schedules for PgStore {
    async fn schedules(&self, scope: Scope, after: Option<&str>, limit: u32) -> StoreResult<Vec<ScheduleRow>> {
        let (after, limit) = (after.unwrap_or_default(), i64::from(limit.min(ROWS_MAX)));
        self.select(scope, Sql::SchedulesList, &[&filter(scope), &after, &limit]).await?.iter().map(row).collect()
    }

    async fn schedule(&self, scope: Scope, name: &str) -> StoreResult<Option<ScheduleRow>> {
        let rows = self.select(scope, Sql::SchedulesGet, &[&name, &filter(scope)]).await?;
        rows.first().map(row).transpose()
    }

    async fn due_schedules(
        &self,
        after: Option<(Timestamp, WorkflowId)>,
        now: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<ScheduleRow>> {
        let limit = i64::from(limit.min(ROWS_MAX));
        let (at, workflow) = (after.map(|after| after.0.micros()), after.map(|after| after.1.uuid()));
        let values: [&(dyn ToSql + Sync); 4] = [&now.micros(), &limit, &at, &workflow];
        self.select(Scope::All, Sql::SchedulesDue, &values).await?.iter().map(row).collect()
    }

    async fn enable_schedule(
        &self,
        workspace: WorkspaceId,
        name: &str,
        next_at: Option<Timestamp>,
        by: (&Actor, Timestamp),
    ) -> StoreResult<bool> {
        let (next_at, now) = (next_at.map(Timestamp::micros), by.1.micros());
        let values: [&(dyn ToSql + Sync); 5] = [&workspace.uuid(), &name, &next_at, &by.0.id, &now];
        let rows = self.change(Scope::One(workspace), Sql::SchedulesEnable, &values).await?;
        self.changed_schedule(workspace, name, rows).await
    }

    async fn disable_schedule(&self, workspace: WorkspaceId, name: &str, by: (&Actor, Timestamp)) -> StoreResult<bool> {
        let values: [&(dyn ToSql + Sync); 4] = [&workspace.uuid(), &name, &by.0.id, &by.1.micros()];
        let rows = self.change(Scope::One(workspace), Sql::SchedulesDisable, &values).await?;
        self.changed_schedule(workspace, name, rows).await
    }

    async fn fire_schedule(&self, firing: &Firing) -> StoreResult<Fired> {
        self.write(Scope::One(firing.workspace), Fire(firing.clone())).await
    }
}

impl PgStore {
    async fn changed_schedule(&self, workspace: WorkspaceId, name: &str, rows: u64) -> StoreResult<bool> {
        if rows > 0 {
            return Ok(true);
        }
        let found = self.schedule(Scope::One(workspace), name).await?;
        found.map(|_| false).ok_or_else(|| StoreError::NotFound(format!("schedule `{name}`")))
    }
}

/// What the text that is applied says of times, in the transaction at hand.
pub async fn put(db: &Conn, new: &NewRevision, (workflow, revision): (Uuid, Uuid)) -> Work<()> {
    let Some(schedule) = &new.schedule else {
        db.run(Sql::SchedulesDrop, &[&workflow]).await?;
        return Ok(());
    };
    let spec = &schedule.spec;
    let values: [&(dyn ToSql + Sync); 13] = [
        &workflow,
        &new.workspace.uuid(),
        &new.name,
        &revision,
        &spec.cron,
        &spec.timezone,
        &spec.input.as_str(),
        &spec.overlap.word(),
        &spec.catch_up.word(),
        &schedule.next_at.micros(),
        &new.actor.id,
        &new.now.micros(),
        &i64::from(SCHEDULES_MAX),
    ];
    if db.run(Sql::SchedulesPut, &values).await? == 0 {
        let message = format!("the workspace has {SCHEDULES_MAX} schedules, and no more can be");
        return Err(StoreError::Limit(message).into());
    }
    Ok(())
}

struct Fire(Firing);

impl Transition for Fire {
    type Output = Fired;

    async fn apply(&self, db: &Conn) -> Work<Fired> {
        let firing = &self.0;
        let (workflow, revision) = (firing.workflow.uuid(), firing.revision.uuid());
        let (from, to) = (firing.from.micros(), firing.to.map(Timestamp::micros));
        let at = firing.run.as_ref().map(|(at, _)| at.micros());
        let run = firing.run.as_ref().map(|(_, new)| new.id.uuid());
        db.begin().await?;
        if db.run(Sql::SchedulesFire, &[&workflow, &revision, &from, &to, &at, &run]).await? == 0 {
            return Ok(Fired::Stale);
        }
        if let Some((_, new)) = &firing.run {
            submit_within(db, new).await?;
        }
        db.commit().await?;
        Ok(Fired::Done)
    }
}

fn row(row: &Row) -> StoreResult<ScheduleRow> {
    let mut c = Columns::of(row, "schedules");
    Ok(ScheduleRow {
        workflow: c.next("workflow_id")?,
        workspace: c.next("workspace_id")?,
        name: c.next("name")?,
        revision: c.next("revision_id")?,
        spec: ScheduleSpec {
            cron: c.next("cron")?,
            timezone: c.next("timezone")?,
            input: c.next("input")?,
            overlap: c.next("overlap")?,
            catch_up: c.next("catch_up")?,
        },
        is_enabled: c.next("enabled")?,
        next_at: c.option("next_at")?,
        last_at: c.option("last_at")?,
        last_run: c.option("last_run_id")?,
        updated_by: c.next("updated_by")?,
        updated_at: c.next("updated_at")?,
    })
}
