//! Actions on many runs.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::RunSummary;

/// An action on all runs that a filter finds.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkAsk {
    /// `cancel`, `pause`, `resume`, `retry` or `acknowledge`.
    pub action: String,
    /// Which runs, as in `GET /runs?q=`; of those the ones that the action can change.
    #[serde(default)]
    pub q: String,
    /// Must be true where `q` is empty: all runs are meant.
    #[serde(default)]
    pub all: bool,
    /// Only say which runs it would be.
    #[serde(default)]
    pub preview: bool,
    /// Your own name for the action, under which it is created once: 1 to 256 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}

/// Which runs an action would change.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BulkPreview {
    /// How many; counting ends at 1,000.
    pub count: usize,
    /// There may be more than were counted.
    pub more: bool,
    /// The first of them, newest first, at most 20.
    pub first: Vec<RunSummary>,
}

/// An action on many runs, and how far it is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Bulk {
    /// Its id.
    pub id: String,
    /// Your own name for it.
    pub external_id: Option<String>,
    /// What is done.
    pub action: String,
    /// To which runs; times in it count from `created_at`.
    pub q: String,
    /// `running`, `success` once all were asked, or `cancelled`.
    pub status: String,
    /// Runs that were asked.
    pub seen: u64,
    /// Those that it changed.
    pub changed: u64,
    /// Who wants it.
    pub created_by: String,
    /// When it was created. Runs that are younger are left alone.
    pub created_at: String,
    /// When it ended.
    pub finished_at: Option<String>,
}

/// What became of a wish about an action on many runs.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BulkAsked {
    /// The action.
    pub id: String,
    /// Whether this request changed something.
    pub asked: bool,
    /// Its status now.
    pub status: String,
}
