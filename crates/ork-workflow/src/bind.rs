//! A workflow and its inputs to the plan of one run.

use std::collections::BTreeMap;

use ork_core::limits;
use ork_core::plan::{Concurrency, Fan, Node, Plan};
use ork_core::step::{Step, StepWork};
use serde_json::{Map, Value};

use crate::codes;
use crate::diagnostic::{Diagnostics, Finding, Report};
use crate::expression::{Scope, TemplateError, as_text, evaluate, literal, render};
use crate::reads::{expression_reads_only, reads_only};
use crate::source::Span;
use crate::webhook::check_url;
use crate::workflow::{Given, Workflow, unknown_input};

/// A plan that can be run.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    /// The plan. Templates that read only inputs are filled in; those that remain read the run or tasks.
    pub plan: Plan,
    /// Every declared input, an object: what was given, else the default, else null.
    pub input: Value,
}

impl Workflow {
    /// Puts inputs into the plan.
    ///
    /// # Errors
    /// Inputs that are unknown, missing, or not as declared, and a `count` or `each` that these inputs make impossible.
    /// The place is that of the declaration.
    pub fn bind(&self, given: &Given) -> Result<Bound, Diagnostics> {
        let mut report = Report::default();
        let input = Value::Object(self.values(given, true, &mut report));
        if !report.is_empty() {
            return Err(report.finish(&self.file, &self.lines));
        }
        let scope = Scope { inputs: input.clone(), ..Scope::default() };
        let plan = self.settle(&scope, &mut report);
        if report.is_empty() { Ok(Bound { plan, input }) } else { Err(report.finish(&self.file, &self.lines)) }
    }

    /// Nobody is there to give other inputs when a run begins by itself: those of the schedule must do.
    ///
    /// # Errors
    /// What is wrong with them, as [`Self::bind`] says it, at the schedule.
    pub(crate) fn check_schedule(&self) -> Result<(), Diagnostics> {
        let Some(schedule) = self.schedule() else { return Ok(()) };
        let mut report = Report::default();
        let input = Value::Object(self.values(&schedule.input, true, &mut report));
        if report.is_empty() {
            self.settle(&Scope { inputs: input, ..Scope::default() }, &mut report);
        }
        if report.is_empty() {
            return Ok(());
        }
        report.move_to(schedule.at);
        Err(report.finish(&self.file, &self.lines))
    }

    /// The plan as far as these inputs tell, for pictures: what a run would still need may be missing. Templates stay,
    /// and a `count` or `each` that cannot be known yet stays an expression.
    ///
    /// # Errors
    /// Inputs that are unknown or not as declared; the same as [`Self::bind`], if none is missing.
    pub fn sketch(&self, given: &Given) -> Result<Plan, Diagnostics> {
        if self.inputs.iter().all(|spec| !spec.required || given.contains_key(&spec.name)) {
            return self.bind(given).map(|bound| bound.plan);
        }
        let mut report = Report::default();
        let scope = Scope { inputs: Value::Object(self.values(given, false, &mut report)), ..Scope::default() };
        if !report.is_empty() {
            return Err(report.finish(&self.file, &self.lines));
        }
        let mut plan = self.draft.clone();
        for (node, &at) in plan.nodes.iter_mut().zip(&self.places) {
            // What cannot be evaluated lacks an input, as far as anybody can tell before it is there.
            let mut doubts = Report::default();
            let fan = settle_fan(node.fan.clone(), &scope, at, &mut doubts);
            if doubts.is_empty() {
                node.fan = fan;
            }
        }
        Ok(plan)
    }

    /// The value of each input. A required one that is missing is an error, or else left out.
    fn values(&self, given: &Given, is_complete: bool, report: &mut Report) -> Map<String, Value> {
        for name in given.keys() {
            if !self.inputs.iter().any(|spec| spec.name == *name) {
                report.push(unknown_input(name, &self.inputs));
            }
        }
        let mut values = Map::new();
        for spec in &self.inputs {
            let what = format!("input `{}`", spec.name);
            let value = match given.get(&spec.name) {
                Some(value) => {
                    if let Some(finding) = spec.refuse(value, &what) {
                        report.push(finding);
                    }
                    value.clone()
                }
                None if spec.required && !is_complete => continue,
                None if spec.required => {
                    let hint = Some(format!("give it with -i {}=…", spec.name));
                    report.push(Finding {
                        code: codes::INPUT_MISSING,
                        at: Some(spec.at),
                        message: format!("{what} is required"),
                        hint,
                    });
                    Value::Null
                }
                None => spec.default.clone().unwrap_or_default(),
            };
            values.insert(spec.name.clone(), value);
        }
        values
    }

