//! The server about itself.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which version this is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Version {
    /// The version of Ork.
    pub version: String,
    /// The version of the API.
    pub api: String,
}

/// Whether the server can do its work.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Ready {
    /// Whether all is well.
    pub ready: bool,
    /// What was looked at; with `verbose` only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
}

/// One thing that must be right.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// What.
    pub name: String,
    /// Whether it is.
    pub ok: bool,
    /// In words.
    pub message: String,
}
