//! What plans read: other tasks, secrets, prompts.

use std::collections::BTreeSet;

use ork_core::plan::{Action, Fan, Node, Plan};
use ork_core::step::{Step, StepWork};
use serde_json::Value;

use crate::expression::{Template, analyse};
use crate::prompt;
use crate::sight::names_of;

/// The other tasks that a node's expressions read: its conditions, `count`, `each`, parameters, environment, working directory, and
/// what its commands and models are told.
#[must_use]
pub fn references(plan_node: &Node) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    each_of_node(plan_node, &mut |expression| names_of("tasks", expression, &mut found));
    found
}

/// The tasks that the result of a plan reads.
#[must_use]
pub fn references_of_result(plan: &Plan) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if let Some(result) = &plan.result {
        each_of_value(result, &mut |expression| names_of("tasks", expression, &mut found));
    }
    found
}

/// The secrets that a node's work reads: where what is filled in is neither stored nor shown.
#[must_use]
pub fn secrets(plan_node: &Node) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    each_confidential(&plan_node.action, &mut |expression| names_of("secrets", expression, &mut found));
    found
}

/// The prompts that a node names, in expressions and for models, with the version where it names one.
#[must_use]
pub fn prompts_of(plan_node: &Node) -> BTreeSet<(String, Option<u32>)> {
    let mut read = BTreeSet::new();
    each_of_node(plan_node, &mut |expression| names_of("prompts", expression, &mut read));
    let mut found: BTreeSet<(String, Option<u32>)> = read.into_iter().map(|id| (id, None)).collect();
    for step in &plan_node.action.steps {
        if let StepWork::Ai(ai) = &step.work
            && let Some((id, version)) = ai.prompt.as_deref().and_then(prompt::parts)
        {
            found.insert((id.to_owned(), version));
        }
    }
    found
}

/// The prompts that a plan names, with the version where it names one.
#[must_use]
pub fn prompts(plan: &Plan) -> BTreeSet<(String, Option<u32>)> {
    plan.nodes.iter().flat_map(prompts_of).collect()
}

/// Whether the templates of a text read nothing but names of these: `inputs`, `run`, `task`, `tasks`, …
#[must_use]
pub fn reads_only(text: &str, is_known: impl Fn(&str) -> bool) -> bool {
    Template::cut(text).is_ok_and(|template| {
        template.expressions().all(|(expression, _)| expression_reads_only(expression, &is_known))
    })
}

/// The same for a bare expression.
pub fn expression_reads_only(expression: &str, is_known: &impl Fn(&str) -> bool) -> bool {
    analyse(expression).is_ok_and(|references| references.iter().all(|reference| is_known(reference.root.as_ref())))
}

/// Every expression of a node.
fn each_of_node(node: &Node, see: &mut impl FnMut(&str)) {
    node.when.iter().for_each(|when| see(when));
    if let Fan::CountOf(expression) | Fan::EachOf(expression) = &node.fan {
        see(expression);
    }
    let action = &node.action;
    each_confidential(action, see);
    for text in action.command.iter().flatten().chain(&action.workdir) {
        each_of_text(text, see);
    }
    for step in &action.steps {
        each_open(step, see);
    }
}

/// The expressions that may read secrets.
fn each_confidential(action: &Action, see: &mut impl FnMut(&str)) {
    for value in action.env.values().chain([&action.params]) {
        each_of_value(value, see);
    }
    for step in &action.steps {
        step.env.values().for_each(|value| each_of_value(value, see));
        if let StepWork::Ai(ai) = &step.work {
            ai.key.iter().chain(&ai.base_url).for_each(|text| each_of_text(text, see));
        }
    }
}

/// The expressions of a step that may not.
fn each_open(step: &Step, see: &mut impl FnMut(&str)) {
    step.when.iter().for_each(|when| see(when));
    match &step.work {
        StepWork::Command(words) | StepWork::GateCommand(words) => {
            words.iter().for_each(|word| each_of_text(word, see));
        }
        StepWork::GateCondition(condition) => see(condition),
        StepWork::Approval(approval) => approval.message.iter().for_each(|text| each_of_text(text, see)),
        StepWork::Ai(ai) => {
            for text in ai.text.iter().chain(&ai.system).chain([&ai.model]) {
                each_of_text(text, see);
            }
            ai.vars.values().for_each(|value| each_of_value(value, see));
        }
        StepWork::Artifact(artifact) => {
            let texts = [&artifact.url, &artifact.name, &artifact.checksum].into_iter().flatten();
            artifact.path.iter().chain(texts).for_each(|text| each_of_text(text, see));
            artifact.size.iter().chain(&artifact.meta).for_each(|value| each_of_value(value, see));
        }
        StepWork::Run(_) | StepWork::GateRun(_) => {}
    }
}

fn each_of_value(value: &Value, see: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => each_of_text(text, see),
        Value::Array(items) => items.iter().for_each(|item| each_of_value(item, see)),
        Value::Object(fields) => fields.values().for_each(|item| each_of_value(item, see)),
        _ => {}
    }
}

fn each_of_text(text: &str, see: &mut impl FnMut(&str)) {
    if let Ok(template) = Template::cut(text) {
        template.expressions().for_each(|(expression, _)| see(expression));
    }
}
