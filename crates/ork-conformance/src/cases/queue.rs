//! Claim, start, settle, retry.

use ork_core::attempt::{Failure, FailureKind, Outcome, UNSERVED_DELAY_MS};
use ork_core::clock::SeededEntropy;
use ork_core::graph::LeaseId;
use ork_core::id::{TaskRef, WorkerId};
use ork_core::limits::BATCH_MAX;
use ork_core::plan::{Fan, Node};
use ork_core::state::{RunStatus, TaskStatus};
use ork_core::store::{Claim, Scope, Settled};

use crate::OTHER;
use crate::bed::{Bed, ada, done, failed, settle};
use crate::plans::{node, one_at_a_time, plan, tries};

pub async fn claims_go_by_priority_then_age(bed: &mut Bed) {
    let urgent = Node { priority: Some(5), ..node("urgent", &[]) };
    let first = bed.submit(plan(vec![node("a", &[]), node("b", &[])])).await;
    let second = bed.submit(plan(vec![node("c", &[]), urgent])).await;
    let order: Vec<TaskRef> = bed.claim(10).await.iter().map(|held| held.claimed.task).collect();
    let task = |run, n| TaskRef { run, n };
    assert_eq!(order, [task(second, 1), task(first, 0), task(first, 1), task(second, 0)]);
}

pub async fn workspaces_take_turns(bed: &mut Bed) {
    let wide = || plan(vec![Node { fan: Fan::Count(10), ..node("a", &[]) }]);
    bed.submit(wide()).await;
    let mut new = bed.new_run(wide());
    new.workspace = OTHER;
    bed.store.submit(&new).await.expect("the run is created");
    let held = bed.claim(6).await;
    let others = held.iter().filter(|held| held.claimed.workspace == OTHER).count();
    assert_eq!((held.len(), others), (6, 3), "a claim is shared between workspaces");
    assert_eq!(bed.claim(100).await.len(), 14, "and takes all there is when there is room");
}

pub async fn a_million_tasks_of_one_keep_nobody_waiting(bed: &mut Bed) {
    // As many as a test can wait for; how many there are makes no difference to which workspace is next.
    bed.submit(plan(vec![Node { fan: Fan::Count(20_000), ..node("a", &[]) }])).await;
    for limit in [1, 2, 8] {
        for _ in 0..3 {
            let small = ork_core::graph::NewRun { workspace: OTHER, ..bed.new_run(plan(vec![node("a", &[])])) };
            bed.store.submit(&small).await.expect("the run is created");
            let mut claims = 1;
            while !bed.claim(limit).await.iter().any(|held| held.claimed.workspace == OTHER) {
                claims += 1;
            }
            // Alone it would be in the first.
            assert!(claims <= 2, "{claims} claims of {limit} before it was its turn");
        }
    }
}

pub async fn a_claim_is_found_again(bed: &mut Bed) {
    bed.submit(plan(vec![Node { fan: Fan::Count(3), ..node("a", &[]) }])).await;
    let claim = Claim { limit: 2, ..bed.next_claim(2) };
    let mut first = bed.store.claim(&claim).await.expect("a claim is answered");
    let again = Claim { again: true, ..claim };
    let mut second = bed.store.claim(&again).await.expect("a claim is answered");
    first.sort_by_key(|claimed| claimed.task);
    second.sort_by_key(|claimed| claimed.task);
    assert_eq!((first.len(), &second), (2, &first));
    let fresh = Claim { again: true, ..bed.next_claim(5) };
    assert_eq!(bed.store.claim(&fresh).await.expect("a claim is answered").len(), 1, "one that had no effect claims");
}

