//! What became of an attempt's steps: kept here for expressions, and written down under the lease.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use ork_core::attempt::{Failure, FailureKind};
use ork_core::clock::Timestamp;
use ork_core::course::Seen;
use ork_core::error::StoreError;
use ork_core::executor::StopCause;
use ork_core::json::Json;
use ork_core::plan::Node;
use ork_core::step::{Cost, Step, StepKey, StepPhase, StepRow, StepStatus, Tokens};
use ork_core::store::{
    GateKind, GateRow, GateStatus, Shortage, Standing, StepBegin, StepChange, StepEnd, StepWrite, StepsWritten,
};

use crate::backoff::Backoff;
use crate::live::Live;
use crate::parts::lock;

/// The lease is gone, or this process ends while the database is away: nothing more can be written.
#[derive(Debug)]
pub struct Gone;

/// How a step ended.
pub struct Ended {
    pub status: StepStatus,
    pub output: Option<Json>,
    pub error: Option<Failure>,
    pub exit_code: Option<i32>,
    pub model: Option<String>,
    pub tokens: Tokens,
    pub cost: Cost,
}

impl Ended {
    pub const fn of(status: StepStatus) -> Self {
        let (tokens, cost) = (Tokens { input: 0, output: 0, cached: 0 }, Cost { tokens: 0, micros: 0 });
        Self { status, output: None, error: None, exit_code: None, model: None, tokens, cost }
    }

    pub fn failed(failure: Failure) -> Self {
        Self { error: Some(failure), ..Self::of(StepStatus::Failed) }
    }
}

/// What a call asks of budgets before it is made.
pub struct Asked {
    pub model: String,
    pub prompt: Option<String>,
    pub reserve: Cost,
    pub allowance: Option<ork_core::step::Allowance>,
}

/// A step as far as it is known here.
#[derive(Clone)]
pub struct Entry {
    pub name: String,
    pub phase: StepPhase,
    pub status: StepStatus,
    pub output: Option<Json>,
    pub error: Option<Failure>,
}

pub struct Ledger<'a> {
    live: &'a Live,
    entries: Mutex<BTreeMap<StepKey, Entry>>,
    /// What is not written yet, in order.
    unwritten: Mutex<VecDeque<StepChange>>,
    /// Writes go one after the other.
    turn: tokio::sync::Mutex<()>,
    /// Milliseconds that earlier leases have worked.
    spent_ms: u64,
}

/// Whether a step waited for more than its budget, and may go on.
fn has_been_granted(standing: &Standing, row: &StepRow) -> bool {
    let granted = |gate: &GateRow| gate.kind == GateKind::Budget && gate.status == GateStatus::Approved;
    row.status == StepStatus::Waiting && standing.gates.iter().any(|gate| gate.step == row.key && granted(gate))
}

impl<'a> Ledger<'a> {
    pub fn new(live: &'a Live, standing: &Standing) -> Self {
        let entries = standing.steps.iter().map(|row| {
            let status = if is_put_away_again(row) { StepStatus::Pending } else { row.status };
            let (output, error) = (row.output.clone(), row.error.clone());
            (row.key, Entry { name: row.name.clone(), phase: row.phase, status, output, error })
        });
        let waited = |row: &&StepRow| standing.gates.iter().any(|gate| gate.step == row.key);
        Self {
            live,
            entries: Mutex::new(entries.collect()),
            unwritten: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            spent_ms: standing.steps.iter().filter(|row| !waited(row)).filter_map(StepRow::duration_ms).sum(),
        }
    }

    pub const fn spent_ms(&self) -> u64 {
        self.spent_ms
    }

    pub fn is_empty(&self) -> bool {
        lock(&self.entries).is_empty()
    }

    /// Writes down that the attempt has begun: events of its steps come after that.
    pub async fn announce(&self) -> Result<(), Gone> {
        let parts = &self.live.parts;
        let start = self.live.begin_now();
        let mut backoff = Backoff::new();
        loop {
            let now = parts.clock.now();
            match parts.store.start(parts.config.scope, std::slice::from_ref(&start), &parts.actor(), now).await {
                Ok(begun) if begun.is_empty() => return Err(Gone),
                Ok(_) => return Ok(()),
                Err(error @ StoreError::Unavailable(_)) => parts.store_failed("steps", &error),
                Err(error) => {
                    parts.store_failed("steps", &error);
                    return Err(Gone);
                }
            }
            self.wait(&mut backoff).await?;
        }
    }

