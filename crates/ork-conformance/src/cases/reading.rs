//! Lists, pages, logs.

use std::collections::BTreeMap;

use ork_core::clock::Timestamp;
use ork_core::executor::Progress;
use ork_core::graph::{NewRun, Pin};
use ork_core::id::{TaskRef, WorkspaceId};
use ork_core::plan::{Concurrency, Fan, Node, Plan};
use ork_core::state::{Reason, RunStatus, TaskStatus};
use ork_core::store::{Claim, GroupCount, LaneRow, ProgressNote, RunFilter, Scope, Span, TaskFilter};

use crate::OTHER;
use crate::bed::{Bed, ada, done, failed};
use crate::plans::{node, one_at_a_time, plan, tries};

pub async fn lists_are_paged(bed: &mut Bed) {
    let mut runs = Vec::new();
    for at in 0..5 {
        let labels = [("team".to_owned(), if at % 2 == 0 { "media" } else { "ops" }.to_owned())].into();
        let name = if at == 4 { "other" } else { "conformance" }.into();
        runs.push(bed.submit(Plan { labels, name, ..plan(vec![node("a", &[])]) }).await);
    }
    runs.reverse();
    bed.work(done()).await;
    let store = bed.store.clone();
    let list = |filter: RunFilter| {
        let store = store.clone();
        async move {
            let rows = store.runs(Scope::All, &filter).await.expect("runs are listed");
            rows.iter().map(|row| row.id).collect::<Vec<_>>()
        }
    };
    let page = RunFilter { limit: 2, ..RunFilter::default() };
    assert_eq!(list(page.clone()).await, runs[..2]);
    assert_eq!(list(RunFilter { before: Some(runs[1]), ..page.clone() }).await, runs[2..4]);
    let all = RunFilter { limit: 100, ..RunFilter::default() };
    assert_eq!(list(RunFilter { statuses: vec![RunStatus::Success], ..all.clone() }).await, [runs[4]]);
    assert_eq!(list(RunFilter { name: Some("other".into()), ..all.clone() }).await, [runs[0]]);
    let labels = [("team".to_owned(), "ops".to_owned())].into();
    assert_eq!(list(RunFilter { labels, ..all }).await, [runs[1], runs[3]]);
    let ids = store.run_ids(Scope::All, Some(runs[3]), 2).await.expect("ids are listed");
    assert_eq!(ids, [runs[2], runs[1]]);
    let run = bed.submit(plan(vec![Node { fan: Fan::Count(5), ..node("a", &[]) }, node("b", &[])])).await;
    let filter = TaskFilter { g: Some(0), statuses: vec![TaskStatus::Queued], after: Some(1), limit: 2 };
    let rows = store.tasks(Scope::All, run, &filter).await.expect("tasks are listed");
    assert_eq!(rows.iter().map(|row| row.task.n).collect::<Vec<_>>(), [2, 3]);
    let plans = store.plans(Scope::All, &[run, runs[0]]).await.expect("plans are listed");
    assert_eq!(plans.len(), 2);
    assert!(plans.iter().any(|stored| stored.run == run && stored.plan.value()["nodes"][0]["key"] == "a"));
}

