//! The end of a run, as `run` and `watch` tell it: what failed, why and where, and what to type next.

use std::collections::BTreeMap;

use anyhow::Result;
use ork_core::attempt::FailureKind;
use ork_core::id::RunId;
use ork_core::json::Json;
use ork_core::limits::PAGE_MAX;
use ork_core::state::{Reason, RunStatus, TaskStatus};
use ork_core::store::{RunRow, TaskFilter, TaskRow};
use ork_logs::LineRow;
use serde_json::{Value, json};

use crate::exit_code::Exit;
use crate::history::{History, Outputs};
use crate::log_text;
use crate::names::Names;
use crate::output::{alarm, faint, status};
use crate::progress::{first_line, tasks, thousands, tries};
use crate::view;
use crate::when::duration;

/// Failed tasks that are told with their logs.
const FAILURES_MAX: u32 = 5;
/// Lines of a failed task's log.
pub const TAIL_LINES: usize = 12;
/// The same of all failed tasks together, so that the last screen has the verdict and what led to it.
const TAILS_LINES: usize = 20;
/// Failed tasks that are looked at for what they failed of, and different messages that are told.
const KINDS_OF: u32 = PAGE_MAX;
const KINDS_MAX: usize = 5;
/// Names that stand for those of one message.
const NAMES_MAX: usize = 3;

/// Tells a finished run, and gives its exit code. `again` is the command line that began it, where that is known.
pub async fn tell(history: &History, run: &RunRow, again: Option<&str>) -> Result<Exit> {
    let exit = exit_of(run.status);
    let names = history.names(run.id).await?;
    let failures = failures(history, run.id, FAILURES_MAX).await?;
    if history.out.json {
        let mut verdict = view::run(run);
        verdict["type"] = "run".into();
        verdict["exit_code"] = (exit as u8).into();
        let mut shown = Vec::new();
        for task in &failures {
            shown.push(failure_json(history, task).await?);
        }
        verdict["failures"] = shown.into();
        verdict[history.at.kind()] = history.at.to_string().into();
        history.out.value(&verdict)?;
        return Ok(exit);
    }
    if let Some(result) = run.result.as_ref().map(Json::value).filter(|result| !result.is_null()) {
        history.out.data(serde_json::to_string_pretty(&result)?)?;
    }
    let lines = (TAILS_LINES / failures.len().max(1)).min(TAIL_LINES);
    for task in &failures {
        tell_failure(history, &names, task, lines).await?;
    }
    tell_error_of_run(history, run, failures.is_empty());
    tell_verdict(history, run);
    if failures.len() as u64 == u64::from(FAILURES_MAX) {
        tell_kinds(history, run, &names).await?;
    }
    tell_next(history, run, &failures, again);
    Ok(exit)
}

/// What tasks failed of when they are too many to tell one by one.
async fn tell_kinds(history: &History, run: &RunRow, names: &Names) -> Result<()> {
    let found = failures(history, run.id, KINDS_OF).await?;
    if found.len() as u64 <= u64::from(FAILURES_MAX) {
        return Ok(());
    }
    let mut kinds: BTreeMap<&str, Vec<&TaskRow>> = BTreeMap::new();
    for task in &found {
        kinds.entry(task.error.as_ref().map_or("", |error| error.message.as_str())).or_default().push(task);
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, tasks)| std::cmp::Reverse(tasks.len()));
    for (message, of) in kinds.iter().take(KINDS_MAX) {
        let shown: Vec<String> = of.iter().take(NAMES_MAX).map(|task| names.of_task(task)).collect();
        let more = if of.len() > NAMES_MAX { format!(" and {} more", of.len() - NAMES_MAX) } else { String::new() };
        let count = format!("{:>5}", thousands(of.len() as u64));
        history.out.talk(format!("{count} × {}: {}{more}", first_line(message), faint(&shown.join(", "))));
    }
    let others: usize = kinds.iter().skip(KINDS_MAX).map(|(_, of)| of.len()).sum();
    if others > 0 {
        history.out.talk(format!("{:>5} × something else", thousands(others as u64)));
    }
    if found.len() == KINDS_OF as usize {
        history.out.talk(format!(
            "      of the first {KINDS_OF}; all: ork runs show {} --json{}",
            run.id,
            history.flags()
        ));
    }
    Ok(())
}

