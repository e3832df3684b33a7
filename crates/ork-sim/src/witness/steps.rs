//! What was seen of steps: calls of models, folders that were kept, decisions.

use std::collections::BTreeMap;

use ork_core::event::Actor;
use ork_core::graph::LeaseId;
use ork_core::id::{GateId, TaskRef};
use ork_core::step::{Cost, StepKey};
use ork_core::store::{GateRow, GateStatus};

/// The files of a folder.
pub type Files = BTreeMap<String, String>;

/// How a call of a model ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallEnd {
    /// The caller knows what it used.
    Told,
    /// The provider did nothing.
    Refused,
    /// The caller does not know what it used.
    Unknown,
}

/// A call of a model, as the provider has it in its books.
#[derive(Debug, Clone)]
pub struct Call {
    /// What it really used.
    pub used: Cost,
    /// What it could use at the most.
    pub most: Cost,
    /// How it ended; `Unknown` as long as it has not.
    pub end: CallEnd,
}

/// What was seen of steps.
#[derive(Debug, Default)]
pub struct StepsSeen {
    /// Every call of a model.
    pub calls: BTreeMap<(TaskRef, StepKey), Call>,
    /// What commands have said that models used.
    pub told: BTreeMap<(TaskRef, StepKey), Cost>,
    /// How gates were decided, by whom.
    decided: BTreeMap<GateId, (GateStatus, Option<Actor>)>,
    /// The lease and the checksum of the folder that was kept last, by attempt.
    kept: BTreeMap<(TaskRef, u32), (LeaseId, String)>,
    /// What was in folders that were saved, by checksum.
    contents: BTreeMap<String, Files>,
}

impl StepsSeen {
    /// A folder is saved.
    pub fn save(&mut self, checksum: &str, files: &Files) {
        self.contents.insert(checksum.to_owned(), files.clone());
    }

    /// The store has accepted a saved folder.
    pub fn keep(&mut self, (task, attempt, lease): (TaskRef, u32, LeaseId), checksum: &str) {
        self.kept.insert((task, attempt), (lease, checksum.to_owned()));
    }

    /// Whether another lease has left a folder for this one.
    #[must_use]
    pub fn is_left_to(&self, (task, attempt, lease): (TaskRef, u32, LeaseId)) -> bool {
        self.kept.get(&(task, attempt)).is_some_and(|(by, _)| *by != lease)
    }

    /// Whether these are the files that the newest attempt of the task with a kept folder had when it was kept.
    #[must_use]
    pub fn is_as_kept(&self, task: TaskRef, files: &Files) -> bool {
        let kept = self.kept.range((task, 0)..=(task, u32::MAX)).next_back();
        kept.and_then(|(_, (_, checksum))| self.contents.get(checksum)) == Some(files)
    }

    /// A gate is decided; what was decided before, if that was something else. Whoever asks again is told the same again.
    pub fn decide(&mut self, gate: &GateRow) -> Option<GateStatus> {
        let decision = (gate.status, gate.decided_by.clone());
        let before = self.decided.insert(gate.id, decision.clone())?;
        (before != decision).then_some(before.0)
    }

    /// How a gate was decided.
    #[must_use]
    pub fn decision(&self, gate: GateId) -> Option<GateStatus> {
        self.decided.get(&gate).map(|(status, _)| *status)
    }
}
