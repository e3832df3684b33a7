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

/// An event of your own.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEvent {
    /// What happened: `bot.`, and 1 to 120 of `a` to `z`, digits, `.`, `_` and `-`.
    #[serde(rename = "type")]
    #[schema(pattern = "^bot\\.[a-z0-9._-]{1,120}$")]
    pub event_type: String,
    /// The task that it is about: its id, its `key`, or `key/index`. Without one it is about the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// What else there is to say, at most 64 KiB of JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Value>,
}

/// Events of your own, written together or not at all.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AppendEvents {
    /// 1 to 100 of them, in order.
    pub events: Vec<NewEvent>,
}

/// Where events were written.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AppendedEvents {
    /// The run.
    pub run_id: String,
    /// The number of the first.
    pub seq: u64,
    /// The number of the last.
    pub seq_last: u64,
    /// An earlier request of the same name had written them: this one has changed nothing.
    pub repeated: bool,
}

/// The end of a run's chain of seals. Kept where nobody can change it, its link proves later what was there.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SealHead {
    /// The last event that it covers.
    pub seq: u64,
    /// 64 hexadecimal digits.
    pub link: String,
    /// The key that made it, by its name.
    pub key_id: String,
}

/// Something that is not as it was sealed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SealFinding {
    /// The event that it is about, if it is about one.
    pub seq: Option<u64>,
    /// The seal that it is about, by its place, if it is about one.
    pub seal: Option<u32>,
    /// What is wrong, in words.
    pub message: String,
}

/// Whether the events of a run are as they were sealed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct VerifiedEvents {
    /// The run.
    pub run_id: String,
    /// Nothing was found.
    pub intact: bool,
    /// So many events are sealed.
    pub sealed: u64,
    /// So many are not yet: nothing tells whether those were changed.
    pub unsealed: u64,
    /// The end of the chain; null before the first seal.
    pub head: Option<SealHead>,
    /// What is not as it was, in the order of events.
    pub findings: Vec<SealFinding>,
}