/// The first failed tasks of a run.
pub async fn failures(history: &History, run: RunId, limit: u32) -> Result<Vec<TaskRow>> {
    let filter = TaskFilter { statuses: vec![TaskStatus::Failed], limit, ..TaskFilter::default() };
    history.tasks(run, &filter, Outputs::Without).await
}

pub const fn exit_of(status: RunStatus) -> Exit {
    match status {
        RunStatus::Success => Exit::Success,
        RunStatus::Cancelled => Exit::Cancelled,
        _ => Exit::Failed,
    }
}

/// One failed task with the end of its log.
pub async fn tell_failure(history: &History, names: &Names, task: &TaskRow, lines: usize) -> Result<()> {
    let name = names.of_task(task);
    let message = task.error.as_ref().map_or("", |error| error.message.as_str());
    history.out.talk(format!("\n{}: {name}: {message}{}", alarm("failed"), tries(task)));
    let tail = log_text::tail(history, task.task, task.attempt, lines).await?;
    for line in &tail {
        history.out.talk(format!("  {} {}", faint("|"), log_text::shown(line.stream, &line.text())));
    }
    let log = format!("ork runs logs {}/{name}{}", task.task.run, history.flags());
    let kind = task.error.as_ref().map(|error| &error.kind);
    let has_run = task.started_at.is_some() && !matches!(kind, Some(FailureKind::Start | FailureKind::Template));
    if tail.is_empty() && has_run {
        history.out.talk(format!("  {}", faint("it wrote nothing")));
    } else if tail.len() == lines {
        history.out.talk(format!("  whole log: {log}"));
    }
    Ok(())
}

async fn failure_json(history: &History, task: &TaskRow) -> Result<Value> {
    let lines = log_text::tail(history, task.task, task.attempt, TAIL_LINES).await?;
    let tail: Vec<String> = lines.iter().map(LineRow::text).collect();
    Ok(json!({
        "task_id": task.task.id().to_string(),
        "key": task.key,
        "task_index": task.task_index,
        "attempt": task.attempt,
        "exit_code": task.end.exit_code,
        "error": task.error.as_ref().map(view::failure),
        "log_tail": tail,
    }))
}

/// What no task says: a time limit, a result that could not be made.
fn tell_error_of_run(history: &History, run: &RunRow, no_task_failed: bool) {
    if run.cancelling == Some(Reason::Deadline) {
        history.out.talk(format!("\n{}: the run passed its time limit", alarm("failed")));
    } else if no_task_failed && let Some(error) = run.error.as_ref().map(Json::value) {
        let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
        history.out.talk(format!("\n{}: {message}", alarm("failed")));
    }
}

fn tell_verdict(history: &History, run: &RunRow) {
    let mark = if run.status == RunStatus::Success { "✓" } else { "✗" };
    let took = run.finished_at.map(|at| duration(at.since_ms(run.created_at))).unwrap_or_default();
    let bad = if run.status == RunStatus::Success || run.tasks_bad == 0 {
        String::new()
    } else {
        let total = tasks(u64::from(run.tasks_total));
        format!(": {} of {total} failed or cancelled", thousands(u64::from(run.tasks_bad)))
    };
    let id = run.id;
    history.out.talk(format!("{mark} {}  {}  {id} in {took}{bad}", status(run.status.word()), run.name));
}

fn tell_next(history: &History, run: &RunRow, failures: &[TaskRow], again: Option<&str>) {
    let (id, flags) = (run.id, history.flags());
    history.out.talk(format!("history: {} (ork runs show {id}{flags})", history.at.place()));
    if run.status == RunStatus::Success {
        return;
    }
    // A retry has the plan as it was: of an expression that fails it would be the same again.
    let is_template = |task: &TaskRow| task.error.as_ref().is_some_and(|error| error.kind == FailureKind::Template);
    let is_hopeless = !failures.is_empty() && failures.iter().all(is_template);
    let retry = format!("ork runs retry {id}{flags}");
    match (again, failures.first()) {
        (Some(again), Some(task)) if is_hopeless => {
            history.out.talk(format!("next, once the file is mended: {again} --from {}", task.key));
        }
        (Some(again), Some(task)) => {
            history.out.talk(format!("next: {retry}"));
            history.out.talk(format!("  or, with the file as it is by then: {again} --from {}", task.key));
        }
        _ => history.out.talk(format!("next: {retry}")),
    }
}
