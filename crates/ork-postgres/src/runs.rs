//! Runs: created, read, and told what people want of them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use ork_core::attempt::Failure;
use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::event::Actor;
use ork_core::graph::NewRun;
use ork_core::id::{RunId, WorkspaceId};
use ork_core::json::Json;
use ork_core::state::Reason;
use ork_core::store::{ROWS_MAX, RunFilter, RunRow, Runs, Scope, Span, StoredPlan, Submitted};
use ork_core::webhook::{RunWebhook, SigningSecret};
use uuid::Uuid;

use crate::bell::Note;
use crate::change::{Also, Reach, close, not_found, open};
use crate::conn::{Conn, one};
use crate::fault::Work;
use crate::rows::{self, Columns, filter};
use crate::sql::Sql;
use crate::store::{PgStore, Transition};
use crate::submit::Submit;
use crate::writes::Entry;

/// Whom a run tells of itself.
fn webhook(c: &mut Columns<'_>) -> StoreResult<Option<RunWebhook>> {
    let Some(url) = c.option("webhook_url")? else { return Ok(None) };
    let sealed = c.option("webhook_secret")?.map(SigningSecret::Sealed);
    let named = c.option("webhook_secret_name")?.map(SigningSecret::Named);
    let (events, format) = (c.next("webhook_events")?, c.next("webhook_format")?);
    Ok(Some(RunWebhook { url, secret: sealed.or(named), events, format }))
}

#[async_trait]
impl Runs for PgStore {
    async fn submit(&self, new: &NewRun) -> StoreResult<Submitted> {
        self.write(Scope::One(new.workspace), Submit(new.clone())).await
    }

    async fn run(&self, scope: Scope, id: RunId) -> StoreResult<Option<RunRow>> {
        let rows = self.select(scope, Sql::RunsGet, &[&id.uuid(), &filter(scope)]).await?;
        let mut found = rows.iter().map(rows::run_row).collect::<StoreResult<Vec<_>>>()?;
        self.add_labels(scope, &mut found).await?;
        Ok(found.pop())
    }

    async fn runs(&self, scope: Scope, wanted: &RunFilter) -> StoreResult<Vec<RunRow>> {
        let statuses: Option<Vec<&str>> =
            (!wanted.statuses.is_empty()).then(|| wanted.statuses.iter().map(|status| status.word()).collect());
        let labels = (!wanted.labels.is_empty()).then_some(&wanted.labels);
        let keys: Option<Vec<&str>> = labels.map(|labels| labels.keys().map(String::as_str).collect());
        let values: Option<Vec<&str>> = labels.map(|labels| labels.values().map(String::as_str).collect());
        let micros = |span: Span| (span.from.map(Timestamp::micros), span.until.map(Timestamp::micros));
        let (created, started, finished) = (micros(wanted.created), micros(wanted.started), micros(wanted.finished));
        let before = wanted.before.map(RunId::uuid);
        let rows = self
            .select(
                scope,
                Sql::RunsList,
                &[
                    &filter(scope),
                    &before,
                    &wanted.name,
                    &statuses,
                    &keys,
                    &values,
                    &wanted.is_held,
                    &wanted.is_retrying,
                    &created.0,
                    &created.1,
                    &started.0,
                    &started.1,
                    &finished.0,
                    &finished.1,
                    &i64::from(wanted.limit.min(ROWS_MAX)),
                    &wanted.owner,
                    &wanted.is_unacknowledged,
                ],
            )
            .await?;
        let mut found = rows.iter().map(rows::run_row).collect::<StoreResult<Vec<_>>>()?;
        self.add_labels(scope, &mut found).await?;
        Ok(found)
    }

    async fn runs_by_prefix(&self, scope: Scope, hex: &str) -> StoreResult<Vec<RunId>> {
        let Some((from, to)) = between(hex) else { return Ok(Vec::new()) };
        let rows = self.select(scope, Sql::RunsBetween, &[&from, &to, &filter(scope)]).await?;
        rows.iter().map(|row| Columns::of(row, "runs").next("id")).collect()
    }