    /// Waits before the store is asked again, unless this process is to end.
    async fn wait(&self, backoff: &mut Backoff) -> Result<(), Gone> {
        backoff.wait().await;
        if self.live.cause() == Some(StopCause::Drain) { Err(Gone) } else { Ok(()) }
    }

    /// Ends what the lease before left open: what was at work is lost, and what waited is not waited for any more. A call whose
    /// answer nobody has is charged in full.
    pub async fn close_open(&self, standing: &Standing) -> Result<(), Gone> {
        let goes_on = |row: &&StepRow| has_been_granted(standing, row);
        for row in standing.steps.iter().filter(|row| !row.status.is_terminal() && !goes_on(row)) {
            let mut ended = Ended::of(StepStatus::Cancelled);
            if row.status == StepStatus::Running {
                ended = Ended::failed(Failure::new(FailureKind::Lost, "its worker died or lost its lease"));
                ended.cost = row.reserved;
            }
            self.end(row.key, ended);
            if is_put_away_again(row)
                && let Some(entry) = lock(&self.entries).get_mut(&row.key)
            {
                entry.status = StepStatus::Pending;
            }
        }
        self.flush().await
    }

    /// Gives up what was granted more and has not gone on.
    pub fn forgo(&self) {
        let waiting = |(key, entry): (&StepKey, &Entry)| (entry.status == StepStatus::Waiting).then_some(*key);
        let given_up: Vec<StepKey> = lock(&self.entries).iter().filter_map(waiting).collect();
        for key in given_up {
            self.end(key, Ended::of(StepStatus::Cancelled));
        }
    }

    /// How the last try of each step ended; nothing where it is to be done.
    pub fn seen(&self) -> Seen {
        let entries = lock(&self.entries);
        let last: Seen = entries.iter().map(|(key, entry)| ((key.round, key.position), entry.status)).collect();
        let is_done = |status: StepStatus| !matches!(status, StepStatus::Pending | StepStatus::Waiting);
        last.into_iter().filter(|(_, status)| is_done(*status)).collect()
    }

    /// How often a step was tried in a round. One that was granted more goes on as the try that asked.
    pub fn tries(&self, round: u32, position: u32) -> u32 {
        let entries = lock(&self.entries);
        let of_it = entries.iter().filter(|(key, _)| (key.round, key.position) == (round, position));
        of_it.filter(|(_, entry)| entry.status != StepStatus::Waiting).map(|(key, _)| key.tried).max().unwrap_or(0)
    }

    /// The steps that expressions of a round see: the newest entry of each name.
    pub fn entries(&self, round: u32) -> Vec<Entry> {
        let mut newest: BTreeMap<u32, (StepKey, Entry)> = BTreeMap::new();
        for (key, entry) in lock(&self.entries).iter().filter(|(key, _)| key.round <= round) {
            newest.insert(key.position, (*key, entry.clone()));
        }
        newest.into_values().map(|(_, entry)| entry).collect()
    }

    /// What the validation of a round found wrong.
    pub fn findings(&self, round: u32) -> Vec<Entry> {
        let entries = lock(&self.entries);
        let mut last: BTreeMap<u32, &Entry> = BTreeMap::new();
        for (key, entry) in entries.iter().filter(|(key, _)| key.round == round) {
            last.insert(key.position, entry);
        }
        let is_finding = |entry: &&Entry| entry.phase == StepPhase::Validation && entry.status == StepStatus::Failed;
        last.into_values().filter(is_finding).cloned().collect()
    }

    /// The output of the last execution step.
    pub fn output_of(&self, node: &Node) -> Option<Json> {
        let steps = (0_u32..).zip(&node.action.steps);
        let last = steps.filter(|(_, step)| step.phase == StepPhase::Execution).map(|(at, _)| at).last()?;
        let entries = lock(&self.entries);
        let (_, entry) = entries.iter().rfind(|(key, _)| key.position == last)?;
        entry.output.clone().filter(|_| entry.status == StepStatus::Success)
    }

    /// What the attempt says about a step that failed.
    pub fn failure_of(&self, round: u32, position: u32, step: Option<&Step>) -> Failure {
        let entries = lock(&self.entries);
        let found = entries.iter().rfind(|(key, _)| (key.round, key.position) == (round, position));
        let name = step.map_or("?", |step| step.name.as_str());
        match found.and_then(|(_, entry)| entry.error.clone()) {
            Some(failure) => Failure::new(failure.kind, format!("step `{name}`: {}", failure.message)),
            None => Failure::new(FailureKind::Gate, format!("step `{name}` was not passed")),
        }
    }

