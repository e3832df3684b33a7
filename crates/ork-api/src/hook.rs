//! What others say to a workspace, and what it starts.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A hook to be made.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewHook {
    /// What people call it: 1 to 100 bytes of `[A-Za-z0-9._-]`.
    pub name: String,
    /// The stored workflow whose newest revision a message starts.
    pub workflow: String,
    /// What messages are signed with: `whsec_` and base64 of 24 to 64 bytes. By default one is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// What the inputs are made of: an object whose strings may hold expressions over `body`, such as `{"url": "{{ body.video.url
    /// }}"}`. By default the body is the inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub input: Option<Map<String, Value>>,
}

/// A hook, but for its secret.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Hook {
    /// What people call it.
    pub name: String,
    /// Where messages go, below the server's address. Its end is made at random: nobody finds it who was not told.
    pub path: String,
    /// The stored workflow that a message starts.
    pub workflow: String,
    /// What the inputs are made of; null means that the body is the inputs.
    #[schema(value_type = Option<Object>)]
    pub input: Option<Value>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: String,
}

/// A hook that was just made.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct HookSecret {
    /// What is shown of it later, too.
    #[serde(flatten)]
    pub hook: Hook,
    /// The secret. It is in this answer and nowhere else.
    pub secret: String,
}

/// What became of a wish to delete a hook.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeletedHook {
    /// The hook.
    pub name: String,
    /// Whether it was there.
    pub deleted: bool,
}
