//! Runs, tasks and events as the JSON that `--json` writes: the shapes of the API.

use ork_core::attempt::Failure;
use ork_core::event::EventRow;
use ork_core::store::{AttemptRow, RunRow, TaskRow};
use ork_server::view;
use serde::Serialize;
use serde_json::Value;

use crate::names::Names;

/// A run.
pub fn run(row: &RunRow) -> Value {
    value(view::run(row))
}

/// A task.
pub fn task(row: &TaskRow) -> Value {
    value(view::task(row))
}

/// An attempt.
pub fn attempt(row: &AttemptRow) -> Value {
    value(view::attempt(row))
}

/// The events of a stored row: one for the run, or one for each of its tasks.
pub fn events(row: &EventRow, names: &Names) -> Vec<Value> {
    view::events(row, names).map(value).collect()
}

/// A failure.
pub fn failure(failure: &Failure) -> Value {
    value(view::failure(failure))
}

/// A shape of the API. Their keys are names, so that they can always be written.
pub fn value(shape: impl Serialize) -> Value {
    serde_json::to_value(shape).unwrap_or_default()
}
