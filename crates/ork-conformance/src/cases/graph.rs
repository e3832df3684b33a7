//! What follows from an outcome.

use ork_core::attempt::{Failure, FailureKind};
use ork_core::graph::{Expansion, Reuse, Reused};
use ork_core::id::{RunId, TaskRef};
use ork_core::json::Json;
use ork_core::plan::{Fan, Node, OnFailure, Plan, RunIf};
use ork_core::state::RunStatus;
use ork_core::store::{EvaluationTarget, Scope};
use serde_json::Value;

use crate::bed::{Bed, done, failed};
use crate::plans::{node, plan};

fn template() -> Failure {
    Failure::new(FailureKind::Template, "`n` is undefined")
}

fn siblings(size: u32, unmet: &[u32]) -> Expansion {
    Expansion::Siblings { size, items: None, unmet: unmet.to_vec() }
}

async fn expand(bed: &Bed, run: RunId, expansion: Expansion) -> bool {
    bed.store.expand(Scope::All, run, 0, &expansion, bed.now).await.expect("an expansion is answered")
}

pub async fn a_join_fires_once(bed: &mut Bed) {
    let wide = Node { fan: Fan::Count(20), ..node("wide", &[]) };
    let run = bed.submit(plan(vec![wide, node("side", &[]), node("join", &[0, 1])])).await;
    let held = bed.claim(100).await;
    assert_eq!(held.len(), 21);
    let (last, rest) = held.split_last().expect("there are some");
    let outcomes = bed.settle_all(rest.iter().map(|held| (*held, done())).collect()).await;
    assert_eq!(outcomes.queued, 0, "one parent is not over");
    assert_eq!(bed.settle_all(vec![(*last, done())]).await.queued, 1);
    assert_eq!(bed.claim_numbers().await, [21]);
    assert_eq!(bed.status(run).await, RunStatus::Running);
}

pub async fn failure_skips_three_levels(bed: &mut Bed) {
    let nodes = vec![node("a", &[]), node("b", &[0]), node("c", &[1]), node("d", &[2]), node("other", &[])];
    let run = bed.submit(Plan { on_failure: OnFailure::Continue, ..plan(nodes) }).await;
    bed.work(failed()).await;
    assert_eq!(bed.tasks(run).await, "failed skipped(upstream) skipped(upstream) skipped(upstream) queued");
    bed.work(done()).await;
    assert_eq!(bed.status(run).await, RunStatus::Failed);
}

pub async fn a_stop_sweeps_what_has_not_started(bed: &mut Bed) {
    let nodes = vec![node("a", &[]), node("b", &[0]), node("c", &[]), node("d", &[]), node("e", &[3])];
    let run = bed.submit(plan(nodes)).await;
    let (first, second) = (bed.claim_one().await, bed.claim_one().await);
    bed.settle(first, failed()).await;
    assert_eq!(bed.tasks(run).await, "failed skipped(upstream) dispatched cancelled(stop) cancelled(stop)");
    assert_eq!(bed.claim(10).await.len(), 0);
    assert_eq!(bed.status(run).await, RunStatus::Running, "what runs may finish");
    bed.settle(second, done()).await;
    assert_eq!(bed.status(run).await, RunStatus::Failed);
}

pub async fn other_branches_go_on(bed: &mut Bed) {
    let nodes = vec![node("a", &[]), node("b", &[]), node("c", &[1]), node("d", &[0, 1])];
    let run = bed.submit(Plan { on_failure: OnFailure::Continue, ..plan(nodes) }).await;
    bed.work(failed()).await;
    bed.work(done()).await;
    bed.work(done()).await;
    assert_eq!(bed.tasks(run).await, "failed success success skipped(upstream)");
    assert_eq!(bed.status(run).await, RunStatus::Failed);
}

