//! What goes wrong with requests at the moment.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::dice::Dice;
use crate::scenario::Rates;

/// Who sends requests: a node by its number, or the users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// A node.
    Node(usize),
    /// The users.
    Users,
}

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fate {
    /// It is under way for so long.
    pub there_ms: u64,
    /// It never arrives.
    pub fails: bool,
    /// It arrives, and its commit fails.
    pub fails_commit: bool,
    /// It takes effect and the caller hears of a failure.
    pub loses_answer: bool,
    /// The answer is under way for so long.
    pub back_ms: u64,
}

/// How long any request is under way, and less: without it, whoever comes first takes everything.
const LATENCY_MS: u64 = 4;
/// How often another process looks for changes.
const BELL_MS: u64 = 100;
/// How long a node that was cut off may still act on what it believed: until its heartbeat is answered and what it
/// held has been given up by the reaper of another.
const AFTERMATH: Duration = Duration::from_secs(60);

/// The state of the network and the database.
#[derive(Debug)]
pub struct Weather {
    dice: Dice,
    rates: Rates,
    outage_until: Option<Instant>,
    nodes: Vec<NodeWeather>,
    /// Faults that landed, by kind.
    pub landed: BTreeMap<&'static str, u64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct NodeWeather {
    frozen_until: Option<Instant>,
    /// It may have been declared dead with good reason.
    excused_until: Option<Instant>,
    /// Its own heartbeats that failed since the last one that was written, outages of the database not counted.
    beats_missed: u32,
}

impl Weather {
    /// The weather of a world of so many nodes.
    #[must_use]
    pub fn new(dice: Dice, rates: Rates, nodes: usize) -> Self {
        let nodes = vec![NodeWeather::default(); nodes];
        Self { dice, rates, outage_until: None, nodes, landed: BTreeMap::new() }
    }

    /// Counts a fault.
    pub fn land(&mut self, kind: &'static str) {
        *self.landed.entry(kind).or_default() += 1;
    }

    /// What happens to the next request.
    pub fn fate(&mut self) -> Fate {
        let Rates { before, after, slow, commit, .. } = self.rates;
        let dice = &mut self.dice;
        if self.rates == Rates::default() {
            return Fate { there_ms: dice.below(LATENCY_MS), ..Fate::default() };
        }
        let delay = |dice: &mut Dice| match dice.below(1000) {
            0..3 => dice.between(1_000, 4_000),
            share if share < slow => dice.between(1, 300),
            _ => dice.below(LATENCY_MS),
        };
        let (there_ms, back_ms) = (delay(dice), delay(dice));
        let (fails, loses_answer) = (dice.per_mille(before), dice.per_mille(after));
        let fails_commit = dice.per_mille(commit);
        if there_ms + back_ms > 2 * LATENCY_MS {
            self.land("slow");
        }
        Fate { there_ms, fails, fails_commit, loses_answer, back_ms }
    }

    /// Whether a node dies just before its next request takes effect, or just after.
    pub fn deaths(&mut self, who: Who) -> (bool, bool) {
        let share = self.rates.death;
        if share == 0 || who == Who::Users {
            return (false, false);
        }
        let dies = self.dice.per_mille(share);
        let before = dies && self.dice.percent(50);
        if dies {
            self.land("death at a request");
        }
        (before, dies && !before)
    }

    /// How long after a change another process notices it.
    pub fn bell_ms(&mut self) -> u64 {
        self.dice.below(BELL_MS)
    }

    /// The database answers nobody until then.
    pub fn begin_outage(&mut self, until: Instant) {
        self.land("outage");
        self.outage_until = self.outage_until.max(Some(until));
    }

    /// Whether the database is away.
    #[must_use]
    pub fn is_out(&self) -> bool {
        self.outage_until.is_some_and(|until| Instant::now() < until)
    }

    /// A node's requests and answers are kept back until then.
    pub fn freeze(&mut self, node: usize, until: Instant) {
        self.land("freeze");
        let node = &mut self.nodes[node];
        node.frozen_until = node.frozen_until.max(Some(until));
        node.excused_until = node.excused_until.max(Some(until + AFTERMATH));
    }

    /// Until when a sender's requests are kept back, if they are.
    #[must_use]
    pub fn frozen_until(&self, who: Who) -> Option<Instant> {
        let Who::Node(node) = who else { return None };
        self.nodes[node].frozen_until.filter(|until| Instant::now() < *until)
    }

    /// A node's heartbeat was written, or failed for a reason of its own.
    pub fn beat(&mut self, who: Who, is_written: bool) {
        let Who::Node(node) = who else { return };
        let node = &mut self.nodes[node];
        if is_written {
            node.beats_missed = 0;
        } else {
            node.beats_missed += 1;
            node.excused_until = node.excused_until.max(Some(Instant::now() + AFTERMATH));
        }
    }

    /// Whether a node that lives may have been declared dead with good reason.
    #[must_use]
    pub fn is_excused(&self, node: usize) -> bool {
        let node = &self.nodes[node];
        node.beats_missed > 0 || node.excused_until.is_some_and(|until| Instant::now() < until)
    }

    /// Nothing goes wrong any more.
    pub fn heal(&mut self) {
        self.rates = Rates::default();
        self.outage_until = None;
        for node in &mut self.nodes {
            node.frozen_until = None;
        }
    }
}
