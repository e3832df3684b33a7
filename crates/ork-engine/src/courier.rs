//! Sends the messages that tell of runs.
//!
//! A message is a row, written with what it tells of. The courier takes those that are due, for a while in which nobody else takes
//! them, has them sent, and writes down how that went. If this process dies in between, somebody takes them again: whoever
//! is told hears it at least once, under one id. No run waits for any of it.
//!
//! Nor does whoever is told wait for another one. A receiver that hangs holds each of its messages for as long as one may take, so
//! one URL and one workspace have only so many places, and what waits for those is passed over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::id::{DeliveryId, TaskRef, WorkspaceId};
use ork_core::store::{Addressee, Attempted, DeliveryRow, DeliveryTry, Due, DueKey, RunRow, Scope, TaskRow, Verdict};
use ork_core::webhook::{Occasion, wait_ms};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep, timeout};

use crate::parts::Parts;

/// Messages under way at once.
const UNDER_WAY_MAX: usize = 32;
/// Of them for one URL: if it hangs, the others' places stay free.
const OF_URL_MAX: usize = 8;
/// Of them of one workspace, however many URLs it names.
const OF_WORKSPACE_MAX: usize = 16;
/// Due messages that are read at once.
const PAGE: u32 = 200;
/// Pages that a round reads before it takes what it found; the next round goes on there.
const PAGES_MAX: usize = 50;
/// How long a message may be under way.
const SEND_TIMEOUT: Duration = Duration::from_secs(20);
/// How long nobody else takes it: long enough to send it and to write down how that went.
const TAKEN_MS: u64 = 60_000;
/// How long a process that cannot send what it took leaves all messages to others: as it keeps them from what it took, else it would
/// keep them from everything.
const REST_MS: u64 = 60_000;
/// How often somebody looks when nothing says that there is something to send.
const PERIOD_MS: u64 = 1_000;
/// How soon it looks again when somebody else took what it had chosen.
const OUTRUN_MS: u64 = 50;
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
    /// This process could not, and another one may be able to: it counts as no attempt.
    pub is_for_another: bool,
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
    let under_way = UnderWay::default();
    let rests_until = parts.clock.now();
    let mut courier = Courier { parts: Arc::clone(&parts), post, under_way, after: None, rests_until };
    loop {
        let wait_ms = match courier.round().await {
            Ok(next_at) => next_at.map_or(PERIOD_MS, |at| at.since_ms(parts.clock.now()) + 1).min(PERIOD_MS),
            Err(error) => {
                parts.store_failed("courier", &error);
                PERIOD_MS
            }
        };
        tokio::select! {
            biased;
            Some(was_able) = courier.under_way.end() => courier.rest_unless(was_able),
            () = parts.pokes.courier.notified(), if courier.under_way.len() < UNDER_WAY_MAX => {}
            () = sleep(Duration::from_millis(wait_ms)) => {}
        }
    }
}

struct Courier {
    parts: Arc<Parts>,
    post: Arc<dyn Post>,
    under_way: UnderWay,
    /// Where the last round stopped reading, if more follows.
    after: Option<(Timestamp, DeliveryId)>,
    /// Until then it takes nothing.
    rests_until: Timestamp,
}

impl Courier {
    /// Takes what is due and has a place, and sends it off; when to look again.
    async fn round(&mut self) -> StoreResult<Option<Timestamp>> {
        let was_able = self.under_way.forget_ended();
        self.rest_unless(was_able);
        let room = self.under_way.room();
        if room.free == 0 || self.parts.clock.now() < self.rests_until {
            return Ok(None);
        }
        // Reading is cheap, and mostly there is nothing to take.
        let store = Arc::clone(&self.parts.store);
        let now = self.parts.clock.now();
        let next_at = store.next_delivery(self.parts.config.only_run).await?;
        if next_at.is_none_or(|at| at > now) {
            self.after = None;
            return Ok(next_at);
        }
        let chosen = self.choose(room, now).await?;
        if chosen.is_empty() {
            return Ok(None);
        }
        let taken = store.take_deliveries(&chosen, now, now.plus_ms(TAKEN_MS)).await?;
        let is_outrun = taken.len() < chosen.len();
        for due in taken {
            let place = Place { workspace: due.row.workspace, url: due.row.url.clone() };
            self.under_way.add(place, carry(Arc::clone(&self.parts), Arc::clone(&self.post), due));
        }
        Ok(is_outrun.then(|| now.plus_ms(OUTRUN_MS)))
    }

    fn rest_unless(&mut self, was_able: bool) {
        if !was_able {
            self.rests_until = self.parts.clock.now().plus_ms(REST_MS);
        }
    }

