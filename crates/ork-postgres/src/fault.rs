//! What went wrong with a statement, and what that means for who asked.

use ork_core::error::StoreError;
use tokio_postgres::error::SqlState;

/// Why work on a connection stopped.
#[derive(Debug)]
pub enum Fault {
    /// PostgreSQL, or the way to it.
    Database(tokio_postgres::Error),
    /// The answer itself.
    Store(StoreError),
}

/// What work on a connection gives.
pub type Work<T> = Result<T, Fault>;

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Fault {
    /// The SQLSTATE, if PostgreSQL gave one.
    pub fn state(&self) -> Option<&SqlState> {
        match self {
            Self::Database(error) => error.code(),
            Self::Store(_) => None,
        }
    }

    /// The index or constraint that refused a row.
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Database(error) => error.as_db_error().and_then(|e| e.constraint()),
            Self::Store(_) => None,
        }
    }

    /// Whether PostgreSQL broke the transaction off because of another one: the same again may well succeed.
    pub fn is_conflict(&self) -> bool {
        self.state().is_some_and(|state| {
            *state == SqlState::T_R_DEADLOCK_DETECTED || *state == SqlState::T_R_SERIALIZATION_FAILURE
        })
    }

    /// What the caller of a store is told.
    pub fn into_store(self) -> StoreError {
        let error = match self {
            Self::Store(error) => return error,
            Self::Database(error) => error,
        };
        let Some(answer) = error.as_db_error() else {
            return StoreError::Unavailable(describe(&error));
        };
        let text = match answer.hint() {
            Some(hint) => format!("{}: {} (hint: {hint})", answer.code().code(), answer.message()),
            None => format!("{}: {}", answer.code().code(), answer.message()),
        };
        // Class 22 data, 23 constraint, 42 syntax or missing object: asking again gives the same.
        match answer.code().code().get(..2) {
            Some("22" | "23" | "42") => StoreError::Incompatible(format!("PostgreSQL refused a statement: {text}")),
            _ => StoreError::Unavailable(text),
        }
    }
}

/// An error with what lies under it, which the driver's own text leaves out.
pub fn describe(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}
