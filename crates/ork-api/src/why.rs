//! Why something is not over.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::Task;

/// Why a task is where it is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Reason {
    /// `code` names the reason; what else there is depends on it.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub why: Map<String, Value>,
    /// The task.
    pub task_id: String,
    /// Its name in the plan.
    pub key: String,
    /// Its place among its siblings.
    pub task_index: u32,
    /// The reason in words.
    pub sentence: String,
}

/// Why a run is not over, or how it ended.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RunWhy {
    /// The run.
    pub run_id: String,
    /// Its status.
    pub status: String,
    /// What holds it up, what says most first.
    pub reasons: Vec<Reason>,
    /// Its first failure.
    pub error: Option<Value>,
    /// The first tasks that failed.
    pub failures: Vec<Task>,
}
