//! Why a call came to nothing.

use ork_api::Problem;

/// The answer to a call.
pub type ClientResult<T> = Result<T, ClientError>;

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answered, or not in time. Whether the request was carried out is not known.
    #[error("failed to reach `{server}`: {reason}")]
    Unreachable {
        /// Where.
        server: String,
        /// Why.
        reason: String,
    },
    /// The server refused it, and said why.
    #[error("{}", .0.detail)]
    Refused(Box<Problem>),
    /// Somebody answered, but not as a server of Ork does.
    #[error("`{server}` does not answer as a server of Ork: {reason}")]
    Foreign {
        /// Where.
        server: String,
        /// What came instead.
        reason: String,
        /// The HTTP status, when it was no success.
        status: Option<u16>,
    },
    /// That is no address of a server.
    #[error("`{text}` is not the address of a server: {reason}")]
    Address {
        /// What was given, without a password.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The token would leave this machine as plain text.
    #[error("a token goes to `{server}` over https only: over http everybody on the way could read it")]
    Plain {
        /// Where.
        server: String,
    },
    /// No certificates are there by which servers could be told from others.
    #[error("{0}")]
    Roots(String),
}

impl ClientError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused(problem) => problem.retryable,
            Self::Foreign { status, .. } => matches!(status, Some(502..=504)),
            Self::Address { .. } | Self::Plain { .. } | Self::Roots(_) => false,
        }
    }

    /// What the server said, when it refused.
    #[must_use]
    pub const fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused(problem) => Some(problem),
            _ => None,
        }
    }

    /// The HTTP status of the answer, when there was one that was no success.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(problem) => Some(problem.status),
            Self::Foreign { status, .. } => *status,
            _ => None,
        }
    }
}
