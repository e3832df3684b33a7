//! The end of a run, as `run` and `watch` tell it: what failed, why and where, and what to type next.

use anyhow::Result;
use ork_core::id::RunId;
use ork_core::json::Json;
use ork_core::state::{Reason, RunStatus, TaskStatus};
use ork_core::store::{RunRow, TaskFilter, TaskRow};
use serde_json::{Value, json};

use crate::exit_code::Exit;
use crate::log_text;
use crate::names::Names;
use crate::output::{alarm, faint, status};
use crate::progress::{tasks, thousands, tries};
use crate::view;
use crate::when::duration;
use crate::world::{SCOPE, World};

/// Failed tasks that are told with their logs.
const FAILURES_MAX: u32 = 5;
/// Lines of a failed task's log.
const TAIL_LINES: usize = 12;

/// Tells a finished run, and gives its exit code.
pub async fn tell(world: &World, run: &RunRow) -> Result<Exit> {
    let exit = exit_of(run.status);
    let names = Names::read(world.store.as_ref(), SCOPE, run.id).await?;
    let failures = failures(world, run.id, FAILURES_MAX).await?;
    if world.out.json {
        let mut verdict = view::run(run);
        verdict["type"] = "run".into();
        verdict["exit_code"] = (exit as u8).into();
        let mut shown = Vec::new();
        for task in &failures {
            shown.push(failure_json(world, task).await?);
        }
        verdict["failures"] = shown.into();
        verdict["database"] = world.database.to_string().into();
        world.out.value(&verdict)?;
        return Ok(exit);
    }
    if let Some(result) = run.result.as_ref().map(Json::value).filter(|result| !result.is_null()) {
        world.out.data(serde_json::to_string_pretty(&result)?)?;
    }
    for task in &failures {
        tell_failure(world, &names, task).await?;
    }
    let bad = u64::from(run.tasks_bad);
    if run.status == RunStatus::Failed
        && failures.len() as u64 == u64::from(FAILURES_MAX)
        && bad > failures.len() as u64
    {
        let list = format!("ork runs show {}{}", run.id, world.flags());
        world.out.talk(format!("\n{} tasks failed or were cancelled: {list}", thousands(bad)));
    }
    tell_error_of_run(world, run, failures.is_empty());
    tell_verdict(world, run);
    Ok(exit)
}

/// The first failed tasks of a run.
pub async fn failures(world: &World, run: RunId, limit: u32) -> Result<Vec<TaskRow>> {
    let filter = TaskFilter { statuses: vec![TaskStatus::Failed], limit, ..TaskFilter::default() };
    Ok(world.store.tasks(SCOPE, run, &filter).await?)
}

pub const fn exit_of(status: RunStatus) -> Exit {
    match status {
        RunStatus::Success => Exit::Success,
        RunStatus::Cancelled => Exit::Cancelled,
        _ => Exit::Failed,
    }
}

/// One failed task with the end of its log.
pub async fn tell_failure(world: &World, names: &Names, task: &TaskRow) -> Result<()> {
    let name = names.of_task(task);
    let message = task.error.as_ref().map_or("", |error| error.message.as_str());
    world.out.talk(format!("\n{}: {name}: {message}{}", alarm("failed"), tries(task)));
    let (lines, _) = log_text::tail(world.store.as_ref(), task.task, task.attempt, TAIL_LINES).await?;
    for (_, line) in &lines {
        world.out.talk(format!("  {} {line}", faint("|")));
    }
    let log = format!("ork runs logs {}/{name}{}", task.task.run, world.flags());
    if lines.is_empty() {
        world.out.talk(format!("  {}", faint("it wrote nothing")));
    } else if lines.len() == TAIL_LINES {
        world.out.talk(format!("  whole log: {log}"));
    }
    Ok(())
}

async fn failure_json(world: &World, task: &TaskRow) -> Result<Value> {
    let (lines, _) = log_text::tail(world.store.as_ref(), task.task, task.attempt, TAIL_LINES).await?;
    let tail: Vec<String> = lines.into_iter().map(|(_, line)| line).collect();
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
fn tell_error_of_run(world: &World, run: &RunRow, no_task_failed: bool) {
    if run.cancelling == Some(Reason::Deadline) {
        world.out.talk(format!("\n{}: the run passed its time limit", alarm("failed")));
    } else if no_task_failed && let Some(error) = run.error.as_ref().map(Json::value) {
        let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
        world.out.talk(format!("\n{}: {message}", alarm("failed")));
    }
}

fn tell_verdict(world: &World, run: &RunRow) {
    let mark = if run.status == RunStatus::Success { "✓" } else { "✗" };
    let took = run.finished_at.map(|at| duration(at.since_ms(run.created_at))).unwrap_or_default();
    let bad = if run.status == RunStatus::Success || run.tasks_bad == 0 {
        String::new()
    } else {
        let total = tasks(u64::from(run.tasks_total));
        format!(": {} of {total} failed or were cancelled", thousands(u64::from(run.tasks_bad)))
    };
    let (id, flags) = (run.id, world.flags());
    world.out.talk(format!("{mark} {}  {}  {id} in {took}{bad}", status(run.status.word()), run.name));
    world.out.talk(format!("history: {} (ork runs show {id}{flags})", world.database.place()));
    if run.status != RunStatus::Success {
        world.out.talk(format!("next: ork runs retry {id}{flags}"));
    }
}
