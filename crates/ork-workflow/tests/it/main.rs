//! Workflow files and expressions, from outside.
#![allow(clippy::unwrap_used)] // tests; clippy sees only functions that are marked `#[test]` as such

mod binding;
mod bombs;
mod cron;
mod expressions;
mod fuzz;
mod jobs;
mod keys;
mod malformed;
mod prompts;
mod schema;
mod steps;

use ork_workflow::{Diagnostics, Format, Source, Workflow, parse};

/// Reads a YAML file of that name.
fn yaml(text: &str) -> Result<Workflow, Diagnostics> {
    parse(&Source { name: "flow.yaml", text, format: Format::Yaml })
}

/// The codes of what is wrong with a file.
fn codes_of(result: Result<Workflow, Diagnostics>) -> Vec<&'static str> {
    result.err().map(|errors| errors.items.iter().map(|item| item.code).collect()).unwrap_or_default()
}
