//! Settles outcomes. Those that gather while one batch is in flight are the next; with none in flight an outcome goes at
//! once, and takes a claim along if there is room for its tasks. An outcome is kept until the store has answered, however
//! long that takes.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ork_core::attempt::Outcome;
use ork_core::error::{StoreError, StoreResult};
use ork_core::limits;
use ork_core::store::{Claim, Claimed, Outcomes, Settle, Settled};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::backoff::Backoff;
use crate::dispatcher;
use crate::observe::{Observation, Subject};
use crate::pace;
use crate::parts::{Parts, lock};
use crate::spool;

/// An outcome that is to be settled, and what to call its task.
pub struct Done {
    pub settle: Settle,
    pub key: Arc<str>,
    pub index: u32,
    /// It is on disk.
    pub is_kept: bool,
}

/// Outcomes that are not settled yet.
#[derive(Default)]
pub struct Outbox {
    state: Mutex<State>,
    filled: Notify,
    emptied: Notify,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Done>,
    in_flight: usize,
    /// Outcomes that the store refused with an error of their own, and when to ask again.
    aside: VecDeque<(Instant, Done)>,
}

/// When to ask again about an outcome that the store cannot take, such as one of a corrupt row: its lease is ours, so
/// nobody else can give it up.
const ASIDE: Duration = Duration::from_secs(30);

impl Outbox {
    pub fn push(&self, done: Done) {
        lock(&self.state).queue.push_back(done);
        self.filled.notify_one();
    }

    /// Outcomes that wait or are in flight.
    pub fn len(&self) -> usize {
        let state = lock(&self.state);
        state.queue.len() + state.in_flight
    }

    /// Ends when everything is settled, but for what was set aside.
    pub async fn flush(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.len() == 0 {
                return;
            }
            emptied.await;
        }
    }

    /// Ends when there is something to be settled.
    async fn fill(&self) {
        loop {
            let (is_empty, due) = self.look();
            if !is_empty {
                return;
            }
            match due {
                None => self.filled.notified().await,
                Some(due) => tokio::select! {
                    biased;
                    () = self.filled.notified() => {}
                    () = sleep_until(due) => {}
                },
            }
        }
    }

    /// Whether nothing waits, and when something that was set aside is due.
    fn look(&self) -> (bool, Option<Instant>) {
        let mut state = lock(&self.state);
        while state.aside.front().is_some_and(|(due, _)| *due <= Instant::now()) {
            if let Some((_, done)) = state.aside.pop_front() {
                state.queue.push_back(done);
            }
        }
        (state.queue.is_empty(), state.aside.front().map(|(due, _)| *due))
    }

    /// A batch, which holds no task twice.
    fn take(&self) -> Vec<Done> {
        let mut state = lock(&self.state);
        let most = state.queue.len().min(limits::BATCH_MAX);
        let mut tasks = BTreeSet::new();
        let count = state.queue.iter().take(most).take_while(|done| tasks.insert(done.settle.task)).count();
        let batch: Vec<Done> = state.queue.drain(..count).collect();
        state.in_flight = batch.len();
        batch
    }

    fn sent(&self) {
        let mut state = lock(&self.state);
        state.in_flight = 0;
        if state.queue.is_empty() {
            self.emptied.notify_waiters();
        }
    }

    /// Outcomes that wait and are not on disk; from now on they count as such.
    fn to_be_kept(&self) -> Vec<Settle> {
        let mut state = lock(&self.state);
        let unkept = state.queue.iter_mut().filter(|done| !done.is_kept);
        let keep = |done: &mut Done| {
            done.is_kept = true;
            done.settle.clone()
        };
        unkept.map(keep).collect()
    }

    /// Whether nothing waits at all.
    fn is_clear(&self) -> bool {
        let state = lock(&self.state);
        state.queue.is_empty() && state.in_flight == 0 && state.aside.is_empty()
    }

    fn set_aside(&self, done: Done) {
        lock(&self.state).aside.push_back((Instant::now() + ASIDE, done));
    }
}

pub async fn run(parts: Arc<Parts>) {
    let mut has_kept = false;
    loop {
        parts.outbox.fill().await;
        gather(&parts).await;
        let batch = parts.outbox.take();
        let attempts = batch.iter().map(|done| (done.settle.task, done.settle.attempt)).collect();
        parts.logs.settle_after(&attempts).await;
        has_kept |= send(&parts, batch).await;
        parts.outbox.sent();
        if has_kept && parts.outbox.is_clear() {
            spool::forget(&parts).await;
            has_kept = false;
        }
        parts.pokes.room.notify_one();
    }
}

/// While every slot has work that was claimed ahead, nobody waits for a settle: outcomes gather for a moment, so that a
/// commit serves several.
async fn gather(parts: &Parts) {
    let until = Instant::now() + pace::GATHER;
    while parts.desk.count().waiting > 0 && parts.outbox.len() < limits::BATCH_MAX / 2 {
        tokio::select! {
            biased;
            () = parts.outbox.filled.notified() => {}
            () = sleep_until(until) => return,
        }
    }
}

