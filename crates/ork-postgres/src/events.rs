//! Events.

use async_trait::async_trait;
use ork_core::error::StoreResult;
use ork_core::event::EventRow;
use ork_core::id::RunId;
use ork_core::store::{Appended, Events, NewEvents, Scope};

use crate::rows::{self, Columns, big, filter};
use crate::sql::Sql;
use crate::store::PgStore;
use crate::tells::Append;

#[async_trait]
impl Events for PgStore {
    async fn events(&self, scope: Scope, run: RunId, after: u64, limit: u32) -> StoreResult<Vec<EventRow>> {
        let rows =
            self.select(scope, Sql::EventsList, &[&run.uuid(), &big(after), &filter(scope), &i64::from(limit)]).await?;
        rows.iter().map(|row| rows::event_row(run, Columns::of(row, "events"))).collect()
    }

    async fn append_events(&self, scope: Scope, new: &NewEvents) -> StoreResult<Appended> {
        self.write(scope, Append { scope, new: new.clone() }).await
    }
}
