//! Rows of the store as the shapes of the wire, field by field: a column that is added is shown because somebody decided so.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ork_api::{
    Actor, Attempt, CreatedToken, Event, Group, LogChunk, LogPage, Revoked, Run, RunPlan, RunSummary, RunWhy, Task,
    TaskSummary, Token, Usage, Workspace,
};
use ork_core::attempt::{Failure, FailureKind};
use ork_core::clock::Timestamp;
use ork_core::event::EventRow;
use ork_core::executor::Stream;
use ork_core::graph::ProcessEnd;
use ork_core::id::{RunId, TaskRef, TokenId};
use ork_core::json::Json;
use ork_core::log::Block;
use ork_core::state::Reason;
use ork_core::store::{AttemptRow, GroupRow, RunRow, StoredPlan, TaskRow, TokenRow, WorkspaceRow};
use ork_logs::Pieces;
use serde_json::{Map, Value};

use crate::names::{Names, number};
use crate::why;

/// RFC 3339 in UTC with microseconds; empty for a moment that no calendar has.
#[must_use]
pub fn moment(at: Timestamp) -> String {
    jiff::Timestamp::from_microsecond(at.micros()).map_or_else(|_| String::new(), |at| format!("{at:.6}"))
}

/// A run for lists.
#[must_use]
pub fn run_summary(row: &RunRow) -> RunSummary {
    RunSummary {
        id: row.id.to_string(),
        external_id: row.external_id.clone(),
        owner_id: row.owner.clone(),
        name: row.name.clone(),
        status: row.status.word().to_owned(),
        reason: row.cancelling.map(word),
        held: row.held,
        priority: row.priority,
        labels: row.labels.clone(),
        error: row.error.as_ref().map(run_error),
        triggered_by: row.triggered_by.clone(),
        retry_of: row.retry_of.map(|id| id.to_string()),
        host: row.host.clone(),
        in_process: row.in_process,
        project: row.project.clone(),
        concurrency_key: row.concurrency_key.clone(),
        tasks_total: row.tasks_total,
        tasks_left: row.tasks_left,
        tasks_bad: row.tasks_bad,
        progress: row.progress,
        seq: row.seq,
        deadline_at: row.deadline_at.map(moment),
        cancel_requested_at: row.cancel_requested_at.map(moment),
        cancel_requested_by: row.cancel_requested_by.clone(),
        created_at: moment(row.created_at),
        started_at: row.started_at.map(moment),
        finished_at: row.finished_at.map(moment),
        workflow_id: row.revision.map(|of| of.workflow.to_string()),
        revision_id: row.revision.map(|of| of.revision.to_string()),
        acknowledged_at: row.acknowledged_at.map(moment),
        acknowledged_by: row.acknowledged_by.clone(),
    }
}

/// A run.
#[must_use]
pub fn run(row: &RunRow) -> Run {
    Run { summary: run_summary(row), result: row.result.as_ref().map(Json::value), budget: None }
}

/// A task for lists.
#[must_use]
pub fn task_summary(row: &TaskRow) -> TaskSummary {
    let progress = row.progress.as_ref();
    TaskSummary {
        id: row.task.id().to_string(),
        run_id: row.task.run.to_string(),
        key: row.key.clone(),
        task_index: row.task_index,
        status: row.status.word().to_owned(),
        reason: row.reason.map(word),
        held: row.held,
        attempt: row.attempt,
        failures: row.failures,
        max_attempts: row.max_attempts,
        queue: row.lane.clone(),
        concurrency_key: row.concurrency_key.clone(),
        available_at: row.available_at.map(moment),
        error: row.error.as_ref().map(failure),
        progress: progress.map(|progress| progress.percent),
        stage: progress.and_then(|progress| progress.stage.clone()),
        message: progress.and_then(|progress| progress.message.clone()),
        execution_name: row.execution_name.clone(),
        worker_id: row.worker.map(|id| id.to_string()),
        exit_code: row.end.exit_code,
        signal: row.end.signal,
        usage: usage(&row.end),
        reused_from: row.reused_from.map(|task| task.id().to_string()),
        dispatched_at: row.dispatched_at.map(moment),
        started_at: row.started_at.map(moment),
        finished_at: row.finished_at.map(moment),
        cancel_requested_at: row.cancel_requested_at.map(moment),
    }
}

