//! Sends the messages that tell of runs.
//!
//! A message is a row, written with what it tells of. The courier takes those that are due, for a while in which nobody else takes
//! them, has them sent, and writes down how that went. If this process dies in between, somebody takes them again: whoever
//! is told hears it at least once, under one id. No run waits for any of it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::id::TaskRef;
use ork_core::store::{Addressee, Attempted, DeliveryRow, DeliveryTry, Due, RunRow, Scope, TaskRow, Verdict};
use ork_core::webhook::{Occasion, wait_ms};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::parts::Parts;

/// Messages under way at once.
const UNDER_WAY_MAX: usize = 16;
/// How long a message may be under way.
const SEND_TIMEOUT: Duration = Duration::from_secs(20);
/// How long nobody else takes it: long enough to send it and to write down how that went.
const TAKEN_MS: u64 = 60_000;
/// How often somebody looks when nothing says that there is something to send.
const PERIOD_MS: u64 = 1_000;
/// The status by which an endpoint says that it is gone.
const GONE: u16 = 410;

/// Who brings messages to those whom they are for: the executable's part, which knows HTTP and secrets.
#[async_trait]
pub trait Post: Send + Sync {
    /// Sends a message once. What it says never changes, however often it is sent.
    async fn send(&self, letter: &Letter) -> Sent;
}

/// A message with what it tells of.
#[derive(Debug, Clone)]
pub struct Letter {
    /// The message.
    pub delivery: DeliveryRow,
    /// Whom it is for.
    pub addressee: Addressee,
    /// The run that it tells of.
    pub run: Option<RunRow>,
    /// The task that it tells of.
    pub task: Option<TaskRow>,
    /// The present moment.
    pub now: Timestamp,
}

/// How it went.
#[derive(Debug, Clone, Default)]
pub struct Sent {
    /// What was sent, if it came to that.
    pub body: Option<String>,
    /// The HTTP status, if there was an answer.
    pub status_code: Option<u16>,
    /// Why there was none.
    pub error: Option<String>,
    /// The beginning of the answer.
    pub response: Option<String>,
}

impl Sent {
    /// It came to nothing.
    #[must_use]
    pub fn failed(error: impl Into<String>) -> Self {
        Self { error: Some(error.into()), ..Self::default() }
    }
}

/// Sends what is due, for as long as the engine lives.
pub async fn run(parts: Arc<Parts>) {
    let Some(post) = parts.config.post.clone() else { return std::future::pending().await };
    let mut under_way = JoinSet::new();
    loop {
        let wait_ms = match round(&parts, &post, &mut under_way).await {
            Ok(next_at) => next_at.map_or(PERIOD_MS, |at| at.since_ms(parts.clock.now()) + 1).min(PERIOD_MS),
            Err(error) => {
                parts.store_failed("courier", &error);
                PERIOD_MS
            }
        };
        tokio::select! {
            biased;
            Some(_) = under_way.join_next() => {}
            () = parts.pokes.courier.notified(), if under_way.len() < UNDER_WAY_MAX => {}
            () = sleep(Duration::from_millis(wait_ms)) => {}
        }
    }
}

/// Takes what is due and sends it off; when the next one is due.
async fn round(
    parts: &Arc<Parts>,
    post: &Arc<dyn Post>,
    under_way: &mut JoinSet<()>,
) -> StoreResult<Option<Timestamp>> {
    while under_way.try_join_next().is_some() {}
    let room = UNDER_WAY_MAX.saturating_sub(under_way.len());
    if room == 0 {
        return Ok(None);
    }
    // Reading is cheap, and mostly there is nothing to take.
    let only = parts.config.only_run;
    let now = parts.clock.now();
    let next_at = parts.store.next_delivery(only).await?;
    if next_at.is_none_or(|at| at > now) {
        return Ok(next_at);
    }
    let limit = u32::try_from(room).unwrap_or(u32::MAX);
    for due in parts.store.take_deliveries(only, now, now.plus_ms(TAKEN_MS), limit).await? {
        under_way.spawn(carry(Arc::clone(parts), Arc::clone(post), due));
    }
    Ok(None)
}

/// One message, from what it says to what became of it.
async fn carry(parts: Arc<Parts>, post: Arc<dyn Post>, due: Due) {
    let Some(taken_until) = due.row.next_attempt_at else { return };
    let (id, attempts, began) = (due.row.id, due.row.attempts, Instant::now());
    let at = parts.clock.now();
    let (sent, is_final) = match letter(&parts, due).await {
        Ok(Ok(letter)) => {
            let sent = timeout(SEND_TIMEOUT, post.send(&letter)).await;
            (sent.unwrap_or_else(|_| Sent::failed("it was not sent in time")), false)
        }
        Ok(Err(why)) => (Sent::failed(why), true),
        // It is due again when it is not taken any more.
        Err(error) => return parts.store_failed("courier", &error),
    };
    let now = parts.clock.now();
    let verdict = match sent.status_code {
        Some(200..=299) if sent.error.is_none() => Verdict::Delivered,
        Some(GONE) => Verdict::Gone,
        _ if is_final => Verdict::Failed,
        _ => wait_ms(attempts + 1, parts.random()).map_or(Verdict::Failed, |ms| Verdict::Again(now.plus_ms(ms))),
    };
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let Sent { body, status_code, error, response } = sent;
    let attempt = DeliveryTry { at, took_ms, status_code, error, response };
    parts.tally.delivered(verdict);
    if let Err(error) = parts.store.note_delivery(&Attempted { id, taken_until, body, attempt, verdict, now }).await {
        parts.store_failed("courier", &error);
    }
}

/// What a message tells of; or why nobody is told any more.
async fn letter(parts: &Parts, due: Due) -> StoreResult<Result<Letter, &'static str>> {
    let Due { row: delivery, addressee } = due;
    let Some(addressee) = addressee else { return Ok(Err("there is nobody any more whom it is for")) };
    let scope = Scope::One(delivery.workspace);
    let run = match delivery.run {
        Some(run) => parts.store.run(scope, run).await?,
        None => None,
    };
    let task = match (delivery.run, delivery.task) {
        (Some(run), Some(n)) => parts.store.task(scope, TaskRef { run, n }).await?,
        _ => None,
    };
    let is_whole = match delivery.occasion {
        Occasion::Test => true,
        Occasion::RunStarted | Occasion::RunFinished => run.is_some(),
        Occasion::TaskFinished => run.is_some() && task.is_some(),
    };
    if !is_whole {
        return Ok(Err("what it tells of is not kept any more"));
    }
    Ok(Ok(Letter { delivery, addressee, run, task, now: parts.clock.now() }))
}
