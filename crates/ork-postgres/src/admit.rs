//! Slots of concurrency keys: what waits for one gets it here, and only here.
//!
//! Who gives out a key's slots holds the lock of its row in `slot_keys`, so that nobody else counts at the same time. What
//! is counted can only shrink meanwhile: claims turn a queued task into a lease in one commit, and settles end leases.

use std::collections::BTreeSet;

use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::event::Actor;
use ork_core::id::{RunId, WorkspaceId};
use ork_core::planted::{self, Bug};
use ork_core::store::{Maintained, Scope};
use uuid::Uuid;

use crate::change::{self, Also, Left, Open, close};
use crate::conn::{Batch, Conn, one};
use crate::fault::Work;
use crate::rows::{self, Columns, filter};
use crate::sql::Sql;
use crate::store::{PgStore, Transition};

/// Keys of one round.
const KEYS_MAX: i64 = 200;
/// Tasks of one key that are looked at in one transaction.
const CANDIDATES_MAX: i64 = 1_000;

type SlotKey = (WorkspaceId, String);

/// One round: runs first, whose tasks may then wait for slots of their own.
pub async fn admit(store: &PgStore, scope: Scope, now: Timestamp) -> StoreResult<Maintained> {
    let mut maintained = Maintained::default();
    let run_keys = keys(store, Sql::SlotsRunKeys, scope).await?;
    maintained.more |= i64::try_from(run_keys.len()).unwrap_or(i64::MAX) >= KEYS_MAX;
    for key in run_keys {
        while store.write(scope, AdmitRun { key: key.clone(), now }).await? {
            maintained.queued += 1;
        }
    }
    let task_keys = keys(store, Sql::SlotsKeys, scope).await?;
    maintained.more |= i64::try_from(task_keys.len()).unwrap_or(i64::MAX) >= KEYS_MAX;
    for key in task_keys {
        let (queued, more) = store.write(scope, AdmitTasks { key, now }).await?;
        maintained.queued += queued;
        maintained.more |= more;
    }
    Ok(maintained)
}

async fn keys(store: &PgStore, sql: Sql, scope: Scope) -> StoreResult<Vec<SlotKey>> {
    let rows = store.select(scope, sql, &[&filter(scope), &KEYS_MAX]).await?;
    rows.iter()
        .map(|row| {
            let mut c = Columns::of(row, "slot_keys");
            Ok((c.next("workspace_id")?, c.next("concurrency_key")?))
        })
        .collect()
}

/// Begins a transaction that alone gives out slots of this key.
async fn begin_alone(db: &Conn, (workspace, key): &SlotKey) -> Work<()> {
    let params = || vec![one(workspace.uuid()), one(key.as_str())];
    let mut batch = Batch::default();
    batch.add(Sql::SlotsInsertKey, params());
    if !planted::is(Bug::SlotCountedBeforeClaim) {
        batch.add(Sql::SlotsLockKey, params());
    }
    db.begin_send(&batch).await?;
    Ok(())
}

struct AdmitRun {
    key: SlotKey,
    now: Timestamp,
}

impl Transition for AdmitRun {
    /// Whether a run got a slot.
    type Output = bool;

    async fn apply(&self, db: &Conn) -> Work<bool> {
        let (workspace, key) = (&self.key.0.uuid(), &self.key.1);
        begin_alone(db, &self.key).await?;
        let Some(candidate) = db.row(Sql::SlotsRunsWaiting, &[workspace, key]).await? else { return Ok(false) };
        let mut c = Columns::of(&candidate, "run_slots");
        let (run, limit): (RunId, i64) = (c.next("run_id")?, c.next("concurrency_limit")?);
        let taken: i64 = db.row(Sql::SlotsRunsAdmitted, &[workspace, key]).await?.map_or(0, |row| row.get(0));
        if taken >= limit {
            return Ok(false);
        }
        let mut batch = Batch::default();
        batch.add(Sql::GroupsLockAll, vec![one(run.uuid())]);
        batch.add(Sql::HeadsLockFree, vec![one(vec![run.uuid()])]);
        let answers = db.send(&batch).await?;
        // Somebody is changing it: it is cancelled, or ends. The next round looks again.
        let Some(head) = answers[1].rows.first() else { return Ok(false) };
        let groups = change::groups(&answers[0].rows)?.remove(&run).unwrap_or_default();
        let mut open = Open::new(rows::head(head)?, groups, &Actor::system("scheduler"), self.now);
        if !open.graph.admit() {
            return Ok(false);
        }
        let mut also = Also::default();
        also.first.add(Sql::SlotsAdmitRun, vec![one(run.uuid())]);
        close(db, vec![open], self.now, also).await?;
        Ok(true)
    }
}

struct AdmitTasks {
    key: SlotKey,
    now: Timestamp,
}

impl Transition for AdmitTasks {
    /// How many tasks got slots, and whether some were left out that could have had one.
    type Output = (u32, bool);

    async fn apply(&self, db: &Conn) -> Work<(u32, bool)> {
        let (workspace, key) = (&self.key.0.uuid(), &self.key.1);
        begin_alone(db, &self.key).await?;
        let mut taken: i64 = db.row(Sql::QueueCountKeys, &[workspace, key]).await?.map_or(0, |row| row.get(0));
        let candidates = db.rows(Sql::SlotsNext, &[workspace, key, &CANDIDATES_MAX]).await?;
        let mut chosen: Vec<(RunId, i32)> = Vec::new();
        let mut blocked = false;
        for row in &candidates {
            let mut c = Columns::of(row, "held");
            let (run, n, limit): (RunId, i32, i64) = (c.next("run_id")?, c.next("n")?, c.next("concurrency_limit")?);
            if taken >= limit {
                blocked = true;
                break;
            }
            taken += 1;
            chosen.push((run, n));
        }
        if chosen.is_empty() {
            return Ok((0, false));
        }
        // A run that somebody else is changing keeps its tasks where they are: a pause may be emptying the queue.
        let runs: Vec<Uuid> = chosen.iter().map(|(run, _)| run.uuid()).collect();
        let mut free: BTreeSet<RunId> = BTreeSet::new();
        for row in db.rows(Sql::HeadsLockFree, &[&runs]).await? {
            let head = rows::head(&row)?;
            if !head.paused && !head.held && !head.status.is_terminal() {
                free.insert(head.run);
            }
        }
        let before = chosen.len();
        chosen.retain(|(run, _)| free.contains(run));
        let more =
            chosen.len() < before || (!blocked && candidates.len() >= usize::try_from(CANDIDATES_MAX).unwrap_or(0));
        let runs: Vec<Uuid> = chosen.iter().map(|(run, _)| run.uuid()).collect();
        let numbers: Vec<i32> = chosen.iter().map(|(_, n)| *n).collect();
        let moved = db.rows(Sql::SlotsAdmitTasks, &[&runs, &numbers, &self.now.micros()]).await?;
        let mut left = Left::default();
        change::note_queued(db, &moved, &mut left)?;
        db.commit().await?;
        let queued: i64 = moved.iter().map(|row| row.get::<_, i64>(4)).sum();
        Ok((u32::try_from(queued).unwrap_or(u32::MAX), more))
    }
}
