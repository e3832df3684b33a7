//! Where claims begin to look.
//!
//! Entries of claimed tasks stay in the index until the next vacuum, and for as long as any transaction is open. A claim
//! that begins at the head walks over all of them; one that begins at the lowest key that may still be there does not. A
//! mark is only a hint: it is lowered when something is queued below it, here or (by NOTIFY) elsewhere, and a sweep that
//! ignores marks finds whatever was missed, such as rows of a claim that was rolled back. Sweeps take at most one
//! hundredth of the time, so their cost does not grow with the dead entries.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ork_core::store::Scope;
use tokio::time::Instant;
use uuid::Uuid;

/// A lane in a workspace.
pub type Place = (String, Uuid);
/// A place in the queue: rank and number.
pub type Key = (i64, i64);

/// Before everything.
pub const LOWEST: Key = (i64::MIN, i64::MIN);

/// Time between sweeps, as a multiple of what the last one took.
const SWEEP_SHARE: u32 = 100;
const SWEEP_EVERY_MIN: Duration = Duration::from_millis(20);

/// Places that are remembered: each run that is carried by its own process has a lane of its own.
const PLACES_MAX: usize = 10_000;

/// The lowest keys that may still be there.
#[derive(Default)]
pub struct Marks(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    marks: BTreeMap<Place, Key>,
    /// Lanes whose workspaces were looked for.
    known: BTreeSet<String>,
    next_sweep: Option<Instant>,
    /// Counts what was lowered: a claim that began before does not raise a mark over it.
    lowered: u64,
    /// Which workspace is first in the next claim.
    turn: usize,
}

/// Where a claim looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Workspaces in turn, each with its lanes and where to begin.
    pub stops: Vec<(Uuid, Vec<(String, Key)>)>,
    /// It must look for workspaces and begin everywhere at the lowest key.
    pub sweep: bool,
    lowered: u64,
}

impl Route {
    /// Begins no later than at this key of a place: the transaction at hand has queued it, and no mark knows of it yet.
    pub fn include(&mut self, lanes: &[String], (lane, workspace): &Place, key: Key) {
        let known = self.stops.iter().position(|(stop, _)| stop == workspace);
        let at = known.unwrap_or_else(|| {
            self.stops.push((*workspace, lanes.iter().map(|lane| (lane.clone(), LOWEST)).collect()));
            self.stops.len() - 1
        });
        for (_, begin) in self.stops[at].1.iter_mut().filter(|(own, _)| own == lane) {
            *begin = key.min(*begin);
        }
    }
}

impl Marks {
    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a claim from these lanes looks.
    pub fn route(&self, scope: Scope, lanes: &[String], now: Instant) -> Route {
        let mut inner = self.inner();
        let sweep = inner.next_sweep.is_none_or(|at| at <= now) || lanes.iter().any(|lane| !inner.known.contains(lane));
        let workspaces: Vec<Uuid> = match scope {
            Scope::One(workspace) => vec![workspace.uuid()],
            Scope::All => {
                let here: BTreeSet<Uuid> = inner
                    .marks
                    .keys()
                    .filter(|(lane, _)| lanes.contains(lane))
                    .map(|(_, workspace)| *workspace)
                    .collect();
                here.into_iter().collect()
            }
        };
        let start = if workspaces.is_empty() { 0 } else { inner.turn % workspaces.len() };
        inner.turn = inner.turn.wrapping_add(1);
        let stops = workspaces[start..]
            .iter()
            .chain(&workspaces[..start])
            .map(|workspace| {
                let lanes = lanes.iter().map(|lane| {
                    let key = inner.marks.get(&(lane.clone(), *workspace)).copied().unwrap_or(LOWEST);
                    (lane.clone(), key)
                });
                (*workspace, lanes.collect())
            })
            .collect();
        Route { stops, sweep, lowered: inner.lowered }
    }

    /// A sweep began: nobody else need do the same meanwhile.
    pub fn sweeping(&self, now: Instant) {
        self.inner().next_sweep = Some(now + Duration::from_secs(1));
    }

    /// A sweep of these lanes found tasks in `places`, and took `took`. Places without any are dropped: the next task that is
    /// queued there brings them back.
    pub fn swept(&self, route: &Route, lanes: &[String], places: &[Place], took: Duration) {
        let mut inner = self.inner();
        inner.known.extend(lanes.iter().cloned());
        if inner.lowered == route.lowered {
            inner.marks.retain(|place, _| !lanes.contains(&place.0) || places.contains(place));
        }
        for place in places {
            inner.marks.entry(place.clone()).or_insert(LOWEST);
        }
        let now = Instant::now();
        inner.next_sweep = Some(now + (took * SWEEP_SHARE).max(SWEEP_EVERY_MIN));
    }

    /// Takes note that everything up to these keys was claimed, unless something was queued below meanwhile.
    pub fn raise(&self, route: &Route, claimed: BTreeMap<Place, Key>) {
        let mut inner = self.inner();
        if inner.lowered != route.lowered {
            return;
        }
        for (place, (rank, seq)) in claimed {
            inner.marks.insert(place, (rank, seq.saturating_add(1)));
        }
    }

    /// Takes note that something was queued at this key.
    pub fn lower(&self, place: &Place, key: Key) {
        let mut inner = self.inner();
        inner.lowered += 1;
        if inner.marks.len() >= PLACES_MAX {
            inner.known.clear();
            inner.marks.clear();
        }
        match inner.marks.get_mut(place) {
            Some(mark) => *mark = key.min(*mark),
            None => {
                inner.marks.insert(place.clone(), key);
            }
        }
    }

    /// Begins anew.
    pub fn forget(&self) {
        let mut inner = self.inner();
        inner.lowered += 1;
        inner.next_sweep = None;
        inner.known.clear();
        inner.marks.clear();
    }
}
