//! What a server answers as the rows that commands show: the way back of `ork_server::view`. A server may be of another
//! version, or none of ours, so whatever cannot be read is an error with its name.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ork_api::{Attempt, Event, Group, Run, Task};
use ork_core::attempt::{self, FailureKind};
use ork_core::clock::Timestamp;
use ork_core::event::{Actor, ActorKind, EventRow, EventType, TaskSet};
use ork_core::executor::{Progress, Stream};
use ork_core::graph::{LeaseId, Phase, ProcessEnd, RevisionRef};
use ork_core::id::{RunId, TaskId, TaskRef, WorkspaceId};
use ork_core::json::Json;
use ork_core::log::{Block, LogPlace};
use ork_core::state::{Reason, RunStatus, TaskStatus};
use ork_core::store::{AttemptRow, GroupRow, RunRow, TaskRow};
use ork_logs::{LineRow, LinesPage, Pieces};
use ork_server::logs::Wish;
use serde_json::Value;

/// What cannot be read, for the end of a sentence.
pub type Read<T> = Result<T, String>;

fn known<T>(what: &str, text: &str, found: Option<T>) -> Read<T> {
    found.ok_or_else(|| format!("`{}` is not {what} that this version knows", text.escape_debug()))
}

fn optional<T>(text: Option<&String>, read: impl Fn(&str) -> Read<T>) -> Read<Option<T>> {
    text.map(|text| read(text)).transpose()
}

pub fn moment(text: &str) -> Read<Timestamp> {
    let found: Option<jiff::Timestamp> = text.parse().ok();
    known("a moment", text, found.map(|at| Timestamp::from_micros(at.as_microsecond())))
}

pub fn run_id(text: &str) -> Read<RunId> {
    known("the id of a run", text, text.parse().ok())
}

pub fn task_ref(text: &str) -> Read<TaskRef> {
    let found = text.parse::<TaskId>().ok().and_then(|id| Some(TaskRef { run: id.run(), n: id.n()? }));
    known("the id of a task", text, found)
}

fn reason(text: &str) -> Read<Reason> {
    known("a reason", text, Reason::from_word(text))
}

fn value(value: Option<&Value>) -> Option<Json> {
    value.map(|value| Json::from_stored(value.to_string()))
}

pub fn run(shape: &Run) -> Read<RunRow> {
    let of = &shape.summary;
    Ok(RunRow {
        id: run_id(&of.id)?,
        // Which one it is, only the server knows.
        workspace: WorkspaceId::DEFAULT,
        external_id: of.external_id.clone(),
        owner: of.owner_id.clone(),
        name: of.name.clone(),
        status: known("a status", &of.status, RunStatus::from_word(&of.status))?,
        cancelling: optional(of.reason.as_ref(), reason)?,
        held: of.held,
        priority: of.priority,
        labels: of.labels.clone(),
        result: value(shape.result.as_ref()),
        error: value(of.error.as_ref()),
        triggered_by: of.triggered_by.clone(),
        retry_of: optional(of.retry_of.as_ref(), run_id)?,
        host: of.host.clone(),
        in_process: of.in_process,
        project: of.project.clone(),
        concurrency_key: of.concurrency_key.clone(),
        tasks_total: of.tasks_total,
        tasks_left: of.tasks_left.min(of.tasks_total),
        tasks_bad: of.tasks_bad,
        progress: of.progress,
        seq: of.seq,
        deadline_at: optional(of.deadline_at.as_ref(), moment)?,
        cancel_requested_at: optional(of.cancel_requested_at.as_ref(), moment)?,
        cancel_requested_by: of.cancel_requested_by.clone(),
        created_at: moment(&of.created_at)?,
        started_at: optional(of.started_at.as_ref(), moment)?,
        finished_at: optional(of.finished_at.as_ref(), moment)?,
        revision: match (&of.workflow_id, &of.revision_id) {
            (Some(workflow), Some(revision)) => {
                let of = workflow.parse().ok().zip(revision.parse().ok());
                let of = of.map(|(workflow, revision)| RevisionRef { workflow, revision });
                Some(known("the id of a revision", revision, of)?)
            }
            _ => None,
        },
        acknowledged_at: optional(of.acknowledged_at.as_ref(), moment)?,
        acknowledged_by: of.acknowledged_by.clone(),
    })
}

