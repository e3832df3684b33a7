//! What all parts of a world share.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ork_core::blobs::BlobKey;
use ork_core::event::EventRow;
use ork_core::id::{RunId, TaskRef};
use ork_core::plan::{Node, Plan};
use ork_sqlite::SqliteStore;
use tokio::sync::{Notify, mpsc};

use crate::clock::WorldClock;
use crate::dice::Dice;
use crate::scenario::Scenario;
use crate::trace::Trace;
use crate::weather::Weather;
use crate::witness::Witness;

/// A run, as the world knows it.
#[derive(Debug, Clone)]
pub struct Known {
    /// Its number.
    pub number: u64,
    /// Its plan.
    pub plan: Arc<Plan>,
}

/// One simulated world.
pub struct World {
    /// What it is to be.
    pub scenario: Scenario,
    /// The database, without any faults but that of a commit.
    pub store: Arc<SqliteStore>,
    /// The next commit fails.
    pub fails_commit: Arc<AtomicBool>,
    /// The true time.
    pub clock: WorldClock,
    /// What goes wrong.
    pub weather: Mutex<Weather>,
    /// What was seen.
    pub witness: Mutex<Witness>,
    /// The runs.
    pub runs: Mutex<BTreeMap<RunId, Known>>,
    trace: Mutex<Trace>,
    /// What readers of events have read.
    pub read: Mutex<BTreeMap<RunId, Vec<EventRow>>>,
    /// Bytes of artifacts that are there, by their keys.
    pub shelf: Mutex<BTreeSet<BlobKey>>,
    /// Where work that takes its node down says so: the node and its life.
    pub crashes: mpsc::UnboundedSender<(usize, u32)>,
    /// One for each node: something was written.
    pub bells: Vec<Notify>,
}

/// The stream of the dice of single requests.
const REQUESTS: u64 = 5;

impl World {
    /// An empty world. Its time begins now.
    ///
    /// # Panics
    /// When SQLite cannot be set up.
    #[must_use]
    pub fn new(scenario: Scenario, keep_trace: bool, crashes: mpsc::UnboundedSender<(usize, u32)>) -> Self {
        let dice = Dice::new(scenario.seed, &[REQUESTS]);
        let nodes = scenario.nodes.len();
        let fails_commit = Arc::new(AtomicBool::new(false));
        let fails = Arc::clone(&fails_commit);
        let store = SqliteStore::in_memory_whose_commits_fail(move || fails.swap(false, Ordering::Relaxed));
        Self {
            store: Arc::new(store.expect("SQLite in memory needs nothing but memory")),
            fails_commit,
            clock: WorldClock::begin(),
            weather: Mutex::new(Weather::new(dice, scenario.rates, nodes)),
            witness: Mutex::new(Witness::default()),
            runs: Mutex::new(BTreeMap::new()),
            trace: Mutex::new(Trace::new(keep_trace)),
            read: Mutex::new(BTreeMap::new()),
            shelf: Mutex::new(BTreeSet::new()),
            crashes,
            bells: (0..nodes).map(|_| Notify::new()).collect(),
            scenario,
        }
    }

    /// Adds a line to the trace.
    pub fn note(&self, line: fmt::Arguments<'_>) {
        lock(&self.trace).note(self.clock.ms(), line);
    }

    /// Something is wrong.
    pub fn problem(&self, problem: String) {
        self.note(format_args!("PROBLEM {problem}"));
        lock(&self.witness).problems.push(problem);
    }

    /// The trace's hash and lines.
    pub fn take_trace(&self) -> (u64, Vec<String>) {
        let mut trace = lock(&self.trace);
        (trace.hash(), trace.take_lines())
    }

    /// What the world knows of a run.
    #[must_use]
    pub fn known(&self, run: RunId) -> Option<Known> {
        lock(&self.runs).get(&run).cloned()
    }

    /// The node of a task that was claimed.
    #[must_use]
    pub fn node(&self, task: TaskRef) -> Option<Node> {
        let g = lock(&self.witness).groups.get(&task).copied()?;
        self.known(task.run)?.plan.nodes.get(g as usize).cloned()
    }

    /// Whether a task that was claimed has steps.
    #[must_use]
    pub fn has_steps(&self, task: TaskRef) -> bool {
        self.node(task).is_some_and(|node| !node.action.steps.is_empty())
    }

    /// A short name of a task: `r2/5` is task 5 of run 2.
    #[must_use]
    pub fn name(&self, task: TaskRef) -> String {
        let number = self.known(task.run).map_or_else(|| "?".into(), |known| known.number.to_string());
        format!("r{number}/{}", task.n)
    }

    /// Wakes every node: as another process would see that the database has changed.
    pub fn ring(&self) {
        for bell in &self.bells {
            bell.notify_one();
        }
    }
}

/// Locks what no code leaves half done.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
