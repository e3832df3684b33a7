//! Numbers about an engine, for metrics: what it has at the moment, and what it has done since it began.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};

use ork_core::store::{Settle, Settled, Verdict};

use crate::parts::{Parts, lock};

/// How an engine stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Figures {
    /// Attempts at work at once, at the most.
    pub capacity: usize,
    /// Attempts at work.
    pub running: usize,
    /// Attempts that were claimed and have not begun.
    pub waiting: usize,
    /// Outcomes that the store has not answered to.
    pub unsettled: usize,
    /// Outcomes that the store answered to, by `ork_core::attempt::Outcome::word`.
    pub settled: BTreeMap<&'static str, u64>,
    /// Of them, those that came too late.
    pub stale: u64,
    /// Attempts to send messages, by what became of them.
    pub delivered: BTreeMap<&'static str, u64>,
    /// What went wrong, by the part of the engine that it went wrong in.
    pub troubles: BTreeMap<&'static str, u64>,
}

/// What is counted as it happens.
#[derive(Default)]
pub struct Tally {
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    settled: BTreeMap<&'static str, u64>,
    stale: u64,
    delivered: BTreeMap<&'static str, u64>,
    troubles: BTreeMap<&'static str, u64>,
}

impl Tally {
    /// The store answered to these.
    pub fn settled(&self, settles: &[Settle], answers: &[Settled]) {
        let mut counts = lock(&self.counts);
        for (settle, answer) in settles.iter().zip(answers) {
            *counts.settled.entry(settle.outcome.word()).or_default() += 1;
            counts.stale += u64::from(*answer == Settled::Stale);
        }
    }

    /// An attempt to send a message is over.
    pub fn delivered(&self, verdict: Verdict) {
        let word = match verdict {
            Verdict::Delivered => "delivered",
            Verdict::Again(_) => "again",
            Verdict::Failed | Verdict::Gone => "failed",
        };
        *lock(&self.counts).delivered.entry(word).or_default() += 1;
    }

    /// Something went wrong in this part.
    pub fn trouble(&self, part: &'static str) {
        *lock(&self.counts).troubles.entry(part).or_default() += 1;
    }
}

/// Reads an engine's figures, for as long as there is that engine.
#[derive(Clone)]
pub struct Meter(Weak<Parts>);

impl Meter {
    pub(crate) fn of(parts: &Arc<Parts>) -> Self {
        Self(Arc::downgrade(parts))
    }

    /// How the engine stands; `None` when it is gone.
    #[must_use]
    pub fn read(&self) -> Option<Figures> {
        self.0.upgrade().map(|parts| parts.figures())
    }
}

impl Parts {
    /// How it stands.
    fn figures(&self) -> Figures {
        let (desk, counts) = (self.desk.count(), lock(&self.tally.counts));
        Figures {
            capacity: self.config.capacity,
            running: desk.live,
            waiting: desk.waiting,
            unsettled: self.outbox.len(),
            settled: counts.settled.clone(),
            stale: counts.stale,
            delivered: counts.delivered.clone(),
            troubles: counts.troubles.clone(),
        }
    }
}
