//! What this engine asks the queue for: one claim at a time, alone or together with a settle.
//!
//! An engine claims as many tasks as it has free slots. Tasks that are shorter than a round trip to the database would
//! leave the slots empty for its length, so a claim that goes along with a settle asks for what will end meanwhile: see
//! [`Pace`]. What was claimed ahead and does not get its slot soon is handed back.

use std::sync::Mutex;

use ork_core::limits;
use ork_core::store::Claim;

use crate::pace::Pace;
use crate::parts::{Parts, lock};

/// Outcomes that may wait for the settler before nothing more is claimed.
const UNSETTLED_MAX: usize = 8 * limits::BATCH_MAX;

/// The claims of one engine.
#[derive(Default)]
pub struct Claims(Mutex<State>);

#[derive(Default)]
struct State {
    /// There may be something to claim.
    is_hungry: bool,
    /// A claim is on its way.
    is_out: bool,
    /// A claim whose answer did not come. It may have taken effect: it is asked again, with its own token, until it is
    /// answered.
    open: Option<Claim>,
    pace: Pace,
}

impl Claims {
    /// There may be something to claim.
    pub fn hunger(&self) {
        lock(&self.0).is_hungry = true;
    }

    /// The next claim, if there may be something to claim, a place for it, and no claim on its way; nor a settle, which
    /// takes one along. It must be given back to [`Claims::answered`] or [`Claims::failed`].
    pub fn next(&self, parts: &Parts) -> Option<Claim> {
        let is_settling = parts.outbox.len() > 0;
        self.begin(parts, |state| (state.is_hungry && !is_settling).then_some(0))
    }

    /// The same, for a round that settles `ended` outcomes. What it releases may be claimed at once, which is reason
    /// enough.
    pub fn next_beside(&self, parts: &Parts, ended: usize) -> Option<Claim> {
        lock(&self.0).pace.begin(ended);
        self.begin(parts, |state| Some(state.pace.ahead()))
    }

    /// A round with a settle was answered.
    pub fn round(&self) {
        lock(&self.0).pace.end();
    }

    /// `ahead` says whether a claim is worth it, and how many tasks it may claim ahead of free slots.
    fn begin(&self, parts: &Parts, ahead: impl Fn(&State) -> Option<usize>) -> Option<Claim> {
        let worker = parts.identity.now();
        let mut state = lock(&self.0);
        if state.is_out {
            return None;
        }
        // What a worker that was declared dead may have claimed is the reaper's.
        let again = state.open.take().filter(|claim| claim.worker == worker);
        let claim = again.or_else(|| {
            let limit = ahead(&state).map_or(0, |ahead| wanted(parts, ahead));
            (limit > 0).then(|| Claim {
                scope: parts.config.scope,
                worker,
                lease: parts.new_lease(),
                again: false,
                lanes: parts.config.lanes.clone(),
                limit,
                now: parts.clock.now(),
            })
        })?;
        state.is_out = true;
        // Whatever comes into the queue from now on, this claim may not see.
        state.is_hungry = claim.again;
        Some(Claim { now: parts.clock.now(), ..claim })
    }

    /// A claim gave so many tasks, and they are on the desk.
    pub fn answered(&self, claim: &Claim, count: usize) {
        let mut state = lock(&self.0);
        state.is_out = false;
        state.is_hungry |= count >= claim.limit;
    }

    /// A claim got no answer.
    pub fn failed(&self, claim: Claim) {
        let mut state = lock(&self.0);
        state.is_out = false;
        state.open = Some(Claim { again: true, ..claim });
    }
}

/// How many tasks there is room for.
fn wanted(parts: &Parts, ahead: usize) -> usize {
    let config = &parts.config;
    let can_work = config.capacity > 0 && !config.lanes.is_empty() && parts.is_working();
    if !can_work || parts.outbox.len() > UNSETTLED_MAX {
        return 0;
    }
    let ahead = ahead.min(config.prefetch);
    let count = parts.desk.count();
    let places = config.capacity + ahead;
    let room = places.saturating_sub(count.waiting + count.live);
    // Small claims while plenty is waiting would cost as much as large ones later.
    let is_worth_it = count.waiting == 0 || room >= places / 4;
    if is_worth_it { room.min(config.claim_batch_max).min(limits::BATCH_MAX) } else { 0 }
}
