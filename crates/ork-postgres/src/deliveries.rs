//! Messages about runs: written with what they tell of, taken by whoever sends them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::id::{DeliveryId, EndpointId, RunId};
use ork_core::limits::DELIVERY_TRIES_MAX;
use ork_core::store::{
    Addressee, Attempted, Deliveries, DeliveryFilter, DeliveryRow, DeliveryStatus, DeliveryTry, Due, DueKey, Endpoints,
    ROWS_MAX, Runs, Scope, Verdict,
};
use ork_core::webhook::{Occasion, Wanted};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::bell::Note;
use crate::conn::{Batch, Conn, one};
use crate::fault::Work;
use crate::rows::{Columns, encode, filter, int};
use crate::sql::Sql;
use crate::store::{PgStore, Transition};
use crate::writes::Finished;

/// Why an endpoint is disabled that says so itself.
const GONE: &str = "it answered 410 Gone";

/// Somebody whom the news of a run are for.
struct Reader {
    endpoint: Option<EndpointId>,
    slot: u8,
    url: String,
    events: Wanted,
}

/// A message to be written.
struct New {
    id: DeliveryId,
    workspace: Uuid,
    run: Uuid,
    task: Option<u32>,
    endpoint: Option<Uuid>,
    occasion: Occasion,
    url: String,
}

/// Adds the messages that tell of changes. Where nobody is told of anything, which is nearly always, nothing is asked or sent.
pub async fn tell(db: &Conn, batch: &mut Batch<'_>, finished: &[Finished], now: Timestamp) -> Work<()> {
    let telling = || finished.iter().filter(|run| !run.changes.news.is_empty());
    let runs: Vec<Uuid> = telling().map(|run| run.head.run.uuid()).collect();
    if runs.is_empty() {
        return Ok(());
    }
    let readers = readers(&db.rows(Sql::DeliveriesAddressees, &[&runs]).await?)?;
    let mut new = Vec::new();
    for Finished { head, changes, .. } in telling() {
        for reader in readers.get(&head.run).into_iter().flatten() {
            let wanted = changes.news.iter().filter(|one| reader.events.has(one.occasion));
            new.extend(wanted.map(|one| New {
                id: DeliveryId::of(head.run, one.occasion, reader.slot, one.task),
                workspace: head.workspace.uuid(),
                run: head.run.uuid(),
                task: one.task,
                endpoint: reader.endpoint.map(EndpointId::uuid),
                occasion: one.occasion,
                url: reader.url.clone(),
            }));
        }
    }
    if !new.is_empty() {
        batch.add(Sql::DeliveriesInsert, insert_params(new, now));
        // Whoever sends them need not wait for the next look.
        db.note(Note::Look);
    }
    Ok(())
}

fn insert_params<'a>(new: Vec<New>, now: Timestamp) -> Vec<crate::conn::Param<'a>> {
    vec![
        one(new.iter().map(|new| new.id.uuid()).collect::<Vec<_>>()),
        one(new.iter().map(|new| new.workspace).collect::<Vec<_>>()),
        one(new.iter().map(|new| new.run).collect::<Vec<_>>()),
        one(new.iter().map(|new| new.task.map(int)).collect::<Vec<_>>()),
        one(new.iter().map(|new| new.endpoint).collect::<Vec<_>>()),
        one(new.iter().map(|new| new.occasion.word()).collect::<Vec<_>>()),
        one(new.into_iter().map(|new| new.url).collect::<Vec<_>>()),
        one(now.micros()),
    ]
}

fn readers(rows: &[Row]) -> StoreResult<BTreeMap<RunId, Vec<Reader>>> {
    let mut found: BTreeMap<RunId, Vec<Reader>> = BTreeMap::new();
    for row in rows {
        let mut c = Columns::of(row, "webhook_endpoints");
        let run = c.next("run_id")?;
        let reader = Reader {
            endpoint: c.option("id")?,
            slot: u8::try_from(c.next::<u32>("slot")?).unwrap_or(u8::MAX),
            url: c.next("url")?,
            events: c.next("events")?,
        };
        found.entry(run).or_default().push(reader);
    }
    Ok(found)
}

