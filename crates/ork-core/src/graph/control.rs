//! What people ask of a run: cancel, pause, resume; and its deadline, its slot, its result.

use super::cascade::reason_payload;
use super::settle::{one, unattempted};
use super::{Phase, RunGraph, Sweep, TaskWrite};
use crate::attempt::Failure;
use crate::event::{EventType, TaskSet};
use crate::state::{Reason, RunStatus, TaskStatus};
use crate::store::NewEvent;

impl RunGraph {
    /// Starts to cancel the run, for [`Reason::Cancel`] or [`Reason::Deadline`]. What holds no lease is cancelled by the
    /// sweep that is now due; what holds one, when its worker or the reaper settles it. False when there is nothing to do.
    pub fn cancel(&mut self, reason: Reason) -> bool {
        if self.head.status.is_terminal() || self.head.cancelling.is_some() {
            return false;
        }
        self.head.cancelling = Some(reason);
        self.event(EventType::RunCancelRequested, TaskSet::default(), reason_payload(reason));
        self.sweep = Some(Sweep { spare_run_if: false, reason });
        true
    }

    /// Pauses the run; the caller empties its part of the queues. False when it is paused or over.
    pub fn pause(&mut self) -> bool {
        if self.head.status.is_terminal() || self.head.paused {
            return false;
        }
        self.head.paused = true;
        self.event(EventType::Run(RunStatus::Paused), TaskSet::default(), None);
        true
    }

    /// Lets a paused run go on. False when it is not paused.
    pub fn resume(&mut self) -> bool {
        if self.head.status.is_terminal() || !self.head.paused {
            return false;
        }
        self.head.paused = false;
        // What a run that is being cancelled has left to be queued was never taken out.
        self.changes.resumed = self.head.cancelling.is_none();
        self.event(EventType::RunResumed, TaskSet::default(), None);
        true
    }

    /// Writes down that somebody has seen how the run ended.
    pub fn acknowledge(&mut self) {
        self.event(EventType::RunAcknowledged, TaskSet::default(), None);
    }

    /// Writes down what a bot has to say, one row for each event.
    pub fn tell(&mut self, events: &[NewEvent]) {
        for new in events {
            self.draft(EventType::Bot(new.event_type), new.tasks(), new.payload.clone());
        }
    }

    /// Writes down that somebody asked for a task's next attempt at once.
    pub fn note_retry(&mut self, n: u32) {
        self.event(EventType::TaskRetryRequested, one(n), None);
    }

    /// Gives a held run its slot. False when it is not held any more.
    pub fn admit(&mut self) -> bool {
        if !self.head.held || self.head.status.is_terminal() || self.head.cancelling.is_some() {
            return false;
        }
        self.head.held = false;
        self.begin();
        true
    }

    /// Ends a run whose tasks are all over with its result, or with the failure to evaluate it. False when the run is
    /// over, or not yet so far.
    pub fn conclude(&mut self, failure: Option<&Failure>) -> bool {
        if self.head.status.is_terminal() || self.head.tasks_left > 0 {
            return false;
        }
        match failure {
            None => self.end(RunStatus::Success, None),
            Some(failure) => {
                self.changes.error = Some(("result".into(), failure.clone()));
                self.end(RunStatus::Failed, Some(Reason::Template));
            }
        }
        true
    }

    /// Asks for the end of one live task. `leased` tasks end when their worker settles them; what has an attempt that is not over
    /// (see [`RunGraph::wind_up`]) when that is put away; others at once, and with them whatever needs them: load the whole run.
    /// An evaluation of its group is void once the group is over.
    pub fn cancel_task(&mut self, g: u32, n: u32, holds_work: bool) {
        self.event(EventType::TaskCancelRequested, one(n), None);
        if !holds_work && self.groups.get(&g).is_some_and(|group| group.phase != Phase::Over) {
            let write = TaskWrite { reason: Some(Reason::Cancel), ..unattempted(n) };
            self.end_task(g, write, TaskStatus::Cancelled, reason_payload(Reason::Cancel));
        }
    }
}
