//! Runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::RunBudget;
use crate::webhook::NewWebhook;

/// A run to be created: a stored workflow, a text or a plan, and what it is run with.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Submit {
    /// The name of a stored workflow, whose newest revision is run. Either this, or `source`, or `plan`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// The text of a workflow file, YAML or JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// A workflow or a JSON plan with `jobs`, as an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub plan: Option<Box<RawValue>>,
    /// The inputs.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub input: Map<String, Value>,
    /// Labels, which go before those of the workflow.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Higher goes first; replaces the workflow's.
    #[serde(default)]
    pub priority: Option<i32>,
    /// Your own name for the run, under which it is created once: 1 to 256 bytes.
    #[serde(default)]
    pub external_id: Option<String>,
    /// Whom the run belongs to, when a `service` creates it for somebody: 1 to 256 bytes.
    #[serde(default)]
    pub owner_id: Option<String>,
    /// Whom the run tells of itself; goes before that of the workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<NewWebhook>,
}

/// How a run is to be done again.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Do this task again although it succeeded, and all that depends on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Take over what succeeded, which is the default. False does everything again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_only: Option<bool>,
    /// Inputs that replace those of the run; the others stay. What depends on one that changed is done again.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    pub input: Map<String, Value>,
    /// Your own name for the new run, under which it is created once: 1 to 256 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}

/// A run that was accepted: it is on disk. Nothing in it ever changes, so that sending a request again gives the same.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Submitted {
    /// Its id.
    pub id: String,
    /// The workflow's name.
    pub name: String,
    /// Your own name for it: `external_id`, or the `Idempotency-Key`.
    pub external_id: Option<String>,
    /// When it was created.
    pub created_at: String,
}

/// What became of a wish.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Asked {
    /// The run.
    pub run_id: String,
    /// Whether this request changed something. False when it was so already, or the run is over.
    pub asked: bool,
    /// The run's status now.
    pub status: String,
}

/// A run, as lists show it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RunSummary {
    /// Its id.
    pub id: String,
    /// The client's name for it.
    pub external_id: Option<String>,
    /// Whom it belongs to.
    pub owner_id: Option<String>,
    /// The workflow's name.
    pub name: String,
    /// `pending`, `running`, `paused`, `success`, `failed` or `cancelled`.
    pub status: String,
    /// Why it is being cancelled: `cancel` or `deadline`.
    pub reason: Option<String>,
    /// It waits for a slot of its concurrency key.
    pub held: bool,
    /// Higher goes first.
    pub priority: i32,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its first failure: `{"task", "kind", "message"}`.
    pub error: Option<Value>,
    /// `manual`, `api` or `retry`.
    pub triggered_by: String,
    /// The run that it repeats.
    pub retry_of: Option<String>,
    /// The host whose workers alone may take its tasks.
    pub host: Option<String>,
    /// One process carries it.
    pub in_process: bool,
    /// The folder of the file that it was started from.
    pub project: Option<String>,
    /// The runs that share it share a limit.
    pub concurrency_key: Option<String>,
    /// Its tasks.
    pub tasks_total: u32,
    /// Those that are not over.
    pub tasks_left: u32,
    /// Those that failed or were cancelled.
    pub tasks_bad: u32,
    /// 0 to 100: the mean of its tasks.
    pub progress: u8,
    /// Number of its last event.
    pub seq: u64,
    /// When it passes its time limit.
    pub deadline_at: Option<String>,
    /// When somebody asked for its end.
    pub cancel_requested_at: Option<String>,
    /// Who.
    pub cancel_requested_by: Option<String>,
    /// When it was created.
    pub created_at: String,
    /// When its first task was dispatched.
    pub started_at: Option<String>,
    /// When it ended.
    pub finished_at: Option<String>,
    /// The stored workflow that it is of.
    pub workflow_id: Option<String>,
    /// The revision of that.
    pub revision_id: Option<String>,
    /// When somebody took note of its end.
    pub acknowledged_at: Option<String>,
    /// Who.
    pub acknowledged_by: Option<String>,
}

/// A run.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Run {
    /// What lists show of it.
    #[serde(flatten)]
    pub summary: RunSummary,
    /// What it gave.
    pub result: Option<Value>,
    /// How its budget stands; null when its plan has none, and in lists.
    #[serde(default)]
    pub budget: Option<RunBudget>,
}

/// What a run was made of. It never changes.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RunPlan {
    /// The run.
    pub run_id: String,
    /// The plan as it was compiled. What is in it may differ from one version of Ork to the next.
    #[schema(value_type = Object)]
    pub plan: Value,
    /// The inputs.
    pub input: Value,
}

/// A node of a run's plan, with its fan-out siblings: a list that is as long as the workflow, however wide the fan-out.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Group {
    /// Its name in the plan.
    pub key: String,
    /// How many tasks it has; null before that is known.
    pub size: Option<u32>,
    /// Those that are not over.
    pub tasks_left: u32,
    /// Those that failed or were cancelled.
    pub tasks_bad: u32,
    /// The first of them.
    pub first_task_id: String,
    /// The second; the ids of the others follow it one by one. Null where there is no second.
    pub second_task_id: Option<String>,
}

/// What a name stands for.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Resolved {
    /// The run.
    pub run_id: String,
    /// Its task, when the name is that of one.
    pub task_id: Option<String>,
}
