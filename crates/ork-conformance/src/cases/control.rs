//! What people ask of runs and tasks.

use ork_core::access::Settings;
use ork_core::attempt::Outcome;
use ork_core::error::StoreError;
use ork_core::event::EventType;
use ork_core::id::{RunId, TaskRef};
use ork_core::plan::{Fan, Node, Plan};
use ork_core::state::{Reason, RunStatus};
use ork_core::store::{RunFilter, Scope, Submitted};

use crate::OTHER;
use crate::bed::{Bed, ada, done, failed};
use crate::plans::{node, one_at_a_time, plan, tries};

async fn cancel(bed: &Bed, run: RunId, reason: Reason) -> bool {
    bed.store.cancel_run(Scope::All, run, reason, &ada(), bed.now).await.expect("a cancel is answered")
}

async fn pause(bed: &Bed, run: RunId) -> bool {
    bed.store.pause_run(Scope::All, run, &ada(), bed.now).await.expect("a pause is answered")
}

async fn resume(bed: &Bed, run: RunId) -> bool {
    bed.store.resume_run(Scope::All, run, &ada(), bed.now).await.expect("a resume is answered")
}

async fn admit(bed: &Bed) -> u32 {
    bed.store.admit(Scope::All, bed.now).await.expect("upkeep is answered").queued
}

/// Attack 55: after a cancel.
pub async fn a_cancelled_run_ends_with_its_last_lease(bed: &mut Bed) {
    let cleanup = Node { run_if: Some(ork_core::plan::RunIf::Always), ..node("cleanup", &[0]) };
    let run = bed.submit(plan(vec![node("a", &[]), node("b", &[]), cleanup])).await;
    let held = bed.claim_one().await;
    assert!(cancel(bed, run, Reason::Cancel).await);
    assert!(!cancel(bed, run, Reason::Cancel).await, "once");
    assert_eq!(bed.tasks(run).await, "dispatched cancelled(cancel) cancelled(cancel)");
    let row = bed.run(run).await;
    assert_eq!((row.cancelling, row.cancel_requested_at), (Some(Reason::Cancel), Some(bed.now)));
    let asked = bed.store.cancel_requests(bed.worker).await.expect("requests are listed");
    assert_eq!(asked, [(held.claimed.task, held.lease)]);
    assert_eq!(bed.store.beat(bed.worker, bed.now).await.expect("a beat is answered").cancelled, asked);
    bed.settle(held, Outcome::Cancelled).await;
    assert_eq!(
        (bed.status(run).await, bed.tasks(run).await.as_str()),
        (RunStatus::Cancelled, "cancelled(cancel) cancelled(cancel) cancelled(cancel)")
    );
    let idle = bed.submit(plan(vec![node("a", &[])])).await;
    assert!(cancel(bed, idle, Reason::Cancel).await);
    assert_eq!(bed.status(idle).await, RunStatus::Cancelled, "without a lease it ends at once");
    let lost = bed.submit(plan(vec![node("a", &[])])).await;
    let held = bed.claim_one().await;
    cancel(bed, lost, Reason::Cancel).await;
    bed.settle(held, Outcome::lost("w")).await;
    assert_eq!(bed.tasks(lost).await, "cancelled(unproven)");
    let late = bed.submit(plan(vec![node("a", &[])])).await;
    let held = bed.claim_one().await;
    cancel(bed, late, Reason::Cancel).await;
    bed.settle(held, done()).await;
    assert_eq!((bed.tasks(late).await.as_str(), bed.status(late).await), ("success", RunStatus::Cancelled));
}

