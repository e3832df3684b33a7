//! Runs, tasks and events as the JSON that `--json` writes. The names are those of the tables.

use ork_core::attempt::Failure;
use ork_core::clock::Timestamp;
use ork_core::event::EventRow;
use ork_core::graph::ProcessEnd;
use ork_core::id::TaskRef;
use ork_core::json::Json;
use ork_core::state::Reason;
use ork_core::store::{AttemptRow, RunRow, TaskRow};
use serde_json::{Map, Value, json};

use crate::names::Names;
use crate::when::rfc3339;

/// A run.
pub fn run(row: &RunRow) -> Value {
    json!({
        "id": row.id.to_string(),
        "name": row.name,
        "status": row.status.word(),
        "reason": row.cancelling.map(Reason::word),
        "held": row.held,
        "priority": row.priority,
        "labels": row.labels,
        "result": row.result.as_ref().map(Json::value),
        "error": row.error.as_ref().map(Json::value),
        "triggered_by": row.triggered_by,
        "retry_of": row.retry_of.map(|id| id.to_string()),
        "host": row.host,
        "in_process": row.in_process,
        "project": row.project,
        "concurrency_key": row.concurrency_key,
        "tasks_total": row.tasks_total,
        "tasks_left": row.tasks_left,
        "tasks_bad": row.tasks_bad,
        "progress": row.progress,
        "seq": row.seq,
        "deadline_at": moment(row.deadline_at),
        "cancel_requested_at": moment(row.cancel_requested_at),
        "cancel_requested_by": row.cancel_requested_by,
        "created_at": rfc3339(row.created_at),
        "started_at": moment(row.started_at),
        "finished_at": moment(row.finished_at),
    })
}

/// A task.
pub fn task(row: &TaskRow) -> Value {
    json!({
        "id": row.task.id().to_string(),
        "run_id": row.task.run.to_string(),
        "key": row.key,
        "task_index": row.task_index,
        "status": row.status.word(),
        "reason": row.reason.map(Reason::word),
        "held": row.held,
        "attempt": row.attempt,
        "failures": row.failures,
        "max_attempts": row.max_attempts,
        "queue": row.lane,
        "concurrency_key": row.concurrency_key,
        "available_at": moment(row.available_at),
        "output": row.output.as_ref().map(Json::value),
        "error": row.error.as_ref().map(failure),
        "progress": row.progress.as_ref().map(|p| p.percent),
        "stage": row.progress.as_ref().and_then(|p| p.stage.clone()),
        "message": row.progress.as_ref().and_then(|p| p.message.clone()),
        "execution_name": row.execution_name,
        "worker_id": row.worker.map(|id| id.to_string()),
        "exit_code": row.end.exit_code,
        "signal": row.end.signal,
        "usage": usage(&row.end),
        "reused_from": row.reused_from.map(|task| task.id().to_string()),
        "dispatched_at": moment(row.dispatched_at),
        "started_at": moment(row.started_at),
        "finished_at": moment(row.finished_at),
        "cancel_requested_at": moment(row.cancel_requested_at),
    })
}

/// An attempt.
pub fn attempt(row: &AttemptRow) -> Value {
    json!({
        "attempt": row.attempt,
        "worker_id": row.worker.to_string(),
        "execution_name": row.execution_name,
        "outcome": row.outcome,
        "error": row.error.as_ref().map(failure),
        "exit_code": row.end.exit_code,
        "signal": row.end.signal,
        "usage": usage(&row.end),
        "dispatched_at": rfc3339(row.dispatched_at),
        "started_at": moment(row.started_at),
        "finished_at": moment(row.finished_at),
    })
}

/// The events of a stored row: one for the run, or one for each of its tasks.
pub fn events(row: &EventRow, names: &Names) -> Vec<Value> {
    let event = |seq: u64, n: Option<u32>| {
        let mut event = Map::new();
        event.insert("type".into(), row.event_type.word().into());
        event.insert("seq".into(), seq.into());
        event.insert("run_id".into(), row.run.to_string().into());
        if let Some(n) = n {
            event.insert("task_id".into(), TaskRef { run: row.run, n }.id().to_string().into());
            if let Some(place) = names.place(n) {
                event.insert("key".into(), place.key.into());
                event.insert("task_index".into(), place.index.into());
            }
        }
        event.insert("actor".into(), json!({"kind": row.actor.kind.word(), "id": row.actor.id}));
        event.insert("payload".into(), row.payload.as_ref().map_or(Value::Null, Json::value));
        event.insert("created_at".into(), rfc3339(row.created_at));
        Value::Object(event)
    };
    if row.tasks.is_empty() {
        return vec![event(row.seq, None)];
    }
    (row.seq..).zip(row.tasks.iter()).map(|(seq, n)| event(seq, Some(n))).collect()
}

/// A failure.
pub fn failure(failure: &Failure) -> Value {
    serde_json::to_value(failure).unwrap_or_default()
}

fn moment(at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, rfc3339)
}

fn usage(end: &ProcessEnd) -> Value {
    json!({"cpu_ms": end.usage.cpu_ms, "memory_bytes_max": end.usage.memory_bytes_max})
}
