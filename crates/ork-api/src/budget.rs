//! What may be used, and what it costs.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Usd;

/// How much may be used. What is left out has no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Allowance {
    /// Tokens, read and written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd: Option<Usd>,
}

/// How much there is of something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Amount {
    /// Tokens, read and written.
    pub tokens: u64,
    /// Money.
    pub usd: Usd,
}

/// How a run's budget stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunBudget {
    /// How much may be used, with what was granted since.
    pub limit: Allowance,
    /// What is used: the sums of tokens and cost of all its steps.
    pub used: Amount,
    /// What is reserved for steps that are at work.
    pub reserved: Amount,
}

/// A budget of the workspace: no call of a model begins that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Budget {
    /// How long it lasts, in UTC: `total` (for ever), `day`, `week` (from Monday) or `month`.
    pub period: String,
    /// When the present period began; null for `total`.
    pub since: Option<String>,
    /// How much may be used.
    pub limit: Allowance,
    /// What is used in the present period.
    pub used: Amount,
    /// What is reserved for steps that are at work.
    pub reserved: Amount,
}

/// What became of a wish to remove a budget.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeletedBudget {
    /// The period.
    pub period: String,
    /// Whether there was one.
    pub deleted: bool,
}

/// What a model is to cost, for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPrice {
    /// What it reads.
    pub input: Usd,
    /// What it writes.
    pub output: Usd,
    /// What it reads from its cache; as `input` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached: Option<Usd>,
}

/// What a model costs, for a million tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Price {
    /// The model, as steps name it.
    pub model: String,
    /// What it reads.
    pub input: Usd,
    /// What it writes.
    pub output: Usd,
    /// What it reads from its cache.
    pub cached: Usd,
    /// Who said so.
    pub updated_by: String,
    /// When.
    pub updated_at: String,
}

/// What became of a wish to remove a price.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeletedPrice {
    /// The model.
    pub model: String,
    /// Whether it had one.
    pub deleted: bool,
}
