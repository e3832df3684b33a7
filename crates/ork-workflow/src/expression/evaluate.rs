//! Expressions at run time: what they see, and what they give.

use std::collections::BTreeMap;

use minijinja::{Error, ErrorKind, Value as Dynamic};
use serde_json::{Map, Value, json};

use super::environment::ENVIRONMENT;
use super::names::{Reference, Step, analyse};
use super::template::{Part, Template};
use super::value::{NotJson, from_expression, into_expression};
use super::{Flaw, guard};
use crate::{codes, suggest};

/// Everything that an expression may read.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// The run's inputs, an object.
    pub inputs: Value,
    /// `{id, name, project?}`.
    pub run: Value,
    /// `{id, key, index, item, attempt}` of the task that the expression belongs to, and `{round, feedback}` in a step; `None` where
    /// there is none yet.
    pub task: Option<Value>,
    /// The tasks that the expression reads; [`crate::references`] tells which.
    pub tasks: BTreeMap<String, TaskView>,
    /// The steps of the same task before the one that the expression belongs to.
    pub steps: BTreeMap<String, StepView>,
    /// The texts of the prompts that the expression reads; [`crate::prompts_of`] tells which.
    pub prompts: BTreeMap<String, String>,
    /// The values of a prompt's variables, while its text is filled in; `None` elsewhere.
    pub vars: Option<Value>,
    /// What came in, where a hook makes inputs of it; `None` elsewhere.
    pub body: Option<Value>,
    /// The secrets that the expression reads; [`crate::secrets`] tells which.
    pub secrets: Secrets,
}

/// Secrets in the clear, by name. Nothing shows them.
#[derive(Clone, Default)]
pub struct Secrets(pub BTreeMap<String, String>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What an expression sees of another task.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskView {
    /// A task without fan-out: `tasks.KEY.output`, `tasks.KEY.status`.
    One {
        /// What it answered; `null` unless it succeeded.
        output: Value,
        /// Its status, such as `success`.
        status: String,
    },
    /// Fan-out siblings in the order of their index: `tasks.KEY.outputs`, `tasks.KEY.statuses`.
    Many {
        /// What each answered; `null` for one that was skipped.
        outputs: Vec<Value>,
        /// The status of each.
        statuses: Vec<String>,
    },
}

/// What an expression sees of a step before its own: `steps.NAME.output`, `steps.NAME.status`, `steps.NAME.error`.
#[derive(Debug, Clone, PartialEq)]
pub struct StepView {
    /// What it gave; `null` unless it succeeded.
    pub output: Value,
    /// Its status, such as `success`.
    pub status: String,
    /// What went wrong, in words.
    pub error: Option<String>,
}

/// Why an expression gave no value. It fails the task without a retry: the same data would give the same error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    /// What `ork explain` takes.
    pub code: &'static str,
    /// What is wrong, with the expression.
    pub message: String,
    /// How to repair it.
    pub hint: Option<String>,
}

impl std::fmt::Display for TemplateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.message)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, " ({hint})"))
    }
}

impl std::error::Error for TemplateError {}

/// Fills in every template of a JSON value: a string that is one whole `{{ … }}` becomes what its expression gives,
/// with its type; any other string stays a string. Keys stay as they are, and so does what an expression gave: it is
/// never looked at for templates again.
///
/// # Errors
/// When an expression fails, or the result is larger than an inline value may be.
pub fn render(value: &Value, scope: &Scope) -> Result<Value, TemplateError> {
    let mut bytes = 0;
    fill(value, scope, &mut bytes)
}

fn fill(value: &Value, scope: &Scope, bytes: &mut usize) -> Result<Value, TemplateError> {
    let filled = match value {
        Value::String(text) => {
            let filled = fill_text(text, scope)?;
            *bytes += size(&filled);
            filled
        }
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| fill(item, scope, bytes)).collect::<Result<_, _>>()?)
        }
        Value::Object(fields) => {
            let filled: Result<Map<_, _>, _> =
                fields.iter().map(|(key, item)| fill(item, scope, bytes).map(|item| (key.clone(), item))).collect();
            Value::Object(filled?)
        }
        other => other.clone(),
    };
    if *bytes > ork_core::limits::VALUE_BYTES_MAX {
        return Err(too_large());
    }
    Ok(filled)
}