/// Attack 55: somebody else's lease, and an attempt that is still to come.
pub async fn only_the_lease_settles(bed: &mut Bed) {
    let run = bed.submit(plan(vec![node("a", &[])])).await;
    let held = bed.claim_one().await;
    let mut wrong = held;
    wrong.lease = LeaseId(99);
    assert_eq!(bed.settle(wrong, done()).await, Settled::Stale);
    let mut wrong = held;
    wrong.claimed.attempt = 2;
    assert_eq!(bed.settle(wrong, done()).await, Settled::Stale);
    let mut nobody = held;
    nobody.claimed.task.n = 7;
    assert_eq!(bed.settle(nobody, done()).await, Settled::Unknown);
    assert_eq!(bed.tasks(run).await, "dispatched");
    assert_eq!(bed.settle(held, done()).await, Settled::Accepted);
    assert_eq!(bed.status(run).await, RunStatus::Success);
}

/// Attack 55: twice.
pub async fn a_settle_counts_once(bed: &mut Bed) {
    let run = bed.submit(plan(vec![node("a", &[]), node("b", &[0])])).await;
    let held = bed.claim_one().await;
    assert_eq!(bed.settle(held, done()).await, Settled::Accepted);
    let before = bed.dump(run).await;
    assert_eq!(bed.settle(held, done()).await, Settled::Already);
    assert_eq!(bed.dump(run).await, before, "a repeated settle changes nothing");
    let run = bed.submit(plan(vec![Node { retry: tries(2), ..node("a", &[]) }])).await;
    bed.work(done()).await;
    let held = bed.claim_one().await;
    assert_eq!(bed.settle(held, failed()).await, Settled::Accepted);
    let before = bed.dump(run).await;
    assert_eq!(bed.settle(held, failed()).await, Settled::Already, "also when the task goes on");
    assert_eq!(bed.dump(run).await, before);
}

pub async fn a_late_outcome_is_only_an_event(bed: &mut Bed) {
    let run = bed.submit(plan(vec![node("a", &[]), node("b", &[0])])).await;
    let lost = bed.claim_one().await;
    bed.settle(lost, Outcome::lost("w")).await;
    let present = bed.claim_one().await;
    assert_eq!(present.claimed.attempt, 2);
    assert_eq!(bed.settle(lost, done()).await, Settled::Stale);
    assert_eq!(bed.tasks(run).await, "dispatched pending");
    bed.settle(present, failed()).await;
    assert_eq!(bed.status(run).await, RunStatus::Failed);
    assert_eq!(bed.settle(lost, done()).await, Settled::Stale);
    assert_eq!(bed.tasks(run).await, "failed skipped(upstream)", "a run that is over stays over");
    let late = bed.events(run).await.iter().filter(|line| *line == "attempt.late 0").count();
    assert_eq!(late, 2);
}

/// Attack 56: a worker that claims all that it can and is never heard of again.
pub async fn a_retired_worker_gets_nothing(bed: &mut Bed) {
    let run = bed.submit(plan(vec![Node { fan: Fan::Count(2), ..node("a", &[]) }])).await;
    let held = bed.claim_one().await;
    let (store, worker, now) = (bed.store.clone(), bed.worker, bed.now);
    assert!(store.beat(worker, now).await.expect("a beat is answered").alive);
    assert!(store.retire_worker(worker, now).await.expect("a worker retires"));
    assert!(!store.retire_worker(worker, now).await.expect("a worker retires"), "once");
    assert!(!store.beat(worker, now).await.expect("a beat is answered").alive);
    assert_eq!(bed.claim(1).await.len(), 0);
    let rows = store.workers(Scope::All).await.expect("workers are listed");
    assert!(rows.iter().any(|row| row.id == worker), "it is listed as long as it has leases");
    let leases = store.leases_of(worker, 10).await.expect("leases are listed");
    assert_eq!(leases.iter().map(|lease| lease.task).collect::<Vec<_>>(), [held.claimed.task]);
    bed.settle(held, Outcome::lost("w")).await;
    let rows = store.workers(Scope::All).await.expect("workers are listed");
    assert!(!rows.iter().any(|row| row.id == worker));
    bed.worker = bed.another_worker().await;
    assert_eq!(bed.claim(9).await.len(), 2, "its tasks go to another worker");
    assert_eq!(bed.tasks(run).await, "dispatched dispatched");
}

