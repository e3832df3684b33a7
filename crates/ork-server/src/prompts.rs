//! Prompts: what one may be, who uses it, and which versions of them a run keeps.

use std::collections::BTreeSet;

use ork_api::{Fault, Prompt, PromptSummary, PromptVariable, PromptVersion, PutPrompt};
use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::event::Actor;
use ork_core::id::WorkspaceId;
use ork_core::limits::{NAME_BYTES_MAX, PAGE_MAX, PROMPT_BYTES_MAX, PROMPT_VARIABLES_MAX, is_name};
use ork_core::pin::{self, Named, Unfit};
use ork_core::plan::Plan;
use ork_core::step::StepWork;
use ork_core::store::{self, NewPrompt, PromptRow, Store};
use ork_core::suggest::hint;
use serde_json::{Map, Value};

use crate::look::Look;
use crate::refused::{Answer, Code, Refused};
use crate::view::moment;
use crate::workflows;

/// Bytes of what is said about a prompt.
const ABOUT_BYTES_MAX: usize = 1 << 10;

/// A prompt to be stored, checked.
///
/// # Errors
/// All that is wrong with it at once.
pub fn new(
    (workspace, id): (WorkspaceId, &str),
    sent: PutPrompt,
    (actor, now): (&Actor, Timestamp),
) -> Answer<NewPrompt> {
    if !is_name(id) {
        return Err(Refused::name("prompt", id));
    }
    let wrong = faults(&sent);
    if let Some(first) = wrong.first() {
        let detail = format!("the prompt is wrong: {}", first.message);
        return Err(Refused::new(Code::InvalidBody, detail).errors(wrong));
    }
    let PutPrompt { text, category, context, variables } = sent;
    let variables = variables.into_iter().map(|PromptVariable { name, description, default }| store::PromptVariable {
        name,
        description,
        default,
    });
    let (id, variables, actor) = (id.to_owned(), variables.collect(), actor.clone());
    Ok(NewPrompt { workspace, id, category, context, text, variables, actor, now })
}

fn faults(sent: &PutPrompt) -> Vec<Fault> {
    let mut wrong = Vec::new();
    let mut say = |pointer: String, message: String, hint: Option<String>| {
        wrong.push(Fault { pointer, message, hint, ..Fault::default() });
    };
    if sent.text.trim().is_empty() {
        say("/text".into(), "a prompt has a text".into(), None);
    } else if sent.text.len() > PROMPT_BYTES_MAX {
        say("/text".into(), format!("a prompt has {PROMPT_BYTES_MAX} bytes at most"), None);
    }
    let about = [("/category", &sent.category), ("/context", &sent.context)];
    for (pointer, text) in about.into_iter().filter_map(|(pointer, text)| Some((pointer, text.as_ref()?))) {
        if text.len() > ABOUT_BYTES_MAX {
            say(pointer.into(), format!("at most {ABOUT_BYTES_MAX} bytes"), None);
        }
    }
    if sent.variables.len() > PROMPT_VARIABLES_MAX {
        say("/variables".into(), format!("a prompt has {PROMPT_VARIABLES_MAX} variables at most"), None);
    }
    let texts = [Some(&sent.text), sent.category.as_ref(), sent.context.as_ref()];
    let spoken = sent.variables.iter().flat_map(|variable| variable.description.as_ref());
    if texts.into_iter().flatten().chain(spoken).any(|text| text.contains('\0')) {
        say(String::new(), "a prompt holds no NUL character".into(), None);
    }
    let mut declared = BTreeSet::new();
    for (at, PromptVariable { name, .. }) in sent.variables.iter().enumerate() {
        if !is_variable(name) {
            let message = format!("no variable can be called `{}`", name.escape_debug());
            say(format!("/variables/{at}/name"), message, Some("letters, digits and `_`, no digit first".into()));
        } else if !declared.insert(name.as_str()) {
            say(format!("/variables/{at}/name"), format!("the variable `{name}` is declared twice"), None);
        }
    }
    for (message, hint) in check_text(&sent.text, &declared) {
        say("/text".into(), message, hint);
    }
    wrong
}

fn is_variable(name: &str) -> bool {
    let is_sign = |sign: u8| sign.is_ascii_alphanumeric() || sign == b'_';
    name.len() <= NAME_BYTES_MAX
        && name.bytes().all(is_sign)
        && name.bytes().next().is_some_and(|b| !b.is_ascii_digit())
}