pub async fn a_single_task_is_cancelled(bed: &mut Bed) {
    let nodes = vec![node("a", &[]), Node { retry: tries(2), ..node("b", &[]) }, node("c", &[0, 1]), node("d", &[2])];
    let run = bed.submit(plan(nodes)).await;
    let (first, second) = (bed.claim_one().await, bed.claim_one().await);
    bed.settle(second, failed()).await;
    let store = bed.store.clone();
    let now = bed.now;
    let ask = |n| {
        let store = store.clone();
        async move { store.cancel_task(Scope::All, TaskRef { run, n }, &ada(), now).await.expect("a cancel is answered") }
    };
    assert!(ask(0).await && !ask(0).await, "once");
    assert_eq!(bed.tasks(run).await, "dispatched retrying pending pending");
    assert!(ask(1).await);
    assert_eq!(bed.tasks(run).await, "dispatched cancelled(cancel) skipped(upstream) skipped(upstream)");
    let row = bed.task(run, 1).await;
    assert_eq!((row.attempt, row.failures), (1, 1), "its attempts stay");
    let asked = store.cancel_requests(bed.worker).await.expect("requests are listed");
    assert_eq!(asked, [(first.claimed.task, first.lease)]);
    bed.settle(first, Outcome::Cancelled).await;
    assert_eq!(bed.status(run).await, RunStatus::Failed);
    assert!(!ask(0).await, "it is over");
    let nobody = TaskRef { run, n: 9 };
    let answer = store.cancel_task(Scope::All, nobody, &ada(), bed.now).await;
    assert!(matches!(answer, Err(StoreError::NotFound(_))), "{answer:?}");
}

pub async fn a_paused_run_starts_nothing(bed: &mut Bed) {
    let limited = Node { concurrency: one_at_a_time("gpu"), ..node("b", &[]) };
    let run = bed.submit(plan(vec![Node { fan: Fan::Count(2), ..node("a", &[]) }, limited, node("c", &[0])])).await;
    let held = bed.claim_one().await;
    assert!(pause(bed, run).await && !pause(bed, run).await);
    assert_eq!(bed.status(run).await, RunStatus::Paused);
    assert_eq!(bed.tasks(run).await, "dispatched paused paused paused");
    assert_eq!((bed.claim(10).await.len(), admit(bed).await), (0, 0));
    bed.settle(held, Outcome::HandedBack).await;
    assert_eq!(bed.claim(10).await.len(), 0, "what is handed back waits too");
    assert!(resume(bed, run).await && !resume(bed, run).await);
    assert_eq!(bed.tasks(run).await, "queued queued queued pending");
    assert_eq!(bed.claim(10).await.len(), 2);
    assert_eq!(admit(bed).await, 1);
}

pub async fn a_pause_outlasts_a_retry(bed: &mut Bed) {
    let run = bed.submit(plan(vec![Node { retry: tries(2), ..node("a", &[]) }])).await;
    bed.work(failed()).await;
    assert!(pause(bed, run).await);
    bed.pass(5_000);
    let store = bed.store.clone();
    assert_eq!(store.promote(Scope::All, bed.now, 10).await.expect("upkeep is answered").queued, 0);
    let task = TaskRef { run, n: 0 };
    assert!(!store.retry_task_now(Scope::All, task, &ada(), bed.now).await.expect("a retry is answered"));
    assert!(resume(bed, run).await);
    assert_eq!(bed.tasks(run).await, "retrying", "its time comes with the next round of upkeep");
    assert_eq!(store.promote(Scope::All, bed.now, 10).await.expect("upkeep is answered").queued, 1);
    pause(bed, run).await;
    resume(bed, run).await;
    assert_eq!(bed.tasks(run).await, "queued", "a retry that was due is not due again");
    bed.work(done()).await;
    assert_eq!(bed.status(run).await, RunStatus::Success);
}