/// Attacks 56 and 57: whatever a claim asks for, it gets what its worker, its scope and its lanes give, and no more at once than
/// any other.
pub async fn a_claim_gets_what_is_its_own(bed: &mut Bed) {
    let run = bed.submit(plan(vec![Node { fan: Fan::Count(3_000), ..node("a", &[]) }])).await;
    let nobody = bed.another_worker().await;
    assert!(bed.store.retire_worker(nobody, bed.now).await.expect("a worker retires"));
    let forged = WorkerId::new(bed.now, &mut SeededEntropy::new(99));
    let own = bed.next_claim(10);
    for (what, claim) in [
        ("a worker that was struck off", Claim { worker: nobody, ..own.clone() }),
        ("a worker that nobody knows", Claim { worker: forged, ..own.clone() }),
        ("another workspace", Claim { scope: Scope::One(OTHER), ..own.clone() }),
        ("another queue", Claim { lanes: vec!["other".into()], ..own.clone() }),
        ("no queue", Claim { lanes: Vec::new(), ..own.clone() }),
        ("nothing", Claim { limit: 0, ..own.clone() }),
    ] {
        assert_eq!(bed.store.claim(&claim).await.expect("a claim is answered"), vec![], "{what}");
    }
    let all = bed.store.claim(&Claim { limit: usize::MAX, ..own }).await.expect("a claim is answered");
    assert_eq!(all.len(), BATCH_MAX, "everything at once");
    assert_eq!(bed.store.leases_of(forged, 10).await.expect("leases are listed"), vec![]);
    assert_eq!(bed.status(run).await, RunStatus::Running);
}

pub async fn a_start_is_announced_once(bed: &mut Bed) {
    let run = bed.submit(plan(vec![node("a", &[])])).await;
    let held = bed.claim_one().await;
    assert_eq!(bed.status(run).await, RunStatus::Running, "a claim is a dispatch");
    assert!(bed.start(&held).await && bed.start(&held).await);
    let row = bed.task(run, 0).await;
    assert_eq!((row.status, row.execution_name.as_deref()), (TaskStatus::Running, Some("pid 7")));
    bed.settle(held, done()).await;
    assert!(!bed.start(&held).await, "the lease is gone");
    assert_eq!(
        bed.events(run).await,
        ["run.created", "run.running", "task.dispatched 0", "task.running 0", "task.success 0", "run.success"]
    );
}

pub async fn retries_wait_their_delay(bed: &mut Bed) {
    let run = bed.submit(plan(vec![Node { retry: tries(3), ..node("a", &[]) }])).await;
    bed.work(failed()).await;
    assert_eq!(bed.tasks(run).await, "retrying");
    let (store, now) = (bed.store.clone(), bed.now);
    let early = store.promote(Scope::All, now.plus_ms(999), 10).await.expect("upkeep is answered");
    assert_eq!((early.queued, early.next_at), (0, Some(now.plus_ms(1_000))));
    assert_eq!(bed.claim(1).await.len(), 0);
    bed.pass(1_000);
    assert_eq!(store.promote(Scope::All, bed.now, 10).await.expect("upkeep is answered").queued, 1);
    bed.work(failed()).await;
    let task = TaskRef { run, n: 0 };
    assert!(store.retry_task_now(Scope::All, task, &ada(), bed.now).await.expect("a retry is answered"));
    assert!(
        !store.retry_task_now(Scope::All, task, &ada(), bed.now).await.expect("a retry is answered"),
        "it waits no more"
    );
    bed.work(failed()).await;
    let row = bed.task(run, 0).await;
    assert_eq!((row.status, row.attempt, row.failures), (TaskStatus::Failed, 3, 3));
    assert_eq!(bed.status(run).await, RunStatus::Failed);
    let error = bed.run(run).await.error.expect("the run has an error").value();
    assert_eq!((error["task"].as_str(), error["code"].as_i64()), (Some("a"), Some(1)));
}

pub async fn three_lost_workers_quarantine(bed: &mut Bed) {
    let run = bed.submit(plan(vec![node("a", &[])])).await;
    for _ in 0..2 {
        bed.work(Outcome::lost("w")).await;
        assert_eq!(bed.tasks(run).await, "queued");
    }
    bed.work(Outcome::lost("w")).await;
    assert_eq!(bed.tasks(run).await, "failed(poison)");
    let row = bed.task(run, 0).await;
    assert_eq!((row.lost, row.failures), (3, 0), "lost workers do not use up attempts");
}

