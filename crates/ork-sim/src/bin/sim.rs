//! Runs many seeds on both cores, and prints a verdict as its last line.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use ork_sim::shrink::shrink;
use ork_sim::{Scenario, Verdict, live};
use serde_json::json;

const USAGE: &str = "usage: sim [--seeds N] [--from S] [--json]   many worlds
       sim --seed S [--shrink]              one world, with its trace";

/// Worlds at once.
const THREADS: usize = 2;
/// Failing seeds that are told in full.
const TOLD_MAX: usize = 10;

struct Options {
    seeds: u64,
    from: u64,
    one: Option<u64>,
    shrinks: bool,
    is_terse: bool,
}

fn options() -> Option<Options> {
    let mut options = Options { seeds: 500, from: 0, one: None, shrinks: false, is_terse: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || words.next()?.parse().ok();
        match word.as_str() {
            "--seeds" => options.seeds = number()?,
            "--from" => options.from = number()?,
            "--seed" => options.one = Some(number()?),
            "--shrink" => options.shrinks = true,
            "--json" => options.is_terse = true,
            _ => return None,
        }
    }
    Some(options)
}

fn main() -> ExitCode {
    let Some(options) = options() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let is_green = match options.one {
        Some(seed) => tell_one(seed, options.shrinks),
        None => run_many(&options),
    };
    ExitCode::from(u8::from(!is_green))
}

/// One world with its trace.
fn tell_one(seed: u64, shrinks: bool) -> bool {
    let mut scenario = Scenario::of(seed);
    if shrinks {
        let (smaller, left_out) = shrink(&scenario);
        println!("left out: {left_out}");
        scenario = smaller;
    }
    println!("{scenario:#?}");
    let verdict = live(scenario, true);
    for line in &verdict.lines {
        println!("{line}");
    }
    for problem in &verdict.problems {
        println!("problem: {problem}");
    }
    println!("trace {:016x}, {} settled, faults {:?}", verdict.hash, verdict.settled, verdict.landed);
    verdict.problems.is_empty()
}

/// Everything that many worlds gave.
#[derive(Default)]
struct Sum {
    failed: BTreeMap<u64, Vec<String>>,
    invalid: Vec<u64>,
    landed: BTreeMap<&'static str, u64>,
    marks: BTreeMap<&'static str, u64>,
    settled: u64,
    /// By whether the nodes see each other die.
    recovery_ms_max: [u64; 2],
}

impl Sum {
    fn add(&mut self, seed: u64, verdict: Verdict) {
        if !verdict.is_valid() {
            self.invalid.push(seed);
        }
        if !verdict.problems.is_empty() {
            self.failed.insert(seed, verdict.problems);
        }
        for (into, from) in [(&mut self.landed, verdict.landed), (&mut self.marks, verdict.marks)] {
            for (name, count) in from {
                *into.entry(name).or_default() += count;
            }
        }
        self.settled += verdict.settled;
        let max = &mut self.recovery_ms_max[usize::from(verdict.knows_deaths)];
        *max = (*max).max(verdict.recovery_ms_max);
    }
}

fn run_many(options: &Options) -> bool {
    let next = AtomicU64::new(options.from);
    let end = options.from + options.seeds;
    let sum = Mutex::new(Sum::default());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    let verdict = live(Scenario::of(seed), false);
                    sum.lock().unwrap_or_else(PoisonError::into_inner).add(seed, verdict);
                }
            });
        }
    });
    let mut sum = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    sum.invalid.sort_unstable();
    if !options.is_terse {
        for (seed, problems) in sum.failed.iter().take(TOLD_MAX) {
            println!("seed {seed} failed: {}", problems.first().map_or("", String::as_str));
            println!("  repeat: cargo run --release -p ork-sim --bin sim -- --seed {seed} --shrink");
        }
    }
    let is_green = sum.failed.is_empty() && (sum.invalid.len() as u64) * 10 <= options.seeds;
    let verdict = json!({
        "verdict": if is_green { "passed" } else { "failed" },
        "seeds": options.seeds,
        "from": options.from,
        "failed": sum.failed.keys().collect::<Vec<_>>(),
        "invalid": sum.invalid.len(),
        "settled": sum.settled,
        "faults": sum.landed,
        "seen": sum.marks,
        "recovery_ms_max": sum.recovery_ms_max[0],
        "recovery_same_host_ms_max": sum.recovery_ms_max[1],
    });
    println!("{verdict}");
    is_green
}
