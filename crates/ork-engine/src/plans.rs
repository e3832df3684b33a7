//! The plans of the runs whose tasks are at hand.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use ork_core::error::StoreResult;
use ork_core::graph::{NewRun, Pin};
use ork_core::id::{RunId, WorkspaceId};
use ork_core::json::Json;
use ork_core::plan::Plan;
use ork_core::store::{Scope, Store, StoredPlan};
use serde_json::{Value, json};

use crate::expressions;
use crate::parts::lock;

/// What an engine needs of a run to carry out its tasks: it never changes.
pub struct RunPlan {
    pub run: RunId,
    pub plan: Plan,
    pub inputs: Value,
    /// The folder of the file that the run was started from.
    pub project: Option<PathBuf>,
    /// The host where that folder is.
    pub host: Option<String>,
    nodes: Vec<NodeFacts>,
}

struct NodeFacts {
    key: Arc<str>,
    is_literal: OnceLock<bool>,
}

impl RunPlan {
    fn new(stored: StoredPlan, plan: Plan) -> Self {
        let nodes =
            plan.nodes.iter().map(|node| NodeFacts { key: node.key.as_str().into(), is_literal: OnceLock::new() });
        Self {
            run: stored.run,
            nodes: nodes.collect(),
            plan,
            inputs: stored.input.value(),
            project: stored.project.map(PathBuf::from),
            host: stored.host,
        }
    }

    /// In place of a plan that cannot be read: without nodes.
    pub fn unusable(run: RunId, workspace: WorkspaceId) -> Self {
        let nothing = Json::from_stored("{}");
        let stored = StoredPlan {
            run,
            workspace,
            plan: nothing.clone(),
            input: nothing,
            project: None,
            host: None,
            webhook: None,
        };
        Self::new(stored, Plan::default())
    }

    /// The name of a node.
    pub fn key(&self, g: u32) -> Arc<str> {
        self.nodes.get(g as usize).map_or_else(|| Arc::from(""), |facts| Arc::clone(&facts.key))
    }

    /// Whether nothing in a node's work has to be filled in.
    pub fn is_literal(&self, g: u32) -> bool {
        let (Some(facts), Some(node)) = (self.nodes.get(g as usize), self.plan.nodes.get(g as usize)) else {
            return false;
        };
        *facts.is_literal.get_or_init(|| expressions::is_literal(node))
    }

    /// What expressions see as `run`.
    pub fn view(&self) -> Value {
        let mut view = json!({"id": self.run.to_string(), "name": self.plan.name});
        if let Some(project) = &self.project {
            view["project"] = project.to_string_lossy().into();
        }
        view
    }
}

/// A plan that can be used, or why it cannot.
pub type Found = Result<Arc<RunPlan>, String>;

/// Plans that were needed lately. Bounded by their nodes: a plan may have 100,000.
#[derive(Default)]
pub struct Plans {
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    plans: BTreeMap<RunId, Entry>,
    nodes: usize,
    tick: u64,
}

struct Entry {
    plan: Arc<RunPlan>,
    used: u64,
}

/// Nodes kept, all plans together.
const NODES_MAX: usize = 200_000;
/// Plans kept.
const PLANS_MAX: usize = 4_096;

impl Plans {
    /// Keeps the plan of a run that this process submits: it need not be read again.
    pub fn seed(&self, new: &NewRun) {
        let host = match &new.pin {
            Pin::Host(host) => Some(host.clone()),
            Pin::Anywhere | Pin::Process => None,
        };
        let plan = new.plan.clone();
        let stored = StoredPlan {
            run: new.id,
            workspace: new.workspace,
            plan: Json::from_stored("{}"),
            input: new.input.clone(),
            project: new.project.clone(),
            host,
            webhook: None,
        };
        lock(&self.cache).keep(Arc::new(RunPlan::new(stored, plan)));
    }