pub async fn lists_are_filtered(bed: &mut Bed) {
    let labels = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let both = Plan { labels: labels(&[("team", "a \"b\""), ("tier", "1")]), ..plan(vec![node("a", &[])]) };
    let done_run = bed.submit(both).await;
    let one = Plan { labels: labels(&[("team", "a \"b\""), ("tier", "2")]), ..plan(vec![]) };
    bed.pass(1_000);
    bed.work(done()).await;
    let empty_run = bed.submit(one).await;
    let begun = bed.now;
    let retrying = bed.submit(plan(vec![Node { retry: tries(2), ..node("a", &[]) }])).await;
    bed.pass(1_000);
    bed.work(failed()).await;
    bed.pass(1_000);
    let held = bed.submit(Plan { concurrency: one_at_a_time("k"), ..plan(vec![node("a", &[])]) }).await;
    let store = bed.store.clone();
    let check = |filter: RunFilter, expected: &'static str| {
        let store = store.clone();
        async move {
            let names = [(done_run, "done"), (empty_run, "empty"), (retrying, "retrying"), (held, "held")];
            let filter = RunFilter { limit: 100, ..filter };
            let rows = store.runs(Scope::All, &filter).await.expect("runs are listed");
            let name = |id| names.iter().find(|(run, _)| *run == id).map_or("?", |(_, name)| *name);
            let found: Vec<&str> = rows.iter().map(|row| name(row.id)).collect();
            assert_eq!(found.join(" "), expected, "{filter:?}");
        }
    };
    let any = RunFilter::default;
    check(any(), "held retrying empty done").await;
    check(RunFilter { is_held: true, ..any() }, "held").await;
    check(RunFilter { is_retrying: true, ..any() }, "retrying").await;
    check(RunFilter { is_retrying: true, is_held: true, ..any() }, "").await;
    check(RunFilter { labels: labels(&[("team", "a \"b\"")]), ..any() }, "empty done").await;
    check(RunFilter { labels: labels(&[("team", "a \"b\""), ("tier", "1")]), ..any() }, "done").await;
    check(RunFilter { labels: labels(&[("team", "a"), ("tier", "1")]), ..any() }, "").await;
    // A span has its first moment, and not its last.
    let created = bed.run(retrying).await.created_at;
    let until = Span { until: Some(created), ..Span::default() };
    let from = Span { from: Some(created), ..Span::default() };
    check(RunFilter { created: until, ..any() }, "empty done").await;
    check(RunFilter { created: from, ..any() }, "held retrying").await;
    let until_begun = Span { until: Some(begun), ..Span::default() };
    let from_begun = Span { from: Some(begun), ..Span::default() };
    check(RunFilter { started: until_begun, ..any() }, "done").await;
    check(RunFilter { started: from_begun, ..any() }, "retrying").await;
    let end = bed.run(done_run).await.finished_at;
    check(RunFilter { finished: Span { from: end, until: end.map(|at| at.plus_ms(1)) }, ..any() }, "done").await;
    check(RunFilter { finished: Span { from: end, until: end }, ..any() }, "").await;
    store.promote(Scope::All, bed.now, 10).await.expect("upkeep is answered");
    check(RunFilter { is_retrying: true, ..any() }, "").await;
}

