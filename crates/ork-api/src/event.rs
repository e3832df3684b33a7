//! Events.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// Who did something.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Actor {
    /// `user`, `service`, `worker`, `system` or `bot`.
    pub kind: String,
    /// Its name.
    pub id: String,
}

/// An immutable fact about a run.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// What happened, such as `task.success`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Its number in the run, from 1, without a gap.
    pub seq: u64,
    /// The run.
    pub run_id: String,
    /// The task that it is about, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    /// The task's name in the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The task's place among its siblings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_index: Option<u32>,
    /// Who brought it about.
    pub actor: Actor,
    /// What else there is to say.
    pub payload: Option<Value>,
    /// When.
    pub created_at: String,
}
