//! Names of runs' tasks, read once for all streams.

use std::collections::BTreeMap;
use std::sync::Arc;

use ork_core::id::RunId;

use crate::names::Names;

/// Names that are kept, of all runs together; the names of one run are kept however many they are.
const NAMES_MAX: usize = 100_000;

/// The names of the runs that were asked for last.
#[derive(Debug, Default)]
pub struct Known {
    runs: BTreeMap<RunId, (Arc<Names>, u64)>,
    names: usize,
    /// Counts what is asked.
    asked: u64,
}

impl Known {
    /// The names of a run, as they were read.
    pub fn get(&mut self, run: RunId) -> Option<Arc<Names>> {
        self.asked += 1;
        let (names, used) = self.runs.get_mut(&run)?;
        *used = self.asked;
        Some(Arc::clone(names))
    }

    /// Keeps them, and forgets those that were asked for longest ago.
    pub fn put(&mut self, run: RunId, names: Arc<Names>) {
        self.asked += 1;
        self.names += names.groups().len();
        let before = self.runs.insert(run, (names, self.asked));
        self.names -= before.map_or(0, |(names, _)| names.groups().len());
        while self.names > NAMES_MAX && self.runs.len() > 1 {
            let oldest = self.runs.iter().min_by_key(|(_, (_, used))| *used).map(|(run, _)| *run);
            let gone = oldest.and_then(|run| self.runs.remove(&run));
            self.names -= gone.map_or(0, |(names, _)| names.groups().len());
        }
    }
}
