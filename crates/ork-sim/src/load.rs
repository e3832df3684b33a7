//! A server whose slots are all taken, and how soon it begins a task that goes before all that wait: with something beside
//! it, and without.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::figures::{Figures, quantile};
use crate::serving::{Serving, Watch, rest};

/// Tasks that the server has at work at once.
pub(crate) const SLOTS: &str = "8";
/// How long one of them takes.
pub(crate) const TASK_SECONDS: &str = "0.1";
/// Tasks of one run of the load. When fewer than half of them are left, the next is submitted.
const TASKS: u64 = 400;
/// How often it is looked how many are left.
const LOOK_MS: u64 = 250;
/// How long the last of them may take.
const END_MS: f64 = 60_000.0;
/// Between two starts that are measured.
const PAUSE_MS: u64 = 50;
/// What is measured goes before the load.
const PRIORITY: i32 = 100;

/// Whom the next runs of the load tell of their tasks, and how many tasks those have in which somebody is told.
#[derive(Debug, Default)]
struct Telling {
    webhook: Option<Value>,
    told: u64,
}

/// More tasks than there are slots for, as long as it takes.
#[derive(Debug, Default)]
pub(crate) struct Load {
    is_over: AtomicBool,
    has_ended: AtomicBool,
    telling: Mutex<Telling>,
}

impl Load {
    /// Does something while the server is under load; afterwards all tasks are over.
    pub(crate) fn beside<T>(&self, server: &Serving, act: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
        std::thread::scope(|scope| {
            let keeping = scope.spawn(|| {
                let kept = self.keep(server);
                self.has_ended.store(true, Ordering::Relaxed);
                kept
            });
            let done = act();
            self.is_over.store(true, Ordering::Relaxed);
            keeping.join().map_err(|_| "a panic")??;
            done
        })
    }

    /// Whom runs that are submitted from now on tell of their tasks.
    pub(crate) fn tell(&self, webhook: Option<&Value>) {
        self.telling.lock().unwrap_or_else(PoisonError::into_inner).webhook = webhook.cloned();
    }

    /// Tasks that somebody is told of, sooner or later.
    pub(crate) fn told(&self) -> u64 {
        self.telling.lock().unwrap_or_else(PoisonError::into_inner).told
    }

    fn keep(&self, server: &Serving) -> Result<(), String> {
        let (mut last, mut ending) = (self.submit(server)?, None);
        loop {
            rest(LOOK_MS);
            let shown = server.get(&format!("/api/v1/runs/{last}"))?;
            let left = shown["tasks_left"].as_u64().ok_or_else(|| format!("no `tasks_left`: {shown}"))?;
            if self.is_over.load(Ordering::Relaxed) {
                let ending = ending.get_or_insert_with(Watch::start);
                match left {
                    0 => return Ok(()),
                    _ if ending.ms() > END_MS => return Err(format!("the load has no end: {shown}")),
                    _ => {}
                }
            } else if left < TASKS / 2 {
                last = self.submit(server)?;
            }
        }
    }

    fn submit(&self, server: &Serving) -> Result<String, String> {
        let webhook = {
            let mut telling = self.telling.lock().unwrap_or_else(PoisonError::into_inner);
            telling.told += if telling.webhook.is_some() { TASKS } else { 0 };
            telling.webhook.clone()
        };
        let plan = json!({"tasks": {"load": {"command": ["sleep", TASK_SECONDS], "count": TASKS}}});
        server.submit_body("", &json!({"plan": plan, "webhook": webhook}))
    }

    /// Measures starts until it is enough, which is asked with their number before each.
    pub(crate) fn measure(
        &self,
        server: &Serving,
        mut is_enough: impl FnMut(usize) -> Result<bool, String>,
    ) -> Result<Round, String> {
        let mut round = Round::default();
        while !is_enough(round.starts.len())? {
            if self.has_ended.load(Ordering::Relaxed) {
                return Err("the load has ended before its time".into());
            }
            let (start_ms, request_ms) = server.time_start(PRIORITY)?;
            round.starts.push(start_ms);
            round.requests.push(request_ms);
            rest(PAUSE_MS);
        }
        Ok(round)
    }
}

/// Starts that were measured one after the other, in milliseconds, and the requests that asked for them.
#[derive(Debug, Default)]
pub(crate) struct Round {
    starts: Vec<f64>,
    requests: Vec<f64>,
}

/// Rounds by turns: without something and with it.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    pub(crate) without: Vec<Round>,
    pub(crate) with: Vec<Round>,
}

impl Turns {
    /// Notes the starts of both kinds, and how many times as long they take with it: at the quantiles that have a target
    /// at most so much. The floor of a start is its request, that of a ratio the slowest round without it over the fastest one.
    pub(crate) fn note(&self, figures: &mut Figures, (place, it): (&str, &str), targets: [(f64, Option<f64>); 2]) {
        for (q, target) in targets {
            let percent = q * 100.0;
            let mut both = Vec::new();
            for (word, rounds) in [("without", &self.without), ("beside", &self.with)] {
                let mut all: Vec<f64> = rounds.iter().flat_map(|round| round.starts.iter().copied()).collect();
                let mut requests: Vec<f64> = rounds.iter().flat_map(|round| round.requests.iter().copied()).collect();
                let found = quantile(&mut all, q);
                let what = format!("submit to process, {place}, {word} {it}, p{percent}");
                figures.note(&what, "ms", found, (quantile(&mut requests, q), None));
                both.push(found);
            }
            let ratio = both[0].zip(both[1]).map(|(without, with)| with / without);
            let what = format!("submit to process, {place}, beside / without {it}, p{percent}");
            figures.note(&what, "times", ratio, (spread(&self.without, q), target));
        }
    }

    /// How many starts were measured of each kind.
    pub(crate) fn counts(&self) -> Value {
        let count = |rounds: &[Round]| rounds.iter().map(|round| round.starts.len()).sum::<usize>();
        json!({"starts_without": count(&self.without), "starts_beside": count(&self.with)})
    }
}

/// By how much rounds differ that should not: what the machine alone does. `None` of one.
fn spread(rounds: &[Round], q: f64) -> Option<f64> {
    let found: Vec<f64> = rounds.iter().filter_map(|round| quantile(&mut round.starts.clone(), q)).collect();
    let (slowest, fastest) = (found.iter().copied().reduce(f64::max)?, found.iter().copied().reduce(f64::min)?);
    (found.len() > 1).then_some(slowest / fastest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(starts: &[f64]) -> Round {
        Round { starts: starts.to_vec(), requests: vec![1.0; starts.len()] }
    }

    fn noted(turns: &Turns, most: f64) -> Result<Value, String> {
        let mut figures = Figures::default();
        turns.note(&mut figures, ("here", "it"), [(0.5, Some(most)), (0.99, None)]);
        figures.verdict("good", turns.counts())
    }

    #[test]
    fn what_takes_longer_beside_something_is_found() {
        let turns = Turns { without: vec![round(&[10.0]), round(&[12.0])], with: vec![round(&[18.0, 18.0])] };
        let found = noted(&turns, 1.8).unwrap();
        assert_eq!((&found["starts_without"], &found["starts_beside"]), (&2.into(), &2.into()));
        assert_eq!((&found["figures"][2]["value"], &found["figures"][2]["floor"]), (&1.5.into(), &1.2.into()));
        assert!(noted(&turns, 1.4).unwrap_err().contains("MISSED"));
    }

    #[test]
    fn without_starts_nothing_is_proved() {
        assert!(noted(&Turns { without: vec![round(&[10.0])], with: Vec::new() }, 1.2).is_err());
    }
}
