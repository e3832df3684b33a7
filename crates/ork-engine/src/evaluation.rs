//! Evaluates what a run waits for: a group's condition and size, or the run's result.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use ork_core::attempt::Failure;
use ork_core::error::{StoreError, StoreResult};
use ork_core::graph::Expansion;
use ork_core::json::Json;
use ork_core::limits;
use ork_core::plan::{Fan, Node};
use ork_core::store::{Evaluation, EvaluationTarget};
use serde_json::{Value, json};

use crate::attempt::panic_message;
use crate::expressions::{self, Scope};
use crate::observe::Observation;
use crate::parts::{Parts, lock};
use crate::plans::RunPlan;

/// Conditions that are evaluated before others get their turn.
const TURN: u32 = 256;

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
    let scope = lock(&scope).clone();
    let expanded = AssertUnwindSafe(expand(node, scope)).catch_unwind().await;
    let panicked = |panic: Box<dyn std::any::Any + Send>| {
        Err(expressions::failed(format!("an expression panicked: {}", panic_message(panic.as_ref()))))
    };
    Ok(expanded.unwrap_or_else(panicked)?)
}

/// The condition once if it is the same for all, then the size, then the condition of each sibling.
async fn expand(node: &Node, mut scope: Scope) -> Result<Expansion, Failure> {
    scope.task = None;
    let each = node.when.as_deref().filter(|when| expressions::reads_task(when));
    if let (Some(when), None) = (&node.when, each)
        && !expressions::condition(when, &scope)?
    {
        return Ok(Expansion::Skipped);
    }
    let siblings = siblings(node, &scope)?;
    let Some(when) = each else {
        return Ok(siblings.expansion(Vec::new()));
    };
    let mut unmet = Vec::new();
    for index in 0..siblings.size {
        scope.task = Some(json!({"key": node.key, "index": index, "item": siblings.item(node, index), "attempt": 0}));
        if !expressions::condition(when, &scope)? {
            unmet.push(index);
        }
        if index % TURN == TURN - 1 {
            tokio::task::yield_now().await;
        }
    }
    let is_none_left = siblings.size > 0 && unmet.len() == siblings.size as usize;
    Ok(if is_none_left { Expansion::Skipped } else { siblings.expansion(unmet) })
}

struct Siblings {
    size: u32,
    /// The list, when it is not in the plan.
    items: Option<Vec<Value>>,
    stored: Option<Json>,
}

impl Siblings {
    const fn of(size: u32) -> Self {
        Self { size, items: None, stored: None }
    }

    fn item<'a>(&'a self, node: &'a Node, index: u32) -> Option<&'a Value> {
        let items = match (&node.fan, &self.items) {
            (Fan::Each(items), _) | (_, Some(items)) => items,
            _ => return None,
        };
        items.get(index as usize)
    }

    fn expansion(self, unmet: Vec<u32>) -> Expansion {
        Expansion::Siblings { size: self.size, items: self.stored, unmet }
    }
}

fn siblings(node: &Node, scope: &Scope) -> Result<Siblings, Failure> {
    match &node.fan {
        Fan::CountOf(expression) => count(&expressions::value(expression, scope)?).map(Siblings::of),
        Fan::EachOf(expression) => list(expressions::value(expression, scope)?),
        fan => Ok(Siblings::of(fan.size().unwrap_or(1))),
    }
}

fn count(value: &Value) -> Result<u32, Failure> {
    let whole = value.as_u64().ok_or_else(|| {
        let shown: String = value.to_string().chars().take(80).collect();
        expressions::failed(format!(
            "`count` gave {shown}: it must be a whole number, at least 0; text becomes one by | int"
        ))
    })?;
    bounded(whole)
}

fn list(value: Value) -> Result<Siblings, Failure> {
    let Value::Array(items) = value else {
        return Err(expressions::failed("`each` must give a list, and this is none"));
    };
    let size = bounded(items.len() as u64)?;
    let value = Value::Array(items);
    let stored =
        Json::from_value(&value).map_err(|error| expressions::failed(format!("failed to keep `each`: {error}")))?;
    let Value::Array(items) = value else { return Ok(Siblings::of(0)) };
    Ok(Siblings { size, items: Some(items), stored: Some(stored) })
}

fn bounded(size: u64) -> Result<u32, Failure> {
    let bounded = u32::try_from(size).ok().filter(|size| *size <= limits::TASKS_MAX);
    bounded
        .ok_or_else(|| expressions::failed(format!("{size} siblings: a run has at most {} tasks", limits::TASKS_MAX)))
}

#[cfg(test)]
mod tests;
