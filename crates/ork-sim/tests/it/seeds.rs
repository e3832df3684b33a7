//! G1–G7, G10, G13: nothing illegal is ever seen, everything ends, and a seed decides everything.

use std::collections::BTreeMap;

use ork_sim::{Scenario, live};

/// Worlds of one run of the test.
const SEEDS: u64 = 500;

/// Things that must happen in so many worlds, or else these are too tame to prove anything.
const SEEN: [&str; 30] = [
    "artifact created",
    "artifact gone",
    "budget raised",
    "bytes removed",
    "claim found again",
    "decision heard",
    "declared dead and back",
    "drained",
    "expansion",
    "folder restored",
    "gate approved",
    "gate expired",
    "gate rejected",
    "lost",
    "lost while running",
    "over budget",
    "paused",
    "quarantined",
    "reserved",
    "result",
    "retried now",
    "run cancelled",
    "run repeated",
    "sealed",
    "settle repeated",
    "settle too late",
    "steps too late",
    "task cancelled",
    "waited",
    "wound up",
];

/// Faults that must land.
const LANDED: [&str; 8] = ["after", "before", "commit", "death at a request", "freeze", "kill", "outage", "slow"];

#[test]
fn five_hundred_worlds_are_clean() {
    let mut failed = Vec::new();
    let mut invalid = 0;
    let mut seen: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in 0..SEEDS {
        let verdict = live(Scenario::of(seed), false);
        invalid += u64::from(!verdict.is_valid());
        for (what, count) in verdict.marks.iter().chain(&verdict.landed) {
            *seen.entry(what).or_default() += count;
        }
        if let Some(problem) = verdict.problems.first() {
            failed.push(format!("{problem}\n  cargo run --release -p ork-sim --bin sim -- --seed {seed} --shrink"));
        }
    }
    assert!(failed.is_empty(), "{} worlds failed:\n{}", failed.len(), failed.join("\n"));
    assert!(invalid <= SEEDS / 10, "{invalid} worlds of {SEEDS} prove nothing");
    for what in SEEN.into_iter().chain(LANDED) {
        assert!(seen.contains_key(what), "never seen: {what}; seen: {seen:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 0..25 {
        let (once, again) = (live(Scenario::of(seed), true), live(Scenario::of(seed), true));
        let differ = once.lines.iter().zip(&again.lines).position(|(one, other)| one != other);
        assert_eq!(differ.map(|at| (&once.lines[at], &again.lines[at])), None, "seed {seed}");
        assert_eq!(once.hash, again.hash, "seed {seed}");
        assert_ne!(once.hash, live(Scenario::of(seed + 1), false).hash, "seed {seed}");
    }
}
