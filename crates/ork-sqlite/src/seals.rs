//! Seals of events.

use ork_core::error::{StoreError, StoreResult};
use ork_core::id::RunId;
use ork_core::seal::{Anchor, Link, SealRow, Unsealed};
use ork_core::store::{ROWS_MAX, Scope, SealKeyRow};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::change::execute;
use crate::connection::failed;
use crate::events::event;
use crate::rows::{filter, get, run_key};
use crate::sql;

pub fn unsealed(db: &Connection, rows: u32) -> StoreResult<Vec<Unsealed>> {
    let mut statement = db.prepare_cached(sql::seals::UNSEALED).map_err(failed)?;
    collect(statement.query(params![rows]).map_err(failed)?)
}

pub fn unsealed_of(db: &Connection, scope: Scope, run: RunId, rows: u32) -> StoreResult<Option<Unsealed>> {
    let mut statement = db.prepare_cached(sql::seals::UNSEALED_OF).map_err(failed)?;
    Ok(collect(statement.query(params![run_key(run), filter(scope), rows]).map_err(failed)?)?.pop())
}

/// Rows of a join of heads and their events: as many of a run as it has, and one without an event for a run that has none.
fn collect(mut rows: rusqlite::Rows<'_>) -> StoreResult<Vec<Unsealed>> {
    let mut found: Vec<Unsealed> = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let run: RunId = get(row, "run_id").map_err(failed)?;
        if found.last().is_none_or(|last| last.run != run) {
            let seals: u32 = row.get("seals").map_err(failed)?;
            let link: Option<Vec<u8>> = row.get("link").map_err(failed)?;
            found.push(Unsealed {
                run,
                seals,
                // One that nobody has made is found by those who verify; the chain begins anew behind it.
                link: link.as_deref().and_then(Link::from_bytes).unwrap_or(Link::NONE),
                sealed: number(row, "sealed_seq")?,
                seq: number(row, "head_seq")?,
                rows: Vec::new(),
            });
        }
        if row.get::<_, Option<i64>>("seq").map_err(failed)?.is_some()
            && let Some(last) = found.last_mut()
        {
            match event(run, row) {
                Ok(event) => last.rows.push(event),
                // It is left out, which those who verify will see: nobody else waits for it.
                Err(StoreError::Corrupt { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(found)
}

fn number(row: &Row<'_>, column: &str) -> StoreResult<u64> {
    Ok(row.get::<_, i64>(column).map_err(failed)?.unsigned_abs())
}

fn read_link(bytes: &[u8], run: RunId, number: u32) -> StoreResult<Link> {
    Link::from_bytes(bytes).ok_or_else(|| StoreError::Corrupt {
        table: "seals",
        column: "link",
        row: format!("{run} number {number}"),
        problem: format!("{} bytes, and a link has 32", bytes.len()),
    })
}

pub fn seal(db: &Connection, seals: &[SealRow]) -> StoreResult<u64> {
    let mut sealed = 0;
    for seal in seals {
        let (run, seq, seq_last) = (run_key(seal.run), seal.seq.cast_signed(), seal.seq_last.cast_signed());
        let link = seal.link.bytes().as_slice();
        let values = params![run, seal.number, seq, seq_last, seal.key_id, link, seal.marks, seal.sealed_at.micros()];
        if execute(db, sql::seals::INSERT, values)? > 0 {
            execute(db, sql::heads::SEAL, params![run, seq_last])?;
            sealed += 1;
        }
    }
    Ok(sealed)
}

pub fn list(db: &Connection, scope: Scope, run: RunId, after: u32, limit: u32) -> StoreResult<Vec<SealRow>> {
    let mut statement = db.prepare_cached(sql::seals::LIST).map_err(failed)?;
    let values = params![run_key(run), filter(scope), after, limit.min(ROWS_MAX)];
    let mut rows = statement.query(values).map_err(failed)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let own: u32 = row.get("number").map_err(failed)?;
        let link: Vec<u8> = row.get("link").map_err(failed)?;
        found.push(SealRow {
            run,
            number: own,
            seq: number(row, "seq")?,
            seq_last: number(row, "seq_last")?,
            key_id: row.get("key_id").map_err(failed)?,
            link: read_link(&link, run, own)?,
            marks: row.get("marks").map_err(failed)?,
            sealed_at: get(row, "sealed_at").map_err(failed)?,
        });
    }
    Ok(found)
}

pub fn anchor(db: &Connection, scope: Scope, run: RunId) -> StoreResult<Option<Anchor>> {
    let mut statement = db.prepare_cached(sql::heads::ANCHOR).map_err(failed)?;
    let found = statement.query_row(params![run_key(run), filter(scope)], |row| {
        let (seq, sealed): (i64, i64) = (row.get("seq")?, row.get("sealed_seq")?);
        Ok(Anchor { seq: seq.unsigned_abs(), sealed: sealed.unsigned_abs() })
    });
    found.optional().map_err(failed)
}

pub fn keep_key(db: &Connection, key: &SealKeyRow) -> StoreResult<()> {
    execute(db, sql::seal_keys::PUT, params![key.key_id, key.sealed, key.sealed_by, key.sealed_at.micros()])?;
    Ok(())
}

pub fn keys(db: &Connection) -> StoreResult<Vec<SealKeyRow>> {
    let mut statement = db.prepare_cached(sql::seal_keys::LIST).map_err(failed)?;
    let found = statement
        .query_map([], |row| {
            Ok(SealKeyRow {
                key_id: row.get("key_id")?,
                sealed: row.get("sealed")?,
                sealed_by: row.get("sealed_by")?,
                sealed_at: get(row, "sealed_at")?,
            })
        })
        .map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}
