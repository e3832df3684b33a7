//! The beginning of attempts' work.

use std::collections::{BTreeMap, BTreeSet};

use ork_core::clock::Timestamp;
use ork_core::event::Actor;
use ork_core::graph::Lease;
use ork_core::id::{RunId, TaskRef};
use ork_core::store::{Scope, Start};
use uuid::Uuid;

use crate::change::{Also, Open, close};
use crate::conn::{Batch, Conn, column, one};
use crate::fault::Work;
use crate::rows::{self, Columns, filter, int};
use crate::sql::Sql;
use crate::store::Transition;

pub struct StartBatch {
    pub scope: Scope,
    pub starts: Vec<Start>,
    pub actor: Actor,
    pub now: Timestamp,
}

impl Transition for StartBatch {
    type Output = Vec<TaskRef>;

    async fn apply(&self, db: &Conn) -> Work<Vec<TaskRef>> {
        let starts = &self.starts;
        let mut batch = Batch::default();
        batch.add(
            Sql::LeasesLock,
            vec![
                column(starts, |s| s.task.run.uuid()),
                column(starts, |s| int(s.task.n)),
                column(starts, |s| int(s.attempt)),
                column(starts, |s| s.lease.0),
                one(filter(self.scope)),
            ],
        );
        let answers = db.begin_send(&batch).await?;
        let mut leases: BTreeMap<TaskRef, Lease> = BTreeMap::new();
        let mut places: BTreeMap<TaskRef, String> = BTreeMap::new();
        for row in &answers[0].rows {
            let lease = rows::lease(row)?;
            let mut c = Columns::of(row, "leases");
            c.skip(rows::LEASE_COLUMNS);
            places.insert(lease.task, c.next("place")?);
            leases.insert(lease.task, lease);
        }
        let begun: Vec<TaskRef> = starts.iter().map(|s| s.task).filter(|task| leases.contains_key(task)).collect();
        // A repeated start was announced by the first one.
        let new: Vec<&Start> =
            starts.iter().filter(|s| leases.get(&s.task).is_some_and(|lease| lease.started_at.is_none())).collect();
        if new.is_empty() {
            return Ok(begun);
        }
        let opened = self.open(db, &new, &leases).await?;
        let mut also = Also::default();
        also.first.add(
            Sql::LeasesStart,
            vec![
                one(new.iter().filter_map(|s| places.get(&s.task)).collect::<Vec<_>>()),
                one(new.iter().map(|s| s.started_at.micros()).collect::<Vec<_>>()),
                one(new.iter().map(|s| s.execution_name.as_deref()).collect::<Vec<_>>()),
            ],
        );
        close(db, opened, self.now, also).await?;
        Ok(begun)
    }
}

impl StartBatch {
    async fn open(&self, db: &Conn, new: &[&Start], leases: &BTreeMap<TaskRef, Lease>) -> Work<Vec<Open>> {
        let runs: BTreeSet<RunId> = new.iter().map(|s| s.task.run).collect();
        let ids: Vec<Uuid> = runs.iter().map(|run| run.uuid()).collect();
        let mut opened = Vec::new();
        for row in db.rows(Sql::HeadsLock, &[&ids, &None::<Uuid>]).await? {
            let head = rows::head(&row)?;
            let begun: Vec<Lease> =
                new.iter().filter(|s| s.task.run == head.run).filter_map(|s| leases.get(&s.task).cloned()).collect();
            let mut open = Open::new(head, Vec::new(), &self.actor, self.now);
            open.graph.announce(&begun, true);
            opened.push(open);
        }
        Ok(opened)
    }
}