    fn settle(&self, scope: &Scope, report: &mut Report) -> Plan {
        let mut plan = self.draft.clone();
        let top = Span::new(0, 1);
        for value in plan.labels.values_mut() {
            *value = text(value, scope, top, report);
            if value.len() > limits::LABEL_BYTES_MAX {
                report.add(
                    codes::VALUE_LARGE,
                    top,
                    format!("a label is longer than {} bytes", limits::LABEL_BYTES_MAX),
                );
            }
        }
        settle_concurrency(plan.concurrency.as_mut(), scope, top, report);
        if let Some(webhook) = &mut plan.webhook
            && webhook.url.contains("{{")
        {
            webhook.url = text(&webhook.url, scope, top, report);
            check_url(&webhook.url, top, report);
        }
        if let Some(result) = &mut plan.result {
            settle_value(result, scope, top, report);
        }
        let mut tasks = 0_u64;
        for (node, &at) in plan.nodes.iter_mut().zip(&self.places) {
            settle_node(node, scope, at, report);
            tasks += u64::from(node.fan.size().unwrap_or(1));
            if tasks > u64::from(limits::TASKS_MAX) {
                let message =
                    format!("with this task the run has {tasks} tasks, and at most {} are allowed", limits::TASKS_MAX);
                report.hinted(
                    codes::TASKS_MANY,
                    at,
                    message,
                    "siblings of `count` and `each` are counted; split the work over several runs",
                );
                break;
            }
        }
        plan
    }
}

fn settle_node(node: &mut Node, scope: &Scope, at: Span, report: &mut Report) {
    node.fan = settle_fan(std::mem::take(&mut node.fan), scope, at, report);
    settle_concurrency(node.concurrency.as_mut(), scope, at, report);
    settle_value(&mut node.action.params, scope, at, report);
    settle_env(&mut node.action.env, scope, at, report);
    for argument in node.action.command.iter_mut().flatten().chain(node.action.workdir.iter_mut()) {
        settle_text(argument, scope, at, report);
    }
    for step in &mut node.action.steps {
        settle_step(step, scope, at, report);
    }
}

fn settle_env(env: &mut BTreeMap<String, Value>, scope: &Scope, at: Span, report: &mut Report) {
    for value in env.values_mut() {
        settle_value(value, scope, at, report);
        // What an input gave is text in the environment; what is still a template is a string already.
        if !value.is_string() {
            *value = Value::String(literal(&as_text(value)));
        }
    }
}

fn settle_step(step: &mut Step, scope: &Scope, at: Span, report: &mut Report) {
    settle_env(&mut step.env, scope, at, report);
    match &mut step.work {
        StepWork::Command(words) | StepWork::GateCommand(words) => {
            words.iter_mut().for_each(|word| settle_text(word, scope, at, report));
        }
        StepWork::Approval(approval) => {
            approval.message.iter_mut().for_each(|text| settle_text(text, scope, at, report));
        }
        StepWork::Ai(ai) => {
            let texts = ai.text.iter_mut().chain(&mut ai.system).chain(&mut ai.base_url).chain([&mut ai.model]);
            texts.for_each(|text| settle_text(text, scope, at, report));
            ai.vars.values_mut().for_each(|value| settle_value(value, scope, at, report));
        }
        StepWork::Artifact(artifact) => {
            let texts = [&mut artifact.url, &mut artifact.name, &mut artifact.checksum].into_iter().flatten();
            artifact.path.iter_mut().chain(texts).for_each(|text| settle_text(text, scope, at, report));
            let values = artifact.size.iter_mut().chain(&mut artifact.meta);
            values.for_each(|value| settle_value(value, scope, at, report));
        }
        StepWork::Run(_) | StepWork::GateRun(_) | StepWork::GateCondition(_) => {}
    }
}

