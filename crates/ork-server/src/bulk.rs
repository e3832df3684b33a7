//! Actions on many runs, carried out piece by piece by whichever process has the duty.
//!
//! A piece is a page of runs that the filter finds. Each of them is asked as a single request would ask it, and then the
//! position moves, if it is still where the piece began. Asking twice changes nothing that was changed by asking once: a
//! process that dies in the middle of a piece, or one that is slow and loses the duty, leaves a piece that is done again.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ork_core::clock::{Clock, Entropy, Timestamp};
use ork_core::error::{StoreError, StoreResult};
use ork_core::graph::NewRun;
use ork_core::id::{RunId, WorkerId};
use ork_core::limits::PAGE_MAX;
use ork_core::state::{Reason, RunStatus};
use ork_core::store::{BulkAction, BulkRow, BulkStep, RunFilter, RunRow, Scope, Store};
use ork_filter::Filter;
use serde_json::Map;
use tokio::time::sleep;

use crate::look::Look;
use crate::retry::{self, Unfit, Wish};
use crate::view::moment;

/// Runs of one piece.
const PIECE: u32 = 100;
/// Actions that are looked at in one round.
const ROUND: u32 = 20;
/// How long the duty is held without being renewed.
const HOLD_MS: u64 = 10_000;
const DUTY: &str = "bulk";
/// Between two rounds that found nothing.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Runs that a preview counts.
pub const COUNT_MAX: u32 = 1_000;
/// Runs that a preview shows.
pub const SHOWN_MAX: usize = 20;

/// The runs that an action can change, of those that a filter finds; `None` when there can be none.
#[must_use]
pub fn narrowed(action: BulkAction, filter: &Filter, created_at: Timestamp) -> Option<RunFilter> {
    use RunStatus::{Cancelled, Failed, Paused, Pending, Running, Success};
    let fit: &[RunStatus] = match action {
        BulkAction::Cancel => &[Pending, Running, Paused],
        BulkAction::Pause => &[Pending, Running],
        BulkAction::Resume => &[Paused],
        BulkAction::Retry => &[Failed, Cancelled],
        BulkAction::Acknowledge => &[Success, Failed, Cancelled],
    };
    let mut wanted = filter.runs(created_at);
    let asked = std::mem::take(&mut wanted.statuses);
    wanted.statuses = fit.iter().copied().filter(|status| asked.is_empty() || asked.contains(status)).collect();
    wanted.is_unacknowledged |= action == BulkAction::Acknowledge;
    (!wanted.statuses.is_empty()).then_some(wanted)
}

/// The first runs that an action would change, and whether there may be more: at most [`COUNT_MAX`].
///
/// # Errors
/// When the store cannot be read.
pub async fn preview(look: Look<'_>, wanted: Option<RunFilter>) -> StoreResult<(Vec<RunRow>, bool)> {
    let mut found: Vec<RunRow> = Vec::new();
    let Some(mut wanted) = wanted else { return Ok((found, false)) };
    wanted.limit = PAGE_MAX;
    while found.len() < COUNT_MAX as usize {
        let page = look.store.runs(look.scope, &wanted).await?;
        let is_last = page.len() < PAGE_MAX as usize;
        found.extend(page);
        wanted.before = found.last().map(|row| row.id);
        if is_last {
            return Ok((found, false));
        }
    }
    Ok((found, true))
}

/// An action as it is shown.
#[must_use]
pub fn shape(row: &BulkRow) -> ork_api::Bulk {
    ork_api::Bulk {
        id: row.id.to_string(),
        external_id: row.external_id.clone(),
        action: row.action.word().to_owned(),
        q: row.filter.clone(),
        status: row.status.word().to_owned(),
        seen: row.seen,
        changed: row.changed,
        created_by: row.actor.id.clone(),
        created_at: moment(row.created_at),
        finished_at: row.finished_at.map(moment),
    }
}

/// Who carries out actions on many runs.
pub struct Bulks {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    entropy: Mutex<Box<dyn Entropy + Send>>,
    holder: WorkerId,
}

impl fmt::Debug for Bulks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bulks").field("holder", &self.holder).finish_non_exhaustive()
    }
}

