//! Claims.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::id::{TaskRef, WorkspaceId};
use ork_core::limits::BATCH_MAX;
use ork_core::store::{Claim, Claimed};
use tokio::time::Instant;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::bell::Bell;
use crate::conn::Conn;
use crate::fault::Work;
use crate::marks::{Key, LOWEST, Place, Route};
use crate::rows::Columns;
use crate::sql::Sql;
use crate::store::Transition;

/// Times that a claim looks for more: of the workspaces that had something many may have nothing now.
const VISITS_MAX: usize = 16;

pub struct ClaimTasks {
    pub claim: Claim,
    pub bell: std::sync::Arc<Bell>,
}

impl Transition for ClaimTasks {
    type Output = Vec<Claimed>;

    async fn apply(&self, db: &Conn) -> Work<Vec<Claimed>> {
        let (claimed, seen) = self.take(db).await?;
        self.learn(seen);
        Ok(claimed)
    }
}

/// What a claim learnt about where to look: true once it is committed.
pub struct Seen {
    route: Route,
    highest: BTreeMap<Place, Key>,
    /// What a sweep found, and how long it took.
    swept: Option<(Vec<Place>, Duration)>,
}

impl ClaimTasks {
    /// Claims in the transaction at hand, or in one of its own.
    pub async fn take(&self, db: &Conn) -> Work<(Vec<Claimed>, Option<Seen>)> {
        let claim = &self.claim;
        if claim.limit == 0 || claim.lanes.is_empty() {
            return Ok((Vec::new(), None));
        }
        if claim.again {
            let rows = db.rows(Sql::LeasesClaimed, &[&claim.worker.uuid(), &claim.lease.0]).await?;
            if !rows.is_empty() {
                return Ok((rows.iter().map(claimed_before).collect::<StoreResult<_>>()?, None));
            }
        }
        let began = Instant::now();
        let mut route = self.bell.marks.route(claim.scope, &claim.lanes, began);
        for (place, key) in db.queued_here().iter().filter(|(place, _)| self.looks_at(place)) {
            route.include(&claim.lanes, place, *key);
        }
        let mut found = Vec::new();
        if route.sweep {
            if db.sees_all() {
                self.bell.marks.sweeping(began);
            }
            found = self.look_for_workspaces(db, &mut route).await?;
        }
        let (taken, highest) = self.visit(db, &route).await?;
        // What a tenant's sweep does not find may be there for others.
        let swept = (route.sweep && db.sees_all()).then(|| (found, began.elapsed()));
        Ok((taken, Some(Seen { route, highest, swept })))
    }

    /// Remembers where the next claim need not look.
    pub fn learn(&self, seen: Option<Seen>) {
        let Some(Seen { route, highest, swept }) = seen else { return };
        self.bell.marks.raise(&route, highest);
        if let Some((found, took)) = swept {
            self.bell.marks.swept(&route, &self.claim.lanes, &found, took);
        }
    }

    /// Whether the claim left nothing in a place: it got less than it wanted, and looked there.
    pub fn has_emptied(&self, place: &Place, claimed: &[Claimed]) -> bool {
        claimed.len() < self.claim.limit.min(BATCH_MAX) && self.looks_at(place)
    }

    fn looks_at(&self, (lane, workspace): &Place) -> bool {
        self.claim.lanes.contains(lane) && self.claim.scope.admits(WorkspaceId::from_uuid(*workspace))
    }

    /// Begins everywhere at the lowest key, in every workspace that has something.
    async fn look_for_workspaces(&self, db: &Conn, route: &mut Route) -> Work<Vec<Place>> {
        let mut found: Vec<Place> = Vec::new();
        for row in db.rows(Sql::QueueWorkspaces, &[&self.claim.lanes]).await? {
            let mut c = Columns::of(&row, "ready");
            found.push((c.next("lane")?, c.next("workspace_id")?));
        }
        let here = |workspace: &Uuid| found.iter().any(|(_, w)| w == workspace);
        route.stops.retain(|(workspace, _)| here(workspace));
        for (_, workspace) in &found {
            let in_scope = self.claim.scope.admits(WorkspaceId::from_uuid(*workspace));
            if in_scope && !route.stops.iter().any(|(stop, _)| stop == workspace) {
                route.stops.push((*workspace, Vec::new()));
            }
        }
        for (_, lanes) in &mut route.stops {
            *lanes = self.claim.lanes.iter().map(|lane| (lane.clone(), LOWEST)).collect();
        }
        Ok(found)
    }