fn settle_fan(fan: Fan, scope: &Scope, at: Span, report: &mut Report) -> Fan {
    match fan {
        Fan::CountOf(expression) if is_settled(&expression) => match evaluate(&expression, scope) {
            Ok(value) => match count_of(&value) {
                Some(count) => Fan::Count(count),
                None => {
                    let message =
                        format!("`count` is {value}, and must be a whole number from 0 to {}", limits::TASKS_MAX);
                    report.add(codes::FAN_BAD, at, message);
                    Fan::One
                }
            },
            Err(error) => failed(error, at, report),
        },
        Fan::EachOf(expression) if is_settled(&expression) => match evaluate(&expression, scope) {
            Ok(Value::Array(items)) => Fan::Each(items),
            Ok(other) => {
                report.add(codes::FAN_BAD, at, format!("`each` gave {}, and must give a list", short(&other)));
                Fan::One
            }
            Err(error) => failed(error, at, report),
        },
        Fan::Each(items) => match items.iter().map(|item| render(item, scope)).collect() {
            Ok(items) => Fan::Each(items),
            Err(error) => failed(error, at, report),
        },
        other => other,
    }
}

/// A count that an expression gave: `3` and `3.0`, at most the tasks of a run.
fn count_of(value: &Value) -> Option<u32> {
    let number = value.as_number()?;
    let whole = number.as_u64().or_else(|| {
        let float = number.as_f64()?;
        let fits = float.fract() == 0.0 && (0.0..=f64::from(limits::TASKS_MAX)).contains(&float);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // whole, and within 0 to 100,000
        fits.then_some(float as u64)
    })?;
    u32::try_from(whole).ok().filter(|&count| count <= limits::TASKS_MAX)
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 40 {
        format!("`{text}`")
    } else {
        format!("`{}…`", text.chars().take(40).collect::<String>())
    }
}

fn failed<T: Default>(error: TemplateError, at: Span, report: &mut Report) -> T {
    report.push(Finding { code: error.code, at: Some(at), message: error.message, hint: error.hint });
    T::default()
}

fn settle_concurrency(concurrency: Option<&mut Concurrency>, scope: &Scope, at: Span, report: &mut Report) {
    if let Some(concurrency) = concurrency {
        concurrency.key = text(&concurrency.key, scope, at, report);
    }
}

/// A template over inputs, as the text that it gives: final, never looked at for templates again.
fn text(template: &str, scope: &Scope, at: Span, report: &mut Report) -> String {
    match render(&Value::String(template.to_owned()), scope) {
        Ok(value) => as_text(&value),
        Err(error) => failed(error, at, report),
    }
}

/// Fills in the strings of a value that read nothing but inputs. What an input gives is written so that the rendering
/// at dispatch gives it back as it is.
fn settle_value(value: &mut Value, scope: &Scope, at: Span, report: &mut Report) {
    match value {
        Value::String(text) if is_settled_text(text) => match render(&Value::String(std::mem::take(text)), scope) {
            Ok(mut filled) => {
                protect(&mut filled);
                *value = filled;
            }
            Err(error) => *value = failed(error, at, report),
        },
        Value::Array(items) => items.iter_mut().for_each(|item| settle_value(item, scope, at, report)),
        Value::Object(fields) => fields.values_mut().for_each(|item| settle_value(item, scope, at, report)),
        _ => {}
    }
}

fn settle_text(argument: &mut String, scope: &Scope, at: Span, report: &mut Report) {
    if is_settled_text(argument) {
        *argument = literal(&text(argument, scope, at, report));
    }
}

fn protect(value: &mut Value) {
    match value {
        Value::String(text) => *text = literal(text),
        Value::Array(items) => items.iter_mut().for_each(protect),
        Value::Object(fields) => fields.values_mut().for_each(protect),
        _ => {}
    }
}

/// Whether a string holds templates, all of which read nothing but inputs. All or none: text that is filled in half
/// could no longer be told from what an input gave.
fn is_settled_text(text: &str) -> bool {
    text.contains("{{") && reads_only(text, |root| root == "inputs")
}

fn is_settled(expression: &str) -> bool {
    expression_reads_only(expression, &|root| root == "inputs")
}
