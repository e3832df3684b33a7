//! The order of all events.

use async_trait::async_trait;
use ork_core::error::StoreResult;
use ork_core::feed::FeedPosition;
use ork_core::store::{Feed, FeedPage, FeedRow, Scope};
use tokio_postgres::Row;

use crate::rows::{self, Columns, big};
use crate::sql::Sql;
use crate::store::PgStore;

#[async_trait]
impl Feed for PgStore {
    async fn feed(&self, scope: Scope, after: FeedPosition, limit: u32) -> StoreResult<FeedPage> {
        let (feed, run, seq) = (big(after.feed()), after.run().uuid(), big(after.seq()));
        let found = self.select(scope, Sql::FeedList, &[&feed, &run, &seq, &i64::from(limit)]).await?;
        let (mut rows, mut next, mut held_back) = (Vec::new(), after, false);
        for row in &found {
            let mut c = Columns::of(row, "events");
            held_back = c.next("held_back")?;
            let Some(feed) = c.option("feed")? else { break };
            let row = feed_row(feed, c)?;
            next = row.end();
            if scope.admits(row.workspace) {
                rows.push(row);
            }
        }
        Ok(FeedPage { rows, next, more: next != after && found.len() == limit as usize, held_back })
    }

    async fn feed_head(&self) -> StoreResult<FeedPosition> {
        // It belongs to no tenant: policies would make it a walk over everybody's events to the last of one.
        let found = self.of_all().select(Scope::All, Sql::FeedHead, &[]).await?;
        let position = |row: &Row| {
            let mut c = Columns::of(row, "events");
            Ok(FeedPosition::new(c.next("feed")?, c.next("run_id")?, c.next("seq_last")?))
        };
        found.first().map_or(Ok(FeedPosition::START), position)
    }

    async fn feed_changed(&self) {
        self.bell().fed().await;
    }
}

fn feed_row(feed: u64, mut c: Columns<'_>) -> StoreResult<FeedRow> {
    let (run, workspace) = (c.next("run_id")?, c.next("workspace_id")?);
    Ok(FeedRow { feed, workspace, event: rows::event_row(run, c)? })
}
