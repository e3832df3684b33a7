//! What changes of steps do to their rows and to budgets: decided here once, for every store.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::attempt::{Failure, FailureKind};
use crate::clock::Timestamp;
use crate::error::StoreError;
use crate::graph::{RunGraph, step_payload};
use crate::id::TaskRef;
use crate::json::Json;
use crate::planted::{self, Bug};
use crate::state::IllegalChange;
use crate::step::{Allowance, Cost, StepKey, StepRow, StepStatus, Tokens};
use crate::store::{BudgetKind, BudgetRow, Shortage, StepBegin, StepChange, StepEnd, StepWrite, fits};

/// Steps of one task and the budgets that they count for, loaded and locked for a change.
#[derive(Debug)]
pub struct Ledger {
    task: TaskRef,
    now: Timestamp,
    steps: BTreeMap<StepKey, StepRow>,
    /// What the steps that have an allowance of their own have used or reserved so far, by position.
    taken: BTreeMap<u32, Cost>,
    budgets: Vec<BudgetRow>,
    changed: BTreeSet<StepKey>,
    notes: Vec<(StepStatus, Json)>,
}

/// Why a write changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It contradicts what is stored.
    Illegal(StoreError),
    /// A reservation does not fit.
    Short(Shortfall),
}

/// A reservation that does not fit, and whose it was to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortfall {
    /// Which budget has not enough left.
    pub shortage: Shortage,
    /// Which try of which step asks.
    pub step: StepKey,
    /// The step's name.
    pub step_name: String,
}

impl Ledger {
    /// What is loaded of a task: the rows that the change names, as far as they are there.
    #[must_use]
    pub fn new(task: TaskRef, steps: impl IntoIterator<Item = StepRow>, now: Timestamp) -> Self {
        Self {
            task,
            now,
            steps: steps.into_iter().map(|row| (row.key, row)).collect(),
            taken: BTreeMap::new(),
            budgets: Vec::new(),
            changed: BTreeSet::new(),
            notes: Vec::new(),
        }
    }

    /// Adds what a step with an allowance of its own has used or reserved in all attempts and rounds.
    pub fn add_taken(&mut self, position: u32, taken: Cost) {
        self.taken.insert(position, taken);
    }

    /// Adds the budgets, the run's first: they are asked in this order.
    pub fn add_budgets(&mut self, budgets: impl IntoIterator<Item = BudgetRow>) {
        let now = self.now;
        self.budgets.extend(budgets.into_iter().map(|budget| budget.at(now)));
    }

    /// Whether budgets count anything of a write, and must be loaded.
    #[must_use]
    pub fn counts(&self, write: &StepWrite) -> bool {
        write.changes.iter().any(|change| match change {
            StepChange::Begin(begin) => begin.reserve.is_some(),
            StepChange::End(end) => {
                end.cost != Cost::default()
                    || self.steps.get(&end.key).is_some_and(|row| row.reserved != Cost::default())
            }
        })
    }

    /// Applies a write.
    ///
    /// # Errors
    /// See [`Refusal`]; then this ledger is not to be stored.
    pub fn write(&mut self, write: &StepWrite) -> Result<(), Refusal> {
        for change in &write.changes {
            match change {
                StepChange::Begin(begin) => self.begin(begin, write)?,
                StepChange::End(end) => self.end(end)?,
            }
        }
        Ok(())
    }

