//! What a filter that is being typed can become.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A word that can stand where the cursor is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Suggestion {
    /// The whole word; it replaces what stands from `from` to `to`.
    pub word: String,
    /// What it asks for, in a few words.
    pub help: String,
    /// Where the word that is being typed begins, counted in characters.
    pub from: usize,
    /// Where it ends.
    pub to: usize,
}