/// `g` is the number of its group.
pub fn task(shape: &Task, g: u32) -> Read<TaskRow> {
    let of = &shape.summary;
    let progress =
        of.progress.map(|percent| Progress { percent, stage: of.stage.clone(), message: of.message.clone() });
    Ok(TaskRow {
        task: task_ref(&of.id)?,
        g,
        key: of.key.clone(),
        task_index: of.task_index,
        status: known("a status", &of.status, TaskStatus::from_word(&of.status))?,
        reason: optional(of.reason.as_ref(), reason)?,
        attempt: of.attempt,
        failures: of.failures,
        // Nobody shows it.
        lost: 0,
        max_attempts: of.max_attempts,
        lane: of.queue.clone(),
        concurrency_key: of.concurrency_key.clone(),
        held: of.held,
        available_at: optional(of.available_at.as_ref(), moment)?,
        output: value(shape.output.as_ref()),
        error: of.error.as_ref().map(failure).transpose()?,
        progress,
        worker: optional(of.worker_id.as_ref(), |text| known("the id of a worker", text, text.parse().ok()))?,
        execution_name: of.execution_name.clone(),
        end: end(of.exit_code, of.signal, &of.usage),
        reused_from: optional(of.reused_from.as_ref(), task_ref)?,
        dispatched_at: optional(of.dispatched_at.as_ref(), moment)?,
        started_at: optional(of.started_at.as_ref(), moment)?,
        finished_at: optional(of.finished_at.as_ref(), moment)?,
        cancel_requested_at: optional(of.cancel_requested_at.as_ref(), moment)?,
    })
}

const fn end(exit_code: Option<i32>, signal: Option<i32>, usage: &ork_api::Usage) -> ProcessEnd {
    let usage = attempt::Usage { cpu_ms: usage.cpu_ms, memory_bytes_max: usage.memory_bytes_max };
    ProcessEnd { exit_code, signal, usage }
}

/// The kind is read as it is stored: `{"kind": "exit", "code": 3}`.
fn failure(shape: &ork_api::Failure) -> Read<attempt::Failure> {
    let stored = serde_json::to_value(shape).unwrap_or_default();
    let kind: Option<FailureKind> = serde_json::from_value(stored).ok();
    Ok(attempt::Failure { kind: known("a failure", &shape.kind, kind)?, message: shape.message.clone() })
}

pub fn attempt(shape: &Attempt) -> Read<AttemptRow> {
    Ok(AttemptRow {
        attempt: shape.attempt,
        // A fence between workers; nobody shows it.
        lease: LeaseId(0),
        worker: known("the id of a worker", &shape.worker_id, shape.worker_id.parse().ok())?,
        execution_name: shape.execution_name.clone(),
        outcome: shape.outcome.clone(),
        error: shape.error.as_ref().map(failure).transpose()?,
        end: end(shape.exit_code, shape.signal, &shape.usage),
        dispatched_at: moment(&shape.dispatched_at)?,
        started_at: optional(shape.started_at.as_ref(), moment)?,
        finished_at: optional(shape.finished_at.as_ref(), moment)?,
    })
}

/// Groups in the order of the plan.
pub fn groups(shapes: &[Group]) -> Read<Vec<GroupRow>> {
    let row = |(g, shape): (u32, &Group)| {
        Ok(GroupRow {
            g,
            key: shape.key.clone(),
            // How it waits, and what for, is not shown of groups.
            phase: if shape.tasks_left == 0 { Phase::Over } else { Phase::Released },
            size: shape.size,
            items: None,
            tasks_left: shape.tasks_left,
            tasks_bad: shape.tasks_bad,
            tasks_unmet: 0,
            parents_left: 0,
            first: task_ref(&shape.first_task_id)?.n,
            rest: optional(shape.second_task_id.as_ref(), task_ref)?.map_or(0, |task| task.n),
        })
    };
    (0..).zip(shapes).map(row).collect()
}

