//! The versions of prompts that a run keeps: chosen when it is made, so that a prompt which changes meanwhile changes no run.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::StoreResult;
use crate::id::WorkspaceId;
use crate::plan::Plan;
use crate::step::{AiStep, StepWork};
use crate::store::{PromptRow, Store};
use crate::suggest::hint;

/// Prompts that a plan names, with the version where it names one.
pub type Named = BTreeSet<(String, Option<u32>)>;

/// What is wrong with what a plan says about a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    /// Where: `tasks.KEY.steps.NAME`, or `prompts.ID` for what only an expression names.
    pub place: String,
    /// What is wrong.
    pub message: String,
    /// How to repair it.
    pub hint: Option<String>,
}

/// The two parts of `ID` or `ID@VERSION`; `None` when the version is no number.
#[must_use]
pub fn split(text: &str) -> Option<(&str, Option<u32>)> {
    match text.split_once('@') {
        None => Some((text, None)),
        Some((id, version)) => version.parse().ok().map(|version| (id, Some(version))),
    }
}

/// Says in the plan which version each prompt has that is `named` without one: the one that the plan has already, as that of a
/// run which is done again, or else the newest. Answers what is wrong: prompts that are not there, and steps that do not give
/// their variables.
///
/// # Errors
/// When the store cannot be read.
pub async fn pin(store: &dyn Store, workspace: WorkspaceId, plan: &mut Plan, named: &Named) -> StoreResult<Vec<Unfit>> {
    let mut found = BTreeMap::new();
    let mut pinned = BTreeMap::new();
    for (id, version) in named {
        let wanted = version.or_else(|| plan.prompts.get(id).copied());
        let Some(row) = store.prompt(workspace, id, wanted).await? else { continue };
        if version.is_none() {
            pinned.insert(id.clone(), row.version);
        }
        found.insert((id.as_str(), *version), row);
    }
    plan.prompts = pinned;
    Ok(unfit(plan, named, &found))
}

fn unfit(plan: &Plan, named: &Named, found: &BTreeMap<(&str, Option<u32>), PromptRow>) -> Vec<Unfit> {
    let (mut wrong, mut told) = (Vec::new(), BTreeSet::new());
    let steps = plan.nodes.iter().flat_map(|node| node.action.steps.iter().map(move |step| (node, step)));
    for (node, step) in steps {
        let StepWork::Ai(ai) = &step.work else { continue };
        let Some((id, version)) = ai.prompt.as_deref().and_then(split) else { continue };
        let place = format!("tasks.{}.steps.{}", node.key, step.name);
        match found.get(&(id, version)) {
            Some(row) => {
                wrong.extend(variables(ai, row).map(|(message, hint)| Unfit { place: place.clone(), message, hint }))
            }
            None => wrong.push(missing(place, id, version)),
        }
        told.insert((id, version));
    }
    let others = named.iter().map(|(id, version)| (id.as_str(), *version));
    let others = others.filter(|name| !found.contains_key(name) && !told.contains(name));
    wrong.extend(others.map(|(id, version)| missing(format!("prompts.{id}"), id, version)));
    wrong
}

fn missing(place: String, id: &str, version: Option<u32>) -> Unfit {
    let message = match version {
        Some(version) => format!("there is no version {version} of a prompt `{id}`"),
        None => format!("there is no prompt `{id}`"),
    };
    Unfit { place, message, hint: Some(format!("ork prompts put FILE --id {id}")) }
}

/// What is wrong with the variables of a step: those that a prompt needs, and no others.
fn variables<'a>(ai: &'a AiStep, prompt: &'a PromptRow) -> impl Iterator<Item = (String, Option<String>)> + 'a {
    let declared = || prompt.variables.iter().map(|variable| variable.name.as_str());
    let of = format!("`{}@{}`", prompt.id, prompt.version);
    let missing = prompt.variables.iter().filter(|known| known.default.is_none() && !ai.vars.contains_key(&known.name));
    let missing = missing.map({
        let of = of.clone();
        move |known| {
            (
                format!("the prompt {of} needs the variable `{}`", known.name),
                Some(format!("vars: {{{}: …}}", known.name)),
            )
        }
    });
    let unknown = ai.vars.keys().filter(move |name| declared().all(|known| known != name.as_str()));
    let unknown =
        unknown.map(move |name| (format!("the prompt {of} has no variable `{name}`"), hint(name, declared())));
    missing.chain(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::plan::{Action, Node};
    use crate::retry::RetryPolicy;
    use crate::step::{Step, StepPhase};
    use crate::store::PromptVariable;

    fn plan(prompt: &str, vars: &[&str]) -> Plan {
        let vars = vars.iter().map(|name| ((*name).to_owned(), 1.into())).collect();
        let step = Step {
            name: "caption".into(),
            phase: StepPhase::Execution,
            when: None,
            timeout_ms: None,
            retry: RetryPolicy::default(),
            continue_on_error: false,
            env: BTreeMap::new(),
            work: StepWork::Ai(Box::new(AiStep { prompt: Some(prompt.into()), vars, ..AiStep::default() })),
        };
        let action = Action { steps: vec![step], ..Action::default() };
        Plan { nodes: vec![Node::new("review", action)], ..Plan::default() }
    }

    fn row() -> PromptRow {
        let variable = |name: &str, default| PromptVariable { name: name.into(), description: None, default };
        PromptRow {
            workspace: WorkspaceId::DEFAULT,
            id: "captions".into(),
            category: None,
            context: None,
            latest: 3,
            version: 3,
            text: String::new(),
            variables: vec![variable("tone", None), variable("count", Some(3.into()))],
            created_by: "ada".into(),
            created_at: Timestamp::default(),
        }
    }

    #[test]
    fn names_have_a_version_or_none() {
        assert_eq!(split("captions"), Some(("captions", None)));
        assert_eq!(split("captions@3"), Some(("captions", Some(3))));
        assert_eq!((split("captions@"), split("captions@x")), (None, None));
    }

    #[test]
    fn steps_give_what_prompts_need_and_nothing_else() {
        let check = |prompt: &str, vars: &[&str], expected: &[&str]| {
            let named: Named = [(split(prompt).unwrap().0.to_owned(), split(prompt).unwrap().1)].into();
            let found = BTreeMap::from([(("captions", None), row())]);
            let wrong = unfit(&plan(prompt, vars), &named, &found);
            assert!(wrong.iter().all(|wrong| wrong.place == "tasks.review.steps.caption"), "{wrong:?}");
            let wrong: Vec<&str> = wrong.iter().map(|wrong| wrong.message.as_str()).collect();
            assert_eq!(wrong, expected, "{prompt} {vars:?}");
        };
        check("captions", &["tone"], &[]);
        check("captions", &["tone", "count"], &[]);
        check("captions", &["count"], &["the prompt `captions@3` needs the variable `tone`"]);
        check("captions", &["tone", "tune"], &["the prompt `captions@3` has no variable `tune`"]);
        check("captions@9", &[], &["there is no version 9 of a prompt `captions`"]);
        check("titles", &["tone"], &["there is no prompt `titles`"]);
    }

    #[test]
    fn what_only_expressions_name_must_be_there_too() {
        let named: Named = [("house".to_owned(), None)].into();
        let wrong = unfit(&Plan::default(), &named, &BTreeMap::new());
        assert_eq!((wrong.len(), wrong[0].place.as_str()), (1, "prompts.house"));
    }
}
