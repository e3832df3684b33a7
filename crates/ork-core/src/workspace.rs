//! Quotas of a tenant. They hold back what is new and stop nothing that was accepted: a fan-out that turns out larger than
//! thought goes on.

use crate::access::Settings;
use crate::error::{StoreError, StoreResult};
use crate::graph::Head;

/// What a workspace has that its quotas count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// Runs that are not over.
    pub live_runs: u64,
    /// Their tasks that are not over.
    pub live_tasks: u64,
}

impl Settings {
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
        let over = self.over(Load { live_runs: has.live_runs + 1, live_tasks });
        over.map_or(Ok(()), |text| Err(StoreError::OverQuota(text)))
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