/// Bytes of text in a value, roughly what it takes as JSON.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Object(fields) => 1 + fields.iter().map(|(key, item)| key.len() + size(item)).sum::<usize>(),
        _ => 1,
    }
}

fn too_large() -> TemplateError {
    TemplateError {
        code: codes::RESULT_LARGE,
        message: format!("the filled-in value is larger than {} bytes", ork_core::limits::VALUE_BYTES_MAX),
        hint: Some("pass large data in a file, and its name in the value".into()),
    }
}

fn fill_text(text: &str, scope: &Scope) -> Result<Value, TemplateError> {
    let template = Template::cut(text).map_err(|flaw| of_flaw(flaw, text))?;
    if let Some(expression) = template.whole() {
        return evaluate(expression, scope);
    }
    let mut filled = String::new();
    for part in &template.parts {
        match part {
            Part::Text(text) => filled.push_str(text),
            Part::Expression { source, .. } => filled.push_str(&as_text(&evaluate(source, scope)?)),
        }
        if filled.len() > ork_core::limits::VALUE_BYTES_MAX {
            return Err(too_large());
        }
    }
    Ok(Value::String(filled))
}

/// A value within text, as an argument, or in the environment: text as it is, null as nothing, anything else as JSON.
#[must_use]
pub fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Evaluates a bare expression that must give `true` or `false`.
///
/// # Errors
/// When it fails, or gives anything else.
pub fn condition(expr: &str, scope: &Scope) -> Result<bool, TemplateError> {
    match evaluate(expr, scope)? {
        Value::Bool(holds) => Ok(holds),
        other => Err(TemplateError {
            code: codes::CONDITION_NOT_BOOLEAN,
            message: format!("the condition `{expr}` gave {}, not true or false", noun(&other)),
            hint: Some(match other {
                Value::String(_) => format!("compare it: {expr} == 'text', or {expr} != ''"),
                Value::Number(_) => format!("compare it: {expr} > 0"),
                Value::Null => format!("test it: {expr} is not none"),
                _ => format!("test its length: {expr} | length > 0"),
            }),
        }),
    }
}

