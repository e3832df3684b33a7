//! The invariants of a stored run, as one library: tests, the simulator and `ork doctor` ask the same questions.
//!
//! A rule is a function from a [`RunDump`] to the things that are wrong with it. Rules do not build on each other, and
//! overlap as little as they can, so that one mistake is reported once.

mod artifacts;
mod counters;
mod history;
mod places;
mod steps;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::store::RunDump;

/// Something that must never be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The rule that found it.
    pub rule: &'static str,
    /// The guarantee that it breaks, as numbered in the design: `G4`.
    pub guarantee: &'static str,
    /// What is wrong, with numbers.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.rule, self.guarantee, self.message)
    }
}

/// One rule: says what is wrong, one sentence for each mistake.
type Rule = fn(&RunDump, &mut Vec<String>);

/// Every rule, with its name and the guarantee that it watches.
const RULES: &[(&str, &str, Rule)] = &[
    ("ids-agree", "G15", counters::ids_agree),
    ("values-are-json", "G1", history::values_are_json),
    ("groups-hold-their-tasks", "G2", counters::groups_hold_their_tasks),
    ("group-counters", "G5", counters::group_counters),
    ("parent-counters", "G5", counters::parent_counters),
    ("head-counters", "G4", counters::head_counters),
    ("one-place", "G2", places::one_place),
    ("terminal-has-no-place", "G4", places::terminal_has_no_place),
    ("live-has-a-place", "G2", places::live_has_a_place),
    ("paused-queues-nothing", "G2", places::paused_queues_nothing),
    ("cancelled-starts-nothing", "G10", places::cancelled_starts_nothing),
    ("stopped-starts-nothing", "G7", places::stopped_starts_nothing),
    ("held-starts-nothing", "G14", places::held_starts_nothing),
    ("evaluations-match", "G7", places::evaluations_match),
    ("upstream-is-skipped", "G7", places::upstream_is_skipped),
    ("retry-has-a-time", "G2", places::retry_has_a_time),
    ("status-is-derived", "G4", places::status_is_derived),
    ("end-has-a-reason", "G2", places::end_has_a_reason),
    ("run-ends-with-its-tasks", "G7", counters::run_ends_with_its_tasks),
    ("lease-is-current", "G4", history::lease_is_current),
    ("attempts-are-contiguous", "G3", history::attempts_are_contiguous),
    ("failures-are-counted", "G13", history::failures_are_counted),
    ("events-are-contiguous", "G6", history::events_are_contiguous),
    ("one-terminal-event", "G4", history::one_terminal_event),
    ("task-events-replay", "G4", history::task_events_replay),
    ("run-events-replay", "G4", history::run_events_replay),
    ("gates-are-waited-for", "G2", steps::gates_are_waited_for),
    ("steps-run-under-a-lease", "G4", steps::steps_run_under_a_lease),
    ("ended-attempts-have-ended-steps", "G4", steps::ended_attempts_have_ended_steps),
    ("budget-adds-up", "G14", steps::budget_adds_up),
    ("artifacts-are-told", "G6", artifacts::artifacts_are_told),
    ("bytes-are-named-once", "G1", artifacts::bytes_are_named_once),
];

/// What is wrong with a run as it is stored; nothing, for a run that Ork wrote.
#[must_use]
pub fn check(dump: &RunDump) -> Vec<Violation> {
    let mut found = Vec::new();
    for (rule, guarantee, run) in RULES {
        let mut messages = Vec::new();
        run(dump, &mut messages);
        found.extend(messages.into_iter().map(|message| Violation { rule, guarantee, message }));
    }
    found
}

/// The names of all rules, for `ork doctor` and for the test that each of them can fire.
#[must_use]
pub fn rules() -> Vec<&'static str> {
    RULES.iter().map(|(name, ..)| *name).collect()
}
