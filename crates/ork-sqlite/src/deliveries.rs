//! Messages about runs: written with what they tell of, taken by whoever sends them.

use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::graph::{Head, News};
use ork_core::id::{DeliveryId, EndpointId, RunId};
use ork_core::limits::DELIVERY_TRIES_MAX;
use ork_core::store::{
    Addressee, Attempted, DeliveryFilter, DeliveryRow, DeliveryStatus, DeliveryTry, Due, DueKey, ROWS_MAX, Scope,
    Verdict,
};
use ork_core::webhook::Wanted;
use rusqlite::{Connection, Params, Row, params};

use crate::change::execute;
use crate::connection::failed;
use crate::endpoints;
use crate::rows::{encode, filter, get, get_option, run_key, workspace_key};
use crate::{runs, sql};

/// Why an endpoint is disabled that says so itself.
const GONE: &str = "it answered 410 Gone";

fn key(id: DeliveryId) -> [u8; 16] {
    *id.uuid().as_bytes()
}

/// Somebody whom the news of a run are for.
struct Reader {
    endpoint: Option<EndpointId>,
    slot: u8,
    url: String,
    events: Wanted,
}

/// Writes the messages that tell of a change, in its transaction.
pub fn tell(db: &Connection, head: &Head, news: &[News], now: Timestamp) -> StoreResult<()> {
    if news.is_empty() {
        return Ok(());
    }
    let readers = readers(db, head)?;
    for one in news {
        for reader in readers.iter().filter(|reader| reader.events.has(one.occasion)) {
            let params = params![
                key(DeliveryId::of(head.run, one.occasion, reader.slot, one.task)),
                workspace_key(head.workspace),
                run_key(head.run),
                one.task,
                reader.endpoint.map(endpoints::key),
                one.occasion.word(),
                reader.url,
                now.micros(),
            ];
            execute(db, sql::deliveries::INSERT, params)?;
        }
    }
    Ok(())
}

