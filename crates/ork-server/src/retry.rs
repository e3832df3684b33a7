//! A run done again, as a new run on the same plan.

use std::collections::BTreeSet;

use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::{Actor, EventRow, EventType};
use ork_core::graph::{NewRun, Pin, Reuse, TriggeredBy};
use ork_core::id::RunId;
use ork_core::json::{Json, JsonError};
use ork_core::limits::PAGE_MAX;
use ork_core::pin;
use ork_core::plan::Plan;
use ork_core::state::{Reason, RunStatus, TaskStatus};
use ork_core::store::RunRow;
use ork_core::webhook::{PlanWebhook, RunWebhook};
use ork_workflow::Diagnostics;
use serde_json::{Map, Value};

use crate::look::Look;
use crate::{prompts, reuse, why, workflows};

/// What of a run is to be done again.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// Everything: nothing is taken over.
    pub all: bool,
    /// This task, although it succeeded, and all that depends on it.
    pub from: Option<&'a str>,
    /// Inputs that replace those of the run; the others stay.
    pub input: &'a Map<String, Value>,
}

/// Why a run is not done again.
#[derive(Debug)]
pub enum Unfit {
    /// It is not over.
    NotOver,
    /// It succeeded, and nothing says what to do again.
    Nothing,
    /// There is no task of that name.
    NoTask(Box<Plan>),
    /// The text that its plan was made from is not kept, so nobody can tell what other inputs would make of it.
    NoSource,
    /// With these inputs the workflow cannot be run.
    Invalid(Diagnostics),
    /// With these inputs it names prompts that are not there, or gives them wrong variables.
    Prompts(Vec<pin::Unfit>),
    /// The inputs are over a limit, or hold what cannot be stored.
    Input(JsonError),
    /// The store.
    Store(StoreError),
}

impl From<StoreError> for Unfit {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A run that is about to be done again.
#[derive(Debug)]
pub struct Again {
    /// What the new run does.
    pub plan: Plan,
    /// What it takes over.
    pub reuse: Vec<Reuse>,
    source: Option<String>,
    input: Json,
    project: Option<String>,
    webhook: Option<RunWebhook>,
}

/// What a run's repetition is made of. The run stays as it is.
///
/// # Errors
/// When it cannot be repeated like that.
pub async fn again(look: Look<'_>, run: &RunRow, wish: Wish<'_>) -> Result<Again, Unfit> {
    if !run.status.is_terminal() {
        return Err(Unfit::NotOver);
    }
    if run.status == RunStatus::Success && !wish.all && wish.from.is_none() && wish.input.is_empty() {
        return Err(Unfit::Nothing);
    }
    let missing = || StoreError::NotFound(format!("plan of `{}`", run.id));
    let stored = look.store.plans(look.scope, &[run.id]).await?.pop().ok_or_else(missing)?;
    let old = why::plan(&stored)?;
    let source = look.store.source(look.scope, run.id).await?;
    let (plan, input) = if wish.input.is_empty() {
        (old.clone(), stored.input.clone())
    } else {
        let source = source.as_deref().ok_or(Unfit::NoSource)?;
        let (mut plan, input) = rebind(&old, source, &stored.input, wish.input)?;
        // What was not named before is pinned now; the rest stays what it was.
        plan.prompts.clone_from(&old.prompts);
        match prompts::pin(look.store, run.workspace, &mut plan).await? {
            unfit if unfit.is_empty() => (plan, input),
            unfit => return Err(Unfit::Prompts(unfit)),
        }
    };
    // With other inputs the workflow may tell somebody else; what a request said goes before the workflow, and stays.
    let told = |plan: &Plan| plan.webhook.as_ref().map(PlanWebhook::of_run);
    let webhook = if stored.webhook == told(&old) { told(&plan) } else { stored.webhook };
    let mut again = reuse::differing(&plan, &old, input.value() != stored.input.value());
    if let Some(key) = wish.from {
        let Some(g) = plan.position(key) else { return Err(Unfit::NoTask(Box::new(plan))) };
        again.insert(g);
    }
    let reuse = if wish.all { Vec::new() } else { reuse::successes(look, run.id, &plan, &again).await? };
    // A revision has its text already.
    let source = source.filter(|_| run.revision.is_none());
    Ok(Again { plan, reuse, source, input, project: stored.project, webhook })
}

/// The plan with other inputs. Labels that did not come from the workflow stay.
fn rebind(old: &Plan, source: &str, input: &Json, edits: &Map<String, Value>) -> Result<(Plan, Json), Unfit> {
    let workflow = workflows::parse(&old.name, source).map_err(Unfit::Invalid)?;
    let mut values = match input.value() {
        Value::Object(values) => values,
        _ => Map::new(),
    };
    let before = workflow.bind(&values).map(|bound| bound.plan.labels).unwrap_or_default();
    values.extend(edits.clone());
    let mut bound = workflow.bind(&values).map_err(Unfit::Invalid)?;
    let added = old.labels.iter().filter(|(key, value)| before.get(*key) != Some(*value));
    bound.plan.labels.extend(added.map(|(key, value)| (key.clone(), value.clone())));
    bound.plan.name.clone_from(&old.name);
    Ok((bound.plan, Json::from_value(&bound.input).map_err(Unfit::Input)?))
}

impl Again {
    /// How many tasks are taken over.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.reuse.iter().map(|group| group.done.len()).sum()
    }

    /// The new run, for the same workers as the old one.
    #[must_use]
    pub fn new_run(self, old: &RunRow, id: RunId, (actor, now): (&Actor, Timestamp)) -> NewRun {
        let pin = match &old.host {
            _ if old.in_process => Pin::Process,
            Some(host) => Pin::Host(host.clone()),
            None => Pin::Anywhere,
        };
        NewRun {
            id,
            workspace: old.workspace,
            external_id: None,
            owner: old.owner.clone(),
            plan: self.plan,
            plan_source: self.source,
            revision: old.revision,
            input: self.input,
            priority: Some(old.priority),
            pin,
            project: self.project,
            triggered_by: TriggeredBy::Retry,
            retry_of: Some(old.id),
            reuse: self.reuse,
            webhook: self.webhook,
            actor: actor.clone(),
            now,
        }
    }
}

/// The tasks of a run that were taken over at its birth, by number: the run's first events say which.
///
/// # Errors
/// When the store cannot be read.
pub async fn taken_over(look: Look<'_>, run: &RunRow) -> StoreResult<BTreeSet<u32>> {
    let is_reuse = |row: &&EventRow| {
        let reason = row.payload.as_ref().map(|payload| payload.value()["reason"] == Reason::Reused.word());
        row.event_type == EventType::Task(TaskStatus::Success) && reason == Some(true)
    };
    let (mut taken, mut after) = (BTreeSet::new(), 0);
    loop {
        let rows = look.store.events(look.scope, run.id, after, PAGE_MAX).await?;
        let born: Vec<&EventRow> = rows.iter().take_while(|row| row.created_at == run.created_at).collect();
        taken.extend(born.iter().copied().filter(is_reuse).flat_map(|row| row.tasks.iter()));
        match rows.last() {
            Some(last) if born.len() == PAGE_MAX as usize => after = last.seq_last,
            _ => return Ok(taken),
        }
    }
}