    /// The due messages that have a place, those that wait longest first.
    async fn choose(&mut self, mut room: Room, now: Timestamp) -> StoreResult<Vec<DeliveryId>> {
        let mut after = self.after.take();
        let mut chosen = Vec::new();
        for _ in 0..PAGES_MAX {
            let page = self.parts.store.due_deliveries(self.parts.config.only_run, after, now, PAGE).await?;
            chosen.extend(page.iter().filter(|key| room.take(key)).map(|key| key.id));
            let is_full = page.len() >= PAGE as usize;
            let Some(last) = page.last().filter(|_| is_full && room.free > 0) else { return Ok(chosen) };
            after = Some(last.place());
        }
        self.after = after;
        Ok(chosen)
    }
}

/// Whose place a message takes.
struct Place {
    workspace: WorkspaceId,
    url: String,
}

/// The messages that are under way, and their places.
#[derive(Default)]
struct UnderWay {
    /// Each says whether this process was able to send it.
    tasks: JoinSet<bool>,
    /// By task, since one that panics says nothing more.
    places: Vec<(Id, Place)>,
}

impl UnderWay {
    fn len(&self) -> usize {
        self.tasks.len()
    }

    fn add(&mut self, place: Place, work: impl Future<Output = bool> + Send + 'static) {
        let id = self.tasks.spawn(work).id();
        self.places.push((id, place));
    }

    /// Waits until one has ended, and says whether it could be sent; `None` when there is none.
    async fn end(&mut self) -> Option<bool> {
        let ended = self.tasks.join_next_with_id().await?;
        Some(self.free(ended))
    }

    fn forget_ended(&mut self) -> bool {
        let mut was_able = true;
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            was_able &= self.free(ended);
        }
        was_able
    }

    fn free(&mut self, ended: Result<(Id, bool), JoinError>) -> bool {
        let (ended, was_able) = ended.unwrap_or_else(|error| (error.id(), true));
        self.places.retain(|(id, _)| *id != ended);
        was_able
    }

    /// What they leave.
    fn room(&self) -> Room {
        let mut room = Room { free: UNDER_WAY_MAX, urls: BTreeMap::new(), workspaces: BTreeMap::new() };
        for (_, Place { workspace, url }) in &self.places {
            room.count(*workspace, url);
        }
        room
    }
}

/// The places that are free, and how many each URL and each workspace has.
struct Room {
    free: usize,
    urls: BTreeMap<String, usize>,
    workspaces: BTreeMap<WorkspaceId, usize>,
}

impl Room {
    fn count(&mut self, workspace: WorkspaceId, url: &str) {
        self.free = self.free.saturating_sub(1);
        *self.urls.entry(url.to_owned()).or_default() += 1;
        *self.workspaces.entry(workspace).or_default() += 1;
    }

    /// Gives a message a place, if there is one for it.
    fn take(&mut self, key: &DueKey) -> bool {
        let has_place = self.free > 0
            && self.urls.get(&key.url).is_none_or(|count| *count < OF_URL_MAX)
            && self.workspaces.get(&key.workspace).is_none_or(|count| *count < OF_WORKSPACE_MAX);
        if has_place {
            self.count(key.workspace, &key.url);
        }
        has_place
    }
}

/// One message, from what it says to what became of it; false when another process has to send it.
async fn carry(parts: Arc<Parts>, post: Arc<dyn Post>, due: Due) -> bool {
    let Some(taken_until) = due.row.next_attempt_at else { return true };
    let (id, attempts, began) = (due.row.id, due.row.attempts, Instant::now());
    let at = parts.clock.now();
    let (sent, is_final) = match letter(&parts, due).await {
        Ok(Ok(letter)) => {
            let sent = timeout(SEND_TIMEOUT, post.send(&letter)).await;
            (sent.unwrap_or_else(|_| Sent::failed("it was not sent in time")), false)
        }
        Ok(Err(why)) => (Sent::failed(why), true),
        // It is due again when it is not taken any more.
        Err(error) => {
            parts.store_failed("courier", &error);
            return true;
        }
    };
    if sent.is_for_another {
        // Nobody takes it for a while; then it is due again.
        parts.observers.trouble("courier", sent.error.unwrap_or_default());
        return false;
    }
    let now = parts.clock.now();
    let verdict = match sent.status_code {
        Some(200..=299) if sent.error.is_none() => Verdict::Delivered,
        Some(GONE) => Verdict::Gone,
        _ if is_final => Verdict::Failed,
        _ => wait_ms(attempts + 1, parts.random()).map_or(Verdict::Failed, |ms| Verdict::Again(now.plus_ms(ms))),
    };
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let Sent { body, status_code, error, response, .. } = sent;
    let attempt = DeliveryTry { at, took_ms, status_code, error, response };
    parts.tally.delivered(verdict);
    if let Err(error) = parts.store.note_delivery(&Attempted { id, taken_until, body, attempt, verdict, now }).await {
        parts.store_failed("courier", &error);
    }
    true
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
