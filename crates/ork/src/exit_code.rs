//! Exit codes, and the errors that carry one.

use std::process::ExitCode;

use ork_core::error::StoreError;

/// What the process answers to whoever started it. The numbers are promises: `ork help`, docs/cli.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It is done.
    Success = 0,
    /// The run failed; `doctor` or `db verify` found something.
    Failed = 1,
    /// The command line or the file is wrong; nothing was created.
    Invalid = 2,
    /// The run was cancelled.
    Cancelled = 3,
    /// `--timeout` passed before the run was over.
    TimedOut = 5,
    /// Nothing matched.
    NoMatch = 7,
    /// The database cannot be reached.
    Unreachable = 8,
    /// A bug, or data that cannot be.
    Internal = 70,
    /// A signal ended it: a second Ctrl-C, Ctrl-C in `watch`, SIGTERM.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A command that cannot be carried out, with its exit code and what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    pub exit: Exit,
    pub message: String,
    pub hint: Option<String>,
}

impl Refusal {
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None }
    }

    /// The command line is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Invalid, message)
    }

    /// There is no such thing.
    pub fn no_match(message: impl Into<String>) -> Self {
        Self::new(Exit::NoMatch, message)
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The exit code of an error.
pub fn of(error: &anyhow::Error) -> Exit {
    if let Some(refusal) = error.downcast_ref::<Refusal>() {
        return refusal.exit;
    }
    match error.downcast_ref::<StoreError>() {
        Some(StoreError::Unavailable(_)) => Exit::Unreachable,
        Some(StoreError::NotFound(_)) => Exit::NoMatch,
        Some(
            StoreError::Conflict(_) | StoreError::Limit(_) | StoreError::OverQuota(_) | StoreError::Incompatible(_),
        ) => Exit::Invalid,
        Some(StoreError::Corrupt { .. }) | None => Exit::Internal,
    }
}

/// Whether the database may answer the next time.
pub fn is_transient(error: &anyhow::Error) -> bool {
    error.downcast_ref::<StoreError>().is_some_and(StoreError::is_transient)
}
