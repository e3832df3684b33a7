//! What bots write into runs.

use ork_core::error::{StoreError, StoreResult};
use ork_core::limits::BOT_EVENTS_MAX;
use ork_core::store::{Appended, NewEvents, Scope};
use tokio_postgres::types::ToSql;

use crate::change::{Also, Reach, close, open};
use crate::conn::{Conn, one};
use crate::fault::Work;
use crate::rows::{Columns, big, event_row, filter, int};
use crate::sql::Sql;
use crate::store::Transition;

pub struct Append {
    pub scope: Scope,
    pub new: NewEvents,
}

impl Transition for Append {
    type Output = Appended;

    async fn apply(&self, db: &Conn) -> Work<Appended> {
        let new = &self.new;
        // The lock of the head makes requests of one name come one after the other.
        let mut open = open(db, self.scope, new.run, Reach::Head, (&new.actor, new.now)).await?;
        if let Some(written) = self.written(db).await? {
            return Ok(written);
        }
        let (run, head) = (new.run.uuid(), &open.graph.head);
        if let Some(n) = new.events.iter().filter_map(|event| event.task).find(|n| *n >= head.tasks_total) {
            return Err(StoreError::Conflict(format!("`{}` has no task number {n}", new.run)).into());
        }
        let count = i32::try_from(new.events.len()).unwrap_or(i32::MAX);
        if db.run(Sql::HeadsCountBotEvents, &[&run, &count, &int(BOT_EVENTS_MAX)]).await? == 0 {
            return Err(new.too_many().into());
        }
        let (seq, seq_last) = (head.seq + 1, head.seq + new.events.len() as u64);
        let mut also = Also::default();
        if let Some(key) = &new.key {
            let workspace = head.workspace.uuid();
            let values = vec![one(run), one(key.as_str()), one(workspace), one(big(seq)), one(big(seq_last))];
            also.first.add(Sql::EventRequestsInsert, values);
        }
        open.graph.tell(&new.events);
        close(db, vec![open], new.now, also).await?;
        Ok(Appended { seq, seq_last, repeated: false })
    }
}

impl Append {
    /// What an earlier request of this name has written.
    async fn written(&self, db: &Conn) -> Work<Option<Appended>> {
        let Some(key) = &self.new.key else { return Ok(None) };
        let run = self.new.run;
        let Some(row) = db.row(Sql::EventRequestsGet, &[&run.uuid(), key]).await? else { return Ok(None) };
        let mut c = Columns::of(&row, "event_requests");
        let (seq, seq_last): (u64, u64) = (c.next("seq")?, c.next("seq_last")?);
        let values: [&(dyn ToSql + Sync); 4] =
            [&run.uuid(), &big(seq - 1), &filter(self.scope), &big(seq_last + 1 - seq)];
        let rows = db.rows(Sql::EventsList, &values).await?;
        let rows: StoreResult<Vec<_>> = rows.iter().map(|row| event_row(run, Columns::of(row, "events"))).collect();
        if !self.new.are(&rows?) {
            return Err(self.new.conflict().into());
        }
        Ok(Some(Appended { seq, seq_last, repeated: true }))
    }
}
