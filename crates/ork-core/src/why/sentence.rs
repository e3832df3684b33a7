//! What `ork why` says.

use std::fmt;

use super::{Awaited, Slots, Why};
use crate::state::{Reason, TaskStatus};
use crate::step::OnExpiry;

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Over { status, reason, by, cause, message } => {
                over(f, (*status, *reason), (by.as_deref(), cause.as_deref()), message.as_deref())
            }
            Self::Running { .. } => running(f, self),
            Self::WorkerGone { worker, attempt, silent_ms, queue, workers } => {
                let silent = Span(*silent_ms);
                write!(f, "attempt {attempt} was on worker `{worker}`, which is gone: last heard of {silent} ago")?;
                match workers {
                    0 => write!(f, ", and nobody else lives; start a worker with: ork worker --queues {queue}"),
                    _ => f.write_str("; it is given to another as soon as that is certain"),
                }
            }
            Self::Paused { by, since_ms, run } => {
                f.write_str("the run is paused")?;
                if let Some(by) = by {
                    write!(f, " by `{by}`")?;
                }
                if let Some(since) = since_ms {
                    write!(f, ", for {} so far", Span(*since))?;
                }
                write!(f, "; go on with: ork runs resume {run}")
            }
            Self::QueuePaused { queue, by, since_ms } => {
                let since = Span(*since_ms);
                write!(
                    f,
                    "the queue `{queue}` is paused by `{by}`, for {since} so far; go on with: ork queues resume {queue}"
                )
            }
            Self::RunHeld { key, slots } => slot(f, "the run waits", key, slots.as_ref()),
            Self::SlotTaken { key, slots } => slot(f, "waits", key, slots.as_ref()),
            Self::Parents { waiting_for } => parents(f, waiting_for),
            Self::Evaluation => f.write_str("its condition or its number of siblings is being evaluated"),
            Self::Unserved { message, due_in_ms: 0, .. } => write!(f, "{message}; workers may take it again now"),
            Self::Unserved { message, due_in_ms, .. } => {
                write!(f, "{message}; workers may take it again in {}", Span(*due_in_ms))
            }
            Self::Retry { failures, max_attempts, message, due_in_ms, .. } => {
                write!(f, "failure {failures} of {max_attempts}")?;
                if let Some(message) = message.as_deref().and_then(|message| message.lines().next()) {
                    write!(f, " ({message})")?;
                }
                match due_in_ms {
                    0 => f.write_str(", again now"),
                    ms => write!(f, ", again in {}", Span(*ms)),
                }
            }
            Self::CarrierGone { run } => {
                write!(f, "the process that carried the run is gone; go on with: ork run --resume {run}")
            }
            Self::OtherHost { host, queue } => write!(
                f,
                "waits for a worker: nobody serves the queue `{queue}` on host `{host}`; start one there with: ork worker \
                 --queues {queue}"
            ),
            Self::NoWorker { queue } => write!(
                f,
                "waits for a worker: nobody serves the queue `{queue}`; start one with: ork worker --queues {queue}"
            ),
            Self::Queued { queue, at_work, workers, capacity } => {
                queued(f, queue.as_deref(), *at_work, (*workers, *capacity))
            }
            Self::Gate { .. } => gate(f, self),
            Self::Outside => f.write_str("waits for something outside"),
        }
    }
}

fn running(f: &mut fmt::Formatter<'_>, why: &Why) -> fmt::Result {
    let Why::Running { worker, attempt, begun, since_ms, timeout_ms, cancelling, by } = why else { return Ok(()) };
    let since = Span(*since_ms);
    if *begun {
        write!(f, "attempt {attempt} has been running on worker `{worker}` for {since}")?;
    } else {
        write!(f, "attempt {attempt} was given to worker `{worker}` {since} ago, and has not begun")?;
    }
    if let Some(timeout) = timeout_ms {
        write!(f, ", of at most {}", Span(*timeout))?;
    }
    match (cancelling, by) {
        (false, _) => Ok(()),
        (true, None) => f.write_str("; the worker was asked to end it"),
        (true, Some(by)) => write!(f, "; `{by}` asked the worker to end it"),
    }
}

/// Characters of what is asked.
const ASKED_MAX: usize = 200;

fn gate(f: &mut fmt::Formatter<'_>, why: &Why) -> fmt::Result {
    let Why::Gate { gate, step, message, is_budget, role, not_by, due_in_ms, on_expiry, .. } = why else {
        return Ok(());
    };
    let what = if *is_budget { "for leave to use more than the run's budget" } else { "for a decision" };
    write!(f, "`{step}` waits {what}")?;
    if let Some(line) = message.as_deref().and_then(|message| message.lines().next()) {
        // It may hold what a task or a model has said.
        let shown: String = line.chars().filter(|sign| !sign.is_control()).take(ASKED_MAX).collect();
        write!(f, ": {shown}")?;
    }
    write!(f, "; the role `{}` decides, or a higher one", role.word())?;
    if let Some(starter) = not_by {
        write!(f, ", but not `{starter}`, who started the run")?;
    }
    match (due_in_ms, on_expiry) {
        (None, _) => {}
        (Some(ms), OnExpiry::Reject) => write!(f, ", within {}, or it counts as rejected", Span(*ms))?,
        (Some(ms), OnExpiry::Approve) => write!(f, ", within {}, or it counts as approved", Span(*ms))?,
        (Some(0), OnExpiry::Hold) => f.write_str(", and should have by now")?,
        (Some(ms), OnExpiry::Hold) => write!(f, ", within {} if they can", Span(*ms))?,
    }
    write!(f, "; decide with: ork gates approve {gate}")
}

