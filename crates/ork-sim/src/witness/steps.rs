//! What was seen of steps: calls of models, folders that were kept, decisions.

use std::collections::BTreeMap;

use ork_core::id::{GateId, TaskRef};
use ork_core::step::{Cost, StepKey};
use ork_core::store::GateStatus;

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
    /// How gates were decided.
    pub decided: BTreeMap<GateId, GateStatus>,
    /// The checksum of the folder that was kept last, by attempt.
    kept: BTreeMap<(TaskRef, u32), String>,
    /// What was in folders that were saved, by checksum.
    contents: BTreeMap<String, Files>,
}

impl StepsSeen {
    /// A folder is saved.
    pub fn save(&mut self, checksum: &str, files: &Files) {
        self.contents.insert(checksum.to_owned(), files.clone());
    }

    /// The store has accepted a saved folder.
    pub fn keep(&mut self, attempt: (TaskRef, u32), checksum: &str) {
        self.kept.insert(attempt, checksum.to_owned());
    }

    /// Whether a folder of this attempt was kept.
    #[must_use]
    pub fn is_kept(&self, attempt: (TaskRef, u32)) -> bool {
        self.kept.contains_key(&attempt)
    }

    /// Whether these are the files that the newest attempt of the task with a kept folder had when it was kept.
    #[must_use]
    pub fn is_as_kept(&self, task: TaskRef, files: &Files) -> bool {
        let kept = self.kept.range((task, 0)..=(task, u32::MAX)).next_back();
        kept.and_then(|(_, checksum)| self.contents.get(checksum)) == Some(files)
    }
}
