//! Schedules: when runs of stored workflows begin by themselves.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// The schedule of a stored workflow, as lists show it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ScheduleSummary {
    /// The workflow's name.
    pub name: String,
    /// The times: minute, hour, day of the month, month, day of the week.
    pub cron: String,
    /// The time zone whose clock shows them.
    pub timezone: String,
    /// What happens at a time at which the run before is live: `skip`, `queue` or `allow`.
    pub overlap: String,
    /// What happens to times that passed while nothing served the database: `none`, `latest` or `all`.
    pub catch_up: String,
    /// Whether it creates runs.
    pub enabled: bool,
    /// The next time; null while it is disabled.
    pub next_at: Option<String>,
    /// The last time for which a run was created.
    pub last_at: Option<String>,
    /// That run.
    pub last_run_id: Option<String>,
    /// Who enabled, disabled or applied it last.
    pub updated_by: String,
    /// When.
    pub updated_at: String,
}

/// The schedule of a stored workflow.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Schedule {
    /// What lists show of it.
    #[serde(flatten)]
    pub summary: ScheduleSummary,
    /// The inputs of each run.
    #[schema(value_type = Object)]
    pub input: Value,
    /// The next ten times, whether or not it is enabled.
    pub upcoming: Vec<String>,
}

/// What became of a wish about a schedule.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ScheduleAsked {
    /// Whether this request changed something. False when it was so already.
    pub asked: bool,
    /// The schedule as it is now.
    #[serde(flatten)]
    pub schedule: ScheduleSummary,
}
