//! The states, and the one table that decides which changes are legal.

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant),* }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word that is stored, shown and sent.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// The value of a stored word; `None` for one that this version does not know.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.word())
            }
        }
    };
}

pub(crate) use words;

words!(
    /// The status of a run.
    RunStatus {
        /// Nothing of it was dispatched yet.
        Pending = "pending",
        /// At least one task was dispatched.
        Running = "running",
        /// It starts nothing more until it is resumed.
        Paused = "paused",
        /// Every task succeeded or was skipped by its condition.
        Success = "success",
        /// A task failed or was cancelled, or the run passed its deadline.
        Failed = "failed",
        /// It was cancelled.
        Cancelled = "cancelled",
    }
);

words!(
    /// The status of a task.
    TaskStatus {
        /// It waits for its dependencies.
        Pending = "pending",
        /// A worker may take it, as soon as a slot is free.
        Queued = "queued",
        /// A worker has taken it.
        Dispatched = "dispatched",
        /// Its work has begun.
        Running = "running",
        /// It waits for something outside, without slot or lease.
        Waiting = "waiting",
        /// An attempt failed; the next one comes at `available_at`.
        Retrying = "retrying",
        /// It, or its run, is paused.
        Paused = "paused",
        /// It is done.
        Success = "success",
        /// It is out of attempts.
        Failed = "failed",
        /// It will not run: its condition was false, or what it needs failed.
        Skipped = "skipped",
        /// It was cancelled.
        Cancelled = "cancelled",
    }
);

words!(
    /// Why a task has its status, where the status alone does not say it.
    Reason {
        /// Skipped: its `when` was false, or all that it needs was skipped that way.
        Condition = "condition",
        /// Skipped: something that it needs failed, was cancelled, or was skipped for that.
        Upstream = "upstream",
        /// Cancelled: another task failed, and the run stops on failure.
        Stop = "stop",
        /// Cancelled: somebody asked for it.
        Cancel = "cancel",
        /// Cancelled: the run passed its deadline.
        Deadline = "deadline",
        /// Cancelled: its lease ended before its death could be proven.
        Unproven = "unproven",
        /// Failed: three workers died with it.
        Poison = "poison",
        /// Failed: it was interrupted and may run at most once.
        Interrupted = "interrupted",
        /// Failed: one of its expressions could not be evaluated before it was queued.
        Template = "template",
        /// Success: taken over from an earlier run.
        Reused = "reused",
    }
);

impl RunStatus {
    /// Whether nothing can change any more.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Success | Self::Failed | Self::Cancelled)
    }
}

impl TaskStatus {
    /// Whether nothing can change any more.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Success | Self::Failed | Self::Skipped | Self::Cancelled)
    }

    /// Whether a worker holds a lease on it.
    #[must_use]
    pub const fn is_leased(self) -> bool {
        matches!(self, Self::Dispatched | Self::Running)
    }
}

/// Whether this end of a task makes what needs it impossible: it failed, was cancelled, or was skipped for that.
#[must_use]
pub fn is_bad_end(status: TaskStatus, reason: Option<Reason>) -> bool {
    match status {
        TaskStatus::Failed | TaskStatus::Cancelled => true,
        TaskStatus::Skipped => reason != Some(Reason::Condition),
        _ => false,
    }
}

/// A change that is not in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a {noun} that is {from} cannot become {to}")]
pub struct IllegalChange {
    /// `run`, `task` or `step`.
    pub noun: &'static str,
    /// The status that it has.
    pub from: &'static str,
    /// The status that it was to get.
    pub to: &'static str,
}

use RunStatus as R;
use TaskStatus as T;

/// Every legal change of a run's status.
pub const RUN_CHANGES: &[(RunStatus, &[RunStatus])] = &[
    (R::Pending, &[R::Running, R::Paused, R::Success, R::Failed, R::Cancelled]),
    (R::Running, &[R::Paused, R::Success, R::Failed, R::Cancelled]),
    (R::Paused, &[R::Pending, R::Running, R::Success, R::Failed, R::Cancelled]),
];

/// Every legal change of a task's status. Terminal states stand in no first column: they are final.
pub const TASK_CHANGES: &[(TaskStatus, &[TaskStatus])] = &[
    (T::Pending, &[T::Queued, T::Skipped, T::Failed, T::Success, T::Paused, T::Cancelled]),
    (T::Queued, &[T::Dispatched, T::Paused, T::Cancelled]),
    (T::Dispatched, &[T::Running, T::Success, T::Failed, T::Retrying, T::Waiting, T::Queued, T::Paused, T::Cancelled]),
    (T::Running, &[T::Success, T::Failed, T::Retrying, T::Waiting, T::Queued, T::Paused, T::Cancelled]),
    (T::Waiting, &[T::Queued, T::Paused, T::Success, T::Failed, T::Retrying, T::Cancelled]),
    (T::Retrying, &[T::Queued, T::Paused, T::Cancelled]),
    (T::Paused, &[T::Pending, T::Queued, T::Retrying, T::Skipped, T::Failed, T::Success, T::Cancelled]),
];

pub(crate) fn allows<S: PartialEq + Copy>(table: &[(S, &[S])], from: S, to: S) -> bool {
    table.iter().any(|(state, next)| *state == from && next.contains(&to))
}

impl RunStatus {
    /// The new status, if the change is legal.
    ///
    /// # Errors
    /// [`IllegalChange`], naming both, if the table does not have it.
    pub fn change_to(self, to: Self) -> Result<Self, IllegalChange> {
        if allows(RUN_CHANGES, self, to) {
            return Ok(to);
        }
        Err(IllegalChange { noun: "run", from: self.word(), to: to.word() })
    }
}

impl TaskStatus {
    /// The new status, if the change is legal.
    ///
    /// # Errors
    /// [`IllegalChange`], naming both, if the table does not have it.
    pub fn change_to(self, to: Self) -> Result<Self, IllegalChange> {
        if allows(TASK_CHANGES, self, to) {
            return Ok(to);
        }
        Err(IllegalChange { noun: "task", from: self.word(), to: to.word() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_is_final() {
        for from in TaskStatus::ALL.iter().filter(|s| s.is_terminal()) {
            assert!(TaskStatus::ALL.iter().all(|to| from.change_to(*to).is_err()));
        }
        for from in RunStatus::ALL.iter().filter(|s| s.is_terminal()) {
            assert!(RunStatus::ALL.iter().all(|to| from.change_to(*to).is_err()));
        }
    }

    #[test]
    fn every_live_task_can_be_cancelled() {
        for from in TaskStatus::ALL.iter().filter(|s| !s.is_terminal()) {
            assert_eq!(from.change_to(TaskStatus::Cancelled), Ok(TaskStatus::Cancelled));
        }
    }

    #[test]
    fn words_round_trip() {
        for status in TaskStatus::ALL {
            assert_eq!(TaskStatus::from_word(status.word()), Some(*status));
        }
        assert_eq!(TaskStatus::from_word("exploded"), None);
    }
}
