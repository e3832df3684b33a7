//! The simulator finds what it should: each bug that one process can show, within five hundred worlds.

use ork_core::planted::{Bug, plant};
use ork_sim::{Scenario, live};

/// Worlds in which a bug must be found.
const SEEDS: u64 = 500;

/// The first world that shows the bug by something that is wanted, and what is said of it.
fn find(bug: Bug, is_wanted: impl Fn(&String) -> bool) -> Option<(u64, String)> {
    plant(Some(bug));
    let found = (0..SEEDS).find_map(|seed| {
        let verdict = live(Scenario::of(seed), false);
        verdict.problems.into_iter().find(&is_wanted).map(|problem| (seed, problem))
    });
    plant(None);
    found
}

fn check(bug: Bug, said: &str) {
    match find(bug, |_| true) {
        Some((seed, problem)) => {
            println!("{bug:?}: seed {seed}: {problem}");
            assert!(problem.contains(said), "{bug:?} was found in seed {seed} as something else: {problem}");
        }
        None => panic!("{bug:?} was not found in {SEEDS} worlds"),
    }
}

#[test]
fn a_settle_without_its_own_token_is_found() {
    check(Bug::TokenCheckDropped, "");
}

#[test]
fn a_settle_that_counts_nothing_is_found() {
    check(Bug::SettleWithoutCounter, "parent-counters");
}

#[test]
fn reused_event_numbers_are_found() {
    check(Bug::EventNumberReused, "");
}

#[test]
fn a_reaper_that_does_not_wait_after_an_outage_is_found() {
    check(Bug::ReaperWithoutHoldOff, "although node");
}

#[test]
fn a_reaper_that_goes_by_age_alone_is_found() {
    check(Bug::AgeOnlyReaping, "after its node was killed");
}

#[test]
fn a_late_result_that_counts_is_found() {
    check(Bug::LateResultAccepted, "");
}

#[test]
fn a_cancel_without_proof_is_found() {
    check(Bug::CleanupSkippedOnCancel, "left behind");
}

#[test]
fn a_pause_that_leaves_the_queue_is_found() {
    check(Bug::ClaimPastPause, "paused");
}

#[test]
fn an_answer_before_the_commit_is_found() {
    // Other things show it first; G1 is what it breaks.
    for lost in ["without a lease", "` was accepted and is not stored", "the outcome of attempt"] {
        let found = find(Bug::EventBeforeCommit, |problem| problem.contains(lost));
        println!("{found:?}");
        assert!(found.is_some(), "nobody missed what was never committed: {lost}");
    }
}

#[test]
fn a_call_that_is_made_again_under_its_name_is_found() {
    check(Bug::AiCallRepeated, "starts twice");
}

#[test]
fn a_cleanup_that_is_forgotten_after_a_wait_is_found() {
    check(Bug::CleanupForgottenAfterWait, "put away");
}

#[test]
fn a_gate_that_is_decided_twice_is_found() {
    check(Bug::GateDecidedTwice, "told to count");
}

#[test]
fn bytes_that_are_removed_and_named_are_found() {
    check(Bug::RemovedWithoutDoom, "names bytes that were removed");
}

#[test]
fn a_reservation_that_outlives_its_call_is_found() {
    check(Bug::ReservationNotSettled, "budget");
}
