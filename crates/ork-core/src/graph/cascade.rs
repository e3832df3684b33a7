//! The end of a group, and everything below it.

use super::{Group, Phase, RunGraph};
use crate::attempt::Failure;
use crate::event::{EventType, TaskSet};
use crate::plan::RunIf;
use crate::planted::{self, Bug};
use crate::state::{Reason, RunStatus, TaskStatus};

impl RunGraph {
    /// Groups that have just got a bad task, or are just over: settles what follows for their children, level by level,
    /// without recursion.
    pub(super) fn cascade(&mut self, from: u32) {
        let mut open = vec![from];
        while let Some(g) = open.pop() {
            let Some(group) = self.groups.get(&g) else { continue };
            let (bad, unmet, over) = (group.is_bad(), group.is_unmet(), group.phase == Phase::Over);
            for child in group.spec.children.clone() {
                if over {
                    self.count_parent(child, bad, unmet);
                }
                if self.advance(child, bad) {
                    open.push(child);
                }
            }
        }
    }

    fn count_parent(&mut self, child: u32, bad: bool, unmet: bool) {
        if planted::is(Bug::SettleWithoutCounter) {
            return;
        }
        if let Some(child) = self.touch(child) {
            child.parents_left = child.parents_left.saturating_sub(1);
            child.parents_bad += u32::from(bad);
            child.parents_unmet += u32::from(unmet && !bad);
        }
    }

    /// Decides a waiting group anew; true when it is over now and its own children must be looked at.
    fn advance(&mut self, g: u32, parent_is_bad: bool) -> bool {
        let Some(group) = self.groups.get(&g) else { return false };
        if group.phase != Phase::Waiting || self.unborn {
            return false;
        }
        match (group.spec.run_if, group.parents_left) {
            (None, _) if parent_is_bad || group.parents_bad > 0 => self.skip(g, Reason::Upstream),
            (Some(RunIf::Failed), 0) if group.parents_bad == 0 => self.skip(g, Reason::Condition),
            (None, 0) if group.spec.parents > 0 && group.parents_unmet == group.spec.parents => {
                self.skip(g, Reason::Condition)
            }
            // A held run skips what cannot run any more, but starts nothing.
            (_, 0) if !self.head.held => {
                self.release(g);
                false
            }
            _ => false,
        }
    }

    /// Lets the groups that wait for nothing begin: at birth, or when a held run gets its slot.
    pub(super) fn begin(&mut self) {
        let roots: Vec<u32> =
            self.groups.values().filter(|g| g.phase == Phase::Waiting && g.parents_left == 0).map(|g| g.g).collect();
        for g in roots {
            if self.advance(g, false) {
                self.cascade(g);
            }
        }
    }

    fn release(&mut self, g: u32) {
        let Some(group) = self.touch(g) else { return };
        if group.spec.evaluated {
            group.phase = Phase::Evaluating;
            self.changes.evaluations.push(g);
        } else {
            group.phase = Phase::Released;
            self.changes.released.push(g);
        }
    }

    /// Skips a group that never ran.
    pub(super) fn skip(&mut self, g: u32, reason: Reason) -> bool {
        let Some(group) = self.touch(g) else { return false };
        let (count, tasks) = (group.tasks_left, group.live_before_release());
        end_all(group, reason);
        self.head.tasks_left -= count;
        self.changes.skipped.push((g, reason));
        self.event(EventType::Task(TaskStatus::Skipped), tasks, reason_payload(reason));
        true
    }

    /// Counts a terminal task of a group; true when its children must be looked at.
    pub(super) fn count_end(&mut self, g: u32, status: TaskStatus, reason: Option<Reason>) -> bool {
        let bad = crate::state::is_bad_end(status, reason);
        let failed = matches!(status, TaskStatus::Failed | TaskStatus::Cancelled);
        self.head.tasks_left -= 1;
        self.head.tasks_bad += u32::from(failed);
        let Some(group) = self.touch(g) else { return false };
        group.tasks_left -= 1;
        group.tasks_bad += u32::from(bad);
        group.tasks_unmet += u32::from(status == TaskStatus::Skipped && !bad);
        if group.tasks_left == 0 {
            group.phase = Phase::Over;
        }
        group.phase == Phase::Over || bad
    }

    /// Takes note of a failure: the run's error is the first one, and a run that stops on failure stops.
    pub(super) fn note_failure(&mut self, g: u32, failure: &Failure) {
        if self.changes.error.is_none() {
            let key = self.groups.get(&g).map(|group| group.spec.key.clone()).unwrap_or_default();
            self.changes.error = Some((key, failure.clone()));
        }
        if self.head.on_failure == crate::plan::OnFailure::Stop && !self.head.stopping {
            self.head.stopping = true;
            self.sweep.get_or_insert(super::Sweep { spare_run_if: true, reason: Reason::Stop });
        }
    }

    /// Takes what a sweep cancelled: (group, task) pairs. Then decides what may start because of it.
    pub fn swept(&mut self, cancelled: &[(u32, u32)], reason: Reason) {
        if cancelled.is_empty() {
            return;
        }
        let mut over = std::collections::BTreeSet::new();
        for (g, _) in cancelled {
            if self.count_end(*g, TaskStatus::Cancelled, Some(reason)) {
                over.insert(*g);
            }
        }
        let swept: std::collections::BTreeSet<u32> = cancelled.iter().map(|(_, n)| *n).collect();
        self.changes.requeued.retain(|task| !swept.contains(&task.n));
        let tasks = TaskSet::of(cancelled.iter().map(|(_, n)| *n).collect());
        self.event(EventType::Task(TaskStatus::Cancelled), tasks, reason_payload(reason));
        over.retain(|g| self.groups.get(g).is_some_and(|group| group.phase == Phase::Over));
        for g in over {
            self.cascade(g);
        }
    }

    /// Ends the run if every task is terminal.
    pub(super) fn end_if_over(&mut self) {
        if self.head.tasks_left > 0 || self.head.status.is_terminal() {
            return;
        }
        if self.head.has_result && self.head.tasks_bad == 0 && self.head.cancelling.is_none() {
            self.changes.wants_result = self.had_work;
            return;
        }
        let (status, reason) = match self.head.cancelling {
            Some(Reason::Deadline) => (RunStatus::Failed, Some(Reason::Deadline)),
            Some(_) => (RunStatus::Cancelled, None),
            None if self.head.tasks_bad > 0 => (RunStatus::Failed, None),
            None => (RunStatus::Success, None),
        };
        self.end(status, reason);
    }

    pub(super) fn end(&mut self, status: RunStatus, reason: Option<Reason>) {
        self.head.status = status;
        self.head.paused = false;
        self.head.held = false;
        self.changes.ended = Some(status);
        let actor = std::mem::replace(&mut self.actor, crate::event::Actor::system("engine"));
        self.event(EventType::Run(status), TaskSet::default(), reason.and_then(reason_payload));
        self.actor = actor;
    }
}

fn end_all(group: &mut Group, reason: Reason) {
    if reason == Reason::Condition {
        group.tasks_unmet += group.tasks_left;
    } else {
        group.tasks_bad += group.tasks_left;
    }
    group.tasks_left = 0;
    group.phase = Phase::Over;
}

pub(super) fn reason_payload(reason: Reason) -> Option<crate::json::Json> {
    Some(crate::json::Json::from_stored(format!("{{\"reason\":\"{}\"}}", reason.word())))
}
