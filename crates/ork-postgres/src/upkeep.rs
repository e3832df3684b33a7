//! What loops do over stored state: due retries, deadlines, evaluations.

use std::collections::BTreeMap;

use async_trait::async_trait;
use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::event::Actor;
use ork_core::graph::Expansion;
use ork_core::id::RunId;
use ork_core::store::{Evaluation, EvaluationTarget, Maintained, Scope, Upkeep};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::admit;
use crate::change::{self, Also, Left, Reach, close, open};
use crate::conn::{Batch, Conn, one};
use crate::fault::Work;
use crate::rows::{self, Columns, filter, int};
use crate::sql::Sql;
use crate::store::{PgStore, Transition};
use crate::writes::{Entry, RESULT, queue_params};

#[async_trait]
impl Upkeep for PgStore {
    async fn promote(&self, scope: Scope, now: Timestamp, limit: usize) -> StoreResult<Maintained> {
        let (queued, seen) = self.write(scope, Promote { scope, now, limit }).await?;
        let retry: Option<i64> = first(&self.select(scope, Sql::QueueNextDue, &[&filter(scope)]).await?)?;
        let deadline: Option<i64> = first(&self.select(scope, Sql::RunsNextDeadline, &[&filter(scope)]).await?)?;
        let next_at = [retry, deadline].into_iter().flatten().min().map(Timestamp::from_micros);
        Ok(Maintained { queued, more: seen >= limit, next_at })
    }

    async fn admit(&self, scope: Scope, now: Timestamp) -> StoreResult<Maintained> {
        admit::admit(self, scope, now).await
    }

    async fn overdue(&self, scope: Scope, now: Timestamp, limit: usize) -> StoreResult<Vec<RunId>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self.select(scope, Sql::RunsOverdue, &[&now.micros(), &filter(scope), &limit]).await?;
        rows.iter().map(|row| Columns::of(row, "runs").next("id")).collect()
    }

    async fn evaluations(&self, scope: Scope, run: Option<RunId>, limit: usize) -> StoreResult<Vec<Evaluation>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self.select(scope, Sql::EvaluationsList, &[&filter(scope), &run.map(RunId::uuid), &limit]).await?;
        rows.iter().map(evaluation).collect()
    }

    async fn expand(
        &self,
        scope: Scope,
        run: RunId,
        g: u32,
        expansion: &Expansion,
        now: Timestamp,
    ) -> StoreResult<bool> {
        self.write(scope, Expand { scope, run, g, expansion: expansion.clone(), now }).await
    }
}

fn first(rows: &[Row]) -> StoreResult<Option<i64>> {
    let Some(row) = rows.first() else { return Ok(None) };
    row.try_get(0).map_err(|e| crate::fault::Fault::from(e).into_store())
}

fn evaluation(row: &Row) -> StoreResult<Evaluation> {
    let mut c = Columns::of(row, "evaluations");
    let (workspace, run) = (c.next("workspace_id")?, c.next("run_id")?);
    let g: i32 = c.next("g")?;
    let target = if g == RESULT { EvaluationTarget::Result } else { EvaluationTarget::Group(g.unsigned_abs()) };
    Ok(Evaluation { workspace, run, target })
}

struct Promote {
    scope: Scope,
    now: Timestamp,
    limit: usize,
}

impl Transition for Promote {
    /// How many were queued, and how many were due.
    type Output = (u32, usize);

    async fn apply(&self, db: &Conn) -> Work<(u32, usize)> {
        let limit = i64::try_from(self.limit).unwrap_or(i64::MAX);
        let mut batch = Batch::default();
        batch.add(Sql::QueueDue, vec![one(self.now.micros()), one(filter(self.scope)), one(limit)]);
        let answers = db.begin_send(&batch).await?;
        let mut due: Vec<(RunId, i32)> = Vec::new();
        for row in &answers[0].rows {
            let mut c = Columns::of(row, "delayed");
            due.push((c.next("run_id")?, c.next("n")?));
        }
        if due.is_empty() {
            return Ok((0, 0));
        }
        let seen = due.len();
        let runs: Vec<Uuid> = due.iter().map(|(run, _)| run.uuid()).collect();
        let mut open_runs = std::collections::BTreeSet::new();
        for row in db.rows(Sql::HeadsLock, &[&runs, &None::<Uuid>]).await? {
            let head = rows::head(&row)?;
            // Read before the lock, and paused or ended since: it stays.
            if !head.paused && !head.held && !head.status.is_terminal() {
                open_runs.insert(head.run);
            }
        }
        due.retain(|(run, _)| open_runs.contains(run));
        let queued = self.queue(db, &due).await?;
        db.commit().await?;
        Ok((queued, seen))
    }
}

impl Promote {
    async fn queue(&self, db: &Conn, due: &[(RunId, i32)]) -> Work<u32> {
        let runs: Vec<Uuid> = due.iter().map(|(run, _)| run.uuid()).collect();
        let numbers: Vec<i32> = due.iter().map(|(_, n)| *n).collect();
        // Another engine may have queued some of them: only what this statement takes out of `delayed` is ours.
        let mut ours: BTreeMap<(Uuid, i32), Entry> = BTreeMap::new();
        for row in db.rows(Sql::QueueUndelay, &[&runs, &numbers]).await? {
            let entry = Entry::next_attempt(&row)?;
            ours.insert((entry.run, entry.n.0), entry);
        }
        let wanted: Vec<Entry> = due.iter().filter_map(|(run, n)| ours.remove(&(run.uuid(), *n))).collect();
        let mut batch = Batch::default();
        batch.add(Sql::QueueInsert, queue_params(&wanted, self.now));
        let rows = &db.send(&batch).await?[0].rows;
        let mut left = Left::default();
        change::note_queued(db, rows, &mut left)?;
        if left.upkeep {
            db.note(crate::bell::Note::Look);
        }
        Ok(u32::try_from(wanted.len()).unwrap_or(u32::MAX))
    }
}

struct Expand {
    scope: Scope,
    run: RunId,
    g: u32,
    expansion: Expansion,
    now: Timestamp,
}

impl Transition for Expand {
    type Output = bool;

    async fn apply(&self, db: &Conn) -> Work<bool> {
        let reach = match self.expansion.reach() {
            ork_core::graph::Reach::Children => Reach::Group(self.g),
            ork_core::graph::Reach::Whole => Reach::Whole,
        };
        let actor = Actor::system("scheduler");
        let mut open = open(db, self.scope, self.run, reach, (&actor, self.now)).await?;
        if !open.graph.expand(self.g, self.expansion.clone()) {
            // Whatever became of the group, it does not wait for this any more.
            if open.graph.groups.get(&self.g).is_none_or(|group| group.phase != ork_core::graph::Phase::Evaluating) {
                db.run(Sql::EvaluationsDrop, &[&vec![self.run.uuid()], &vec![int(self.g)]]).await?;
                db.commit().await?;
            }
            return Ok(false);
        }
        close(db, vec![open], self.now, Also::default()).await?;
        Ok(true)
    }
}
