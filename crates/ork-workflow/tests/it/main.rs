//! Workflow files and expressions, from outside.

mod binding;
mod expressions;
mod malformed;

use ork_workflow::{Diagnostics, Format, Source, Workflow, parse};

/// Reads a YAML file of that name.
fn yaml(text: &str) -> Result<Workflow, Diagnostics> {
    parse(&Source { name: "flow.yaml", text, format: Format::Yaml })
}