pub async fn at_most_once_is_not_repeated(bed: &mut Bed) {
    for outcome in [Outcome::lost("w"), Outcome::HandedBack] {
        let once = Node { at_most_once: true, retry: tries(5), ..node("a", &[]) };
        let run = bed.submit(plan(vec![once])).await;
        bed.work(outcome).await;
        assert_eq!(bed.tasks(run).await, "failed(interrupted)");
    }
}

pub async fn handing_back_counts_nothing(bed: &mut Bed) {
    let run = bed.submit(plan(vec![node("a", &[])])).await;
    for attempt in 1..=4 {
        let held = bed.claim_one().await;
        assert_eq!(held.claimed.attempt, attempt);
        let outcomes = bed.settle_all(vec![(held, Outcome::HandedBack)]).await;
        assert_eq!(outcomes.queued, 1, "it is in its queue again");
    }
    let row = bed.task(run, 0).await;
    assert_eq!((row.status, row.failures, row.lost), (TaskStatus::Queued, 0, 0));
    bed.work(done()).await;
    assert_eq!(bed.status(run).await, RunStatus::Success);
}

pub async fn what_a_worker_cannot_do_stays_away_from_it_for_a_while(bed: &mut Bed) {
    let unserved = || Outcome::Failed(Failure::new(FailureKind::Unserved, "`w` does not serve `a`"));
    let run = bed.submit(plan(vec![node("a", &[]), Node { at_most_once: true, ..node("b", &[0]) }])).await;
    bed.work(unserved()).await;
    let row = bed.task(run, 0).await;
    assert_eq!((row.status, row.failures, row.lost), (TaskStatus::Retrying, 0, 0), "it is no failure");
    assert_eq!(row.available_at, Some(bed.now.plus_ms(UNSERVED_DELAY_MS)));
    assert_eq!(row.error.map(|error| error.kind), Some(FailureKind::Unserved));
    assert_eq!(bed.claim(10).await.len(), 0, "it is in no queue");
    bed.pass(UNSERVED_DELAY_MS);
    let store = bed.store.clone();
    assert_eq!(store.promote(Scope::All, bed.now, 10).await.expect("upkeep is answered").queued, 1);
    bed.work(done()).await;
    // Nothing was begun, so that what may run once still may.
    bed.work(unserved()).await;
    assert_eq!(bed.tasks(run).await, "success retrying");
}

pub async fn held_tasks_share_their_slots(bed: &mut Bed) {
    let narrow = || plan(vec![Node { fan: Fan::Count(2), concurrency: one_at_a_time("gpu"), ..node("a", &[]) }]);
    let first = bed.submit(narrow()).await;
    let second = bed.submit(narrow()).await;
    assert_eq!(bed.claim(10).await.len(), 0, "a held task has no slot yet");
    let row = bed.task(first, 0).await;
    assert_eq!((row.status, row.held), (TaskStatus::Queued, true));
    let store = bed.store.clone();
    for (run, n) in [(first, 0), (first, 1), (second, 0), (second, 1)] {
        assert_eq!(store.admit(Scope::All, bed.now).await.expect("upkeep is answered").queued, 1);
        assert_eq!(store.admit(Scope::All, bed.now).await.expect("upkeep is answered").queued, 0, "the slot is taken");
        let held = bed.claim(10).await;
        assert_eq!(held.iter().map(|held| held.claimed.task).collect::<Vec<_>>(), [TaskRef { run, n }]);
        let settles = [settle(&held[0], done(), bed.now)];
        let outcomes = store.settle(Scope::All, &settles, &ada(), bed.now).await.expect("a settle is answered");
        assert!(outcomes.upkeep, "a slot became free");
    }
    assert_eq!((bed.status(first).await, bed.status(second).await), (RunStatus::Success, RunStatus::Success));
}
