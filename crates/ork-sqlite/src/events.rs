//! Events.

use ork_core::error::{StoreError, StoreResult};
use ork_core::event::{Actor, ActorKind, EventRow, EventType, TaskSet};
use ork_core::id::RunId;
use ork_core::store::Scope;
use rusqlite::{Connection, Row, params};

use crate::connection::failed;
use crate::rows::{filter, get, get_option, run_key};
use crate::sql;

pub fn events(db: &Connection, scope: Scope, run: RunId, after: u64, limit: u32) -> StoreResult<Vec<EventRow>> {
    let mut statement = db.prepare_cached(sql::events::LIST).map_err(failed)?;
    let mut rows = statement.query(params![run_key(run), after.cast_signed(), filter(scope), limit]).map_err(failed)?;
    let mut events = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        events.push(event(run, row)?);
    }
    Ok(events)
}

pub fn event(run: RunId, row: &Row<'_>) -> StoreResult<EventRow> {
    let seq = row.get::<_, i64>("seq").map_err(failed)?.unsigned_abs();
    let corrupt = |column: &'static str, text: &str| StoreError::Corrupt {
        table: "events",
        column,
        row: format!("{run} seq {seq}"),
        problem: format!("unknown value `{text}`"),
    };
    let word = |column: &str| row.get::<_, String>(column).map_err(failed);
    let (kind, tasks, actor_kind) = (word("type")?, word("tasks")?, word("actor_kind")?);
    Ok(EventRow {
        run,
        seq,
        seq_last: row.get::<_, i64>("seq_last").map_err(failed)?.unsigned_abs(),
        event_type: EventType::from_word(&kind).ok_or_else(|| corrupt("type", &kind))?,
        tasks: TaskSet::parse(&tasks).ok_or_else(|| corrupt("tasks", &tasks))?,
        actor: Actor {
            kind: ActorKind::from_word(&actor_kind).ok_or_else(|| corrupt("actor_kind", &actor_kind))?,
            id: word("actor_id")?,
        },
        payload: get_option(row, "payload").map_err(failed)?,
        created_at: get(row, "created_at").map_err(failed)?,
    })
}
