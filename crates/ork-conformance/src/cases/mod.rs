//! Named cases, each on a fresh store, each named by the guarantee that it proves.

mod access;
mod artifacts;
mod budgets;
mod bulk;
mod control;
mod feed;
mod gates;
mod graph;
mod hooks;
mod keeping;
mod logs;
mod pauses;
mod prompts;
mod queue;
mod reading;
mod seals;
mod steps;
mod tenancy;
mod webhooks;
mod workflows;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt;
use ork_core::store::Store;

use crate::bed::Bed;

pub use artifacts::{kept, new_artifact};
pub use gates::waits;
pub use logs::logged;
pub use steps::{begin, key, steps as write_steps};

type Running<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;
type Case = for<'a> fn(&'a mut Bed) -> Running<'a>;

macro_rules! cases {
    ($($module:ident :: $case:ident = $guarantee:literal),* $(,)?) => {
        /// Every case, with its guarantee.
        const CASES: &[Named] =
            &[$((stringify!($case), $guarantee, |bed| Box::pin($module::$case(bed)))),*];
    };
}

cases!(
    queue::claims_go_by_priority_then_age = "G2",
    queue::workspaces_take_turns = "G15",
    queue::a_million_tasks_of_one_keep_nobody_waiting = "G15",
    queue::a_claim_is_found_again = "G3",
    queue::only_the_lease_settles = "G4",
    queue::a_settle_counts_once = "G4",
    queue::a_late_outcome_is_only_an_event = "G4",
    queue::a_retired_worker_gets_nothing = "G7",
    queue::a_claim_gets_what_is_its_own = "G15",
    queue::a_start_is_announced_once = "G6",
    queue::retries_wait_their_delay = "G3",
    queue::three_lost_workers_quarantine = "G13",
    queue::at_most_once_is_not_repeated = "G3",
    queue::handing_back_counts_nothing = "G9",
    queue::what_a_worker_cannot_do_stays_away_from_it_for_a_while = "G9",
    queue::held_tasks_share_their_slots = "G14",
    graph::a_join_fires_once = "G5",
    graph::failure_skips_three_levels = "G2",
    graph::a_stop_sweeps_what_has_not_started = "G2",
    graph::other_branches_go_on = "G2",
    graph::run_if_runs_in_spite_of_failure = "G2",
    graph::groups_expand_once = "G5",
    graph::too_many_siblings_fail_the_group = "G14",
    graph::conditions_skip = "G2",
    graph::results_are_evaluated_last = "G4",
    graph::successes_are_taken_over = "G4",
    bulk::a_piece_counts_once = "G4",
    bulk::a_duty_has_one_holder = "G7",
    control::a_cancelled_run_ends_with_its_last_lease = "G10",
    control::a_single_task_is_cancelled = "G10",
    control::a_paused_run_starts_nothing = "G2",
    control::a_pause_outlasts_a_retry = "G2",
    control::a_deadline_fails_the_run = "G7",
    control::runs_wait_for_their_slot = "G14",
    control::a_submit_creates_one_run = "G18",
    control::the_end_of_a_run_is_acknowledged_once = "G2",
    control::quotas_hold_back_what_is_new = "G14",
    pauses::a_paused_queue_gives_nothing = "G2",
    pauses::a_queue_is_paused_once = "G14",
    pauses::pauses_are_of_one_workspace = "G15",
    hooks::hooks_are_found_by_their_keys = "G15",
    webhooks::a_run_tells_of_itself_once_and_in_time = "G16",
    webhooks::endpoints_are_told_of_the_runs_of_their_workspace = "G16",
    webhooks::a_message_is_sent_by_one_at_a_time = "G16",
    webhooks::due_messages_are_read_by_pages_and_taken_by_id = "G16",
    webhooks::who_is_gone_is_told_nothing_more = "G16",
    webhooks::messages_are_listed_and_asked_for_again = "G16",
    webhooks::endpoints_have_names_and_secrets = "G16",
    workflows::a_text_is_applied_once = "G18",
    workflows::what_is_expected_decides = "G4",
    workflows::a_deleted_workflow_comes_back = "G2",
    workflows::a_run_keeps_its_revision = "G2",
    reading::lists_are_filtered = "G6",
    reading::lists_are_paged = "G6",
    reading::tasks_are_counted = "G6",
    reading::prefixes_find_runs = "G15",
    reading::events_are_read_by_cursor = "G6",
    feed::the_feed_is_in_the_order_of_commits = "G6",
    feed::the_feed_is_read_on_within_a_row = "G6",
    feed::the_feed_of_a_workspace_is_its_own = "G15",
    logs::logs_are_kept_in_order = "G14",
    logs::a_log_of_many_chunks_is_whole = "G14",
    logs::a_packed_log_is_the_same = "G14",
    logs::small_logs_stay_as_they_are = "G14",
    logs::a_packed_log_goes_with_its_run = "G2",
    logs::a_packed_log_names_its_bytes = "G2",
    reading::progress_is_shown = "G4",
    reading::lanes_are_counted = "G2",
    reading::slots_name_their_holders = "G14",
    keeping::secrets_are_kept_by_name = "G15",
    keeping::secrets_are_not_too_many = "G14",
    keeping::schedules_are_not_too_many = "G14",
    keeping::a_schedule_is_what_the_workflow_says = "G17",
    keeping::a_time_has_one_run = "G17",
    keeping::a_run_that_is_not_kept_leaves_a_tombstone = "G2",
    keeping::what_a_live_run_was_made_of_is_kept = "G2",
    keeping::what_a_run_has_taken_over_is_kept = "G2",
    seals::a_run_is_sealed_after_its_end = "G6",
    seals::late_events_are_chained_on = "G6",
    seals::large_runs_are_sealed_in_pieces = "G6",
    seals::a_run_is_sealed_while_it_goes_on = "G6",
    seals::a_tombstone_has_the_head = "G6",
    seals::keys_that_have_sealed_are_kept = "G6",
    seals::bots_write_events = "G6",
    seals::a_named_request_writes_once = "G18",
    seals::bots_are_kept_within_limits = "G14",
    steps::steps_are_written_once = "G4",
    steps::only_the_lease_writes_steps = "G4",
    steps::steps_are_of_one_workspace = "G15",
    steps::a_lost_attempt_is_put_away_first = "G3",
    steps::steps_of_poison_are_closed = "G13",
    steps::a_lost_attempt_of_a_cancelled_run_is_put_away = "G10",
    steps::a_folder_is_kept_whole = "G4",
    gates::an_attempt_waits_for_all_its_gates = "G2",
    gates::the_first_decision_counts = "G4",
    gates::a_rejection_ends_the_wait = "G2",
    gates::gates_expire_as_they_say = "G2",
    gates::a_cancel_puts_away_what_waits = "G10",
    gates::a_task_that_waits_is_cancelled_alone = "G10",
    gates::a_stop_puts_away_what_waits = "G2",
    gates::a_decision_in_a_paused_run_waits_for_its_end = "G2",
    gates::gates_are_listed = "G15",
    budgets::a_reservation_ends_with_what_was_used = "G14",
    budgets::a_step_has_an_allowance_of_its_own = "G14",
    budgets::many_at_once_never_overspend = "G14",
    budgets::what_is_lost_is_charged_in_full = "G14",
    budgets::periods_of_a_workspace_begin_anew = "G14",
    budgets::a_run_may_be_granted_more = "G14",
    prompts::a_prompt_has_a_version_for_each_text = "G18",
    prompts::models_have_prices = "G15",
    artifacts::artifacts_are_created_once = "G18",
    artifacts::artifacts_are_listed = "G15",
    artifacts::artifacts_belong_to_the_owners_of_runs = "G15",
    artifacts::only_the_lease_names_its_artifacts = "G4",
    artifacts::a_run_that_is_over_takes_artifacts = "G6",
    artifacts::bytes_that_nobody_noted_cannot_be_named = "G1",
    artifacts::bytes_are_kept_until_their_time = "G1",
    artifacts::artifacts_are_of_one_workspace = "G15",
    artifacts::a_pruned_run_leaves_its_bytes_to_be_removed = "G2",
    artifacts::no_race_removes_what_is_named = "G1",
    tenancy::another_workspace_sees_nothing = "G15",
    tenancy::another_workspace_changes_nothing = "G15",
    access::workspaces_have_names = "G15",
    access::a_token_is_found_by_its_hash = "G15",
    access::tokens_stay_in_their_workspace = "G15",
    access::runs_belong_to_owners = "G15",
);