const fn noun(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

/// Evaluates a bare expression.
///
/// # Errors
/// When it cannot be read, reads something undefined, orders unlike values, or takes too long or too much room.
pub fn evaluate(expr: &str, scope: &Scope) -> Result<Value, TemplateError> {
    let references = analyse(expr).map_err(|flaw| of_flaw(flaw, expr))?;
    let rewritten = guard::rewrite(expr).map_err(|flaw| of_flaw(flaw, expr))?;
    let compiled =
        ENVIRONMENT.compile_expression(&rewritten).map_err(|error| of_error(&error, expr, &references, scope))?;
    let result =
        compiled.eval(visible(&references, scope)).map_err(|error| of_error(&error, expr, &references, scope))?;
    from_expression(&result).map_err(|why| match why {
        NotJson::Undefined => undefined(expr, &references, scope),
        NotJson::TooLarge => too_large(),
        other => TemplateError {
            code: codes::EVALUATION,
            message: format!("failed to evaluate `{expr}`: {other}"),
            hint: None,
        },
    })
}

fn of_flaw(flaw: Flaw, expr: &str) -> TemplateError {
    TemplateError { code: flaw.code, message: format!("failed to read `{expr}`: {}", flaw.message), hint: flaw.hint }
}

fn of_error(error: &Error, expr: &str, references: &[Reference], scope: &Scope) -> TemplateError {
    let (code, message, hint) = match error.kind() {
        ErrorKind::UndefinedError => return undefined(expr, references, scope),
        ErrorKind::OutOfFuel => {
            (codes::RESULT_LARGE, "it takes too many steps".to_owned(), Some("compute the value in a task"))
        }
        _ => {
            let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
            let is_order = detail.contains("cannot order");
            let hint = if is_order {
                Some("convert one side with | float, | int or | string")
            } else {
                detail
                    .contains("operator")
                    .then_some("convert text with | int or | float; join anything as text with ~")
            };
            (if is_order { codes::ORDER_UNLIKE } else { codes::EVALUATION }, detail, hint)
        }
    };
    TemplateError { code, message: format!("failed to evaluate `{expr}`: {message}"), hint: hint.map(str::to_owned) }
}

/// Names the first path of the expression that leads nowhere.
fn undefined(expr: &str, references: &[Reference], scope: &Scope) -> TemplateError {
    for reference in references {
        let Some(root) = root(reference, scope) else {
            return missing(expr, "this expression", &reference.root, &["inputs", "tasks", "task", "run"]);
        };
        let mut path = reference.root.clone();
        let mut here = root;
        for step in &reference.steps {
            let next = match (step, &here) {
                (Step::Name(name), Value::Object(fields)) => {
                    let names: Vec<&str> = fields.keys().map(String::as_str).collect();
                    match fields.get(name) {
                        Some(value) => value.clone(),
                        None => return missing(expr, &format!("`{path}`"), name, &names),
                    }
                }
                (Step::Index(index), Value::Array(items)) => match items.get(*index) {
                    Some(value) => value.clone(),
                    None => {
                        let message = format!(
                            "failed to evaluate `{expr}`: `{path}` has {} items, and none at {index}",
                            items.len()
                        );
                        return TemplateError {
                            code: codes::UNDEFINED,
                            message,
                            hint: Some("indexes begin at 0".into()),
                        };
                    }
                },
                (Step::Name(name), other) => {
                    let message =
                        format!("failed to evaluate `{expr}`: `{path}` is {} and has no `{name}`", noun(other));
                    return TemplateError { code: codes::UNDEFINED, message, hint: None };
                }
                _ => break,
            };
            path = match step {
                Step::Name(name) => format!("{path}.{name}"),
                Step::Index(index) => format!("{path}[{index}]"),
                Step::Unknown => path,
            };
            here = next;
        }
    }
    let hint = "give it a value for this case: (…) | default(other)".to_owned();
    TemplateError {
        code: codes::UNDEFINED,
        message: format!("failed to evaluate `{expr}`: its value is undefined"),
        hint: Some(hint),
    }
}

fn missing(expr: &str, of: &str, name: &str, known: &[&str]) -> TemplateError {
    let hint =
        if known.is_empty() { Some("it is empty".to_owned()) } else { suggest::hint(name, known.iter().copied()) };
    TemplateError {
        code: codes::UNDEFINED,
        message: format!("failed to evaluate `{expr}`: {of} has no `{name}`"),
        hint,
    }
}

/// What the first name of a reference stands for, cut down to what the reference can reach.
fn root(reference: &Reference, scope: &Scope) -> Option<Value> {
    if let Some(object) = object(&reference.root, scope) {
        return Some(object.clone());
    }
    // What leads nowhere is told by names alone.
    let names = |names: &mut dyn Iterator<Item = &String>| names.map(|name| (name.clone(), Value::from(""))).collect();
    Some(Value::Object(match reference.root.as_str() {
        "secrets" => names(&mut scope.secrets.0.keys()),
        "prompts" => names(&mut scope.prompts.keys()),
        "tasks" => {
            let found = reference.second().and_then(|key| scope.tasks.get_key_value(key)).into_iter();
            found.map(|(key, view)| (key.clone(), view.as_json())).collect()
        }
        "steps" => {
            let found = reference.second().and_then(|name| scope.steps.get_key_value(name)).into_iter();
            found.map(|(name, view)| (name.clone(), view.as_json())).collect()
        }
        _ => return None,
    }))
}

/// The object that a first name stands for as a whole.
fn object<'s>(root: &str, scope: &'s Scope) -> Option<&'s Value> {
    match root {
        "inputs" => Some(&scope.inputs),
        "run" => Some(&scope.run),
        "task" => scope.task.as_ref(),
        "vars" => scope.vars.as_ref(),
        "body" => scope.body.as_ref(),
        _ => None,
    }
}

