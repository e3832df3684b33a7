//! Workflows.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// A workflow to be checked.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Validate {
    /// The text of a workflow file, YAML or JSON. Either this or `plan`.
    #[serde(default)]
    pub workflow: Option<String>,
    /// A workflow or a JSON plan with `jobs`, as an object. Either this or `workflow`.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub plan: Option<Box<RawValue>>,
}

/// What was found.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Validated {
    /// Whether it can be run, given its inputs.
    pub valid: bool,
    /// The workflow's name; null when it is not valid.
    pub name: Option<String>,
    /// The inputs that it declares.
    pub inputs: Vec<String>,
    /// What is wrong.
    pub errors: Vec<crate::Fault>,
    /// How many more errors there are, at least.
    pub more: usize,
}
