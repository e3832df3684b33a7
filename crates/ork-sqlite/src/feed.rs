//! The order of all events.

use ork_core::error::StoreResult;
use ork_core::feed::FeedPosition;
use ork_core::id::RunId;
use ork_core::store::{FeedPage, FeedRow, Scope};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::connection::failed;
use crate::events::event;
use crate::rows::{get, run_key};
use crate::sql;

pub fn feed(db: &Connection, scope: Scope, after: FeedPosition, limit: u32) -> StoreResult<FeedPage> {
    let mut statement = db.prepare_cached(sql::feed::LIST).map_err(failed)?;
    let mut rows = statement
        .query(params![after.feed().cast_signed(), run_key(after.run()), after.seq().cast_signed(), limit])
        .map_err(failed)?;
    let (mut found, mut next, mut seen) = (Vec::new(), after, 0);
    while let Some(row) = rows.next().map_err(failed)? {
        let row = feed_row(row)?;
        next = row.end();
        seen += 1;
        if scope.admits(row.workspace) {
            found.push(row);
        }
    }
    // There is one writer: nothing is committed before what a reader can see.
    Ok(FeedPage { rows: found, next, more: seen == limit, held_back: false })
}

fn feed_row(row: &Row<'_>) -> StoreResult<FeedRow> {
    let run: RunId = get(row, "run_id").map_err(failed)?;
    Ok(FeedRow {
        feed: row.get::<_, i64>("feed").map_err(failed)?.unsigned_abs(),
        workspace: get(row, "workspace_id").map_err(failed)?,
        event: event(run, row)?,
    })
}

pub fn head(db: &Connection) -> StoreResult<FeedPosition> {
    let mut statement = db.prepare_cached(sql::feed::HEAD).map_err(failed)?;
    let last = statement.query_row([], |row| {
        let (feed, seq): (i64, i64) = (row.get(0)?, row.get(2)?);
        Ok(FeedPosition::new(feed.unsigned_abs(), get(row, "run_id")?, seq.unsigned_abs()))
    });
    Ok(last.optional().map_err(failed)?.unwrap_or(FeedPosition::START))
}
