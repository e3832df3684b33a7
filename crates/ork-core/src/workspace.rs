//! What is set for a whole tenant.

use serde::{Deserialize, Serialize};

use crate::error::{StoreError, StoreResult};
use crate::graph::Head;
use crate::id::WorkspaceId;

/// The settings of a workspace, as they are stored. What is not set is not limited.
///
/// Quotas hold back what is new and stop nothing that was accepted: a fan-out that turns out larger than thought goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Runs that are not over, the new one counted. 0 accepts none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live_runs_max: Option<u32>,
    /// Tasks that are not over, of all live runs, those of the new one counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live_tasks_max: Option<u32>,
    /// Requests of a minute, to each server and spread evenly: as many as that can come at once after a quiet minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
}

/// What a workspace has that its quotas count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// Runs that are not over.
    pub live_runs: u64,
    /// Their tasks that are not over.
    pub live_tasks: u64,
}

impl Settings {
    /// The settings that this JSON is.
    ///
    /// # Errors
    /// What is wrong with it: a key that is not known, a value that is no number.
    pub fn parse(json: &str) -> Result<Self, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    /// The settings in a row of `workspaces`; without a row there is nothing to limit.
    ///
    /// # Errors
    /// `Corrupt` when they are none.
    pub fn of_stored(workspace: WorkspaceId, json: Option<&str>) -> StoreResult<Self> {
        let corrupt = |problem| StoreError::Corrupt {
            table: "workspaces",
            column: "settings",
            row: workspace.to_string(),
            problem,
        };
        json.map_or(Ok(Self::default()), |json| Self::parse(json).map_err(corrupt))
    }

    /// Whether a new run must be counted.
    #[must_use]
    pub const fn limits_runs(&self) -> bool {
        self.live_runs_max.is_some() || self.live_tasks_max.is_some()
    }

    /// Lets a new run in, beside what the workspace has.
    ///
    /// # Errors
    /// `OverQuota` when it would be too much.
    pub fn admit(&self, has: Load, new: &Head) -> StoreResult<()> {
        let live_tasks = has.live_tasks + u64::from(new.tasks_left);
        self.over(Load { live_runs: has.live_runs + 1, live_tasks })
            .map_or(Ok(()), |text| Err(StoreError::OverQuota(text)))
    }

    /// The quota that a workspace is over: in words.
    fn over(&self, load: Load) -> Option<String> {
        let over = |has: u64, max: Option<u32>, what: &str| {
            let max = max.filter(|max| has > u64::from(*max))?;
            Some(format!("the workspace would have {has} {what} that are not over, and at most {max} are allowed"))
        };
        over(load.live_runs, self.live_runs_max, "runs").or_else(|| over(load.live_tasks, self.live_tasks_max, "tasks"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_and_written() {
        let settings = Settings { live_runs_max: Some(3), ..Settings::default() };
        assert_eq!(serde_json::to_string(&settings).unwrap(), r#"{"live_runs_max":3}"#);
        assert_eq!(Settings::parse(r#"{"live_runs_max":3}"#), Ok(settings));
        assert_eq!(Settings::parse("{}"), Ok(Settings::default()));
        let error = Settings::parse(r#"{"live_run_max":3}"#).unwrap_err();
        assert!(error.contains("unknown field `live_run_max`"), "{error}");
        assert!(Settings::parse(r#"{"live_runs_max":-1}"#).is_err());
    }

    #[test]
    fn quotas_are_said_in_words() {
        let settings = Settings { live_runs_max: Some(2), live_tasks_max: Some(10), ..Settings::default() };
        let over = |live_runs, live_tasks| settings.over(Load { live_runs, live_tasks });
        assert_eq!(over(2, 10), None);
        let text = "the workspace would have 3 runs that are not over, and at most 2 are allowed";
        assert_eq!(over(3, 11).as_deref(), Some(text));
        let text = "the workspace would have 11 tasks that are not over, and at most 10 are allowed";
        assert_eq!(over(1, 11).as_deref(), Some(text));
    }
}