impl TaskView {
    fn as_json(&self) -> Value {
        match self {
            Self::One { output, status } => json!({"output": output, "status": status}),
            Self::Many { outputs, statuses } => json!({"outputs": outputs, "statuses": statuses}),
        }
    }

    /// The value behind one of its names, by reference: outputs may be large.
    fn part(&self, name: &str) -> Option<Dynamic> {
        let list = |values: &[Value]| Dynamic::from(values.iter().map(into_expression).collect::<Vec<_>>());
        match (self, name) {
            (Self::One { output, .. }, "output") => Some(into_expression(output)),
            (Self::One { status, .. }, "status") => Some(Dynamic::from(status.as_str())),
            (Self::Many { outputs, .. }, "outputs") => Some(list(outputs)),
            (Self::Many { statuses, .. }, "statuses") => Some(Dynamic::from(statuses.clone())),
            _ => None,
        }
    }
}

impl StepView {
    fn as_json(&self) -> Value {
        json!({"output": self.output, "status": self.status, "error": self.error})
    }

    fn part(&self, name: &str) -> Option<Dynamic> {
        match name {
            "output" => Some(into_expression(&self.output)),
            "status" => Some(Dynamic::from(self.status.as_str())),
            "error" => Some(self.error.as_deref().map_or_else(|| Dynamic::from(()), Dynamic::from)),
            _ => None,
        }
    }
}

/// The variables of one evaluation: of all that the scope holds only what the expression names, since every value that
/// it may read is converted.
fn visible(references: &[Reference], scope: &Scope) -> Dynamic {
    let mut roots: BTreeMap<&str, BTreeMap<&str, Dynamic>> = BTreeMap::from([("tasks", BTreeMap::new())]);
    let mut views: BTreeMap<(&str, &str), BTreeMap<&str, Dynamic>> = BTreeMap::new();
    for reference in references {
        let (root, second) = (reference.root.as_str(), reference.second());
        if let Some(object) = object(root, scope) {
            let wanted = |name: &str| second.is_none_or(|second| second == name);
            let fields = object.as_object().into_iter().flatten().filter(|(name, _)| wanted(name));
            roots.entry(root).or_default().extend(fields.map(|(name, value)| (name.as_str(), into_expression(value))));
            continue;
        }
        let Some(name) = second else { continue };
        let text = match root {
            "secrets" => scope.secrets.0.get(name),
            "prompts" => scope.prompts.get(name),
            _ => None,
        };
        if let Some(text) = text {
            roots.entry(root).or_default().insert(name, Dynamic::from(text.as_str()));
        }
        if let Some(found) = viewed(reference, name, scope) {
            views.entry((root, name)).or_default().extend(found);
        }
    }
    for ((root, name), parts) in views {
        roots.entry(root).or_default().insert(name, Dynamic::from_pairs(parts));
    }
    Dynamic::from_pairs(roots.into_iter().map(|(name, fields)| (name, Dynamic::from_pairs(fields))))
}

/// The part of a task or of a step that a reference names; `None` if there is no such task or step.
fn viewed<'r>(reference: &'r Reference, name: &str, scope: &Scope) -> Option<Option<(&'r str, Dynamic)>> {
    let part = match reference.steps.get(1) {
        Some(Step::Name(part)) => part.as_str(),
        _ => "",
    };
    let value = match reference.root.as_str() {
        "tasks" => scope.tasks.get(name)?.part(part),
        "steps" => scope.steps.get(name)?.part(part),
        _ => return None,
    };
    Some(value.map(|value| (part, value)))
}
