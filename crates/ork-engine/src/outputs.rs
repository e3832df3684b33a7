//! What expressions read: inputs, the run, and the outputs of tasks that are over.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use ork_core::error::StoreResult;
use ork_core::id::RunId;
use ork_core::json::Json;
use ork_core::plan::{Fan, Node};
use ork_core::state::TaskStatus;
use ork_core::store::OutputRow;
use serde_json::Value;

use crate::expressions::{self, Scope, TaskView};
use crate::parts::{Parts, lock};
use crate::plans::RunPlan;

/// A group of a run; `None` for the run's result.
type Whose = (RunId, Option<u32>);

/// What the expressions of a group see, shared by its siblings: of all that is there only what they read, since a
/// fan-out over the outputs of a fan-out would otherwise read the square.
#[derive(Default)]
pub struct Outputs {
    scopes: Mutex<Recent<Arc<Mutex<Scope>>>>,
    items: Mutex<Recent<Arc<Vec<Value>>>>,
}

/// Values that were used lately.
struct Recent<V> {
    entries: BTreeMap<Whose, (u64, V)>,
    tick: u64,
}

/// Groups whose values are kept.
const GROUPS_MAX: usize = 256;

impl Outputs {
    /// What the expressions of a group, or of the result, see; `task` is for the caller to set.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn scope(&self, parts: &Parts, plan: &RunPlan, g: Option<u32>) -> StoreResult<Arc<Mutex<Scope>>> {
        if let Some(scope) = lock(&self.scopes).get((plan.run, g)) {
            return Ok(scope);
        }
        let keys = match g.map(|g| plan.plan.nodes.get(g as usize)) {
            Some(Some(node)) => expressions::references(node),
            Some(None) => BTreeSet::new(),
            None => expressions::references_of_result(&plan.plan),
        };
        let read = views(parts, plan, &keys).await?;
        let scope = Scope { inputs: plan.inputs.clone(), run: plan.view(), tasks: read.views, ..Scope::default() };
        let scope = Arc::new(Mutex::new(scope));
        if read.are_final {
            lock(&self.scopes).keep((plan.run, g), Arc::clone(&scope));
        }
        Ok(scope)
    }

    /// The items of a group whose list was evaluated.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn items(&self, parts: &Parts, plan: &RunPlan, g: u32) -> StoreResult<Arc<Vec<Value>>> {
        let whose = (plan.run, Some(g));
        if let Some(items) = lock(&self.items).get(whose) {
            return Ok(items);
        }
        let groups = parts.store.groups(parts.config.scope, plan.run).await?;
        let items = groups.into_iter().find(|group| group.g == g).and_then(|group| group.items);
        let items = match items.as_ref().map(Json::value) {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        };
        let items = Arc::new(items);
        lock(&self.items).keep(whose, Arc::clone(&items));
        Ok(items)
    }

    /// The run is over.
    pub fn forget(&self, run: RunId) {
        lock(&self.scopes).forget(run);
        lock(&self.items).forget(run);
    }
}

struct Read {
    views: BTreeMap<String, TaskView>,
    /// Everything that was read is over: it cannot change any more.
    are_final: bool,
}

async fn views(parts: &Parts, plan: &RunPlan, keys: &BTreeSet<String>) -> StoreResult<Read> {
    let groups: Vec<(u32, &Node)> = keys
        .iter()
        .filter_map(|key| plan.plan.position(key))
        .filter_map(|g| plan.plan.nodes.get(g as usize).map(|node| (g, node)))
        .collect();
    if groups.is_empty() {
        return Ok(Read { views: BTreeMap::new(), are_final: true });
    }
    let (scope, numbers) = (parts.config.scope, groups.iter().map(|(g, _)| *g).collect::<Vec<_>>());
    let mut rows: BTreeMap<u32, Vec<OutputRow>> = BTreeMap::new();
    for row in parts.store.outputs(scope, plan.run, &numbers).await? {
        rows.entry(row.g).or_default().push(row);
    }
    // A group that was never expanded has one row, its placeholder, and no siblings.
    let mut sizes: BTreeMap<u32, usize> = BTreeMap::new();
    if groups.iter().any(|(_, node)| !node.fan.is_one()) {
        let stored = parts.store.groups(scope, plan.run).await?;
        sizes = stored.iter().map(|group| (group.g, group.size.unwrap_or(0) as usize)).collect();
    }
    let mut read = Read { views: BTreeMap::new(), are_final: true };
    for (g, node) in groups {
        let rows = rows.remove(&g).unwrap_or_default();
        let size = if node.fan == Fan::One { 1 } else { sizes.get(&g).copied().unwrap_or(0) };
        read.are_final &= rows.len() >= size.max(1);
        read.views.insert(node.key.clone(), view(node, rows, size));
    }
    Ok(read)
}

fn view(node: &Node, rows: Vec<OutputRow>, size: usize) -> TaskView {
    let mut outputs = vec![Value::Null; size];
    let mut statuses = vec![TaskStatus::Pending.word().to_owned(); size];
    for row in rows {
        let at = row.task_index as usize;
        if let (Some(output), Some(status)) = (outputs.get_mut(at), statuses.get_mut(at)) {
            *output = row.output.map_or(Value::Null, |output| output.value());
            row.status.word().clone_into(status);
        }
    }
    if node.fan.is_one() {
        return TaskView::One { output: outputs.remove(0), status: statuses.remove(0) };
    }
    TaskView::Many { outputs, statuses }
}

impl<V> Default for Recent<V> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), tick: 0 }
    }
}

impl<V: Clone> Recent<V> {
    fn get(&mut self, whose: Whose) -> Option<V> {
        self.tick += 1;
        let (used, value) = self.entries.get_mut(&whose)?;
        *used = self.tick;
        Some(value.clone())
    }

    fn keep(&mut self, whose: Whose, value: V) {
        self.tick += 1;
        self.entries.insert(whose, (self.tick, value));
        if self.entries.len() > GROUPS_MAX
            && let Some(oldest) = self.entries.iter().min_by_key(|(_, (used, _))| *used).map(|(whose, _)| *whose)
        {
            self.entries.remove(&oldest);
        }
    }

    fn forget(&mut self, run: RunId) {
        // `None` sorts before every group.
        let of_run: Vec<Whose> =
            self.entries.range((run, None)..).map(|(whose, _)| *whose).take_while(|(of, _)| *of == run).collect();
        for whose in of_run {
            self.entries.remove(&whose);
        }
    }
}