#[async_trait]
impl Deliveries for PgStore {
    async fn deliveries(&self, scope: Scope, wanted: &DeliveryFilter) -> StoreResult<Vec<DeliveryRow>> {
        let params: [&(dyn ToSql + Sync); 7] = [
            &filter(scope),
            &wanted.run.map(RunId::uuid),
            &wanted.endpoint.map(EndpointId::uuid),
            &wanted.status.map(DeliveryStatus::word),
            &wanted.before.map(|(at, _)| at.micros()),
            &wanted.before.map(|(_, id)| id.uuid()),
            &i64::from(wanted.limit.min(ROWS_MAX)),
        ];
        self.select(scope, Sql::DeliveriesList, &params).await?.iter().map(row).collect()
    }

    async fn delivery(&self, scope: Scope, id: DeliveryId) -> StoreResult<Option<DeliveryRow>> {
        let rows = self.select(scope, Sql::DeliveriesGet, &[&id.uuid(), &filter(scope)]).await?;
        rows.first().map(row).transpose()
    }

    async fn create_delivery(&self, new: &DeliveryRow) -> StoreResult<()> {
        self.write(Scope::One(new.workspace), Create(new.clone())).await
    }

    async fn redeliver(&self, scope: Scope, id: DeliveryId, now: Timestamp) -> StoreResult<bool> {
        let again = Again { sql: Sql::DeliveriesAgain, first: Some(id.uuid()), second: filter(scope), now };
        Ok(self.write(scope, again).await? > 0)
    }

    async fn redeliver_failed(&self, scope: Scope, endpoint: Option<EndpointId>, now: Timestamp) -> StoreResult<u64> {
        let (first, second) = (filter(scope), endpoint.map(EndpointId::uuid));
        self.write(scope, Again { sql: Sql::DeliveriesAgainFailed, first, second, now }).await
    }

    async fn next_delivery(&self, run: Option<RunId>) -> StoreResult<Option<Timestamp>> {
        let rows = self.select(Scope::All, Sql::DeliveriesNext, &[&run.map(RunId::uuid)]).await?;
        rows.first().map_or(Ok(None), |row| Columns::of(row, "webhook_deliveries").option("min"))
    }

    async fn due_deliveries(
        &self,
        run: Option<RunId>,
        after: Option<(Timestamp, DeliveryId)>,
        now: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<DueKey>> {
        // Without a place: after what no message comes before.
        let (at, id) = after.map_or((i64::MIN, Uuid::nil()), |(at, id)| (at.micros(), id.uuid()));
        let (now, limit) = (now.micros(), i64::from(limit.min(ROWS_MAX)));
        let rows = match run {
            Some(run) => {
                let params: [&(dyn ToSql + Sync); 5] = [&now, &at, &id, &limit, &run.uuid()];
                self.select(Scope::All, Sql::DeliveriesDueOfRun, &params).await?
            }
            None => self.select(Scope::All, Sql::DeliveriesDue, &[&now, &at, &id, &limit]).await?,
        };
        rows.iter().map(due_key).collect()
    }

    async fn take_deliveries(&self, ids: &[DeliveryId], now: Timestamp, until: Timestamp) -> StoreResult<Vec<Due>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids = ids.iter().map(|id| id.uuid()).collect();
        let taken = self.write(Scope::All, Take { ids, now, until }).await?;
        let mut due = Vec::with_capacity(taken.len());
        for row in taken {
            let addressee = self.addressee(&row, now).await?;
            due.push(Due { row, addressee });
        }
        Ok(due)
    }

    async fn note_delivery(&self, attempted: &Attempted) -> StoreResult<bool> {
        self.write(Scope::All, Noted(attempted.clone())).await
    }
}

impl PgStore {
    async fn addressee(&self, row: &DeliveryRow, now: Timestamp) -> StoreResult<Option<Addressee>> {
        let scope = Scope::One(row.workspace);
        if let Some(id) = row.endpoint {
            let endpoint = self.endpoint(scope, id).await?;
            return Ok(endpoint.and_then(|endpoint| Addressee::of_endpoint(endpoint, now)));
        }
        let Some(run) = row.run else { return Ok(None) };
        let plan = self.plans(scope, &[run]).await?.pop();
        Ok(plan.and_then(|plan| plan.webhook).map(Addressee::of_run))
    }
}

struct Create(DeliveryRow);

impl Transition for Create {
    type Output = ();

    async fn apply(&self, db: &Conn) -> Work<()> {
        let new = &self.0;
        let (run, endpoint) = (new.run.map(RunId::uuid), new.endpoint.map(EndpointId::uuid));
        let params: [&(dyn ToSql + Sync); 8] = [
            &[new.id.uuid()],
            &[new.workspace.uuid()],
            &[run],
            &[new.task.map(int)],
            &[endpoint],
            &[new.occasion.word()],
            &[new.url.as_str()],
            &new.created_at.micros(),
        ];
        db.run(Sql::DeliveriesInsert, &params).await?;
        db.note(Note::Look);
        Ok(())
    }
}

