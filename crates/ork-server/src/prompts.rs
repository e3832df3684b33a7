//! Prompts: what one may be, who uses it, and which versions of them a run keeps.

use std::collections::BTreeSet;

use ork_api::{Fault, Prompt, PromptSummary, PromptVariable, PromptVersion, PutPrompt};
use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::event::Actor;
use ork_core::id::WorkspaceId;
use ork_core::limits::{PAGE_MAX, PROMPT_BYTES_MAX, PROMPT_VARIABLES_MAX, is_name};
use ork_core::pin::{self, Unfit};
use ork_core::plan::Plan;
use ork_core::store::{self, NewPrompt, PromptRow, Store};
use serde_json::Map;

use crate::look::Look;
use crate::refused::{Answer, Code, Refused};
use crate::tokens::NAME_RULE;
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
    let (id, variables) = (id.to_owned(), variables.into_iter().map(variable).collect());
    let actor = actor.clone();
    Ok(NewPrompt { workspace, id, category, context, text, variables, actor, now })
}

fn variable(PromptVariable { name, description, default }: PromptVariable) -> store::PromptVariable {
    store::PromptVariable { name, description, default }
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
        if !is_name(name) {
            let message = format!("no variable can be called `{}`", name.escape_debug());
            say(format!("/variables/{at}/name"), message, Some(NAME_RULE.into()));
        } else if !declared.insert(name.as_str()) {
            say(format!("/variables/{at}/name"), format!("the variable `{name}` is declared twice"), None);
        }
    }
    let variables: Vec<store::PromptVariable> = sent.variables.iter().cloned().map(variable).collect();
    for message in ork_workflow::prompt_template(&sent.text, &variables).err().into_iter().flatten() {
        say("/text".into(), message, None);
    }
    wrong
}

/// Says in the plan of a run that is being made which versions of prompts it keeps; see [`pin::pin`].
///
/// # Errors
/// When the store cannot be read.
pub async fn pin(store: &dyn Store, workspace: WorkspaceId, plan: &mut Plan) -> StoreResult<Vec<Unfit>> {
    let named = ork_workflow::prompts(plan);
    pin::pin(store, workspace, plan, &named).await
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
    plan.is_ok_and(|plan| ork_workflow::prompts(&plan).iter().any(|(id, _)| id == prompt))
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
        let unknown = "there is no variable `tune` (did you mean `tone`?)";
        check("{{ vars.tone }} {{ vars.tune }}", &["tone"], &[("/text", unknown)]);
        check("{{ inputs.x }}", &["a"], &[("/text", "`inputs` is not known in a prompt, which reads `vars` only")]);
        for text in ["{{ vars.a", "{% if a %}", "{{ steps.a.output }}", "{{ vars }}"] {
            let found = faults(&prompt(text, &["a"]));
            assert!(!found.is_empty() && found.iter().all(|fault| fault.pointer == "/text"), "{text}: {found:?}");
        }
    }

    #[test]
    fn variables_are_declared_once() {
        check("a", &["x", "x"], &[("/variables/1/name", "the variable `x` is declared twice")]);
        check("a", &["a b"], &[("/variables/0/name", "no variable can be called `a b`")]);
        check(" \n", &[], &[("/text", "a prompt has a text")]);
        check("a\0", &[], &[("", "a prompt holds no NUL character")]);
        let long = "x".repeat(PROMPT_BYTES_MAX + 1);
        check(&long, &[], &[("/text", "a prompt has 262144 bytes at most")]);
    }
}
