//! Tokens, workspaces, and who one is.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// A token to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What people call it: 1 to 128 bytes of `[A-Za-z0-9._-]`.
    pub name: String,
    /// `viewer`, `user`, `operator`, `editor`, `admin`, `worker`, `bot` or `service`.
    pub role: String,
    /// Who its bearer is, in events and as the owner of runs: 1 to 256 bytes; its name by default.
    #[serde(default)]
    pub principal: Option<String>,
    /// The queues that a `worker` may serve; none means all.
    #[serde(default)]
    pub queues: Vec<String>,
    /// After how long it ends by itself; not by default. Never later than the token that it is made with.
    #[serde(default)]
    pub expires_in_ms: Option<u64>,
}

/// A token, but for its secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Token {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Who its bearer is.
    pub principal: String,
    /// What its bearer may do.
    pub role: String,
    /// The queues that a worker may serve; none means all.
    pub queues: Vec<String>,
    /// The beginning of the secret.
    pub prefix: String,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: String,
    /// When it ends by itself.
    pub expires_at: Option<String>,
    /// When it was last used, give or take a minute.
    pub last_used_at: Option<String>,
    /// When somebody took it back.
    pub revoked_at: Option<String>,
}

/// A token that was just made.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CreatedToken {
    /// What is kept of it.
    #[serde(flatten)]
    pub token: Token,
    /// The secret. It is in this answer and nowhere else.
    pub secret: String,
}

/// What became of a wish to take a token back.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Revoked {
    /// The token.
    pub token_id: String,
    /// Whether this request did it. False when it was taken back before.
    pub asked: bool,
}

/// A workspace to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWorkspace {
    /// What people call it: 1 to 128 bytes of `[A-Za-z0-9._-]`.
    pub name: String,
}

/// What a workspace is to decide otherwise; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeWorkspace {
    /// Viewers and users see only runs that belong to them.
    #[serde(default)]
    pub isolate_owners: Option<bool>,
    /// Runs that are not over; null takes the limit away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>)]
    pub live_runs_max: Option<Option<u32>>,
    /// Tasks that are not over, of all live runs; null takes the limit away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>)]
    pub live_tasks_max: Option<Option<u32>>,
    /// Days that a run is kept after its end, 0 for ever; null is 30.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>)]
    pub keep_days: Option<Option<u32>>,
    /// Requests of a minute, to each server; null takes the limit away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>)]
    pub requests_per_minute: Option<Option<u32>>,
    /// The same for each token; null takes the limit away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>)]
    pub token_requests_per_minute: Option<Option<u32>>,
}

/// What is there, null as well.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<u32>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// A workspace.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Workspace {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Viewers and users see only runs that belong to them.
    pub isolate_owners: bool,
    /// Runs that are not over; null is no limit.
    pub live_runs_max: Option<u32>,
    /// Tasks that are not over, of all live runs; null is no limit.
    pub live_tasks_max: Option<u32>,
    /// Days that a run is kept after its end, 0 for ever; null is 30.
    pub keep_days: Option<u32>,
    /// Requests of a minute, to each server; null is no limit.
    pub requests_per_minute: Option<u32>,
    /// The same for each token; null is no limit.
    pub token_requests_per_minute: Option<u32>,
    /// When it was made.
    pub created_at: String,
}

/// Who a request comes from.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct WhoAmI {
    /// The workspace, by its name.
    pub workspace: String,
    /// The same, by its id.
    pub workspace_id: String,
    /// Who, in events and as the owner of runs.
    pub principal: String,
    /// As what.
    pub role: String,
    /// What that role may do: the words of `x-permission` in the OpenAPI document.
    pub permissions: Vec<String>,
    /// Only runs of this principal are there.
    pub only_own_runs: bool,
    /// The token; null where none is needed.
    pub token_id: Option<String>,
    /// When the token ends by itself.
    pub expires_at: Option<String>,
}
