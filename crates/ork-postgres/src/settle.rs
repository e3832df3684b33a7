//! The end of attempts.

use std::collections::{BTreeMap, BTreeSet};

use ork_core::attempt::{Outcome, Tally};
use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::event::Actor;
use ork_core::graph::{Lease, Reach, Settlement};
use ork_core::id::{RunId, TaskRef};
use ork_core::planted::{self, Bug};
use ork_core::store::{Claimed, Outcomes, Scope, Settle, Settled};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::bell::Note;
use crate::change::{self, Also, Open, write};
use crate::claim::ClaimTasks;
use crate::conn::{Answer, Batch, Conn, one};
use crate::fault::Work;
use crate::rows::{self, Columns, filter, int};
use crate::sql::Sql;
use crate::store::Transition;

pub struct SettleBatch {
    pub scope: Scope,
    /// The outcomes, in the order of the answers.
    pub settles: Vec<Settle>,
    pub actor: Actor,
    pub now: Timestamp,
    /// What is claimed in the same transaction.
    pub next: Option<ClaimTasks>,
}

/// What the outcomes of a batch turned out to be.
struct Sorted {
    /// The lease that an outcome ended, by its place.
    leases: Vec<Option<Lease>>,
    settled: Vec<Settled>,
    /// A lease with a concurrency key ended.
    frees_slot: bool,
}

impl Transition for SettleBatch {
    type Output = (Outcomes, Vec<Claimed>);

    async fn apply(&self, db: &Conn) -> Work<Self::Output> {
        let mut sorted = self.take_leases(db).await?;
        self.sort_rest(db, &mut sorted).await?;
        let opened = self.open(db, &sorted).await?;
        if sorted.frees_slot {
            db.note(Note::Look);
        }
        let left = write(db, opened, self.now, Also::default()).await?;
        let claimed = self.commit(db).await?;
        let upkeep = left.upkeep || sorted.frees_slot;
        Ok((Outcomes { settled: sorted.settled, queued: left.queued, upkeep, ended: left.ended }, claimed))
    }
}

impl SettleBatch {
    /// Claims what is to be claimed, and commits.
    async fn commit(&self, db: &Conn) -> Work<Vec<Claimed>> {
        let Some(next) = &self.next else {
            db.commit().await?;
            return Ok(Vec::new());
        };
        let (claimed, seen) = next.take(db).await?;
        db.commit().await?;
        next.learn(seen);
        // What was queued and claimed by this very transaction is no news to anybody.
        db.unnote(|note| matches!(note, Note::Queued(place, _) if next.has_emptied(place, &claimed)));
        Ok(claimed)
    }

    /// Ends the leases that are valid: that is the fence.
    async fn take_leases(&self, db: &Conn) -> Work<Sorted> {
        let mut order: Vec<&Settle> = self.settles.iter().collect();
        order.sort_by_key(|s| s.task);
        let mut batch = Batch::default();
        let mut params = keys(&order);
        params.push(one(filter(self.scope)));
        batch.add(Sql::LeasesTake, params);
        let answers = db.begin_send(&batch).await?;
        let mut taken: BTreeMap<TaskRef, Lease> = BTreeMap::new();
        let mut frees_slot = false;
        for row in &answers[0].rows {
            let lease = rows::lease(row)?;
            let mut c = Columns::of(row, "leases");
            c.skip(rows::LEASE_COLUMNS);
            frees_slot |= c.next::<bool>("holds_slot")?;
            taken.insert(lease.task, lease);
        }
        let leases: Vec<Option<Lease>> = self
            .settles
            .iter()
            .map(|s| taken.remove(&s.task).filter(|lease| lease.id == s.lease && lease.attempt == s.attempt))
            .collect();
        let settled = leases.iter().map(|l| if l.is_some() { Settled::Accepted } else { Settled::Stale }).collect();
        Ok(Sorted { leases, settled, frees_slot })
    }

    /// Tells apart what was accepted before, what came too late, and what does not exist.
    async fn sort_rest(&self, db: &Conn, sorted: &mut Sorted) -> Work<()> {
        let places: Vec<usize> = (0..self.settles.len()).filter(|at| sorted.leases[*at].is_none()).collect();
        if places.is_empty() {
            return Ok(());
        }
        let others: Vec<&Settle> = places.iter().map(|at| &self.settles[*at]).collect();
        let mut batch = Batch::default();
        let mut params = keys(&others);
        params.push(one(filter(self.scope)));
        batch.add(Sql::TasksSettledAs, params);
        let answers = db.send(&batch).await?;
        for (at, row) in places.into_iter().zip(&answers[0].rows) {
            let (known, word): (bool, Option<String>) = (row.try_get(0)?, row.try_get(1)?);
            sorted.settled[at] = match word {
                _ if !known => Settled::Unknown,
                Some(word) if word == self.settles[at].outcome.word() => Settled::Already,
                _ => Settled::Stale,
            };
        }
        Ok(())
    }

