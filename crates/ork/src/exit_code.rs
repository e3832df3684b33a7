//! Exit codes, and the errors that carry one.

use std::process::ExitCode;

use ork_client::ClientError;
use ork_core::error::StoreError;
use ork_server::{Code, Refused};

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
    /// It is not for whoever asks: a server says so, or a gate.
    Forbidden = 4,
    /// `--timeout` passed before the run was over.
    TimedOut = 5,
    /// `ork run --no-wait`: the run waits for somebody's decision.
    AtGate = 6,
    /// Nothing matched.
    NoMatch = 7,
    /// The database, or the server, cannot be reached.
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
    if let Some(error) = error.downcast_ref::<ClientError>() {
        return of_server(error);
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

fn of_server(error: &ClientError) -> Exit {
    match (error, error.status()) {
        (_, Some(401 | 403)) => Exit::Forbidden,
        (ClientError::Refused(_), Some(404)) => Exit::NoMatch,
        (ClientError::Refused(_), Some(500)) => Exit::Internal,
        (ClientError::Unreachable { .. } | ClientError::Foreign { .. }, _) => Exit::Unreachable,
        (ClientError::Refused(problem), _) if problem.retryable => Exit::Unreachable,
        _ => Exit::Invalid,
    }
}

/// What to do about what a server said, or about that it said nothing.
pub fn hint_of(error: &anyhow::Error) -> Option<String> {
    if let Some(refusal) = error.downcast_ref::<Refusal>() {
        return refusal.hint.clone();
    }
    let error = error.downcast_ref::<ClientError>()?;
    if let ClientError::Refused(problem) = error
        && problem.hint.is_some()
        // What a header looks like helps nobody at a command line.
        && problem.status != 401
    {
        return problem.hint.clone();
    }
    let hint = match (error, error.status()) {
        (_, Some(401)) => "--token-file FILE, the variable ORK_TOKEN, or a context: ork context list",
        (ClientError::Unreachable { .. }, _) => {
            "is the server running, and reachable from here? ork config show --origin says who named it"
        }
        (ClientError::Foreign { .. }, _) => "ork config show --origin says who named it",
        (ClientError::Address { .. }, _) => "--server http://127.0.0.1:6750",
        (ClientError::Plain { .. }, _) => "an https:// address, or a tunnel to one of this machine",
        (ClientError::Roots(_), _) => "install ca-certificates, or name a file in SSL_CERT_FILE",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// Whether the database, or the server, may answer the next time.
pub fn is_transient(error: &anyhow::Error) -> bool {
    error.downcast_ref::<StoreError>().is_some_and(StoreError::is_transient)
        || error.downcast_ref::<ClientError>().is_some_and(ClientError::is_transient)
}

/// The same words and the same exit code whether the server refuses something or this process.
impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        let exit = match refused.code {
            Code::NotFound => Exit::NoMatch,
            Code::Internal => Exit::Internal,
            Code::Forbidden => Exit::Forbidden,
            _ if refused.is_retryable() => Exit::Unreachable,
            _ => Exit::Invalid,
        };
        Self { exit, message: refused.detail, hint: refused.hint }
    }
}