pub async fn run_if_runs_in_spite_of_failure(bed: &mut Bed) {
    let always = || Node { run_if: Some(RunIf::Always), ..node("always", &[0]) };
    let alarm = || Node { run_if: Some(RunIf::Failed), ..node("alarm", &[0]) };
    let nodes = || vec![node("a", &[]), always(), alarm(), node("after", &[2])];
    let run = bed.submit(plan(nodes())).await;
    bed.work(failed()).await;
    assert_eq!(bed.tasks(run).await, "failed queued queued cancelled(stop)");
    bed.work(done()).await;
    bed.work(done()).await;
    assert_eq!(bed.status(run).await, RunStatus::Failed);
    let run = bed.submit(plan(nodes())).await;
    bed.work(done()).await;
    assert_eq!(bed.tasks(run).await, "success queued skipped(condition) skipped(condition)");
    bed.work(done()).await;
    assert_eq!(bed.status(run).await, RunStatus::Success);
}

pub async fn groups_expand_once(bed: &mut Bed) {
    let dynamic = || Node { fan: Fan::EachOf("{{ inputs.list }}".into()), ..node("a", &[]) };
    let run = bed.submit(plan(vec![dynamic(), node("join", &[0])])).await;
    let waiting = bed.store.evaluations(Scope::All, Some(run), 10).await.expect("evaluations are listed");
    assert_eq!(waiting.iter().map(|e| e.target).collect::<Vec<_>>(), [EvaluationTarget::Group(0)]);
    let items = Some(Json::from_stored("[7,8,9]"));
    assert!(expand(bed, run, Expansion::Siblings { size: 3, items: items.clone(), unmet: vec![1] }).await);
    assert!(!expand(bed, run, siblings(5, &[])).await, "the first answer counts");
    assert_eq!(bed.store.evaluations(Scope::All, None, 10).await.expect("evaluations are listed"), []);
    let groups = bed.store.groups(Scope::All, run).await.expect("groups are listed");
    assert_eq!((groups[0].size, &groups[0].items, groups[0].tasks_left), (Some(3), &items, 2));
    assert_eq!(bed.tasks(run).await, "queued pending skipped(condition) queued");
    for _ in 0..3 {
        bed.work(done()).await;
    }
    assert_eq!(bed.status(run).await, RunStatus::Success);
    let none = bed.submit(plan(vec![dynamic(), node("join", &[0])])).await;
    assert!(expand(bed, none, siblings(0, &[])).await);
    assert_eq!(bed.tasks(none).await, "success queued", "nothing to do is success");
    assert_eq!(bed.task(none, 0).await.output, Some(Json::from_stored("[]")));
}

pub async fn too_many_siblings_fail_the_group(bed: &mut Bed) {
    let dynamic = Node { fan: Fan::CountOf("{{ n }}".into()), ..node("a", &[]) };
    let run = bed.submit(plan(vec![dynamic.clone(), node("b", &[0]), node("c", &[1])])).await;
    assert!(expand(bed, run, siblings(100_001, &[])).await);
    assert_eq!(bed.tasks(run).await, "failed(template) skipped(upstream) skipped(upstream)");
    assert_eq!(bed.status(run).await, RunStatus::Failed);
    let run = bed.submit(plan(vec![dynamic, node("b", &[])])).await;
    assert!(expand(bed, run, Expansion::Failed(template())).await);
    assert_eq!(bed.tasks(run).await, "failed(template) cancelled(stop)");
}

pub async fn conditions_skip(bed: &mut Bed) {
    let when = || Node { when: Some("inputs.go".into()), ..node("a", &[]) };
    let run = bed.submit(plan(vec![when(), node("b", &[0]), node("c", &[]), node("d", &[1, 2])])).await;
    assert!(expand(bed, run, Expansion::Skipped).await);
    assert_eq!(bed.tasks(run).await, "skipped(condition) skipped(condition) queued pending");
    bed.work(done()).await;
    assert_eq!(bed.tasks(run).await, "skipped(condition) skipped(condition) success queued");
    bed.work(done()).await;
    assert_eq!(bed.status(run).await, RunStatus::Success);
    let run = bed.submit(plan(vec![when(), node("b", &[])])).await;
    assert!(
        bed.store.cancel_task(Scope::All, TaskRef { run, n: 0 }, &crate::bed::ada(), bed.now).await.expect("answered")
    );
    assert_eq!(bed.store.evaluations(Scope::All, None, 10).await.expect("evaluations are listed"), []);
    assert!(!expand(bed, run, Expansion::Skipped).await, "it was cancelled meanwhile");
}

