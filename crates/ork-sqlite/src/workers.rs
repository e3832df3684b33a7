//! Workers, and what they learn of their leases.

use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::graph::{Lease, LeaseId};
use ork_core::id::{RunId, TaskRef, WorkerId};
use ork_core::limits;
use ork_core::store::{Heartbeat, WorkerRow};
use rusqlite::{Connection, params};

use crate::change::execute;
use crate::connection::failed;
use crate::rows::{self, Cell, encode, get, get_option, worker_key};
use crate::sql;

pub fn register(db: &Connection, worker: &WorkerRow) -> StoreResult<()> {
    execute(
        db,
        sql::workers::INSERT,
        params![
            worker_key(worker.id),
            worker.name,
            worker.host,
            encode(&worker.lanes)?,
            worker.capacity,
            worker.version,
            worker.started_at.micros(),
            worker.heartbeat_at.micros(),
            worker.ended_at.map(Timestamp::micros),
        ],
    )?;
    Ok(())
}

pub fn beat(db: &Connection, worker: WorkerId, now: Timestamp) -> StoreResult<Heartbeat> {
    let alive = execute(db, sql::workers::BEAT, params![worker_key(worker), now.micros()])? == 1;
    Ok(Heartbeat { alive, cancelled: cancel_requests(db, worker)? })
}

pub fn cancel_requests(db: &Connection, worker: WorkerId) -> StoreResult<Vec<(TaskRef, LeaseId)>> {
    let mut statement = db.prepare_cached(sql::leases::CANCELLED).map_err(failed)?;
    let found = statement
        .query_map(params![worker_key(worker)], |row| {
            Ok((TaskRef { run: row.get::<_, Cell<RunId>>(0)?.0, n: row.get(1)? }, LeaseId(row.get(2)?)))
        })
        .map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

pub fn retire(db: &Connection, worker: WorkerId, now: Timestamp) -> StoreResult<bool> {
    Ok(execute(db, sql::workers::RETIRE, params![worker_key(worker), now.micros()])? == 1)
}

pub fn workers(db: &Connection) -> StoreResult<Vec<WorkerRow>> {
    let mut statement = db.prepare_cached(sql::workers::LIST).map_err(failed)?;
    let found = statement
        .query_map(params![limits::PAGE_MAX], |row| {
            Ok(WorkerRow {
                id: get(row, "id")?,
                name: row.get("name")?,
                host: row.get("host")?,
                lanes: get(row, "lanes")?,
                capacity: row.get("capacity")?,
                version: row.get("version")?,
                started_at: get(row, "started_at")?,
                heartbeat_at: get(row, "heartbeat_at")?,
                ended_at: get_option(row, "ended_at")?,
            })
        })
        .map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

pub fn leases_of(db: &Connection, worker: WorkerId, limit: usize) -> StoreResult<Vec<Lease>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = db.prepare_cached(sql::leases::OF_WORKER).map_err(failed)?;
    let found = statement.query_map(params![worker_key(worker), limit], rows::lease).map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}