pub async fn tasks_are_counted(bed: &mut Bed) {
    let fan = Node { fan: Fan::Count(3), retry: tries(2), ..node("a", &[]) };
    let run = bed.submit(plan(vec![fan, node("b", &[0]), node("c", &[])])).await;
    let store = bed.store.clone();
    let counts = async |scope| {
        let counts = store.counts(scope, run).await.expect("tasks are counted");
        let line = |count: &GroupCount| format!("{} {} {}", count.g, count.status, count.count);
        counts.iter().map(line).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(counts(Scope::All).await, "0 queued 3, 1 pending 1, 2 queued 1");
    let held = bed.claim(3).await;
    bed.start(&held[0]).await;
    bed.settle_all(vec![(held[1], done()), (held[2], failed())]).await;
    assert_eq!(counts(Scope::All).await, "0 running 1, 0 retrying 1, 0 success 1, 1 pending 1, 2 queued 1");
    assert_eq!(counts(Scope::One(OTHER)).await, "");
    store.cancel_run(Scope::All, run, Reason::Cancel, &ada(), bed.now).await.expect("a cancel is answered");
    assert_eq!(counts(Scope::All).await, "0 running 1, 0 success 1, 0 cancelled 1, 1 cancelled 1, 2 cancelled 1");
}

pub async fn prefixes_find_runs(bed: &mut Bed) {
    let first = bed.submit(plan(vec![])).await;
    bed.pass(1_000_000_000);
    let second = bed.submit(plan(vec![])).await;
    let store = bed.store.clone();
    let hex = |run: ork_core::id::RunId| run.uuid().simple().to_string();
    for digits in [8, 11, 20, 32] {
        let found = store.runs_by_prefix(Scope::All, &hex(first)[..digits]).await.expect("a prefix is answered");
        assert_eq!(found, [first], "{digits} digits");
    }
    assert_eq!(store.runs_by_prefix(Scope::All, &hex(second)).await, Ok(vec![second]));
    assert_eq!(store.runs_by_prefix(Scope::All, &hex(second)[..3]).await.expect("a prefix is answered").len(), 2);
    assert_eq!(store.runs_by_prefix(Scope::All, "ffff").await, Ok(vec![]));
}

pub async fn events_are_read_by_cursor(bed: &mut Bed) {
    let run = bed.submit(plan(vec![Node { fan: Fan::Count(3), ..node("a", &[]) }])).await;
    let held = bed.claim(3).await;
    bed.settle_all(held.into_iter().map(|held| (held, done())).collect()).await;
    let store = bed.store.clone();
    let all = store.events(Scope::All, run, 0, 100).await.expect("events are listed");
    let last = all.last().expect("there are some").seq_last;
    assert_eq!(last, 1 + 1 + 3 + 3 + 1);
    for after in 0..=last {
        let rows = store.events(Scope::All, run, after, 2).await.expect("events are listed");
        let expected: Vec<_> = all.iter().filter(|row| row.seq_last > after).take(2).cloned().collect();
        assert_eq!(rows, expected, "after {after}");
    }
}

pub async fn progress_is_shown(bed: &mut Bed) {
    let run = bed.submit(plan(vec![Node { retry: tries(2), ..node("a", &[]) }, node("b", &[])])).await;
    let held = bed.claim_one().await;
    let note = |percent, lease| ProgressNote {
        task: held.claimed.task,
        lease,
        progress: Progress { percent, stage: Some("cut".into()), message: Some("half".into()) },
    };
    let store = bed.store.clone();
    let notes = [note(50, held.lease), note(90, ork_core::graph::LeaseId(99))];
    store.progress(Scope::All, &notes).await.expect("progress is kept");
    let row = bed.task(run, 0).await;
    assert_eq!(row.progress, Some(note(50, held.lease).progress), "a note of another lease is dropped");
    assert_eq!(bed.run(run).await.progress, 25);
    bed.settle(held, failed()).await;
    assert_eq!(bed.run(run).await.progress, 0, "a new attempt starts at 0");
    bed.work(done()).await;
    let row = bed.task(run, 1).await;
    assert_eq!((row.progress.map(|p| p.percent), bed.run(run).await.progress), (Some(100), 50));
    let attempts = store.attempts(Scope::All, TaskRef { run, n: 0 }).await.expect("attempts are listed");
    assert_eq!(attempts.iter().map(|a| a.outcome.as_deref()).collect::<Vec<_>>(), [Some("failed")]);
}

/// Lanes as text, `LANE ready held delayed leased`, and when the oldest task of each was queued.
async fn lanes(bed: &Bed, scope: Scope, limit: u32) -> (String, Vec<Option<Timestamp>>) {
    let rows = bed.store.lanes(scope, limit).await.expect("lanes are counted");
    let shown = |row: &LaneRow| format!("{} {} {} {} {}", row.lane, row.ready, row.held, row.delayed, row.leased);
    (rows.iter().map(shown).collect::<Vec<_>>().join(", "), rows.iter().map(|row| row.oldest_at).collect())
}

pub async fn lanes_are_counted(bed: &mut Bed) {
    let store = bed.store.clone();
    assert_eq!(lanes(bed, Scope::All, 10).await, (String::new(), vec![]));
    let other = Node { queue: "other".into(), ..node("b", &[]) };
    let limited = Node { concurrency: one_at_a_time("gpu"), ..node("c", &[]) };
    let retried = Node { retry: tries(3), priority: Some(9), ..node("d", &[]) };
    bed.submit(plan(vec![Node { fan: Fan::Count(4), ..node("a", &[]) }, other, limited, retried])).await;
    let first = bed.now;
    bed.work(failed()).await;
    bed.claim_one().await;
    let carried = NewRun { pin: Pin::Process, ..bed.new_run(plan(vec![node("own", &[])])) };
    store.submit(&carried).await.expect("the run is created");
    bed.pass(5);
    let mut theirs = bed.new_run(plan(vec![Node { priority: Some(-1), ..node("a", &[]) }]));
    theirs.workspace = OTHER;
    store.submit(&theirs).await.expect("the run is created");
    let all = "default 4 1 1 1, other 1 0 0 0".to_owned();
    assert_eq!(lanes(bed, Scope::All, 100).await, (all, vec![Some(first); 2]), "without the lane of a single run");
    assert_eq!(lanes(bed, Scope::One(OTHER), 100).await, ("default 1 0 0 0".into(), vec![Some(bed.now)]));
    let own = Scope::One(WorkspaceId::DEFAULT);
    assert_eq!(lanes(bed, own, 2).await.0, "default 2 1 1 1, other 1 0 0 0", "counting ends at the limit");
    bed.pass(60_000);
    store.admit(Scope::All, bed.now).await.expect("upkeep is answered");
    store.promote(Scope::All, bed.now, 10).await.expect("upkeep is answered");
    assert_eq!(lanes(bed, Scope::All, 100).await.0, "default 6 0 0 1, other 1 0 0 0");
    let claim = Claim { scope: own, ..bed.next_claim(4) };
    store.claim(&claim).await.expect("a claim is answered");
    let (shown, oldest) = lanes(bed, own, 100).await;
    assert_eq!((shown.as_str(), oldest), ("default 1 0 0 5, other 1 0 0 0", vec![Some(bed.now), Some(first)]));
}

pub async fn slots_name_their_holders(bed: &mut Bed) {
    let limited = || Node { concurrency: Some(Concurrency { key: "gpu".into(), limit: 2 }), ..node("a", &[]) };
    let slot = || Plan { concurrency: one_at_a_time("home"), ..plan(vec![limited()]) };
    let (first, second) = (bed.submit(slot()).await, bed.submit(slot()).await);
    let (store, task) = (bed.store.clone(), |run| TaskRef { run, n: 0 });
    assert_eq!(store.slot_runs(Scope::All, "home", 10).await, Ok(vec![]));
    store.admit(Scope::All, bed.now).await.expect("upkeep is answered");
    assert_eq!(store.slot_runs(Scope::All, "home", 10).await, Ok(vec![first]));
    assert_eq!(store.slot_tasks(Scope::All, "gpu", 10).await, Ok(vec![task(first)]), "queued with a slot");
    let free = bed.submit(plan(vec![limited()])).await;
    store.admit(Scope::All, bed.now).await.expect("upkeep is answered");
    assert_eq!(store.slot_tasks(Scope::All, "gpu", 10).await, Ok(vec![task(first), task(free)]));
    let held = bed.claim_one().await;
    bed.claim_one().await;
    bed.settle(held, done()).await;
    assert_eq!(store.slot_tasks(Scope::All, "gpu", 10).await, Ok(vec![task(free)]));
    assert_eq!(store.slot_runs(Scope::All, "home", 10).await, Ok(vec![]), "its run is over");
    store.admit(Scope::All, bed.now).await.expect("upkeep is answered");
    assert_eq!(store.slot_runs(Scope::All, "home", 10).await, Ok(vec![second]));
    assert_eq!(
        store.slot_tasks(Scope::All, "gpu", 10).await,
        Ok(vec![task(free), task(second)]),
        "what is at work first"
    );
    assert_eq!(store.slot_tasks(Scope::All, "gpu", 1).await, Ok(vec![task(free)]));
    assert_eq!(store.slot_tasks(Scope::All, "home", 10).await, Ok(vec![]), "keys of runs are others");
    assert_eq!(store.slot_tasks(Scope::One(OTHER), "gpu", 10).await, Ok(vec![]));
    assert_eq!(store.slot_runs(Scope::One(OTHER), "home", 10).await, Ok(vec![]));
}
