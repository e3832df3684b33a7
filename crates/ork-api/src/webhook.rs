//! Who is told of runs, and what they were told.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whom a run tells of itself.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// Where messages go: http or https, without a name and a password.
    pub url: String,
    /// What they are signed with: `whsec_` and base64 of 24 to 64 bytes; with the format `execution` any text of 1 to 256 bytes.
    /// Without one they are not signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// What is told: `run.started`, `run.finished`, `task.finished`; by default `run.finished`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
    /// `standard`, which is the default, or `execution`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
}

/// An endpoint to be made, which is told of all runs of the workspace.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEndpoint {
    /// What people call it: 1 to 128 bytes of `[A-Za-z0-9._-]`.
    pub name: String,
    /// Where messages go: http or https, without a name and a password.
    pub url: String,
    /// What they are signed with: `whsec_` and base64 of 24 to 64 bytes; with the format `execution` any text of 1 to 256 bytes. By
    /// default one is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// What is told: `run.started`, `run.finished`, `task.finished`; by default `run.finished`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
    /// `standard`, which is the default, or `execution`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
}

/// What is to be changed of an endpoint; what is left out stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeEndpoint {
    /// Where messages go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
    /// How: `standard` or `execution`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Whether it is told anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// How an endpoint gets another secret.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateEndpoint {
    /// The new one; by default one is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// How long messages are signed with the old one as well; a day by default, at most 30 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap_ms: Option<u64>,
}

/// An endpoint, but for its secret.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Endpoint {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Where messages go.
    pub url: String,
    /// What is told.
    pub events: Vec<String>,
    /// How.
    pub format: String,
    /// Whether it is told anything.
    pub enabled: bool,
    /// Since when it is not.
    pub disabled_at: Option<String>,
    /// Why it is not.
    pub disabled_because: Option<String>,
    /// Until when messages are signed with the secret before this one, too.
    pub previous_secret_until: Option<String>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: String,
    /// When it was changed last.
    pub updated_at: String,
}

/// An endpoint that was just made, or got another secret.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EndpointSecret {
    /// What is shown of it later, too.
    #[serde(flatten)]
    pub endpoint: Endpoint,
    /// The secret. It is in this answer and nowhere else.
    pub secret: String,
}

/// What became of a wish to delete an endpoint.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeletedEndpoint {
    /// The endpoint.
    pub endpoint_id: String,
    /// Whether it was there.
    pub deleted: bool,
}

/// One attempt to send a message.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeliveryAttempt {
    /// When it began.
    pub at: String,
    /// How long it took.
    pub took_ms: u64,
    /// The HTTP status, if there was an answer.
    pub status_code: Option<u16>,
    /// Why it came to nothing.
    pub error: Option<String>,
    /// The beginning of the answer, 1 KiB at most.
    pub response: Option<String>,
}

/// A message, for lists.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Delivery {
    /// The `webhook-id`, the same however often it is sent.
    pub id: String,
    /// `run.started`, `run.finished`, `task.finished` or `webhook.test`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The run that it tells of.
    pub run_id: Option<String>,
    /// The task that it tells of.
    pub task_id: Option<String>,
    /// Whom it is for; null means the one that the run names.
    pub endpoint_id: Option<String>,
    /// Where it goes.
    pub url: String,
    /// `pending`, `delivered` or `failed`.
    pub status: String,
    /// Attempts since it was created or asked for again.
    pub attempts: u32,
    /// When it is sent next.
    pub next_attempt_at: Option<String>,
    /// The HTTP status of the last attempt.
    pub last_status_code: Option<u16>,
    /// Why the last attempt came to nothing.
    pub last_error: Option<String>,
    /// When what it tells of happened.
    pub created_at: String,
    /// When it was heard.
    pub delivered_at: Option<String>,
}

/// A message with what was sent and what was answered.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeliveryDetail {
    /// The message.
    #[serde(flatten)]
    pub delivery: Delivery,
    /// What was sent last; null as long as nothing was.
    pub body: Option<String>,
    /// The last 20 attempts, the newest last.
    pub log: Vec<DeliveryAttempt>,
}

/// Which messages are to be sent again.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RedeliverFailed {
    /// Only those for this endpoint, by its id or its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
}

/// How many messages are sent again.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Redelivered {
    /// So many.
    pub asked: u64,
}