/// Events one by one as the rows that they came from: like events of one moment that follow each other are one row again.
pub fn events(run: RunId, after: u64, shapes: &[Event]) -> Read<Vec<EventRow>> {
    let mut rows: Vec<EventRow> = Vec::new();
    let mut last = None;
    for (at, shape) in (after + 1..).zip(shapes) {
        if shape.seq != at {
            return Err(format!("event {} came where {at} should be", shape.seq));
        }
        let row = event(run, shape)?;
        let n = row.tasks.iter().next();
        if let Some(open) = rows.last_mut()
            && n.is_some()
            && n > last
            && is_like(open, &row)
        {
            row.tasks.iter().for_each(|n| open.tasks.insert(n));
            open.seq_last = at;
        } else {
            rows.push(row);
        }
        last = n;
    }
    Ok(rows)
}

fn is_like(open: &EventRow, row: &EventRow) -> bool {
    !open.tasks.is_empty()
        && open.event_type == row.event_type
        && open.created_at == row.created_at
        && open.actor == row.actor
        && open.payload == row.payload
}

fn event(run: RunId, shape: &Event) -> Read<EventRow> {
    let task = optional(shape.task_id.as_ref(), task_ref)?;
    let kind = known("an actor", &shape.actor.kind, ActorKind::from_word(&shape.actor.kind))?;
    Ok(EventRow {
        run,
        seq: shape.seq,
        seq_last: shape.seq,
        event_type: known("an event", &shape.event_type, EventType::from_word(&shape.event_type))?,
        tasks: TaskSet::of(task.map(|task| task.n).into_iter().collect()),
        actor: Actor { kind, id: shape.actor.id.clone() },
        payload: value(shape.payload.as_ref()),
        created_at: moment(&shape.created_at)?,
    })
}

/// Pieces of a log behind so many bytes. How many lines are before them is not said.
pub fn log_bytes(from: u64, shape: &ork_api::LogPage) -> Read<Pieces> {
    let block = |chunk: &ork_api::LogChunk| {
        let stream = known("a stream", &chunk.stream, Stream::from_word(&chunk.stream))?;
        let bytes = known("Base64", "…", BASE64_STANDARD.decode(&chunk.base64).ok())?;
        Ok(Block::of(LogPlace { offset: chunk.offset, line: 0 }, stream, bytes))
    };
    let pieces = Pieces { blocks: shape.chunks.iter().map(block).collect::<Read<Vec<_>>>()?, next: shape.next };
    let grows = pieces.blocks.windows(2).all(|two| two[0].end_offset() <= two[1].at.offset);
    let begins = pieces.blocks.first().is_none_or(|first| first.at.offset >= from);
    // Whoever reads on would read the same again, and again.
    let last = pieces.blocks.last().map(Block::end_offset);
    let goes_on = pieces.next.is_none_or(|next| last.is_some_and(|last| last > from && next >= last));
    if grows && begins && goes_on { Ok(pieces) } else { Err("its pieces of a log are out of order".to_owned()) }
}