fn over(
    f: &mut fmt::Formatter<'_>,
    (status, reason): (TaskStatus, Option<Reason>),
    (by, cause): (Option<&str>, Option<&str>),
    message: Option<&str>,
) -> fmt::Result {
    write!(f, "it is over with `{status}`")?;
    match (reason, by) {
        (None, _) => {}
        (Some(Reason::Upstream), Some(by)) => write!(f, ": it needs `{by}`, and that did not succeed")?,
        (Some(Reason::Stop), Some(by)) => write!(f, ": `{by}` failed, and the run stops on failure")?,
        (Some(Reason::Cancel), Some(by)) => write!(f, ": `{by}` asked for its end")?,
        (Some(Reason::Reused), Some(by)) => write!(f, ": taken over from {by}")?,
        (Some(reason), _) => f.write_str(because(reason))?,
    }
    if let Some(cause) = cause {
        write!(f, " because `{cause}` failed")?;
    }
    match message.and_then(|message| message.lines().next()) {
        Some(message) => write!(f, "; {message}"),
        None => Ok(()),
    }
}

const fn because(reason: Reason) -> &'static str {
    match reason {
        Reason::Condition => ": its condition was false, or all that it needs was skipped that way",
        Reason::Upstream => ": something that it needs failed, was cancelled or was skipped",
        Reason::Stop => ": another task failed, and the run stops on failure",
        Reason::Cancel => ": somebody asked for its end",
        Reason::Deadline => ": the run passed its deadline",
        Reason::Unproven => ": its worker was lost before it could prove that the work had ended",
        Reason::Poison => ": too many workers died with it",
        Reason::Interrupted => ": it was interrupted, and may run at most once",
        Reason::Template => ": an expression could not be evaluated",
        Reason::Reused => ": taken over from an earlier run",
    }
}

fn slot(f: &mut fmt::Formatter<'_>, who: &str, key: &str, slots: Option<&Slots>) -> fmt::Result {
    write!(f, "{who} for a slot of `{key}`")?;
    let Some(Slots { limit, taken, by, since_ms }) = slots else { return Ok(()) };
    write!(f, ": {taken} of {limit} taken")?;
    if let Some(by) = by {
        write!(f, " by {by}")?;
        if let Some(since) = since_ms {
            write!(f, ", for {}", Span(*since))?;
        }
        if *taken > 1 {
            write!(f, ", and {}", Others(taken - 1))?;
        }
    }
    Ok(())
}

struct Others(u32);

impl fmt::Display for Others {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 1 { f.write_str("1 other") } else { write!(f, "{} others", self.0) }
    }
}

/// How many names a sentence lists before it only counts.
const NAMES_MAX: usize = 3;

fn parents(f: &mut fmt::Formatter<'_>, waiting_for: &[Awaited]) -> fmt::Result {
    f.write_str("waits for ")?;
    for (at, Awaited { key, done, size }) in waiting_for.iter().take(NAMES_MAX).enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        write!(f, "{comma}`{key}`")?;
        if let Some(size) = size.filter(|size| *size > 1) {
            write!(f, " ({done} of {size} done)")?;
        }
    }
    match waiting_for.len().saturating_sub(NAMES_MAX) {
        0 => Ok(()),
        more => write!(f, " and {more} more"),
    }
}

fn queued(
    f: &mut fmt::Formatter<'_>,
    queue: Option<&str>,
    at_work: Option<u32>,
    (workers, capacity): (u32, u32),
) -> fmt::Result {
    match (queue, workers) {
        (None, _) => f.write_str("waits for its turn in the process that carries the run")?,
        (Some(queue), 1) => write!(f, "waits for a worker: 1 serves the queue `{queue}`")?,
        (Some(queue), _) => write!(f, "waits for a worker: {workers} serve the queue `{queue}`")?,
    }
    match at_work {
        Some(at_work) if at_work < capacity => write!(f, ", and has room: {at_work} of {capacity} tasks at work"),
        Some(at_work) => write!(f, ", with {at_work} of {capacity} tasks at work"),
        None => write!(f, ", with room for {capacity} tasks at once"),
    }
}

/// A length of time in words, rounded down to its largest unit.
struct Span(u64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ms @ ..1_000 => write!(f, "{ms} ms"),
            ms @ ..120_000 => write!(f, "{} s", ms / 1_000),
            ms @ ..7_200_000 => write!(f, "{} min", ms / 60_000),
            ms => write!(f, "{} h", ms / 3_600_000),
        }
    }
}