    /// The plans of these runs: from memory, or in one request to the store. A run that is not among them does not
    /// exist any more.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn fetch(
        &self,
        store: &dyn Store,
        scope: Scope,
        runs: &BTreeSet<RunId>,
    ) -> StoreResult<BTreeMap<RunId, Found>> {
        let mut found = BTreeMap::new();
        let mut missing = Vec::new();
        {
            let mut cache = lock(&self.cache);
            for run in runs {
                match cache.get(*run) {
                    Some(plan) => drop(found.insert(*run, Ok(plan))),
                    None => missing.push(*run),
                }
            }
        }
        if missing.is_empty() {
            return Ok(found);
        }
        match store.plans(scope, &missing).await {
            Ok(stored) => found.extend(stored.into_iter().map(|stored| (stored.run, self.read(stored)))),
            Err(error) if error.is_transient() => return Err(error),
            // One row that cannot be read must not keep the others.
            Err(_) => self.fetch_singly(store, scope, &missing, &mut found).await?,
        }
        Ok(found)
    }

    async fn fetch_singly(
        &self,
        store: &dyn Store,
        scope: Scope,
        runs: &[RunId],
        found: &mut BTreeMap<RunId, Found>,
    ) -> StoreResult<()> {
        for run in runs {
            match store.plans(scope, &[*run]).await {
                Ok(stored) => found.extend(stored.into_iter().map(|stored| (stored.run, self.read(stored)))),
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => drop(found.insert(*run, Err(error.to_string()))),
            }
        }
        Ok(())
    }

    fn read(&self, stored: StoredPlan) -> Found {
        let plan: Plan = serde_json::from_str(stored.plan.as_str())
            .map_err(|error| format!("failed to read the plan of `{}`: {error}", stored.run))?;
        let plan = Arc::new(RunPlan::new(stored, plan));
        lock(&self.cache).keep(Arc::clone(&plan));
        Ok(plan)
    }
}

impl Cache {
    fn get(&mut self, run: RunId) -> Option<Arc<RunPlan>> {
        self.tick += 1;
        let entry = self.plans.get_mut(&run)?;
        entry.used = self.tick;
        Some(Arc::clone(&entry.plan))
    }

    fn keep(&mut self, plan: Arc<RunPlan>) {
        self.tick += 1;
        self.nodes += plan.nodes.len();
        if let Some(old) = self.plans.insert(plan.run, Entry { plan, used: self.tick }) {
            self.nodes -= old.plan.nodes.len();
        }
        if self.plans.len() > PLANS_MAX || self.nodes > NODES_MAX {
            self.shrink();
        }
    }

    /// Drops the half that was not used for longest: one pass for many evictions.
    fn shrink(&mut self) {
        let mut used: Vec<u64> = self.plans.values().map(|entry| entry.used).collect();
        used.sort_unstable();
        let Some(limit) = used.get(used.len() / 2).copied() else { return };
        self.plans.retain(|_, entry| entry.used >= limit);
        self.nodes = self.plans.values().map(|entry| entry.plan.nodes.len()).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ork_core::clock::{SeededEntropy, Timestamp};
    use ork_core::plan::{Action, Node};

    fn plan(run: RunId, nodes: usize) -> Arc<RunPlan> {
        let nodes = (0..nodes).map(|n| Node::new(format!("n{n}"), Action::default())).collect();
        let stored = StoredPlan {
            run,
            workspace: WorkspaceId::DEFAULT,
            plan: Json::from_stored("{}"),
            input: Json::from_stored("{}"),
            project: None,
            host: None,
            webhook: None,
        };
        Arc::new(RunPlan::new(stored, Plan { nodes, ..Plan::default() }))
    }

    #[test]
    fn what_is_used_stays_and_what_is_large_goes() {
        let mut entropy = SeededEntropy::new(1);
        let runs: Vec<RunId> = (0..5).map(|_| RunId::new(Timestamp::default(), &mut entropy)).collect();
        let mut cache = Cache::default();
        for run in &runs[..4] {
            cache.keep(plan(*run, NODES_MAX / 4));
        }
        assert!(cache.get(runs[0]).is_some());
        cache.keep(plan(runs[4], 1));
        let kept: Vec<bool> = runs.iter().map(|run| cache.plans.contains_key(run)).collect();
        assert_eq!(kept, [true, false, false, true, true]);
        assert!(cache.nodes <= NODES_MAX);
    }
}