struct Again {
    sql: Sql,
    first: Option<Uuid>,
    second: Option<Uuid>,
    now: Timestamp,
}

impl Transition for Again {
    type Output = u64;

    async fn apply(&self, db: &Conn) -> Work<u64> {
        let changed = db.run(self.sql, &[&self.first, &self.second, &self.now.micros()]).await?;
        if changed > 0 {
            db.note(Note::Look);
        }
        Ok(changed)
    }
}

struct Take {
    ids: Vec<Uuid>,
    now: Timestamp,
    until: Timestamp,
}

impl Transition for Take {
    type Output = Vec<DeliveryRow>;

    /// One statement, which is its own transaction.
    async fn apply(&self, db: &Conn) -> Work<Vec<DeliveryRow>> {
        let params: [&(dyn ToSql + Sync); 3] = [&self.ids, &self.now.micros(), &self.until.micros()];
        let rows = db.rows(Sql::DeliveriesTake, &params).await?;
        Ok(rows.iter().map(row).collect::<StoreResult<_>>()?)
    }
}

struct Noted(Attempted);

impl Transition for Noted {
    type Output = bool;

    async fn apply(&self, db: &Conn) -> Work<bool> {
        let attempted = &self.0;
        let id = attempted.id.uuid();
        let mut batch = Batch::default();
        batch.add(Sql::DeliveriesGet, vec![one(id), one(None::<Uuid>)]);
        let answers = db.begin_send(&batch).await?;
        let Some(found) = answers[0].rows.first() else { return Ok(false) };
        let (status, next, delivered) = match attempted.verdict {
            Verdict::Delivered => (DeliveryStatus::Delivered, None, Some(attempted.now.micros())),
            Verdict::Again(at) => (DeliveryStatus::Pending, Some(at.micros()), None),
            Verdict::Failed | Verdict::Gone => (DeliveryStatus::Failed, None, None),
        };
        let log = log(row(found)?.tries, &attempted.attempt)?;
        let code = attempted.attempt.status_code.map(i32::from);
        let params: [&(dyn ToSql + Sync); 9] = [
            &id,
            &attempted.taken_until.micros(),
            &status.word(),
            &next,
            &attempted.body,
            &code,
            &attempted.attempt.error,
            &log,
            &delivered,
        ];
        let is_noted = db.run(Sql::DeliveriesNote, &params).await? > 0;
        if is_noted && attempted.verdict == Verdict::Gone {
            db.run(Sql::EndpointsGone, &[&id, &attempted.now.micros(), &GONE]).await?;
        }
        db.commit().await?;
        Ok(is_noted)
    }
}

/// The attempts with one more, without those that are too old to be kept.
fn log(tries: Vec<DeliveryTry>, last: &DeliveryTry) -> StoreResult<String> {
    let skipped = (tries.len() + 1).saturating_sub(DELIVERY_TRIES_MAX);
    encode(&tries.iter().chain([last]).skip(skipped).collect::<Vec<_>>())
}

/// Reads the columns of `deliveries/due.sql` and its kin.
fn due_key(row: &Row) -> StoreResult<DueKey> {
    let mut c = Columns::of(row, "webhook_deliveries");
    Ok(DueKey {
        id: c.next("id")?,
        workspace: c.next("workspace_id")?,
        url: c.next("url")?,
        next_attempt_at: c.next("next_attempt_at")?,
    })
}

/// Reads the columns of `deliveries/get.sql` and its kin.
fn row(row: &Row) -> StoreResult<DeliveryRow> {
    let mut c = Columns::of(row, "webhook_deliveries");
    Ok(DeliveryRow {
        id: c.next("id")?,
        workspace: c.next("workspace_id")?,
        run: c.option("run_id")?,
        task: c.option("n")?,
        endpoint: c.option("endpoint_id")?,
        occasion: c.next("type")?,
        url: c.next("url")?,
        body: c.option("payload")?,
        status: c.next("status")?,
        attempts: c.next("attempts")?,
        next_attempt_at: c.option("next_attempt_at")?,
        tries: c.next("log")?,
        created_at: c.next("created_at")?,
        delivered_at: c.option("delivered_at")?,
    })
}