/// A task.
#[must_use]
pub fn task(row: &TaskRow) -> Task {
    Task { summary: task_summary(row), output: row.output.as_ref().map(Json::value), spent: None }
}

/// An attempt.
#[must_use]
pub fn attempt(row: &AttemptRow) -> Attempt {
    Attempt {
        attempt: row.attempt,
        worker_id: row.worker.to_string(),
        execution_name: row.execution_name.clone(),
        outcome: row.outcome.clone(),
        error: row.error.as_ref().map(failure),
        exit_code: row.end.exit_code,
        signal: row.end.signal,
        usage: usage(&row.end),
        dispatched_at: moment(row.dispatched_at),
        started_at: row.started_at.map(moment),
        finished_at: row.finished_at.map(moment),
    }
}

/// The events of a stored row: one for the run, or one for each of its tasks. A row may stand for 100,000.
pub fn events<'a>(row: &'a EventRow, names: &'a Names) -> impl Iterator<Item = Event> + 'a {
    events_after(row, names, 0)
}

/// Those of them that come after number `after`.
pub(crate) fn events_after<'a>(row: &'a EventRow, names: &'a Names, after: u64) -> impl Iterator<Item = Event> + 'a {
    let skipped = (after + 1).saturating_sub(row.seq);
    let of_run = (row.tasks.is_empty() && skipped == 0).then_some(None).into_iter();
    let subjects = of_run.chain(row.tasks.iter_after(skipped).map(Some));
    (row.seq + skipped..).zip(subjects).map(|(seq, n)| event(row, names, seq, n))
}

fn event(row: &EventRow, names: &Names, seq: u64, n: Option<u32>) -> Event {
    let place = n.and_then(|n| names.place(n));
    Event {
        event_type: row.event_type.word().to_owned(),
        seq,
        run_id: row.run.to_string(),
        task_id: n.map(|n| TaskRef { run: row.run, n }.id().to_string()),
        key: place.map(|place| place.key.to_owned()),
        task_index: place.map(|place| place.index),
        actor: Actor { kind: row.actor.kind.word().to_owned(), id: row.actor.id.clone() },
        payload: row.payload.as_ref().map(Json::value),
        created_at: moment(row.created_at),
    }
}

/// A group of a run.
#[must_use]
pub fn group(run: RunId, row: &GroupRow) -> Group {
    let task = |index| TaskRef { run, n: number(row, index) }.id().to_string();
    Group {
        key: row.key.clone(),
        size: row.size,
        tasks_left: row.tasks_left,
        tasks_bad: row.tasks_bad,
        first_task_id: task(0),
        second_task_id: row.size.is_some_and(|size| size > 1).then(|| task(1)),
    }
}

/// What a run was made of.
#[must_use]
pub fn run_plan(stored: &StoredPlan) -> RunPlan {
    let plan = serde_json::from_str(stored.plan.as_str()).unwrap_or_default();
    RunPlan { run_id: stored.run.to_string(), plan, input: stored.input.value() }
}

/// A part of a log.
#[must_use]
pub fn log_page(attempt: u32, pieces: &Pieces) -> LogPage {
    let chunk = |(offset, stream, bytes): (u64, Stream, &[u8])| LogChunk {
        offset,
        stream: stream.word().to_owned(),
        base64: BASE64_STANDARD.encode(bytes),
    };
    LogPage { attempt, chunks: pieces.blocks.iter().flat_map(Block::pieces).map(chunk).collect(), next: pieces.next }
}