pub async fn a_deadline_fails_the_run(bed: &mut Bed) {
    let run = bed.submit(Plan { timeout_ms: Some(10_000), ..plan(vec![node("a", &[]), node("b", &[0])]) }).await;
    let held = bed.claim_one().await;
    let store = bed.store.clone();
    let deadline = bed.now.plus_ms(10_000);
    assert_eq!(bed.run(run).await.deadline_at, Some(deadline));
    bed.pass(9_999);
    assert_eq!(store.overdue(Scope::All, bed.now, 10).await.expect("answered"), []);
    bed.pass(1);
    assert_eq!(store.overdue(Scope::All, bed.now, 10).await.expect("answered"), [run]);
    assert!(cancel(bed, run, Reason::Deadline).await);
    assert_eq!(store.overdue(Scope::All, bed.now, 10).await.expect("answered"), [], "it is being cancelled");
    bed.settle(held, Outcome::Cancelled).await;
    assert_eq!(bed.tasks(run).await, "cancelled(deadline) cancelled(deadline)");
    assert_eq!(bed.status(run).await, RunStatus::Failed);
}

pub async fn runs_wait_for_their_slot(bed: &mut Bed) {
    let slot = || Plan { concurrency: one_at_a_time("home"), ..plan(vec![node("a", &[])]) };
    let first = bed.submit(slot()).await;
    let second = bed.submit(slot()).await;
    let urgent = bed.submit(Plan { priority: 3, ..slot() }).await;
    let cancelled = bed.submit(Plan { priority: 9, ..slot() }).await;
    assert!(bed.run(first).await.held);
    assert_eq!(bed.claim(10).await.len(), 0);
    assert!(cancel(bed, cancelled, Reason::Cancel).await);
    assert_eq!(bed.status(cancelled).await, RunStatus::Cancelled, "it needs no slot to end");
    for run in [urgent, first, second] {
        assert_eq!((admit(bed).await, admit(bed).await), (1, 0));
        assert_eq!(bed.work(done()).await.run, run);
        assert!(!bed.run(run).await.held);
    }
}

pub async fn a_submit_creates_one_run(bed: &mut Bed) {
    let mut new = bed.new_run(plan(vec![node("a", &[])]));
    new.external_id = Some("mine".into());
    let store = bed.store.clone();
    assert_eq!(store.submit(&new).await, Ok(Submitted::Created));
    assert_eq!(store.submit(&new).await, Ok(Submitted::Existing));
    assert_eq!(bed.events(new.id).await, ["run.created"]);
    let mut twin = bed.new_run(plan(vec![node("a", &[])]));
    twin.external_id = Some("mine".into());
    let answer = store.submit(&twin).await;
    assert!(matches!(answer, Err(StoreError::Conflict(_))), "{answer:?}");
    assert_eq!(store.run(Scope::All, twin.id).await, Ok(None), "and nothing was created");
    assert_eq!(store.run_by_external_id(new.workspace, "mine").await, Ok(Some(new.id)));
    assert_eq!(store.run_by_external_id(new.workspace, "Mine").await, Ok(None));
    assert_eq!(store.run_by_external_id(OTHER, "mine").await, Ok(None));
    twin.workspace = OTHER;
    assert_eq!(store.submit(&twin).await, Ok(Submitted::Created), "another workspace has names of its own");
    assert_eq!(store.run_by_external_id(OTHER, "mine").await, Ok(Some(twin.id)));
    assert_eq!(bed.claim(10).await.len(), 2);
}