    async fn run_by_external_id(&self, workspace: WorkspaceId, external_id: &str) -> StoreResult<Option<RunId>> {
        let rows =
            self.select(Scope::One(workspace), Sql::RunsByExternalId, &[&workspace.uuid(), &external_id]).await?;
        rows.first().map(|row| Columns::of(row, "runs").next("id")).transpose()
    }

    async fn plans(&self, scope: Scope, ids: &[RunId]) -> StoreResult<Vec<StoredPlan>> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
        let rows = self.select(scope, Sql::RunsPlans, &[&ids, &filter(scope)]).await?;
        rows.iter()
            .map(|row| {
                let mut c = Columns::of(row, "runs");
                Ok(StoredPlan {
                    run: c.next("id")?,
                    workspace: c.next("workspace_id")?,
                    plan: c.next("plan")?,
                    input: c.next("input")?,
                    project: c.option("project")?,
                    host: c.option("host")?,
                    webhook: webhook(&mut c)?,
                })
            })
            .collect()
    }

    async fn source(&self, scope: Scope, id: RunId) -> StoreResult<Option<String>> {
        let rows = self.select(scope, Sql::RunsSource, &[&id.uuid(), &filter(scope)]).await?;
        let source = rows.first().map(|row| Columns::of(row, "runs").option("coalesce")).transpose()?;
        Ok(source.flatten())
    }

    async fn acknowledge_run(&self, scope: Scope, id: RunId, actor: &Actor, now: Timestamp) -> StoreResult<bool> {
        if self.write(scope, Acknowledge { scope, id, actor: actor.clone(), now }).await? {
            return Ok(true);
        }
        let row = self.run(scope, id).await?.ok_or_else(|| not_found(id))?;
        row.acknowledged().map(|_| false)
    }

    async fn cancel_run(
        &self,
        scope: Scope,
        id: RunId,
        reason: Reason,
        actor: &Actor,
        now: Timestamp,
    ) -> StoreResult<bool> {
        self.write(scope, Cancel { scope, id, reason, actor: actor.clone(), now }).await
    }

    async fn pause_run(&self, scope: Scope, id: RunId, actor: &Actor, now: Timestamp) -> StoreResult<bool> {
        self.write(scope, Pause { scope, id, actor: actor.clone(), now }).await
    }

    async fn resume_run(&self, scope: Scope, id: RunId, actor: &Actor, now: Timestamp) -> StoreResult<bool> {
        self.write(scope, Resume { scope, id, actor: actor.clone(), now }).await
    }

    async fn conclude_run(
        &self,
        scope: Scope,
        id: RunId,
        result: Result<Json, Failure>,
        now: Timestamp,
    ) -> StoreResult<bool> {
        self.write(scope, Conclude { scope, id, result, now }).await
    }
}

impl PgStore {
    async fn add_labels(&self, scope: Scope, found: &mut [RunRow]) -> StoreResult<()> {
        if found.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = found.iter().map(|run| run.id.uuid()).collect();
        let mut labels: BTreeMap<RunId, BTreeMap<String, String>> = BTreeMap::new();
        for row in self.select(scope, Sql::RunsLabels, &[&ids]).await? {
            let mut c = Columns::of(&row, "run_labels");
            labels.entry(c.next("run_id")?).or_default().insert(c.next("key")?, c.next("value")?);
        }
        for run in found {
            run.labels = labels.remove(&run.id).unwrap_or_default();
        }
        Ok(())
    }
}

/// The first and the last id that begin with these hexadecimal digits.
fn between(hex: &str) -> Option<(Uuid, Uuid)> {
    let digits: String = hex.chars().filter(|c| *c != '-').collect();
    if digits.is_empty() || digits.len() > 32 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let low = u128::from_str_radix(&format!("{digits:0<32}"), 16).ok()?;
    let high = u128::from_str_radix(&format!("{digits:f<32}"), 16).ok()?;
    Some((Uuid::from_u128(low), Uuid::from_u128(high)))
}

