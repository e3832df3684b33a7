//! Gates: decisions that somebody must take.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Actor, Allowance};

/// A gate.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Gate {
    /// Its id.
    pub id: String,
    /// The run that waits.
    pub run_id: String,
    /// The workflow's name.
    pub run_name: String,
    /// The owner of the run.
    pub owner_id: Option<String>,
    /// Who started the run.
    pub started_by: String,
    /// The task that waits.
    pub task_id: String,
    /// Its name in the plan.
    pub key: String,
    /// Its place among its siblings.
    pub task_index: u32,
    /// The attempt, from 1.
    pub attempt: u32,
    /// The round of it, from 1.
    pub round: u32,
    /// The step that asks.
    pub step: String,
    /// `approval`, or `budget` when it asks whether the run may use more than its budget.
    pub kind: String,
    /// `open`, `approved`, `rejected`, `expired` or `cancelled`.
    pub status: String,
    /// The least role of whoever decides: `operator`, `editor` or `admin`.
    pub required_role: String,
    /// Whether whoever started the run, or owns it, may decide.
    pub allow_self: bool,
    /// What is asked, in words.
    pub message: Option<String>,
    /// When it was opened.
    pub opened_at: String,
    /// When its time is over.
    pub expires_at: Option<String>,
    /// What happens then: `reject`, `approve` or `hold`.
    pub on_expiry: String,
    /// Who decided.
    pub decided_by: Option<Actor>,
    /// Why, in their words.
    pub comment: Option<String>,
    /// When.
    pub decided_at: Option<String>,
}

/// A decision.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decide {
    /// Why, in your words: at most 4,096 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// For the approval of a `budget` gate: what the run may use more. By default as much again as its plan says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Allowance>,
}

/// A link to be made, with which somebody decides who has no token.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLink {
    /// For whom: the decision is written down as theirs. 1 to 256 bytes.
    pub principal: String,
    /// `approve`, `reject`, or `any` when they may choose; `any` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
    /// After how long it ends: at most with the gate, and after 7 days, which is the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_ms: Option<u64>,
}

/// A link with which somebody decides once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Link {
    /// The gate.
    pub gate_id: String,
    /// For whom it is.
    pub principal: String,
    /// `approve`, `reject` or `any`.
    pub decision: String,
    /// Where it leads, below the server's address. Whoever knows it can decide: it is in this answer and nowhere else.
    pub path: String,
    /// When it ends, unless the gate is decided before.
    pub expires_at: String,
}

/// What is sent to a link.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideByLink {
    /// `approve` or `reject`.
    pub decision: String,
    /// Why, in your words: at most 4,096 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}
