//! What can go wrong with a store.

/// Why a store did not do what it was asked. Expected outcomes, such as a stale settle, are values and not errors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, is busy, or its disk is full. Whether a write took place is not known: ask again
    /// with the same natural key.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The request contradicts what is stored.
    #[error("{0}")]
    Conflict(String),
    /// There is no such thing, or not in this workspace.
    #[error("no {0}")]
    NotFound(String),
    /// Over a limit; nothing was created.
    #[error("{0}")]
    Limit(String),
    /// Over a quota of the workspace; nothing was created, and the same may succeed later.
    #[error("{0}")]
    OverQuota(String),
    /// A stored row cannot be what Ork wrote.
    #[error("corrupt data in table `{table}`, column `{column}`, row {row}: {problem}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// Which row, by its key.
        row: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The database was written by another version.
    #[error("{0}")]
    Incompatible(String),
}

impl StoreError {
    /// Whether the same request may succeed later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

/// What a store's methods answer.
pub type StoreResult<T> = Result<T, StoreError>;
