//! Workflows.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// A workflow to be checked or stored.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// The text of a workflow file, YAML or JSON. Either this or `plan`.
    #[serde(default)]
    pub source: Option<String>,
    /// A workflow or a JSON plan with `jobs`, as an object. Either this or `source`.
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

/// A stored workflow, as lists show it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WorkflowSummary {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it says of itself.
    pub description: Option<String>,
    /// The newest revision.
    pub revision: Revision,
    /// When it was applied first.
    pub created_at: String,
    /// When it was changed last.
    pub updated_at: String,
}

/// A version of a stored workflow. It never changes.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Revision {
    /// Its id.
    pub id: String,
    /// Its number, from 1; in quotes it is the workflow's `ETag`.
    pub number: u32,
    /// SHA-256 of its text, in hexadecimal digits.
    pub hash: String,
    /// Who applied it.
    pub created_by: String,
    /// When.
    pub created_at: String,
}

/// A stored workflow.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Workflow {
    /// What lists show of it.
    #[serde(flatten)]
    pub summary: WorkflowSummary,
    /// The text of its newest revision.
    pub source: String,
}

/// What became of a text that was applied.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AppliedWorkflow {
    /// `created`, `updated`, or `unchanged` when the text was the same already.
    pub applied: String,
    /// The workflow as it is now.
    #[serde(flatten)]
    pub workflow: WorkflowSummary,
}

/// A workflow that was deleted.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeletedWorkflow {
    /// Its name.
    pub name: String,
    /// Always true.
    pub deleted: bool,
}