struct Acknowledge {
    scope: Scope,
    id: RunId,
    actor: Actor,
    now: Timestamp,
}

impl Transition for Acknowledge {
    type Output = bool;

    async fn apply(&self, db: &Conn) -> Work<bool> {
        let mut open = open(db, self.scope, self.id, Reach::Head, (&self.actor, self.now)).await?;
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
            [&self.id.uuid(), &self.now.micros(), &self.actor.id, &filter(self.scope)];
        if db.run(Sql::RunsAcknowledge, &values).await? == 0 {
            return Ok(false);
        }
        open.graph.acknowledge();
        close(db, vec![open], self.now, Also::default()).await?;
        Ok(true)
    }
}

struct Cancel {
    scope: Scope,
    id: RunId,
    reason: Reason,
    actor: Actor,
    now: Timestamp,
}

impl Transition for Cancel {
    type Output = bool;

    async fn apply(&self, db: &Conn) -> Work<bool> {
        let mut open = open(db, self.scope, self.id, Reach::Whole, (&self.actor, self.now)).await?;
        if !open.graph.cancel(self.reason) {
            return Ok(false);
        }
        let mut also = Also::default();
        also.first.add(
            Sql::RunsRequestCancel,
            vec![one(self.id.uuid()), one(self.now.micros()), one(self.actor.id.as_str())],
        );
        db.note(Note::Look);
        close(db, vec![open], self.now, also).await?;
        Ok(true)
    }
}

struct Pause {
    scope: Scope,
    id: RunId,
    actor: Actor,
    now: Timestamp,
}

impl Transition for Pause {
    type Output = bool;

    async fn apply(&self, db: &Conn) -> Work<bool> {
        let mut open = open(db, self.scope, self.id, Reach::Head, (&self.actor, self.now)).await?;
        if !open.graph.pause() {
            return Ok(false);
        }
        let mut also = Also::default();
        // What a run that is being cancelled has in the queue is to be put away all the same.
        if open.graph.head.cancelling.is_none() {
            also.first.add(Sql::QueueDropRun, vec![one(self.id.uuid())]);
            also.first.add(Sql::SlotsDropRun, vec![one(self.id.uuid())]);
        }
        // Queued tasks may have held slots of their key.
        db.note(Note::Look);
        close(db, vec![open], self.now, also).await?;
        Ok(true)
    }
}

struct Resume {
    scope: Scope,
    id: RunId,
    actor: Actor,
    now: Timestamp,
}

impl Transition for Resume {
    type Output = bool;

    async fn apply(&self, db: &Conn) -> Work<bool> {
        let mut open = open(db, self.scope, self.id, Reach::Head, (&self.actor, self.now)).await?;
        if !open.graph.resume() {
            return Ok(false);
        }
        let mut also = Also::default();
        if !open.graph.head.held && open.graph.head.cancelling.is_none() {
            let rows = db.rows(Sql::TasksToResume, &[&self.id.uuid()]).await?;
            also.queue = rows.iter().map(Entry::next_attempt).collect::<StoreResult<_>>()?;
        }
        db.note(Note::Look);
        close(db, vec![open], self.now, also).await?;
        Ok(true)
    }
}

struct Conclude {
    scope: Scope,
    id: RunId,
    result: Result<Json, Failure>,
    now: Timestamp,
}

impl Transition for Conclude {
    type Output = bool;

    async fn apply(&self, db: &Conn) -> Work<bool> {
        let actor = Actor::system("scheduler");
        let mut open = open(db, self.scope, self.id, Reach::Head, (&actor, self.now)).await?;
        if !open.graph.conclude(self.result.as_ref().err()) {
            return Ok(false);
        }
        let also = Also { result: self.result.as_ref().ok(), ..Also::default() };
        close(db, vec![open], self.now, also).await?;
        Ok(true)
    }
}