    fn begin(&mut self, begin: &StepBegin, write: &StepWrite) -> Result<(), Refusal> {
        let old = self.steps.get(&begin.key);
        let status = old.map_or(StepStatus::Pending, |row| row.status);
        let runs = begin.status == StepStatus::Running;
        let has_begun = old.is_some() && !matches!(status, StepStatus::Waiting | StepStatus::Skipped);
        if status == begin.status || (runs && has_begun) {
            return Ok(());
        }
        let from = if runs { status.change_to(begin.status) } else { StepStatus::Pending.change_to(begin.status) };
        from.map_err(|e| illegal(&begin.name, e))?;
        if old.is_some() && !runs {
            let (from, to) = (status.word(), begin.status.word());
            return Err(illegal(&begin.name, IllegalChange { noun: "step", from, to }));
        }
        let started_at = old.map_or(begin.at, |row| row.started_at);
        let reserved = begin.reserve.unwrap_or_default();
        if begin.reserve.is_some() {
            self.reserve(begin, reserved)?;
        }
        let over = begin.status.is_terminal();
        let row = StepRow {
            task: self.task,
            key: begin.key,
            name: begin.name.clone(),
            phase: begin.phase,
            step_type: begin.step_type,
            status: begin.status,
            lease: write.lease,
            output: None,
            error: None,
            exit_code: None,
            model: begin.model.clone(),
            prompt: begin.prompt.clone(),
            tokens: Tokens::default(),
            cost_tokens: 0,
            cost_micros: 0,
            reserved,
            started_at,
            finished_at: over.then_some(begin.at),
        };
        let mut payload = step_payload(row.key, &row.name);
        add(&mut payload, "model", row.model.as_deref());
        add(&mut payload, "prompt", row.prompt.as_deref());
        add(&mut payload, "reserved", begin.reserve.map(cost_json));
        self.put(row, &payload);
        Ok(())
    }

    fn reserve(&mut self, begin: &StepBegin, wanted: Cost) -> Result<(), Refusal> {
        let short = |budget, limit, taken| {
            let shortage = Shortage { budget, limit, taken, wanted };
            Err(Refusal::Short(Shortfall { shortage, step: begin.key, step_name: begin.name.clone() }))
        };
        let taken = self.taken.get(&begin.key.position).copied().unwrap_or_default();
        if let Some(limit) = begin.allowance.filter(|limit| !fits(*limit, taken, wanted)) {
            return short(BudgetKind::Step, limit, taken);
        }
        if let Some(budget) = self.budgets.iter().find(|budget| !budget.fits(wanted)) {
            let kind = if budget.run.is_some() { BudgetKind::Run } else { BudgetKind::Workspace };
            return short(kind, budget.allowance, budget.taken());
        }
        self.budgets.iter_mut().for_each(|budget| budget.reserve(wanted));
        self.taken.insert(begin.key.position, taken.plus(wanted));
        Ok(())
    }

    fn end(&mut self, end: &StepEnd) -> Result<(), Refusal> {
        let Some(row) = self.steps.get(&end.key) else {
            let text = format!("try {} of the step at {} has not begun", end.key.tried, end.key.position);
            return Err(Refusal::Illegal(StoreError::Conflict(text)));
        };
        if row.status == end.status {
            return Ok(());
        }
        if !end.status.is_terminal() {
            let text = format!("step `{}` cannot end as {}", row.name, end.status);
            return Err(Refusal::Illegal(StoreError::Conflict(text)));
        }
        row.status.change_to(end.status).map_err(|e| illegal(&row.name, e))?;
        let row = StepRow {
            status: end.status,
            output: end.output.clone(),
            error: end.error.clone(),
            exit_code: end.exit_code,
            model: end.model.clone().or_else(|| row.model.clone()),
            tokens: end.tokens,
            finished_at: Some(end.at),
            ..row.clone()
        };
        self.over(row, end.cost);
        Ok(())
    }

    /// Closes the steps of an attempt that is over although they are not: nobody knows what they used.
    pub fn lose(&mut self) {
        let open: Vec<StepRow> = self.steps.values().filter(|row| !row.status.is_terminal()).cloned().collect();
        for row in open {
            let failure = Failure::new(FailureKind::Lost, "its attempt was over before it was");
            let cost = row.reserved;
            let finished_at = Some(self.now);
            self.over(StepRow { status: StepStatus::Failed, error: Some(failure), finished_at, ..row }, cost);
        }
    }

    /// Ends the step that waited for a gate.
    pub fn decide(&mut self, step: StepKey, failure: Option<Failure>) {
        let Some(row) = self.steps.get(&step).filter(|row| !row.status.is_terminal()) else { return };
        let status = if failure.is_some() { StepStatus::Failed } else { StepStatus::Success };
        let row = StepRow { status, error: failure, finished_at: Some(self.now), ..row.clone() };
        self.changed.insert(step);
        self.steps.insert(step, row);
    }

