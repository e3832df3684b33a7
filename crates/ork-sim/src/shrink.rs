//! Makes a failing scenario smaller: what can be left out without the failure going away is left out.

use crate::life::live;
use crate::scenario::{Rates, Scenario};

/// Worlds that are tried at the most.
const TRIES_MAX: usize = 200;

/// A smaller scenario that still fails, and how many things were left out.
#[must_use]
pub fn shrink(scenario: &Scenario) -> (Scenario, usize) {
    let mut best = scenario.clone();
    let (mut tries, mut left_out) = (0, 0);
    let mut changed = true;
    while changed {
        changed = false;
        for candidate in smaller(&best) {
            tries += 1;
            if tries > TRIES_MAX {
                return (best, left_out);
            }
            if !live(candidate.clone(), false).problems.is_empty() {
                best = candidate;
                left_out += 1;
                changed = true;
                break;
            }
        }
    }
    (best, left_out)
}

/// The scenario with one thing less, in every way.
fn smaller(scenario: &Scenario) -> Vec<Scenario> {
    let mut all = Vec::new();
    if scenario.rates != Rates::default() {
        all.push(Scenario { rates: Rates::default(), ..scenario.clone() });
    }
    for at in 0..scenario.runs.len() {
        let mut one = scenario.clone();
        one.runs.remove(at);
        all.push(one);
    }
    for at in 0..scenario.incidents.len() {
        let mut one = scenario.clone();
        one.incidents.remove(at);
        all.push(one);
    }
    for at in 0..scenario.commands.len() {
        let mut one = scenario.clone();
        one.commands.remove(at);
        all.push(one);
    }
    if scenario.nodes.iter().any(|node| node.skew_ms != 0) {
        let mut one = scenario.clone();
        for node in &mut one.nodes {
            node.skew_ms = 0;
        }
        all.push(one);
    }
    all
}
