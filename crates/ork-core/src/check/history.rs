//! What the events, attempts and values say, against what the rows say.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;

use crate::event::{EventRow, EventType};
use crate::json::Json;
use crate::state::{RunStatus, TaskStatus};
use crate::store::{RunDump, TaskDump};

pub(super) fn values_are_json(dump: &RunDump, wrong: &mut Vec<String>) {
    let mut look = |what: String, json: Option<&Json>| {
        if json.is_some_and(|json| serde_json::from_str::<IgnoredAny>(json.as_str()).is_err()) {
            wrong.push(format!("{what} is not JSON"));
        }
    };
    look("the run's result".into(), dump.row.result.as_ref());
    look("the run's error".into(), dump.row.error.as_ref());
    for group in &dump.groups {
        look(format!("the list of items of group {}", group.g), group.items.as_ref());
    }
    for task in &dump.tasks {
        look(format!("the output of task {}", task.row.task.n), task.row.output.as_ref());
        for step in &task.steps {
            look(format!("the output of step `{}` of task {}", step.name, task.row.task.n), step.output.as_ref());
        }
    }
    for event in &dump.events {
        look(format!("the payload of event {}", event.seq), event.payload.as_ref());
    }
    for row in &dump.artifacts {
        look(format!("what is said of `{}`", row.artifact.id), row.artifact.meta.as_ref());
    }
}

pub(super) fn lease_is_current(dump: &RunDump, wrong: &mut Vec<String>) {
    for task in &dump.tasks {
        let Some(lease) = &task.lease else { continue };
        if lease.task != task.row.task || lease.g != task.row.g || lease.attempt != task.row.attempt {
            wrong.push(format!(
                "the lease of task {} is for attempt {} of task {} of group {}; the task is at attempt {}",
                task.row.task.n, lease.attempt, lease.task.n, lease.g, task.row.attempt
            ));
        }
    }
}

pub(super) fn attempts_are_contiguous(dump: &RunDump, wrong: &mut Vec<String>) {
    for task in &dump.tasks {
        let is_open = task.lease.is_some() || task.open_as.is_some();
        let ended = task.row.attempt.saturating_sub(u32::from(is_open));
        let numbers: Vec<u32> = task.attempts.iter().map(|attempt| attempt.attempt).collect();
        if !numbers.iter().copied().eq(1..=ended) {
            wrong
                .push(format!("task {} has ended attempts {numbers:?}, and should have 1 to {ended}", task.row.task.n));
        }
        if task.attempts.iter().any(|attempt| attempt.outcome.is_none() || attempt.finished_at.is_none()) {
            wrong.push(format!("task {} has an ended attempt without an outcome or an end", task.row.task.n));
        }
    }
}

pub(super) fn failures_are_counted(dump: &RunDump, wrong: &mut Vec<String>) {
    let count = |task: &TaskDump, words: &[&str]| {
        let hits = task.attempts.iter().filter(|a| a.outcome.as_deref().is_some_and(|word| words.contains(&word)));
        u32::try_from(hits.count()).unwrap_or(u32::MAX)
    };
    for task in &dump.tasks {
        let actual = (count(task, &["failed", "timeout"]), count(task, &["lost"]));
        // An attempt with steps may lose several workers, and is lost once.
        let lost_fits = task.row.lost == actual.1 || (!task.steps.is_empty() && task.row.lost > actual.1);
        if task.row.failures != actual.0 || !lost_fits {
            wrong.push(format!(
                "task {} counts {} failures and {} lost workers; its attempts have {actual:?}",
                task.row.task.n, task.row.failures, task.row.lost
            ));
        }
    }
}

pub(super) fn events_are_contiguous(dump: &RunDump, wrong: &mut Vec<String>) {
    let mut next = 1;
    for event in &dump.events {
        if event.seq != next || event.seq_last + 1 != event.seq + event.tasks.len().max(1) {
            wrong.push(format!(
                "events {} to {} for {} tasks stand where {next} should come",
                event.seq,
                event.seq_last,
                event.tasks.len()
            ));
        }
        next = event.seq_last + 1;
    }
    if (dump.head.seq, dump.row.seq) != (next - 1, next - 1) {
        wrong.push(format!(
            "head and row have {} and {} as last event, which is {}",
            dump.head.seq,
            dump.row.seq,
            next - 1
        ));
    }
}