fn readers(db: &Connection, head: &Head) -> StoreResult<Vec<Reader>> {
    let mut statement = db.prepare_cached(sql::deliveries::ADDRESSEES).map_err(failed)?;
    let found = statement
        .query_map(params![run_key(head.run), workspace_key(head.workspace)], |row| {
            Ok(Reader {
                endpoint: get_option(row, "id")?,
                slot: row.get("slot")?,
                url: row.get("url")?,
                events: get(row, "events")?,
            })
        })
        .map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

fn row(row: &Row<'_>) -> rusqlite::Result<DeliveryRow> {
    Ok(DeliveryRow {
        id: get(row, "id")?,
        workspace: get(row, "workspace_id")?,
        run: get_option(row, "run_id")?,
        task: row.get("n")?,
        endpoint: get_option(row, "endpoint_id")?,
        occasion: get(row, "type")?,
        url: row.get("url")?,
        status: get(row, "status")?,
        attempts: row.get("attempts")?,
        next_attempt_at: get_option(row, "next_attempt_at")?,
        body: row.get("payload")?,
        tries: get::<Vec<DeliveryTry>>(row, "log")?,
        created_at: get(row, "created_at")?,
        delivered_at: get_option(row, "delivered_at")?,
    })
}

fn rows(db: &Connection, statement: &str, params: impl Params) -> StoreResult<Vec<DeliveryRow>> {
    let mut statement = db.prepare_cached(statement).map_err(failed)?;
    let found = statement.query_map(params, row).map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

pub fn list(db: &Connection, scope: Scope, wanted: &DeliveryFilter) -> StoreResult<Vec<DeliveryRow>> {
    let params = params![
        filter(scope),
        wanted.run.map(run_key),
        wanted.endpoint.map(endpoints::key),
        wanted.status.map(DeliveryStatus::word),
        wanted.before.map(|(at, _)| at.micros()),
        wanted.before.map(|(_, id)| key(id)),
        wanted.limit.min(ROWS_MAX),
    ];
    rows(db, sql::deliveries::LIST, params)
}

pub fn delivery(db: &Connection, scope: Scope, id: DeliveryId) -> StoreResult<Option<DeliveryRow>> {
    Ok(rows(db, sql::deliveries::GET, params![key(id), filter(scope)])?.pop())
}

pub fn create(db: &Connection, new: &DeliveryRow) -> StoreResult<()> {
    let params = params![
        key(new.id),
        workspace_key(new.workspace),
        new.run.map(run_key),
        new.task,
        new.endpoint.map(endpoints::key),
        new.occasion.word(),
        new.url,
        new.created_at.micros(),
    ];
    execute(db, sql::deliveries::INSERT, params)?;
    Ok(())
}

pub fn again(db: &Connection, scope: Scope, id: DeliveryId, now: Timestamp) -> StoreResult<bool> {
    Ok(execute(db, sql::deliveries::AGAIN, params![key(id), filter(scope), now.micros()])? > 0)
}

pub fn again_failed(db: &Connection, scope: Scope, endpoint: Option<EndpointId>, now: Timestamp) -> StoreResult<u64> {
    let params = params![filter(scope), endpoint.map(endpoints::key), now.micros()];
    Ok(execute(db, sql::deliveries::AGAIN_FAILED, params)? as u64)
}

pub fn next(db: &Connection, run: Option<RunId>) -> StoreResult<Option<Timestamp>> {
    let mut statement = db.prepare_cached(sql::deliveries::NEXT).map_err(failed)?;
    let micros: Option<i64> = statement.query_row(params![run.map(run_key)], |row| row.get(0)).map_err(failed)?;
    Ok(micros.map(Timestamp::from_micros))
}

pub fn due(
    db: &Connection,
    run: Option<RunId>,
    after: Option<(Timestamp, DeliveryId)>,
    now: Timestamp,
    limit: u32,
) -> StoreResult<Vec<DueKey>> {
    // Without a place: after what no message comes before.
    let (at, id) = after.map_or((i64::MIN, [0; 16]), |(at, id)| (at.micros(), key(id)));
    let (now, limit) = (now.micros(), limit.min(ROWS_MAX));
    match run {
        Some(run) => due_keys(db, sql::deliveries::DUE_OF_RUN, params![now, at, id, limit, run_key(run)]),
        None => due_keys(db, sql::deliveries::DUE, params![now, at, id, limit]),
    }
}

fn due_keys(db: &Connection, statement: &str, params: impl Params) -> StoreResult<Vec<DueKey>> {
    let mut statement = db.prepare_cached(statement).map_err(failed)?;
    let found = statement
        .query_map(params, |row| {
            Ok(DueKey {
                id: get(row, "id")?,
                workspace: get(row, "workspace_id")?,
                url: row.get("url")?,
                next_attempt_at: get(row, "next_attempt_at")?,
            })
        })
        .map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

/// There is one writer, so nobody takes them in between.
pub fn take(db: &Connection, ids: &[DeliveryId], now: Timestamp, until: Timestamp) -> StoreResult<Vec<Due>> {
    let mut due = Vec::with_capacity(ids.len());
    for id in ids {
        for row in rows(db, sql::deliveries::TAKE, params![key(*id), now.micros(), until.micros()])? {
            let addressee = addressee(db, &row, now)?;
            due.push(Due { row, addressee });
        }
    }
    Ok(due)
}

fn addressee(db: &Connection, row: &DeliveryRow, now: Timestamp) -> StoreResult<Option<Addressee>> {
    if let Some(id) = row.endpoint {
        let endpoint = endpoints::endpoint(db, Scope::One(row.workspace), id)?;
        return Ok(endpoint.and_then(|endpoint| Addressee::of_endpoint(endpoint, now)));
    }
    let Some(run) = row.run else { return Ok(None) };
    let plan = runs::plans(db, Scope::One(row.workspace), &[run])?.pop();
    Ok(plan.and_then(|plan| plan.webhook).map(Addressee::of_run))
}

pub fn note(db: &Connection, attempted: &Attempted) -> StoreResult<bool> {
    let Some(row) = delivery(db, Scope::All, attempted.id)? else { return Ok(false) };
    let (status, next, delivered) = match attempted.verdict {
        Verdict::Delivered => (DeliveryStatus::Delivered, None, Some(attempted.now.micros())),
        Verdict::Again(at) => (DeliveryStatus::Pending, Some(at.micros()), None),
        Verdict::Failed | Verdict::Gone => (DeliveryStatus::Failed, None, None),
    };
    let skipped = (row.tries.len() + 1).saturating_sub(DELIVERY_TRIES_MAX);
    let tries: Vec<DeliveryTry> = row.tries.into_iter().chain([attempted.attempt.clone()]).skip(skipped).collect();
    let params = params![
        key(attempted.id),
        attempted.taken_until.micros(),
        status.word(),
        next,
        attempted.body,
        attempted.attempt.status_code,
        attempted.attempt.error,
        encode(&tries)?,
        delivered,
    ];
    if execute(db, sql::deliveries::NOTE, params)? == 0 {
        return Ok(false);
    }
    if attempted.verdict == Verdict::Gone {
        execute(db, sql::endpoints::GONE, params![key(attempted.id), attempted.now.micros(), GONE])?;
    }
    Ok(true)
}