/// Lines of a log that were asked for.
pub fn log_lines(wish: &Wish, shape: &ork_api::LogLines) -> Read<LinesPage> {
    let line = |line: &ork_api::LogLine| {
        let stream = known("a stream", &line.stream, Stream::from_word(&line.stream))?;
        let bytes = line.text.clone().into_bytes();
        Ok(LineRow { number: line.line, offset: line.offset, stream, bytes, is_whole: line.complete })
    };
    let lines = shape.lines.iter().map(line).collect::<Read<Vec<_>>>()?;
    let before = wish.after_line.unwrap_or(0);
    let grows = lines.windows(2).all(|two| two[0].number < two[1].number);
    let begins = lines.first().is_none_or(|first| first.number > before);
    let goes_on = if shape.more { shape.after_line > before } else { shape.after_line >= before };
    let page = LinesPage { lines, after: shape.after_line, more: shape.more };
    if grows && begins && goes_on { Ok(page) } else { Err("its lines of a log are out of order".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ork_core::clock::SeededEntropy;
    use ork_server::names::Names;
    use ork_server::view;

    fn run() -> RunId {
        RunId::new(Timestamp::from_micros(1_700_000_000_000_000), &mut SeededEntropy::new(3))
    }

    fn group(g: u32, key: &str, size: Option<u32>, first: u32, rest: u32) -> GroupRow {
        let (phase, items) = (Phase::Released, None);
        let (tasks_left, tasks_bad, tasks_unmet, parents_left) = (1, 0, 0, 0);
        let key = key.to_owned();
        GroupRow { g, key, phase, size, items, tasks_left, tasks_bad, tasks_unmet, parents_left, first, rest }
    }

    /// Any row that a view shows is the same row again.
    #[test]
    fn rows_come_back_as_they_went() {
        let run = run();
        let own = vec![group(0, "a", Some(1), 0, 0), group(1, "b", Some(300), 1, 10), group(2, "c", None, 2, 0)];
        let shapes: Vec<Group> = own.iter().map(|row| view::group(run, row)).collect();
        assert_eq!(groups(&shapes).unwrap(), own);
        let names = Names::of(own);
        let row = |seq, event_type, tasks: TaskSet, payload: Option<&str>| EventRow {
            run,
            seq,
            seq_last: seq + tasks.len().max(1) - 1,
            event_type,
            tasks,
            actor: Actor::system("settler"),
            payload: payload.map(Json::from_stored),
            created_at: Timestamp::from_micros(1_700_000_000_123_456),
        };
        let queued = EventType::Task(TaskStatus::Queued);
        let rows = [
            row(1, EventType::RunCreated, TaskSet::default(), None),
            row(2, queued, TaskSet::of(vec![0, 2, 10, 11]), None),
            row(6, queued, TaskSet::of(vec![1]), None),
            row(7, queued, TaskSet::of(vec![12]), Some(r#"{"reason":"lost","n":1.50}"#)),
            row(8, EventType::Run(RunStatus::Success), TaskSet::default(), None),
        ];
        let shapes: Vec<Event> = rows.iter().flat_map(|row| view::events(row, &names)).collect();
        assert_eq!(events(run, 0, &shapes).unwrap(), rows);
        assert_eq!(events(run, 5, &shapes[5..]).unwrap(), rows[2..]);
        assert_eq!(events(run, 6, &shapes[5..]).unwrap_err(), "event 6 came where 7 should be");
    }

    #[test]
    fn what_no_server_of_ours_says_is_refused() {
        assert!(moment("yesterday").is_err() && run_id("run_x").is_err() && reason("\x1b[2J").is_err());
        assert!(task_ref(&run().to_string()).unwrap_err().contains("the id of a task"));
        let page = |offsets: &[u64], next| {
            let chunk = |at: &u64| ork_api::LogChunk { offset: *at, stream: "stdout".into(), base64: "YQ==".into() };
            log_bytes(3, &ork_api::LogPage { attempt: 1, chunks: offsets.iter().map(chunk).collect(), next })
        };
        assert_eq!(page(&[3, 5], Some(6)).unwrap().blocks[1].bytes, b"a");
        for (offsets, next) in [(&[2][..], None), (&[4, 4], None), (&[3], Some(3)), (&[], Some(9))] {
            assert!(page(offsets, next).is_err(), "{offsets:?} {next:?}");
        }
        let lines = |numbers: &[u64], after_line, more| {
            let (stream, text) = ("ork".to_owned(), "a".to_owned());
            let line = |at: &u64| ork_api::LogLine {
                line: *at,
                offset: 0,
                stream: stream.clone(),
                text: text.clone(),
                complete: true,
            };
            let shape = ork_api::LogLines { attempt: 1, lines: numbers.iter().map(line).collect(), after_line, more };
            log_lines(&Wish { after_line: Some(3), ..Wish::default() }, &shape)
        };
        assert_eq!(lines(&[4, 9], 9, true).unwrap().lines[1].number, 9);
        for (numbers, after, more) in [(&[3][..], 3, false), (&[5, 4], 5, false), (&[], 3, true), (&[], 2, false)] {
            assert!(lines(numbers, after, more).is_err(), "{numbers:?} {after}");
        }
    }
}
