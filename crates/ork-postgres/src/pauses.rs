//! Queues that somebody paused.

use async_trait::async_trait;
use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::Actor;
use ork_core::id::WorkspaceId;
use ork_core::limits::PAUSES_MAX;
use ork_core::store::{Pauses, QueuePause, Scope};

use crate::bell::Note;
use crate::conn::Conn;
use crate::fault::Work;
use crate::rows::{Columns, filter};
use crate::sql::Sql;
use crate::store::{PgStore, Transition};

#[async_trait]
impl Pauses for PgStore {
    async fn pause_queue(
        &self,
        workspace: WorkspaceId,
        queue: &str,
        actor: &Actor,
        now: Timestamp,
    ) -> StoreResult<bool> {
        let limit = i64::from(PAUSES_MAX);
        let params: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
            [&workspace.uuid(), &queue, &actor.id, &now.micros(), &limit];
        if self.change(Scope::One(workspace), Sql::PausesInsert, &params).await? > 0 {
            return Ok(true);
        }
        if self.queue_pauses(Scope::One(workspace)).await?.iter().any(|pause| pause.queue == queue) {
            return Ok(false);
        }
        Err(StoreError::Limit(format!("{PAUSES_MAX} queues are paused, and no more can be")))
    }

    async fn resume_queue(&self, workspace: WorkspaceId, queue: &str) -> StoreResult<bool> {
        self.write(Scope::One(workspace), Resume { workspace, queue: queue.to_owned() }).await
    }

    async fn queue_pauses(&self, scope: Scope) -> StoreResult<Vec<QueuePause>> {
        let rows = self.select(scope, Sql::PausesList, &[&filter(scope)]).await?;
        let pause = |row| {
            let mut c = Columns::of(row, "queue_pauses");
            Ok(QueuePause {
                workspace: c.next("workspace_id")?,
                queue: c.next("queue")?,
                by: c.next("paused_by")?,
                at: c.next("paused_at")?,
            })
        };
        rows.iter().map(pause).collect()
    }
}

struct Resume {
    workspace: WorkspaceId,
    queue: String,
}

impl Transition for Resume {
    type Output = bool;

    /// One statement, which is its own transaction.
    async fn apply(&self, db: &Conn) -> Work<bool> {
        let was_paused = db.run(Sql::PausesDelete, &[&self.workspace.uuid(), &self.queue]).await? > 0;
        if was_paused {
            // What was queued meanwhile may lie below where claims begin to look: they found nothing there.
            db.note(Note::Anew);
        }
        Ok(was_paused)
    }
}