/// What is wrong with the expressions of a prompt's text: they read declared variables, and nothing else.
fn check_text(text: &str, declared: &BTreeSet<&str>) -> Vec<(String, Option<String>)> {
    if !ork_workflow::reads_only(text, |root| root == "vars") {
        let message = "its expressions stand between `{{` and `}}`, and read `vars` alone".to_owned();
        return vec![(message, Some("{{ vars.NAME }}".to_owned()))];
    }
    let unknown = expressions(text).flat_map(|expression| members(expression, "vars"));
    let unknown: BTreeSet<&str> = unknown.filter(|name| !declared.contains(name)).collect();
    let wrong = |name: &str| {
        let near = hint(name, declared.iter().copied());
        (format!("the text reads the variable `{name}`, which is not declared"), near)
    };
    unknown.into_iter().map(wrong).collect()
}

/// What stands between `{{` and `}}`.
fn expressions(text: &str) -> impl Iterator<Item = &str> {
    text.split("{{").skip(1).filter_map(|rest| rest.split_once("}}")).map(|(expression, _)| expression)
}

/// The names behind `ROOT.`, and in the brackets of `ROOT["…"]`.
fn members<'e>(expression: &'e str, root: &'static str) -> impl Iterator<Item = &'e str> {
    let is_word = |sign: char| sign.is_alphanumeric() || sign == '_';
    expression.match_indices(root).filter_map(move |(at, _)| {
        if expression[..at].ends_with(|before: char| is_word(before) || before == '.') {
            return None;
        }
        let rest = expression[at + root.len()..].trim_start();
        if let Some(name) = rest.strip_prefix('.') {
            let name = name.trim_start();
            return Some(&name[..name.find(|sign| !is_word(sign)).unwrap_or(name.len())]);
        }
        let quoted = rest.strip_prefix('[')?.trim_start();
        let quote = quoted.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        quoted[1..].split_once(quote).map(|(name, _)| name)
    })
}

/// All prompts that a plan names: in its steps, and in expressions.
fn named(plan: &Plan) -> Named {
    let mut found = Named::new();
    for node in &plan.nodes {
        let action = &node.action;
        let mut texts: Vec<&str> = action.command.iter().flatten().map(String::as_str).collect();
        action.env.values().chain([&action.params]).for_each(|value| collect(value, &mut texts));
        for step in &action.steps {
            step.env.values().for_each(|value| collect(value, &mut texts));
            match &step.work {
                StepWork::Ai(ai) => {
                    let name = ai.prompt.as_deref().and_then(pin::split);
                    found.extend(name.map(|(id, version)| (id.to_owned(), version)));
                    texts.extend(ai.text.iter().chain(&ai.system).map(String::as_str));
                    ai.vars.values().for_each(|value| collect(value, &mut texts));
                }
                StepWork::Command(words) | StepWork::GateCommand(words) => {
                    texts.extend(words.iter().map(String::as_str))
                }
                _ => {}
            }
        }
        let read = texts.into_iter().flat_map(expressions).flat_map(|expression| members(expression, "prompts"));
        found.extend(read.map(|id| (id.to_owned(), None)));
    }
    found
}

fn collect<'v>(value: &'v Value, texts: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, texts)),
        _ => {}
    }
}

/// Says in the plan of a run that is being made which versions of prompts it keeps; see [`pin::pin`].
///
/// # Errors
/// When the store cannot be read.
pub async fn pin(store: &dyn Store, workspace: WorkspaceId, plan: &mut Plan) -> StoreResult<Vec<Unfit>> {
    pin::pin(store, workspace, plan, &named(plan)).await
}

/// A prompt in its newest version, or in this one, and who uses it; `None` when there is none.
///
/// # Errors
/// When the store cannot be read.
pub async fn show(
    look: Look<'_>,
    (workspace, id): (WorkspaceId, &str),
    version: Option<u32>,
) -> StoreResult<Option<Prompt>> {
    let Some(row) = look.store.prompt(workspace, id, version).await? else { return Ok(None) };
    Ok(Some(Prompt { version: shape(&row), used_by: used_by(look, id).await? }))
}