    /// Notes that a step begins; it is written with the next flush, at the latest.
    pub fn begin(&self, key: StepKey, step: &Step, asked: Option<Asked>) {
        let change = self.beginning(key, step, StepStatus::Running, asked);
        self.note(key, step, StepStatus::Running);
        lock(&self.unwritten).push_back(change);
    }

    /// Notes that a step is passed over.
    pub fn pass(&self, key: StepKey, step: Option<&Step>, status: StepStatus) {
        let Some(step) = step else { return };
        let change = self.beginning(key, step, status, None);
        self.note(key, step, status);
        lock(&self.unwritten).push_back(change);
    }

    /// Begins a call if it fits into all budgets, and has that written before it returns.
    pub async fn reserve(&self, key: StepKey, step: &Step, asked: Asked) -> Result<Option<Shortage>, Gone> {
        self.flush().await?;
        let change = self.beginning(key, step, StepStatus::Running, Some(asked));
        match self.write(vec![change]).await? {
            Some(shortage) => Ok(Some(shortage)),
            None => {
                self.note(key, step, StepStatus::Running);
                Ok(None)
            }
        }
    }

    fn note(&self, key: StepKey, step: &Step, status: StepStatus) {
        let entry = Entry { name: step.name.clone(), phase: step.phase, status, output: None, error: None };
        lock(&self.entries).insert(key, entry);
    }

    fn beginning(&self, key: StepKey, step: &Step, status: StepStatus, asked: Option<Asked>) -> StepChange {
        let (model, prompt, reserve, allowance) = match asked {
            Some(asked) => (Some(asked.model), asked.prompt, Some(asked.reserve), asked.allowance),
            None => (None, None, None, None),
        };
        let (name, phase, step_type) = (step.name.clone(), step.phase, step.work.step_type());
        let at = self.now();
        StepChange::Begin(StepBegin { key, name, phase, step_type, status, model, prompt, reserve, allowance, at })
    }

    /// Notes how a step ended.
    pub fn end(&self, key: StepKey, ended: Ended) {
        if let Some(entry) = lock(&self.entries).get_mut(&key) {
            entry.status = ended.status;
            (entry.output, entry.error) = (ended.output.clone(), ended.error.clone());
        }
        let Ended { status, output, error, exit_code, model, tokens, cost } = ended;
        let at = self.now();
        let end = StepEnd { key, status, output, error, exit_code, model, tokens, cost, at };
        lock(&self.unwritten).push_back(StepChange::End(end));
    }

    fn now(&self) -> Timestamp {
        self.live.parts.clock.now()
    }

    /// Has everything written that was noted.
    pub async fn flush(&self) -> Result<(), Gone> {
        let _turn = self.turn.lock().await;
        let changes: Vec<StepChange> = lock(&self.unwritten).drain(..).collect();
        if changes.is_empty() {
            return Ok(());
        }
        self.put(changes).await.map(drop)
    }

    async fn write(&self, changes: Vec<StepChange>) -> Result<Option<Shortage>, Gone> {
        let _turn = self.turn.lock().await;
        self.put(changes).await
    }

    /// Asks the store until it has answered. An outage is waited out, unless this process is to end.
    async fn put(&self, changes: Vec<StepChange>) -> Result<Option<Shortage>, Gone> {
        let (parts, claimed) = (&self.live.parts, &self.live.ticket.claimed);
        let lease = self.live.ticket.lease;
        let write = StepWrite { task: claimed.task, attempt: claimed.attempt, lease, changes };
        let mut backoff = Backoff::new();
        loop {
            let now = parts.clock.now();
            match parts.store.write_steps(parts.config.scope, &write, &parts.actor(), now).await {
                Ok(StepsWritten::Done) => return Ok(None),
                Ok(StepsWritten::OverBudget(shortage)) => return Ok(Some(shortage)),
                Ok(StepsWritten::Stale) => return Err(Gone),
                Err(error @ StoreError::Unavailable(_)) => parts.store_failed("steps", &error),
                Err(error) => {
                    parts.store_failed("steps", &error);
                    return Err(Gone);
                }
            }
            self.wait(&mut backoff).await?;
        }
    }
}

/// Whether a cleanup step is tried again: its worker was lost in the middle of it.
fn is_put_away_again(row: &StepRow) -> bool {
    let is_lost = row.error.as_ref().is_some_and(|error| error.kind == FailureKind::Lost);
    row.phase == StepPhase::Cleanup && (row.status == StepStatus::Running || is_lost)
}