/// The statuses that a task's events give it, in order.
fn task_steps(events: &[EventRow]) -> BTreeMap<u32, Vec<TaskStatus>> {
    let mut steps: BTreeMap<u32, Vec<TaskStatus>> = BTreeMap::new();
    for event in events {
        if let EventType::Task(status) = event.event_type {
            for n in event.tasks.iter() {
                steps.entry(n).or_default().push(status);
            }
        }
    }
    steps
}

pub(super) fn one_terminal_event(dump: &RunDump, wrong: &mut Vec<String>) {
    for (n, steps) in task_steps(&dump.events) {
        let ends = steps.iter().filter(|status| status.is_terminal()).count();
        if ends > 1 {
            wrong.push(format!("task {n} ended {ends} times"));
        } else if ends == 1 && !steps.last().is_some_and(|status| status.is_terminal()) {
            wrong.push(format!("task {n} has events after its end"));
        }
    }
    let ends =
        dump.events.iter().filter(|e| matches!(e.event_type, EventType::Run(status) if status.is_terminal())).count();
    if ends > 1 {
        wrong.push(format!("the run ended {ends} times"));
    }
}

/// Follows a task's events up to its end. That it was queued is an event only when it came back to its queue: the hot
/// path writes `dispatched` and leaves the way there to be understood.
pub(super) fn task_events_replay(dump: &RunDump, wrong: &mut Vec<String>) {
    let steps = task_steps(&dump.events);
    for task in &dump.tasks {
        let n = task.row.task.n;
        let mut now = TaskStatus::Pending;
        for next in steps.get(&n).map(Vec::as_slice).unwrap_or_default() {
            if now.is_terminal() {
                break;
            }
            let through_queue = || now.change_to(TaskStatus::Queued).and_then(|queued| queued.change_to(*next));
            if now.change_to(*next).is_err() && through_queue().is_err() {
                wrong.push(format!("the events of task {n} lead from {now} to {next}"));
            }
            now = *next;
        }
        if !leads_to(now, task) {
            wrong.push(format!("the events of task {n} end in {now}, and it is {}", task.row.status));
        }
    }
}

/// Whether a task whose last event said `last` may be what it is now.
fn leads_to(last: TaskStatus, task: &TaskDump) -> bool {
    use TaskStatus::{Pending, Queued, Retrying, Running, Waiting};
    let status = task.row.status;
    if last.is_terminal() || status.is_terminal() {
        return last == status;
    }
    match &task.lease {
        // `dispatched` and `running` are written together, when a start is announced.
        Some(lease) if lease.started_at.is_some() => last == Running,
        Some(_) => matches!(last, Pending | Queued | Retrying),
        None if task.delayed > 0 => last == Retrying,
        None if status == Waiting => last == Waiting,
        None => matches!(last, Pending | Queued | Retrying),
    }
}

/// Follows the run's own events. A pause lies beside the status: `run.running` may come while a run is paused, when what
/// was claimed before turns out to have begun.
pub(super) fn run_events_replay(dump: &RunDump, wrong: &mut Vec<String>) {
    let (mut now, mut paused) = (RunStatus::Pending, false);
    for (at, event) in dump.events.iter().enumerate() {
        if (at == 0) != (event.event_type == EventType::RunCreated) {
            wrong.push(format!("event {} is {}", event.seq, event.event_type.word()));
        }
        let legal = match event.event_type {
            EventType::Run(RunStatus::Paused) => !std::mem::replace(&mut paused, true),
            EventType::RunResumed => std::mem::replace(&mut paused, false),
            EventType::Run(next) => now.is_terminal() || std::mem::replace(&mut now, next).change_to(next).is_ok(),
            _ => true,
        };
        if !legal {
            wrong.push(format!("event {}, {}, is not legal where it stands", event.seq, event.event_type.word()));
        }
    }
    let head = &dump.head;
    if now != head.status || (paused != head.paused && !now.is_terminal()) {
        wrong.push(format!("the run's events end in {now}, and it is {}", head.status));
    }
}
