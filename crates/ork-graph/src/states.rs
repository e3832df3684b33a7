//! The statuses of a node's tasks, counted.

use std::collections::BTreeMap;
use std::fmt;

use ork_core::state::TaskStatus;

/// How many tasks of a node have each status.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct States(BTreeMap<TaskStatus, u32>);

impl States {
    /// Counts one more task.
    pub fn add(&mut self, status: TaskStatus) {
        self.add_many(status, 1);
    }

    /// Counts so many more.
    pub fn add_many(&mut self, status: TaskStatus, count: u32) {
        *self.0.entry(status).or_default() += count;
    }

    /// These counts.
    #[must_use]
    pub(crate) const fn of(counts: BTreeMap<TaskStatus, u32>) -> Self {
        Self(counts)
    }

    /// The counts, in the order of a task's life.
    pub fn counts(&self) -> impl Iterator<Item = (TaskStatus, u32)> {
        self.0.iter().map(|(status, count)| (*status, *count))
    }

    /// How many tasks there are.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.0.values().sum()
    }

    /// One status for all: theirs if they share it; `running` while only some are over or at work; else the worst end.
    /// No tasks at all are a success, as an empty fan-out is.
    #[must_use]
    pub fn overall(&self) -> TaskStatus {
        let mut statuses = self.0.keys();
        match (statuses.next(), statuses.next()) {
            (None, _) => TaskStatus::Success,
            (Some(only), None) => *only,
            _ if self.0.keys().any(|status| !status.is_terminal()) => TaskStatus::Running,
            _ => {
                let worst = [TaskStatus::Failed, TaskStatus::Cancelled, TaskStatus::Success];
                worst.into_iter().find(|status| self.0.contains_key(status)).unwrap_or(TaskStatus::Skipped)
            }
        }
    }
}

impl FromIterator<TaskStatus> for States {
    fn from_iter<I: IntoIterator<Item = TaskStatus>>(statuses: I) -> Self {
        let mut states = Self::default();
        statuses.into_iter().for_each(|status| states.add(status));
        states
    }
}

/// `success` for one task, `2 success, 1 failed` for several.
impl fmt::Display for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.total() <= 1 {
            return f.write_str(self.overall().word());
        }
        for (at, (status, count)) in self.counts().enumerate() {
            write!(f, "{}{count} {status}", if at > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ork_core::state::TaskStatus as T;

    fn check(statuses: &[TaskStatus], overall: &str, words: &str) {
        let states: States = statuses.iter().copied().collect();
        assert_eq!((states.overall().word(), states.to_string().as_str()), (overall, words));
    }

    #[test]
    fn many_statuses_are_one_word() {
        check(&[], "success", "success");
        check(&[T::Retrying], "retrying", "retrying");
        check(&[T::Pending, T::Pending], "pending", "2 pending");
        check(&[T::Success, T::Queued, T::Success], "running", "1 queued, 2 success");
        check(&[T::Failed, T::Running], "running", "1 running, 1 failed");
        check(&[T::Success, T::Failed, T::Cancelled], "failed", "1 success, 1 failed, 1 cancelled");
        check(&[T::Success, T::Cancelled], "cancelled", "1 success, 1 cancelled");
        check(&[T::Success, T::Skipped], "success", "1 success, 1 skipped");
    }
}