/// The stored workflows whose newest revision names a prompt, by name.
async fn used_by(look: Look<'_>, id: &str) -> StoreResult<Vec<String>> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = look.store.workflows(look.scope, after.as_deref(), PAGE_MAX).await?;
        for row in &page {
            let source = look.store.revision_source(look.scope, row.revision.id).await?.unwrap_or_default();
            // Most do not even hold the word.
            if source.contains(id) && names(&row.name, &source, id) {
                found.push(row.name.clone());
            }
        }
        match page.last() {
            Some(last) if page.len() == PAGE_MAX as usize => after = Some(last.name.clone()),
            _ => return Ok(found),
        }
    }
}

fn names(workflow: &str, source: &str, prompt: &str) -> bool {
    let plan = workflows::parse(workflow, source).and_then(|workflow| workflow.sketch(&Map::new()));
    plan.is_ok_and(|plan| named(&plan).iter().any(|(id, _)| id == prompt))
}

/// A prompt for lists.
#[must_use]
pub fn summary(row: &PromptRow) -> PromptSummary {
    PromptSummary {
        id: row.id.clone(),
        category: row.category.clone(),
        context: row.context.clone(),
        latest: row.latest,
        version: row.version,
        created_by: row.created_by.clone(),
        created_at: moment(row.created_at),
    }
}

/// A version of a prompt.
#[must_use]
pub fn shape(row: &PromptRow) -> PromptVersion {
    let variable = |known: &store::PromptVariable| {
        let store::PromptVariable { name, description, default } = known.clone();
        PromptVariable { name, description, default }
    };
    let variables = row.variables.iter().map(variable).collect();
    PromptVersion { summary: summary(row), text: row.text.clone(), variables }
}

#[cfg(test)]
mod tests {
    use ork_core::plan::{Action, Node};
    use serde_json::json;

    use super::*;

    fn prompt(text: &str, variables: &[&str]) -> PutPrompt {
        let variable = |name: &&str| PromptVariable { name: (*name).to_owned(), description: None, default: None };
        PutPrompt { text: text.into(), variables: variables.iter().map(variable).collect(), ..PutPrompt::default() }
    }

    #[track_caller]
    fn check(text: &str, variables: &[&str], expected: &[(&str, &str)]) {
        let found = faults(&prompt(text, variables));
        let found: Vec<(&str, &str)> =
            found.iter().map(|fault| (fault.pointer.as_str(), fault.message.as_str())).collect();
        assert_eq!(found, expected, "{text} {variables:?}");
    }

    #[test]
    fn texts_read_declared_variables_alone() {
        check("Write {{ vars.count }} captions.", &["count"], &[]);
        check("No variables, and {braces}.", &[], &[]);
        check("{{ vars['tone'] | upper }}", &["tone"], &[]);
        let unknown = "the text reads the variable `tune`, which is not declared";
        check("{{ vars.tone }} {{ vars.tune }}", &["tone"], &[("/text", unknown)]);
        check("{{ vars[\"tune\"] }}", &[], &[("/text", unknown)]);
        let roots = "its expressions stand between `{{` and `}}`, and read `vars` alone";
        for text in ["{{ inputs.x }}", "{{ secrets.key }}", "{{ vars.a", "{{ steps.a.output }}"] {
            check(text, &["a"], &[("/text", roots)]);
        }
    }

    #[test]
    fn variables_are_declared_once() {
        check("a", &["x", "x"], &[("/variables/1/name", "the variable `x` is declared twice")]);
        check("a", &["1x"], &[("/variables/0/name", "no variable can be called `1x`")]);
        check(" \n", &[], &[("/text", "a prompt has a text")]);
        check("a\0", &[], &[("", "a prompt holds no NUL character")]);
        let long = "x".repeat(PROMPT_BYTES_MAX + 1);
        check(&long, &[], &[("/text", "a prompt has 262144 bytes at most")]);
    }

    #[test]
    fn prompts_of_expressions_are_found() {
        let env = [("A".to_owned(), json!("{{ prompts.house }}")), ("B".to_owned(), json!("prompts.no"))].into();
        let params = json!({"a": ["{{ prompts['b.c'] ~ tasks.prompts.output }}"]});
        let action = Action { env, params, ..Action::default() };
        let plan = Plan { nodes: vec![Node::new("a", action)], ..Plan::default() };
        let found: Vec<String> = named(&plan).into_iter().map(|(id, _)| id).collect();
        assert_eq!(found, ["b.c", "house"]);
    }
}