pub async fn results_are_evaluated_last(bed: &mut Bed) {
    let with_result = || Plan { result: Some(Value::from("{{ 1 }}")), ..plan(vec![node("a", &[])]) };
    let run = bed.submit(with_result()).await;
    let store = bed.store.clone();
    let result = Json::from_stored("{\"n\":1}");
    assert!(!store.conclude_run(Scope::All, run, Ok(result.clone()), bed.now).await.expect("answered"), "too early");
    bed.work(done()).await;
    assert_eq!(bed.status(run).await, RunStatus::Running);
    let waiting = store.evaluations(Scope::All, None, 10).await.expect("evaluations are listed");
    assert_eq!(waiting.iter().map(|e| e.target).collect::<Vec<_>>(), [EvaluationTarget::Result]);
    assert!(store.conclude_run(Scope::All, run, Ok(result.clone()), bed.now).await.expect("answered"));
    assert!(!store.conclude_run(Scope::All, run, Err(template()), bed.now).await.expect("answered"), "once");
    let row = bed.run(run).await;
    assert_eq!((row.status, row.result.map(|json| json.value())), (RunStatus::Success, Some(result.value())));
    let run = bed.submit(with_result()).await;
    bed.work(done()).await;
    assert!(store.conclude_run(Scope::All, run, Err(template()), bed.now).await.expect("answered"));
    assert_eq!(bed.status(run).await, RunStatus::Failed);
    let failing = bed.submit(with_result()).await;
    bed.work(failed()).await;
    assert_eq!(bed.status(failing).await, RunStatus::Failed, "a failed run has no result to wait for");
}

pub async fn successes_are_taken_over(bed: &mut Bed) {
    let nodes = || vec![node("a", &[]), Node { fan: Fan::Count(3), ..node("b", &[0]) }, node("c", &[1])];
    let first = bed.submit(plan(nodes())).await;
    bed.work(done()).await;
    let mut new = bed.new_run(plan(nodes()));
    new.retry_of = Some(first);
    let reused = |index, n| Reused { index, output: Some(Json::from_stored("5")), from: TaskRef { run: first, n } };
    new.reuse = vec![
        Reuse { g: 0, size: 1, items: None, done: vec![reused(0, 0)] },
        Reuse { g: 1, size: 3, items: None, done: vec![reused(1, 2)] },
    ];
    bed.store.submit(&new).await.expect("the run is created");
    assert_eq!(bed.tasks(new.id).await, "success(reused) queued success(reused) queued pending");
    let row = bed.task(new.id, 2).await;
    assert_eq!((row.reused_from, row.attempt), (Some(TaskRef { run: first, n: 2 }), 0));
    let outputs = bed.store.outputs(Scope::All, new.id, &[1]).await.expect("outputs are listed");
    assert!(outputs.iter().any(|row| row.task_index == 1 && row.output == Some(Json::from_stored("5"))));
    let mut all = bed.new_run(plan(vec![node("a", &[])]));
    all.reuse = vec![Reuse { g: 0, size: 1, items: None, done: vec![reused(0, 0)] }];
    bed.store.submit(&all).await.expect("the run is created");
    assert_eq!(bed.status(all.id).await, RunStatus::Success);
    let empty = bed.submit(plan(vec![])).await;
    assert_eq!((bed.status(empty).await, bed.run(empty).await.progress), (RunStatus::Success, 100));
}