pub async fn the_end_of_a_run_is_acknowledged_once(bed: &mut Bed) {
    let store = bed.store.clone();
    let (first, second) = (bed.submit(plan(vec![node("a", &[])])).await, bed.submit(plan(vec![node("a", &[])])).await);
    let acknowledge = |scope, run, now| {
        let store = store.clone();
        async move { store.acknowledge_run(scope, run, &ada(), now).await }
    };
    let unseen = async || {
        let filter = RunFilter { is_unacknowledged: true, limit: 10, ..RunFilter::default() };
        let rows = store.runs(Scope::All, &filter).await.expect("runs are listed");
        rows.iter().map(|row| row.id).collect::<Vec<_>>()
    };
    let early = acknowledge(Scope::All, first, bed.now).await;
    assert!(matches!(early, Err(StoreError::Conflict(_))), "it is not over: {early:?}");
    let missing = acknowledge(Scope::One(OTHER), first, bed.now).await;
    assert!(matches!(missing, Err(StoreError::NotFound(_))), "{missing:?}");
    assert_eq!(unseen().await, []);
    bed.work(done()).await;
    bed.work(failed()).await;
    assert_eq!(unseen().await, [second, first], "newest first");
    let before = bed.dump(first).await;
    bed.pass(5);
    assert_eq!(acknowledge(Scope::All, first, bed.now).await, Ok(true));
    let at = bed.now;
    bed.pass(5);
    assert_eq!(acknowledge(Scope::All, first, bed.now).await, Ok(false), "once");
    let row = bed.run(first).await;
    assert_eq!((row.acknowledged_at, row.acknowledged_by.as_deref()), (Some(at), Some("ada")));
    let events = bed.dump(first).await.events;
    let (last, others) = events.split_last().expect("the run has events");
    assert_eq!(others, before.events, "nothing else happened to the run");
    assert_eq!((last.event_type, &last.actor, last.created_at), (EventType::RunAcknowledged, &ada(), at));
    assert_eq!(unseen().await, [second]);
    let only = |statuses| RunFilter { statuses, is_unacknowledged: true, limit: 10, ..RunFilter::default() };
    assert_eq!(store.runs(Scope::All, &only(vec![RunStatus::Success])).await, Ok(vec![]));
    assert_eq!(store.runs(Scope::One(OTHER), &only(vec![])).await, Ok(vec![]));
    let page = RunFilter { before: Some(second), ..only(vec![]) };
    assert_eq!(store.runs(Scope::All, &page).await, Ok(vec![]));
}

pub async fn quotas_hold_back_what_is_new(bed: &mut Bed) {
    let store = bed.store.clone();
    let own = ork_core::id::WorkspaceId::DEFAULT;
    let limit = async |live_runs_max, live_tasks_max| {
        let settings = Settings { live_runs_max, live_tasks_max, ..Settings::default() };
        assert_eq!(store.set_workspace(own, &settings).await, Ok(true));
    };
    let fan = |count| plan(vec![Node { fan: Fan::Count(count), ..node("a", &[]) }]);
    limit(Some(2), None).await;
    let (first, second) = (bed.submit(fan(1)).await, bed.submit(fan(1)).await);
    let third = bed.new_run(fan(1));
    let refused = store.submit(&third).await;
    assert!(matches!(refused, Err(StoreError::OverQuota(_))), "{refused:?}");
    assert_eq!(store.run(Scope::All, third.id).await, Ok(None), "nothing was created");
    let theirs = ork_core::graph::NewRun { workspace: OTHER, ..bed.new_run(fan(1)) };
    assert_eq!(store.submit(&theirs).await, Ok(Submitted::Created), "others are not held back");
    let again = ork_core::graph::NewRun { id: second, ..bed.new_run(fan(1)) };
    assert_eq!(store.submit(&again).await, Ok(Submitted::Existing), "what was accepted stays so");
    cancel(bed, first, Reason::Cancel).await;
    assert_eq!(store.submit(&third).await, Ok(Submitted::Created), "one is over");
    // Of many at the same instant as many get in as there is room for.
    limit(Some(5), None).await;
    let many: Vec<_> = (0..8).map(|_| bed.new_run(fan(1))).collect();
    let answers = futures_util::future::join_all(many.iter().map(|new| store.submit(new))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 3, "{answers:?}");
    limit(None, Some(15)).await;
    assert!(matches!(store.submit(&bed.new_run(fan(11))).await, Err(StoreError::OverQuota(_))));
    bed.submit(fan(10)).await;
    assert!(matches!(store.submit(&bed.new_run(fan(1))).await, Err(StoreError::OverQuota(_))));
    limit(None, None).await;
    bed.submit(fan(100)).await;
}