impl Bulks {
    /// One more process that can have the duty.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, mut entropy: Box<dyn Entropy + Send>) -> Self {
        let holder = WorkerId::new(clock.now(), entropy.as_mut());
        Self { store, clock, entropy: Mutex::new(entropy), holder }
    }

    /// Carries out what there is, for ever. It may be dropped at any moment. `tell` hears of troubles.
    pub async fn run(self, tell: impl Fn(&StoreError)) {
        loop {
            match self.round().await {
                Ok(true) => {}
                Ok(false) => sleep(LOOK_EVERY).await,
                Err(error) => {
                    // That the database does not answer, the worker says already.
                    if !error.is_transient() {
                        tell(&error);
                    }
                    sleep(LOOK_EVERY).await;
                }
            }
        }
    }

    /// One piece of each action that goes on. False when there was nothing to do, or another process has the duty.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn round(&self) -> StoreResult<bool> {
        let going_on = self.store.running_bulks(ROUND).await?;
        let (mut did, mut wrong) = (false, None);
        for bulk in going_on {
            let now = self.clock.now();
            if !self.store.hold_duty(DUTY, self.holder, now, now.plus_ms(HOLD_MS)).await? {
                return Ok(false);
            }
            match self.piece(&bulk).await {
                Ok(noted) => did |= noted,
                Err(error) if error.is_transient() => return Err(error),
                // The others go on.
                Err(error) => wrong = Some(error),
            }
        }
        wrong.map_or(Ok(did), Err)
    }

    /// Carries out the next piece of an action, and notes it. False when somebody else has noted it.
    async fn piece(&self, bulk: &BulkRow) -> StoreResult<bool> {
        let scope = Scope::One(bulk.workspace);
        // It was read once before it was stored; what a later version cannot read any more finds nothing.
        let filter: Option<Filter> = bulk.filter.parse().ok();
        let wanted = filter.and_then(|filter| narrowed(bulk.action, &filter, bulk.created_at));
        let rows = match wanted {
            Some(wanted) => {
                let wanted = RunFilter { before: Some(bulk.before), limit: PIECE, ..wanted };
                self.store.runs(scope, &wanted).await?
            }
            None => Vec::new(),
        };
        let mut step = BulkStep {
            from: bulk.before,
            to: rows.last().map_or(bulk.before, |row| row.id),
            seen: 0,
            changed: 0,
            is_last: rows.len() < PIECE as usize,
        };
        for row in &rows {
            step.seen += 1;
            step.changed += u32::from(self.ask(bulk, row).await?);
        }
        self.store.advance_bulk(bulk.id, step, self.clock.now()).await
    }

    /// Asks one run. What cannot be done to it is not done, and holds nobody up.
    async fn ask(&self, bulk: &BulkRow, row: &RunRow) -> StoreResult<bool> {
        let (scope, now, actor) = (Scope::One(bulk.workspace), self.clock.now(), &bulk.actor);
        let asked = match bulk.action {
            BulkAction::Cancel => self.store.cancel_run(scope, row.id, Reason::Cancel, actor, now).await,
            BulkAction::Pause => self.store.pause_run(scope, row.id, actor, now).await,
            BulkAction::Resume => self.store.resume_run(scope, row.id, actor, now).await,
            BulkAction::Acknowledge => self.store.acknowledge_run(scope, row.id, actor, now).await,
            BulkAction::Retry => self.retry(bulk, row).await,
        };
        match asked {
            // One that is over meanwhile, or whose rows cannot be read, holds none of the others up.
            Err(error) if !error.is_transient() => Ok(false),
            asked => asked,
        }
    }

    /// The new run is named by the action and the run, so that there is one however often the piece is done.
    async fn retry(&self, bulk: &BulkRow, row: &RunRow) -> StoreResult<bool> {
        if row.in_process {
            return Ok(false);
        }
        let now = self.clock.now();
        let look = Look {
            store: self.store.as_ref(),
            scope: Scope::One(bulk.workspace),
            now,
            only_owner: None,
            lives: &|_, _| true,
            flags: "",
        };
        let external_id = format!("{}/{}", bulk.id, row.id);
        if look.store.run_by_external_id(bulk.workspace, &external_id).await?.is_some() {
            return Ok(false);
        }
        let input = Map::new();
        let again = match retry::again(look, row, Wish { all: false, from: None, input: &input }).await {
            Ok(again) => again,
            Err(Unfit::Store(error)) => return Err(error),
            Err(_) => return Ok(false),
        };
        let new = again.new_run(row, self.new_run_id(now), (&bulk.actor, now));
        self.store.submit(&NewRun { external_id: Some(external_id), ..new }).await.map(|_| true)
    }

    fn new_run_id(&self, now: Timestamp) -> RunId {
        let mut entropy = self.entropy.lock().unwrap_or_else(PoisonError::into_inner);
        RunId::new(now, entropy.as_mut())
    }
}
