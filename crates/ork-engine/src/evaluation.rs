//! Evaluates what a run waits for: a group's condition and size, or the run's result.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ork_core::attempt::Failure;
use ork_core::error::{StoreError, StoreResult};
use ork_core::graph::Expansion;
use ork_core::json::Json;
use ork_core::limits;
use ork_core::plan::{Fan, Node};
use ork_core::store::{Evaluation, EvaluationTarget};
use serde_json::Value;

use crate::attempt::panic_message;
use crate::expressions::{self, Scope};
use crate::observe::Observation;
use crate::parts::{Parts, lock};
use crate::plans::RunPlan;

/// Evaluates and stores the answer. False when somebody else was faster.
///
/// # Errors
/// When the store cannot be reached.
pub async fn carry_out(parts: &Parts, evaluation: &Evaluation) -> StoreResult<bool> {
    let (scope, run) = (parts.config.scope, evaluation.run);
    let Some(plan) = parts.plans.fetch(parts.store.as_ref(), scope, &BTreeSet::from([run])).await?.remove(&run) else {
        return Ok(false);
    };
    match evaluation.target {
        EvaluationTarget::Group(g) => {
            let expansion = match plan {
                Ok(plan) => final_or_later(group(parts, &plan, g).await)?.unwrap_or_else(Expansion::Failed),
                Err(problem) => Expansion::Failed(expressions::failed(problem)),
            };
            let done = parts.store.expand(scope, run, g, &expansion, parts.clock.now()).await?;
            parts.pokes.dispatcher.notify_one();
            Ok(done)
        }
        EvaluationTarget::Result => {
            let value = match plan {
                Ok(plan) => final_or_later(result(parts, &plan).await)?,
                Err(problem) => Err(expressions::failed(problem)),
            };
            let done = parts.store.conclude_run(scope, run, value, parts.clock.now()).await?;
            if done {
                parts.outputs.forget(run);
                parts.observers.tell(|| Observation::RunEnded(run));
            }
            Ok(done)
        }
    }
}

/// Why there is no value.
enum Problem {
    Failure(Failure),
    Store(StoreError),
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Separates what will never work from what may work later.
fn final_or_later<T>(answer: Result<T, Problem>) -> StoreResult<Result<T, Failure>> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(Problem::Failure(failure)) => Ok(Err(failure)),
        Err(Problem::Store(error)) if error.is_transient() => Err(error),
        Err(Problem::Store(error)) => Ok(Err(expressions::failed(error))),
    }
}

async fn result(parts: &Parts, plan: &RunPlan) -> Result<Json, Problem> {
    let template = plan.plan.result.as_ref().unwrap_or(&Value::Null);
    let scope = parts.outputs.scope(parts, plan, None).await?;
    let value = expressions::render(template, &lock(&scope))?;
    Ok(Json::from_value(&value).map_err(|error| expressions::failed(format!("failed to make the result: {error}")))?)
}

async fn group(parts: &Parts, plan: &RunPlan, g: u32) -> Result<Expansion, Problem> {
    let node = plan.plan.nodes.get(g as usize).ok_or_else(|| expressions::failed("the plan has no such task"))?;
    let scope = parts.outputs.scope(parts, plan, Some(g)).await?;
    let mut scope = lock(&scope);
    scope.task = None;
    let expanded = catch_unwind(AssertUnwindSafe(|| expand(node, &scope)));
    let panicked = |panic: Box<dyn std::any::Any + Send>| {
        Err(expressions::failed(format!("an expression panicked: {}", panic_message(panic.as_ref()))))
    };
    Ok(expanded.unwrap_or_else(panicked)?)
}

/// The condition first: when it is false, the size is not looked at. A condition is decided before the siblings exist,
/// so it is the same for all.
fn expand(node: &Node, scope: &Scope) -> Result<Expansion, Failure> {
    if let Some(when) = &node.when
        && !expressions::condition(when, scope)?
    {
        return Ok(Expansion::Skipped);
    }
    let (size, items) = siblings(node, scope)?;
    Ok(Expansion::Siblings { size, items, unmet: Vec::new() })
}

/// How many siblings there are, and the list, when it is not in the plan.
fn siblings(node: &Node, scope: &Scope) -> Result<(u32, Option<Json>), Failure> {
    match &node.fan {
        Fan::CountOf(expression) => Ok((count(&expressions::evaluate(expression, scope)?)?, None)),
        Fan::EachOf(expression) => list(&expressions::evaluate(expression, scope)?),
        fan => Ok((fan.size().unwrap_or(1), None)),
    }
}

/// A count that an expression gave: `3`, or `3.0`.
fn count(value: &Value) -> Result<u32, Failure> {
    let float = value.as_f64().filter(|float| *float >= 0.0 && float.fract() == 0.0);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // whole and not negative
    let whole = value.as_u64().or_else(|| float.map(|float| float as u64));
    bounded(whole.ok_or_else(|| {
        let shown: String = value.to_string().chars().take(80).collect();
        let message = format!("`count` gave {shown}: it must be a whole number, at least 0; text becomes one by | int");
        expressions::failed(message)
    })?)
}

fn list(value: &Value) -> Result<(u32, Option<Json>), Failure> {
    let Value::Array(items) = value else {
        return Err(expressions::failed("`each` must give a list, and this is none"));
    };
    let size = bounded(items.len() as u64)?;
    let items = Json::from_value(value);
    Ok((size, Some(items.map_err(|error| expressions::failed(format!("failed to keep `each`: {error}")))?)))
}

fn bounded(size: u64) -> Result<u32, Failure> {
    let bounded = u32::try_from(size).ok().filter(|size| *size <= limits::TASKS_MAX);
    bounded
        .ok_or_else(|| expressions::failed(format!("{size} siblings: a run has at most {} tasks", limits::TASKS_MAX)))
}

#[cfg(test)]
mod tests;