    /// Visits workspaces in turn, each for its share of what is still wanted, until nothing is wanted or nothing is left.
    async fn visit(&self, db: &Conn, route: &Route) -> Work<(Vec<Claimed>, BTreeMap<Place, Key>)> {
        let mut wanted = self.claim.limit.min(BATCH_MAX);
        let mut taken = Vec::new();
        let mut highest: BTreeMap<Place, Key> = BTreeMap::new();
        let mut waiting: VecDeque<&(Uuid, Vec<(String, Key)>)> = route.stops.iter().collect();
        for _ in 0..VISITS_MAX {
            if wanted == 0 || waiting.is_empty() {
                break;
            }
            // Not more than can get something: whatever is looked at is locked for others.
            let visited: Vec<_> = waiting.drain(..wanted.min(waiting.len())).collect();
            let share = wanted.div_ceil(visited.len());
            let rows = self.take_share(db, &visited, &highest, (share, wanted)).await?;
            let mut counts: BTreeMap<Uuid, usize> = BTreeMap::new();
            for row in &rows {
                let (place, key, task) = self.claimed(row)?;
                *counts.entry(place.1).or_default() += 1;
                let mark = highest.entry(place).or_insert(key);
                *mark = key.max(*mark);
                taken.push(task);
            }
            wanted -= rows.len();
            let has_more = |(workspace, _): &&(Uuid, _)| counts.get(workspace).is_some_and(|count| *count >= share);
            waiting.extend(visited.into_iter().filter(has_more));
        }
        Ok((taken, highest))
    }

    async fn take_share(
        &self,
        db: &Conn,
        stops: &[&(Uuid, Vec<(String, Key)>)],
        highest: &BTreeMap<Place, Key>,
        (share, wanted): (usize, usize),
    ) -> Work<Vec<Row>> {
        let claim = &self.claim;
        let (mut lanes, mut workspaces, mut ranks, mut seqs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (workspace, places) in stops {
            for (lane, begin) in places {
                let (rank, seq) = highest.get(&(lane.clone(), *workspace)).copied().unwrap_or(*begin);
                lanes.push(lane.as_str());
                workspaces.push(*workspace);
                ranks.push(rank);
                seqs.push(seq);
            }
        }
        let size = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        db.rows(
            Sql::QueueClaim,
            &[
                &lanes,
                &workspaces,
                &ranks,
                &seqs,
                &size(share),
                &size(wanted),
                &claim.worker.uuid(),
                &claim.lease.0,
                &claim.now.micros(),
            ],
        )
        .await
    }

    fn claimed(&self, row: &Row) -> StoreResult<(Place, Key, Claimed)> {
        let mut c = Columns::of(row, "ready");
        let lane: String = c.next("lane")?;
        let workspace: WorkspaceId = c.next("workspace_id")?;
        let key = (c.next("rank")?, c.next("seq")?);
        let task = Claimed {
            workspace,
            task: TaskRef { run: c.next("run_id")?, n: c.next("n")? },
            g: c.next("g")?,
            task_index: c.next("task_index")?,
            attempt: c.next("attempt")?,
            dispatched_at: self.claim.now,
        };
        Ok(((lane, workspace.uuid()), key, task))
    }
}

fn claimed_before(row: &Row) -> StoreResult<Claimed> {
    let mut c = Columns::of(row, "leases");
    Ok(Claimed {
        workspace: c.next("workspace_id")?,
        task: TaskRef { run: c.next("run_id")?, n: c.next("n")? },
        g: c.next("g")?,
        task_index: c.next("task_index")?,
        attempt: c.next("attempt")?,
        dispatched_at: c.next::<Timestamp>("dispatched_at")?,
    })
}
