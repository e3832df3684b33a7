//! Prompts.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// A variable of a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PromptVariable {
    /// Its name: 1 to 128 bytes of `[A-Za-z0-9._-]`.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it is where a step gives nothing; without one, a step must.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
}

/// A prompt to be stored.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutPrompt {
    /// The text, in which `{{ vars.NAME }}` stands for a variable: at most 256 KiB.
    pub text: String,
    /// What it belongs to, for people who look for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Where it is used, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// All variables that the text reads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<PromptVariable>,
}

/// A prompt, as lists show it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PromptSummary {
    /// Its name.
    pub id: String,
    /// What it belongs to.
    pub category: Option<String>,
    /// Where it is used, in words.
    pub context: Option<String>,
    /// Its newest version.
    pub latest: u32,
    /// The version at hand, from 1. It never changes.
    pub version: u32,
    /// Who wrote this version.
    pub created_by: String,
    /// When.
    pub created_at: String,
}

/// A prompt in one of its versions.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PromptVersion {
    /// What lists show of it.
    #[serde(flatten)]
    pub summary: PromptSummary,
    /// Its text.
    pub text: String,
    /// Its variables.
    pub variables: Vec<PromptVariable>,
}

/// A prompt, and who uses it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Prompt {
    /// The version that was asked for.
    #[serde(flatten)]
    pub version: PromptVersion,
    /// The stored workflows whose newest revision names it, in whatever version, by name.
    pub used_by: Vec<String>,
}
