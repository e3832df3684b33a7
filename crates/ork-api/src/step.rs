//! Steps of tasks.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::Failure;

/// One try of a step.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Step {
    /// The attempt of its task, from 1.
    pub attempt: u32,
    /// The round of execution and validation in that attempt, from 1.
    pub round: u32,
    /// Its place in the plan, from 0.
    pub position: u32,
    /// The try, from 1.
    #[serde(rename = "try")]
    pub tried: u32,
    /// Its name.
    pub name: String,
    /// `setup`, `execution`, `validation` or `cleanup`.
    pub phase: String,
    /// `command`, `ai_action`, `gate` or `artifact`.
    #[serde(rename = "type")]
    pub step_type: String,
    /// `running`, `waiting`, `success`, `failed`, `skipped` or `cancelled`. One that has not begun is not there.
    pub status: String,
    /// What it gave.
    pub output: Option<Value>,
    /// What went wrong.
    pub error: Option<Failure>,
    /// How its process ended.
    pub exit_code: Option<i32>,
    /// The model that was asked.
    pub model: Option<String>,
    /// The prompt that it was given: `ID@VERSION`.
    pub prompt: Option<String>,
    /// Tokens that the model read, cached or not.
    pub input_tokens: u64,
    /// Tokens that it wrote.
    pub output_tokens: u64,
    /// What of `input_tokens` was cached.
    pub cached_tokens: u64,
    /// Tokens that budgets count for it: all that were reserved, when nobody knows what became of its call.
    pub cost_tokens: u64,
    /// What that cost, in millionths of a US dollar.
    pub cost_micros: u64,
    /// Tokens that are reserved for it in budgets until it is over.
    pub reserved_tokens: u64,
    /// Money that is, in millionths of a US dollar.
    pub reserved_micros: u64,
    /// When it began, or was skipped.
    pub started_at: String,
    /// When it was over.
    pub finished_at: Option<String>,
    /// How long it took.
    pub duration_ms: Option<u64>,
}

/// What the models of a task have used, all attempts together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Spent {
    /// Tokens, read and written.
    pub tokens: u64,
    /// What they cost, in millionths of a US dollar.
    pub cost_micros: u64,
}