    /// Locks and loads what the outcomes can touch, and lets the runs decide.
    async fn open(&self, db: &Conn, sorted: &Sorted) -> Work<Vec<Open>> {
        let mut reached: BTreeMap<(RunId, u32), bool> = BTreeMap::new();
        let mut runs: BTreeSet<RunId> = BTreeSet::new();
        let mut tallied: Vec<TaskRef> = Vec::new();
        for (settle, (lease, settled)) in self.settles.iter().zip(sorted.leases.iter().zip(&sorted.settled)) {
            match (lease, settled) {
                (Some(lease), _) => {
                    // Whether the group is `deep` is seen by the statement itself.
                    let whole = settle.outcome.reach(false) == Reach::Whole;
                    *reached.entry((settle.task.run, lease.g)).or_default() |= whole;
                    runs.insert(settle.task.run);
                    if !matches!(settle.outcome, Outcome::Success { .. }) {
                        tallied.push(settle.task);
                    }
                }
                (None, Settled::Stale) => {
                    runs.insert(settle.task.run);
                }
                (None, _) => {}
            }
        }
        if runs.is_empty() {
            return Ok(Vec::new());
        }
        if planted::is(Bug::UnorderedLocks) {
            let heads: Vec<Uuid> = runs.iter().map(|run| run.uuid()).collect();
            db.rows(Sql::HeadsLock, &[&heads, &None::<Uuid>]).await?;
        }
        let mut batch = Batch::default();
        batch.add(
            Sql::GroupsLock,
            vec![
                one(reached.keys().map(|(run, _)| run.uuid()).collect::<Vec<_>>()),
                one(reached.keys().map(|(_, g)| int(*g)).collect::<Vec<_>>()),
                one(reached.values().copied().collect::<Vec<_>>()),
            ],
        );
        batch.add(Sql::HeadsLock, vec![one(runs.iter().map(|run| run.uuid()).collect::<Vec<_>>()), one(None::<Uuid>)]);
        if !tallied.is_empty() {
            batch.add(
                Sql::TasksTally,
                vec![
                    one(tallied.iter().map(|task| task.run.uuid()).collect::<Vec<_>>()),
                    one(tallied.iter().map(|task| int(task.n)).collect::<Vec<_>>()),
                ],
            );
        }
        let answers = db.send(&batch).await?;
        self.decide(&answers, sorted)
    }

    fn decide(&self, answers: &[Answer], sorted: &Sorted) -> Work<Vec<Open>> {
        let mut groups = change::groups(&answers[0].rows)?;
        let tallies = answers.get(2).map(|answer| tallies(&answer.rows)).transpose()?.unwrap_or_default();
        let mut by_run: BTreeMap<RunId, Vec<usize>> = BTreeMap::new();
        for (at, settle) in self.settles.iter().enumerate() {
            by_run.entry(settle.task.run).or_default().push(at);
        }
        let mut opened = Vec::with_capacity(answers[1].rows.len());
        for row in &answers[1].rows {
            let head = rows::head(row)?;
            let run = head.run;
            let mut open = Open::new(head, groups.remove(&run).unwrap_or_default(), &self.actor, self.now);
            let (mut settlements, mut late) = (Vec::new(), Vec::new());
            for at in by_run.remove(&run).unwrap_or_default() {
                let settle = &self.settles[at];
                match &sorted.leases[at] {
                    Some(lease) => settlements.push(settlement(settle, lease, &tallies)),
                    None if sorted.settled[at] == Settled::Stale => late.push(settle),
                    None => {}
                }
            }
            if !settlements.is_empty() {
                open.graph.settle(settlements);
            }
            for settle in late {
                open.graph.late(settle.task.n, settle.attempt, &settle.outcome);
            }
            opened.push(open);
        }
        Ok(opened)
    }
}

/// The parameters that name leases.
fn keys<'a>(settles: &[&Settle]) -> Vec<crate::conn::Param<'a>> {
    vec![
        one(settles.iter().map(|s| s.task.run.uuid()).collect::<Vec<_>>()),
        one(settles.iter().map(|s| int(s.task.n)).collect::<Vec<_>>()),
        one(settles.iter().map(|s| int(s.attempt)).collect::<Vec<_>>()),
        one(settles.iter().map(|s| s.lease.0).collect::<Vec<_>>()),
    ]
}

type Tallies = BTreeMap<TaskRef, (Tally, bool)>;

fn tallies(rows: &[Row]) -> StoreResult<Tallies> {
    rows.iter()
        .map(|row| {
            let mut c = Columns::of(row, "tasks");
            let task = TaskRef { run: c.next("run_id")?, n: c.next("n")? };
            let (failures, lost) = (c.next("failures")?, c.next("lost")?);
            let cancel_requested = c.next("?column?")?;
            let tally = Tally { failures, lost, open_as: c.option("open_as")?, begun: c.next("begun")? };
            Ok((task, (tally, cancel_requested)))
        })
        .collect()
}

fn settlement(settle: &Settle, lease: &Lease, tallies: &Tallies) -> Settlement {
    // A success counts nothing and cannot be cancelled any more: its task row is not read.
    let (tally, cancel_requested) = tallies.get(&settle.task).copied().unwrap_or_default();
    Settlement {
        lease: lease.clone(),
        outcome: settle.outcome.clone(),
        tally,
        cancel_requested,
        started_at: settle.started_at,
        finished_at: settle.finished_at,
        end: settle.end,
        random: settle.random,
    }
}