/// Cases in which somebody sees several workspaces at once.
const ACROSS: &[&str] = &[
    "workspaces_take_turns",
    "a_million_tasks_of_one_keep_nobody_waiting",
    "pauses_are_of_one_workspace",
    "a_submit_creates_one_run",
    "endpoints_are_told_of_the_runs_of_their_workspace",
    "messages_are_listed_and_asked_for_again",
    "due_messages_are_read_by_pages_and_taken_by_id",
    "endpoints_have_names_and_secrets",
    "lanes_are_counted",
    "the_feed_is_in_the_order_of_commits",
    "the_feed_is_read_on_within_a_row",
    "the_feed_of_a_workspace_is_its_own",
];

/// Runs every case, each on a fresh store, and looks for broken invariants after it.
///
/// # Panics
/// When a case fails. The case is named on stderr before it begins.
pub async fn conformance<F, Fut>(fresh: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<dyn Store>>,
{
    run(CASES.iter(), fresh).await;
}

/// Runs the cases in which nobody sees more than one workspace at once, for the handles of tenants.
///
/// # Panics
/// As [`conformance`].
pub async fn conformance_in_one_workspace<F, Fut>(fresh: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<dyn Store>>,
{
    run(CASES.iter().filter(|(name, ..)| !ACROSS.contains(name)), fresh).await;
}

type Named = (&'static str, &'static str, Case);

async fn run<F, Fut>(cases: impl Iterator<Item = &'static Named>, fresh: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<dyn Store>>,
{
    let mut failed = Vec::new();
    let mut count = 0;
    for (name, guarantee, case) in cases {
        count += 1;
        eprintln!("{guarantee} {name}");
        let mut bed = Bed::new(fresh().await).await;
        let whole = async {
            case(&mut bed).await;
            bed.check_all().await;
        };
        // The others still run, so that one look shows all that is wrong.
        if std::panic::AssertUnwindSafe(whole).catch_unwind().await.is_err() {
            failed.push(*name);
        }
    }
    assert!(failed.is_empty(), "{} of {count} cases failed: {}", failed.len(), failed.join(", "));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Model;

    #[test]
    fn the_model_conforms() {
        let fresh = || async { Arc::new(Model::new()) as Arc<dyn Store> };
        conformance(fresh).now_or_never().expect("the model never waits");
    }

    #[test]
    fn cases_across_workspaces_are_cases() {
        for name in ACROSS {
            assert!(CASES.iter().any(|(case, ..)| case == name), "{name}");
        }
    }
}
