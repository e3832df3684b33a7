//! The one place that knows `ork-workflow`: what expressions see, and what they give.

use std::collections::{BTreeMap, BTreeSet};

use ork_core::attempt::{Failure, FailureKind};
use ork_core::plan::{Node, Plan};
use serde_json::Value;

pub use ork_workflow::{Scope, Secrets, StepView, TaskView};

/// Fills in the templates of a value.
pub fn render(value: &Value, scope: &Scope) -> Result<Value, Failure> {
    ork_workflow::render(value, scope).map_err(failed)
}

/// Fills in the templates of a text that must stay text.
pub fn render_text(text: &str, scope: &Scope) -> Result<String, Failure> {
    Ok(ork_workflow::as_text(&render(&Value::from(text), scope)?))
}

/// A value within text: text as it is, null as nothing, anything else as JSON.
pub fn as_text(value: &Value) -> String {
    ork_workflow::as_text(value)
}

/// Whether a condition holds.
pub fn condition(expression: &str, scope: &Scope) -> Result<bool, Failure> {
    ork_workflow::condition(expression, scope).map_err(failed)
}

/// The value of a bare expression.
pub fn evaluate(expression: &str, scope: &Scope) -> Result<Value, Failure> {
    ork_workflow::evaluate(expression, scope).map_err(failed)
}

/// The tasks that a node's expressions read.
pub fn references(node: &Node) -> BTreeSet<String> {
    ork_workflow::references(node)
}

/// The secrets that a node's work reads.
pub fn secrets(node: &Node) -> BTreeSet<String> {
    ork_workflow::secrets(node)
}

/// The tasks that a plan's result reads.
pub fn references_of_result(plan: &Plan) -> BTreeSet<String> {
    ork_workflow::references_of_result(plan)
}

/// Fills in the variables of a stored prompt.
pub fn render_prompt(text: &str, vars: BTreeMap<String, Value>) -> Result<String, Failure> {
    ork_workflow::render_prompt(text, vars).map_err(failed)
}

/// The prompts that a node names without a version: those that its expressions read are among them.
pub fn prompts(node: &Node) -> BTreeSet<String> {
    ork_workflow::prompts_of(node).into_iter().filter(|(_, version)| version.is_none()).map(|(id, _)| id).collect()
}

/// An expression failed: the same data would give the same error, so there is no retry.
pub fn failed(problem: impl ToString) -> Failure {
    Failure::new(FailureKind::Template, problem.to_string())
}

/// Whether nothing in a node's work has to be filled in.
pub fn is_literal(node: &Node) -> bool {
    let action = &node.action;
    if !action.steps.is_empty() {
        return false;
    }
    let texts = action.command.iter().flatten().chain(action.workdir.as_ref());
    !texts.into_iter().any(|text| is_template(text))
        && !has_template(&action.params)
        && !action.env.values().any(has_template)
}

fn has_template(value: &Value) -> bool {
    match value {
        Value::String(text) => is_template(text),
        Value::Array(items) => items.iter().any(has_template),
        Value::Object(fields) => fields.values().any(has_template),
        _ => false,
    }
}

fn is_template(text: &str) -> bool {
    // Blocks and comments are none of ours, and the renderer says so.
    ["{{", "{%", "{#"].iter().any(|open| text.contains(open))
}
