//! One attempt, from its claim to its outcome: plan → expressions → assignment → execution → report → outcome.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use ork_core::attempt::{Failure, FailureKind, Outcome};
use ork_core::executor::{AttemptIo, Report, StopCause};
use ork_core::planted::{self, Bug};
use tokio::time::sleep;

use crate::assignment::{Job, Unprepared, prepare};
use crate::executors::{Handler, HandlerContext, HandlerResult};
use crate::live::Live;
use crate::steps;

/// How long a handler may go on after it was told to stop; then its future is dropped.
const HANDLER_GRACE: Duration = Duration::from_secs(5);

/// Carries an attempt to its outcome. A panic on the way is the attempt's failure.
pub async fn carry(live: Arc<Live>) {
    let report = AssertUnwindSafe(attempt(&live)).catch_unwind().await.unwrap_or_else(|panic| {
        let message = format!("panicked: {}", panic_message(panic.as_ref()));
        Report::of(Outcome::Failed(Failure::new(FailureKind::Handler, message)))
    });
    live.finish(report);
}

async fn attempt(live: &Arc<Live>) -> Report {
    let job = match prepare(live).await {
        Ok(job) => job,
        Err(Unprepared::Failed(failure)) => return Report::of(Outcome::Failed(failure)),
        Err(Unprepared::Stopped) => return translate(live, Report::of(Outcome::HandedBack)),
    };
    let report = match (job, live.node()) {
        // What a stop means for them is for them to say: cleanup comes after it.
        (Job::Steps(executor), Some(node)) => return steps::carry(live, &executor, node).await,
        (Job::Steps(_), None) => Report::of(Outcome::HandedBack),
        (Job::Operation(handler, params), _) => operate(live, &handler, params).await,
        (Job::Process(executor, assignment), _) => {
            let io: Arc<dyn AttemptIo> = Arc::clone(live) as _;
            let work = attend(live, executor.execute(*assignment, io));
            if planted::is(Bug::CleanupSkippedOnCancel) { unproven(live, work).await } else { work.await }
        }
    };
    translate(live, report)
}

/// Work that nobody waits for once it was told to stop: only for [`Bug::CleanupSkippedOnCancel`].
async fn unproven(live: &Live, work: impl Future<Output = Report>) -> Report {
    tokio::select! {
        biased;
        report = work => report,
        _ = live.until_stopped() => Report::of(Outcome::Cancelled),
    }
}

/// Calls a handler, and waits for it as long as a handler may take.
async fn operate(live: &Arc<Live>, handler: &Handler, params: serde_json::Value) -> Report {
    let claimed = &live.ticket.claimed;
    let context = HandlerContext {
        workspace: claimed.workspace,
        task: claimed.task,
        key: live.ticket.plan.key(claimed.g),
        index: claimed.task_index,
        attempt: claimed.attempt,
        params,
        io: Arc::clone(live) as _,
    };
    live.mark_started();
    let given_up = async {
        live.until_stopped().await;
        sleep(HANDLER_GRACE).await;
    };
    let work = async {
        let mut work = handler(context);
        let mut given_up = pin!(given_up);
        tokio::select! {
            biased;
            result = &mut work => handled(live, result),
            () = &mut given_up => Report::of(Outcome::Cancelled),
        }
    };
    attend(live, work).await
}

fn handled(live: &Live, result: HandlerResult) -> Report {
    Report::of(match result {
        // After its time was up it is too late, whatever it answers.
        Ok(_) if live.cause() == Some(StopCause::Timeout) => Outcome::Cancelled,
        Ok(output) => Outcome::Success { output },
        Err(message) => Outcome::Failed(Failure::new(FailureKind::Handler, message)),
    })
}

/// Waits for the work, and tells it to stop when its time is up.
async fn attend(live: &Live, work: impl Future<Output = Report>) -> Report {
    let Some(timeout_ms) = live.node().and_then(|node| node.timeout_ms) else {
        return work.await;
    };
    let mut work = pin!(work);
    let mut timer = pin!(sleep(Duration::from_millis(timeout_ms)));
    tokio::select! {
        biased;
        report = &mut work => return report,
        () = &mut timer => live.stop(StopCause::Timeout),
    }
    work.await
}

/// What a report means when the attempt was told to stop. A success stands: executors report one only if the work was
/// done before they heard of the stop. So does a loss: nobody can say what became of the work.
fn translate(live: &Live, mut report: Report) -> Report {
    let Some(cause) = live.cause() else { return report };
    let is_lost = matches!(&report.outcome, Outcome::Failed(failure) if failure.kind == FailureKind::Lost);
    if is_lost || matches!(report.outcome, Outcome::Success { .. }) {
        return report;
    }
    report.outcome = match cause {
        StopCause::Cancel => Outcome::Cancelled,
        StopCause::Drain => Outcome::HandedBack,
        StopCause::Timeout => {
            let limit = live.node().and_then(|node| node.timeout_ms).unwrap_or_default();
            Outcome::Failed(Failure::new(FailureKind::Timeout, format!("ran longer than its timeout of {limit} ms")))
        }
    };
    report
}

/// What a panic said.
pub fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