/// Sends a batch. One outcome that the store cannot take must not keep the others: the batch is halved until that one
/// is alone. True when outcomes were put on disk meanwhile.
async fn send(parts: &Parts, batch: Vec<Done>) -> bool {
    let mut open = vec![batch];
    let mut has_kept = false;
    // Something that hinders the claim must not hinder the outcomes, and not be tried with each half of them again.
    let mut is_alone = false;
    while let Some(mut batch) = open.pop() {
        let (settles, subjects) = split(batch);
        match settle(parts, &settles, (&mut is_alone, &mut has_kept)).await {
            Ok((outcomes, claimed)) => {
                deliver(parts, &settles, &subjects, &outcomes, claimed.is_none());
                if let Some((claim, claimed)) = claimed {
                    dispatcher::hand_over(parts, &claim, claimed).await;
                }
            }
            Err(error) => {
                batch = join(settles, subjects);
                if batch.len() > 1 {
                    open.push(batch.split_off(batch.len() / 2));
                    open.push(batch);
                } else {
                    set_aside(parts, batch, &error);
                }
            }
        }
    }
    has_kept
}

type Name = (Arc<str>, u32);

fn split(batch: Vec<Done>) -> (Vec<Settle>, Vec<Name>) {
    batch.into_iter().map(|done| (done.settle, (done.key, done.index))).unzip()
}

fn join(settles: Vec<Settle>, names: Vec<Name>) -> Vec<Done> {
    let done = |(settle, (key, index))| Done { settle, key, index, is_kept: false };
    settles.into_iter().zip(names).map(done).collect()
}

fn set_aside(parts: &Parts, batch: Vec<Done>, error: &StoreError) {
    for done in batch {
        parts.observers.trouble("settler", format!("failed to settle `{}`: {error}", done.settle.task.id()));
        parts.outbox.set_aside(done);
    }
}

/// Asks until the store has answered: what became of the outcomes, and what the claim gave that went along, if one did.
async fn settle(
    parts: &Parts,
    settles: &[Settle],
    (is_alone, has_kept): (&mut bool, &mut bool),
) -> StoreResult<(Outcomes, Option<(Claim, Vec<Claimed>)>)> {
    let mut backoff = Backoff::new();
    let mut is_kept = false;
    loop {
        let claim = if *is_alone { None } else { parts.claims.next_beside(parts, settles.len()) };
        let (store, actor) = (&parts.store, parts.actor());
        let answer = match &claim {
            Some(claim) => store.settle_and_claim(settles, &actor, claim).await.map(|(o, claimed)| (o, Some(claimed))),
            None => store.settle(parts.config.scope, settles, &actor, parts.clock.now()).await.map(|o| (o, None)),
        };
        let error = match answer {
            Ok((outcomes, claimed)) => {
                parts.claims.round();
                return Ok((outcomes, claim.zip(claimed)));
            }
            Err(error) => error,
        };
        let had_claim = claim.is_some();
        if let Some(claim) = claim {
            parts.claims.failed(claim);
        }
        if error.is_transient() {
            parts.store_failed("settler", &error);
            let mut unkept = if is_kept { Vec::new() } else { settles.to_vec() };
            unkept.extend(parts.outbox.to_be_kept());
            spool::keep(parts, unkept).await;
            (is_kept, *has_kept) = (true, true);
            backoff.wait().await;
        } else if had_claim {
            *is_alone = true;
            parts.pokes.room.notify_one();
        } else {
            return Err(error);
        }
    }
}

fn deliver(parts: &Parts, settles: &[Settle], names: &[Name], outcomes: &Outcomes, is_alone: bool) {
    parts.tally.settled(settles, &outcomes.settled);
    if outcomes.queued > 0 && is_alone {
        parts.pokes.dispatcher.notify_one();
    }
    if outcomes.upkeep {
        parts.pokes.scheduler.notify_one();
    }
    if parts.logs.take_large(settles.iter().map(|settle| (settle.task, settle.attempt))) {
        parts.pokes.packer.notify_one();
    }
    if parts.observers.are_there() {
        for ((settle, name), settled) in settles.iter().zip(names).zip(&outcomes.settled) {
            parts.observers.tell(|| observation(settle, name, *settled));
        }
    }
    for run in &outcomes.ended {
        parts.outputs.forget(*run);
        parts.observers.tell(|| Observation::RunEnded(*run));
    }
}

fn observation(settle: &Settle, (key, index): &Name, settled: Settled) -> Observation {
    let failure = match &settle.outcome {
        Outcome::Failed(failure) => Some(failure.clone()),
        _ => None,
    };
    let subject = Subject { task: settle.task, key: Arc::clone(key), index: *index, attempt: settle.attempt };
    Observation::Settled { subject, outcome: settle.outcome.word(), failure, settled }
}
