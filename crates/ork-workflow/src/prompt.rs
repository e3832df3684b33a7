//! Stored prompts: how steps name them, what their texts may read, and what becomes of them.

use std::collections::BTreeMap;

use ork_core::limits::is_name;
use ork_core::store::PromptVariable;
use serde_json::Value;

use crate::diagnostic::Report;
use crate::expression::{Flaw, Reference, Scope, Template, TemplateError, analyse, as_text, render};
use crate::sight::{DASH, cut_off, in_brackets};
use crate::tree::Located;
use crate::{codes, fields, suggest};

/// The name of a prompt and its version, if it names one: `ID`, or `ID@VERSION`.
pub fn parts(name: &str) -> Option<(&str, Option<u32>)> {
    match name.split_once('@') {
        None => is_name(name).then_some((name, None)),
        Some((id, version)) => {
            let is_plain = !version.starts_with('0') && version.bytes().all(|b| b.is_ascii_digit());
            // Nine digits always fit, which a schema can say as well.
            let version = version.parse().ok().filter(|_| is_plain && version.len() < 10)?;
            is_name(id).then_some((id, Some(version)))
        }
    }
}

/// Reads the name of a prompt.
pub fn name(node: &Located, report: &mut Report) -> Option<String> {
    let text = fields::text(node, "`prompt`", report)?;
    if parts(text).is_none() {
        let message = "`prompt` must be the name of a stored prompt";
        let hint = if text.contains([' ', '{']) {
            "the question itself stands under `text`"
        } else {
            "write `prompt: captions`, or `prompt: captions@3` for its third version"
        };
        report.hinted(codes::PROMPT_NAME, node.at, message, hint);
        return None;
    }
    Some(text.to_owned())
}

/// Checks the text of a prompt that is to be stored: it reads nothing but these variables, as `{{ vars.NAME }}`, with filters if
/// need be.
///
/// # Errors
/// Everything that is wrong, each with how to repair it.
pub fn prompt_template(text: &str, declared: &[PromptVariable]) -> Result<(), Vec<String>> {
    let template = Template::cut(text).map_err(|flaw| vec![told(flaw)])?;
    let mut wrong = Vec::new();
    for (expression, _) in template.expressions() {
        match analyse(expression) {
            Err(flaw) => wrong.push(format!("`{expression}`: {}", told(flaw))),
            Ok(references) => {
                for said in references.iter().filter_map(|reference| refuse(reference, declared)) {
                    // After `vars.cut-it` with a dash the rest of the name would be told as well.
                    let is_cut = said.contains(DASH);
                    wrong.push(said);
                    if is_cut {
                        break;
                    }
                }
            }
        }
    }
    wrong.dedup();
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

fn told(flaw: Flaw) -> String {
    match flaw.hint {
        Some(hint) => format!("{} ({hint})", flaw.message),
        None => flaw.message,
    }
}

fn refuse(reference: &Reference, declared: &[PromptVariable]) -> Option<String> {
    let names = || declared.iter().map(|variable| variable.name.as_str());
    if reference.root != "vars" {
        let root = &reference.root;
        return Some(if names().any(|name| name == root) {
            format!("`{root}` is not known in a prompt (did you mean `vars.{root}`?)")
        } else {
            format!("`{root}` is not known in a prompt, which reads `vars` only")
        });
    }
    let Some(name) = reference.second() else {
        return Some("`vars` is read by a name that stands in the text (write vars.NAME, or vars[\"NAME\"])".into());
    };
    if names().any(|known| known == name) {
        return None;
    }
    let hint = match cut_off(name, names()) {
        Some(longer) => in_brackets("vars", longer, ""),
        None => suggest::hint(name, names()).unwrap_or_else(|| "declare it as a variable".to_owned()),
    };
    Some(format!("there is no variable `{name}` ({hint})"))
}

/// The text of a stored prompt with these values in it. A value is data: what it holds is never looked at for templates.
///
/// # Errors
/// When an expression fails, reads a variable that has no value, or the result is larger than an inline value may be.
pub fn render_prompt(text: &str, vars: BTreeMap<String, Value>) -> Result<String, TemplateError> {
    let scope = Scope { vars: Some(Value::Object(vars.into_iter().collect())), ..Scope::default() };
    render(&Value::from(text), &scope).map(|text| as_text(&text))
}