    /// Counts what a step used in place of what was reserved for it.
    fn over(&mut self, mut row: StepRow, cost: Cost) {
        let reserved = std::mem::take(&mut row.reserved);
        self.budgets.iter_mut().for_each(|budget| budget.charge(reserved, cost));
        let taken = self.taken.entry(row.key.position).or_default();
        *taken = taken.minus(reserved).plus(cost);
        (row.cost_tokens, row.cost_micros) = (cost.tokens, cost.micros);
        let mut payload = step_payload(row.key, &row.name);
        add(&mut payload, "error", row.error.as_ref().map(|error| error.kind.word()));
        add(&mut payload, "model", row.model.as_deref());
        let Tokens { input, output, cached } = row.tokens;
        for (name, count) in [("input_tokens", input), ("output_tokens", output), ("cached_tokens", cached)] {
            add(&mut payload, name, Some(count).filter(|count| *count > 0));
        }
        add(&mut payload, "cost_micros", Some(cost.micros).filter(|micros| *micros > 0));
        self.put(row, &payload);
    }

    fn put(&mut self, row: StepRow, payload: &serde_json::Value) {
        self.notes.push((row.status, Json::from_stored(payload.to_string())));
        self.changed.insert(row.key);
        self.steps.insert(row.key, row);
    }

    /// Takes what is to be written down of the steps: their new status, and what its event says.
    pub fn take_notes(&mut self) -> Vec<(StepStatus, Json)> {
        std::mem::take(&mut self.notes)
    }

    /// Writes down what became of the steps.
    pub fn note(&mut self, graph: &mut RunGraph) {
        for (status, payload) in self.take_notes() {
            graph.note_step(self.task.n, status, payload);
        }
    }

    /// The rows that are to be stored.
    pub fn changed(&self) -> impl Iterator<Item = &StepRow> {
        self.changed.iter().filter_map(|key| self.steps.get(key))
    }

    /// The budgets, as they are to be stored.
    #[must_use]
    pub fn budgets(&self) -> &[BudgetRow] {
        &self.budgets
    }
}

impl Shortfall {
    /// What the event says that is written of it. It begins with [`Self::mark`].
    #[must_use]
    pub fn payload(&self) -> Json {
        let Shortage { budget, limit, taken, wanted } = &self.shortage;
        let mut payload = step_payload(self.step, &self.step_name);
        payload["budget"] = budget.word().into();
        payload["limit"] = json!(limit);
        payload["taken"] = cost_json(*taken);
        payload["wanted"] = cost_json(*wanted);
        Json::from_stored(payload.to_string())
    }

    /// What the payloads of all events of this try of this step begin with: one is enough.
    #[must_use]
    pub fn mark(&self) -> String {
        let mut text = step_payload(self.step, &self.step_name).to_string();
        text.truncate(text.len() - 1);
        text
    }
}

fn illegal(name: &str, change: IllegalChange) -> Refusal {
    Refusal::Illegal(StoreError::Conflict(format!("step `{name}`: {change}")))
}

fn add(payload: &mut serde_json::Value, name: &str, value: Option<impl Into<serde_json::Value>>) {
    if let Some(value) = value {
        payload[name] = value.into();
    }
}

fn cost_json(cost: Cost) -> serde_json::Value {
    json!(cost)
}

impl BudgetRow {
    fn reserve(&mut self, wanted: Cost) {
        self.reserved = self.reserved.plus(wanted);
    }

    fn charge(&mut self, reserved: Cost, cost: Cost) {
        if !planted::is(Bug::ReservationNotSettled) {
            self.reserved = self.reserved.minus(reserved);
        }
        self.used = self.used.plus(cost);
    }

    /// Lets more be used. What has no limit gets none.
    pub fn grant(&mut self, more: Allowance) {
        let add = |limit: Option<u64>, more: Option<u64>| limit.map(|limit| limit.saturating_add(more.unwrap_or(0)));
        self.allowance.tokens = add(self.allowance.tokens, more.tokens);
        self.allowance.micros = add(self.allowance.micros, more.micros);
    }
}