/// A token.
#[must_use]
pub fn token(row: &TokenRow) -> Token {
    Token {
        id: row.id.to_string(),
        name: row.name.clone(),
        principal: row.principal.clone(),
        role: row.role.word().to_owned(),
        queues: row.queues.clone(),
        prefix: row.prefix.clone(),
        created_by: row.created_by.clone(),
        created_at: moment(row.created_at),
        expires_at: row.expires_at.map(moment),
        last_used_at: row.last_used_at.map(moment),
        revoked_at: row.revoked_at.map(moment),
    }
}

/// A token that was just made, with its secret.
#[must_use]
pub fn created_token(row: &TokenRow, secret: String) -> CreatedToken {
    CreatedToken { token: token(row), secret }
}

/// What became of a wish to take a token back.
#[must_use]
pub fn revoked(id: TokenId, asked: bool) -> Revoked {
    Revoked { token_id: id.to_string(), asked }
}

/// A workspace.
#[must_use]
pub fn workspace(row: &WorkspaceRow) -> Workspace {
    Workspace {
        id: row.id.to_string(),
        name: row.name.clone(),
        isolate_owners: row.settings.isolate_owners,
        live_runs_max: row.settings.live_runs_max,
        live_tasks_max: row.settings.live_tasks_max,
        keep_days: row.settings.keep_days,
        requests_per_minute: row.settings.requests_per_minute,
        token_requests_per_minute: row.settings.token_requests_per_minute,
        created_at: moment(row.created_at),
    }
}

/// A failure.
#[must_use]
pub fn failure(failure: &Failure) -> ork_api::Failure {
    let (code, signal) = match failure.kind {
        FailureKind::Exit { code } => (Some(code), None),
        FailureKind::Signal { signal } => (None, Some(signal)),
        _ => (None, None),
    };
    ork_api::Failure { kind: failure.kind.word().to_owned(), code, signal, message: failure.message.clone() }
}

/// The reason why a task is where it is.
#[must_use]
pub fn reason(reason: &why::Reason) -> ork_api::Reason {
    ork_api::Reason {
        why: match serde_json::to_value(&reason.why) {
            Ok(Value::Object(why)) => why,
            _ => Map::new(),
        },
        task_id: reason.task.task.id().to_string(),
        key: reason.task.key.clone(),
        task_index: reason.task.task_index,
        sentence: reason.sentence.clone(),
    }
}

/// Why a run is not over, or what failed in it.
#[must_use]
pub fn run_why(run: &RunRow, reasons: &[why::Reason], failures: &[TaskRow]) -> RunWhy {
    RunWhy {
        run_id: run.id.to_string(),
        status: run.status.word().to_owned(),
        reasons: reasons.iter().map(reason).collect(),
        error: run.error.as_ref().map(run_error),
        failures: failures.iter().map(task).collect(),
    }
}

/// Each store writes the members in an order of its own.
fn run_error(error: &Json) -> Value {
    let mut value = error.value();
    value.sort_all_objects();
    value
}

fn word(reason: Reason) -> String {
    reason.word().to_owned()
}

const fn usage(end: &ProcessEnd) -> Usage {
    Usage { cpu_ms: end.usage.cpu_ms, memory_bytes_max: end.usage.memory_bytes_max }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_rfc_3339() {
        assert_eq!(moment(Timestamp::from_micros(1_700_000_000_123_456)), "2023-11-14T22:13:20.123456Z");
    }

    #[test]
    fn failures_are_as_they_are_stored() {
        let kinds = [FailureKind::Exit { code: 3 }, FailureKind::Signal { signal: 9 }, FailureKind::OutOfMemory];
        for kind in kinds {
            let stored = Failure::new(kind, "what happened");
            assert_eq!(serde_json::to_value(failure(&stored)).unwrap(), serde_json::to_value(&stored).unwrap());
        }
    }
}
