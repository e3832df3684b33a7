//! What a message says. It is made when it is sent, of rows that do not change any more, so that it is the same each time.

use ork_core::attempt::Failure;
use ork_core::json::Json;
use ork_core::state::{RunStatus, TaskStatus};
use ork_core::store::{DeliveryRow, RunRow, TaskRow};
use ork_core::webhook::{Format, Occasion};
use serde_json::{Value, json};

use crate::view::{self, moment};

/// The body of a message.
#[must_use]
pub fn body(delivery: &DeliveryRow, run: Option<&RunRow>, task: Option<&TaskRow>, format: Format) -> String {
    let body = match format {
        Format::Standard => json!({
            "type": delivery.occasion.word(),
            "timestamp": moment(delivery.created_at),
            "data": data(delivery.occasion, run, task),
        }),
        Format::Execution => execution(delivery, run, task),
    };
    body.to_string()
}

fn data(occasion: Occasion, run: Option<&RunRow>, task: Option<&TaskRow>) -> Value {
    match (run, task) {
        (Some(row), None) => json!({ "run": run_of(occasion, row) }),
        (Some(row), Some(task)) => json!({ "run": names(row), "task": task_of(task) }),
        (None, _) => json!({ "message": "this is a test" }),
    }
}

/// What a run is called.
fn names(row: &RunRow) -> Value {
    json!({
        "id": row.id.to_string(),
        "external_id": row.external_id,
        "owner_id": row.owner,
        "name": row.name,
        "labels": row.labels,
    })
}

fn run_of(occasion: Occasion, row: &RunRow) -> Value {
    let mut run = names(row);
    run["created_at"] = moment(row.created_at).into();
    run["started_at"] = row.started_at.map(moment).into();
    if occasion == Occasion::RunStarted {
        // By now it may be over; that is told by itself.
        run["status"] = RunStatus::Running.word().into();
        return run;
    }
    run["status"] = row.status.word().into();
    run["finished_at"] = row.finished_at.map(moment).into();
    run["result"] = value(row.result.as_ref());
    run["error"] = value(row.error.as_ref());
    run
}

fn task_of(row: &TaskRow) -> Value {
    json!({
        "id": row.task.id().to_string(),
        "key": row.key,
        "task_index": row.task_index,
        "status": row.status.word(),
        "reason": row.reason.map(|reason| reason.word()),
        "attempt": row.attempt,
        "output": value(row.output.as_ref()),
        "error": row.error.as_ref().map(view::failure),
        "started_at": row.started_at.map(moment),
        "finished_at": row.finished_at.map(moment),
    })
}

fn value(stored: Option<&Json>) -> Value {
    stored.map(Json::value).unwrap_or_default()
}

/// As a service says it whose place Ork takes: of an execution, or of one of its jobs.
fn execution(delivery: &DeliveryRow, run: Option<&RunRow>, task: Option<&TaskRow>) -> Value {
    let Some(row) = run else { return json!({ "executionId": delivery.id.to_string(), "status": "test" }) };
    let id = row.external_id.clone().unwrap_or_else(|| row.id.to_string());
    if delivery.occasion == Occasion::RunStarted {
        return json!({ "executionId": id, "status": "in_progress" });
    }
    let completed = |is_success| if is_success { "completed" } else { "failed" };
    match task {
        None => json!({
            "executionId": id,
            "status": completed(row.status == RunStatus::Success),
            "result": value(row.result.as_ref()),
            "error": run_message(row),
            "completedAt": row.finished_at.map(moment),
        }),
        Some(task) => json!({
            "executionId": id,
            "jobId": task.key,
            "operation": task.lane.split('@').next(),
            "status": completed(task.status == TaskStatus::Success),
            "result": value(task.output.as_ref()),
            "error": task_message(task),
            "completedAt": task.finished_at.map(moment),
        }),
    }
}

/// A text: what went wrong, or how it ended otherwise.
fn run_message(row: &RunRow) -> Option<String> {
    let error = row.error.as_ref().and_then(|error| error.value()["message"].as_str().map(str::to_owned));
    error.or_else(|| (row.status != RunStatus::Success).then(|| row.status.word().to_owned()))
}

fn task_message(row: &TaskRow) -> Option<String> {
    let error = row.error.as_ref().map(|Failure { message, .. }| message.clone());
    error.or_else(|| (row.status != TaskStatus::Success).then(|| row.status.word().to_owned()))
}
