//! Whole lives of runs. What every store must do is in `ork-conformance`; these say first where this one is wrong.

use ork_core::attempt::Outcome;
use ork_core::error::StoreError;
use ork_core::executor::{Progress, Stream};
use ork_core::graph::{Expansion, Pin, Reuse, Reused};
use ork_core::id::TaskRef;
use ork_core::json::Json;
use ork_core::log::LogPlace;
use ork_core::plan::{Fan, Node, OnFailure, Plan, RunIf};
use ork_core::retry::RetryPolicy;
use ork_core::state::{Reason, RunStatus};
use ork_core::store::{
    EvaluationTarget, Events, LogChunk, LogQuery, Logs, ProgressNote, Queue, RunFilter, Runs, Scope, Settled, Start,
    Store, Submitted, Tasks, Upkeep, Workers,
};

use crate::world::{NOW, World, failure, fan, first, new_run, node, plan, register, settle_of, success, with_world};

fn keep_on(nodes: Vec<Node>) -> Plan {
    Plan { on_failure: OnFailure::Continue, ..plan(nodes) }
}

fn retrying(key: &str, parents: &[u32], attempts: u32) -> Node {
    let retry = RetryPolicy { max_attempts: attempts, jitter: 0.0, delay_ms: 1_000, ..RetryPolicy::default() };
    Node { retry, ..node(key, parents) }
}

#[tokio::test]
async fn a_chain_goes_through() {
    with_world(|w| async move {
        let run = w.submit(plan(vec![node("a", &[]), node("b", &[0]), node("c", &[1])])).await;
        assert_eq!(w.show(run).await, "pending: a=queued b=pending c=pending");
        let batch = w.claim(10).await;
        assert_eq!(w.show(run).await, "running: a=dispatched b=pending c=pending");
        assert!(w.settle(&batch, success()).await.queued > 0);
        assert_eq!(w.show(run).await, "running: a=success b=queued c=pending");
        assert_eq!(w.drain(10).await, 2);
        assert_eq!(w.show(run).await, "success: a=success b=success c=success");
        assert_eq!(
            w.events(run).await,
            "run.created run.running task.dispatched[0] task.success[0] task.dispatched[1] task.success[1] task.dispatched[2] \
             task.success[2] run.success"
        );
        let outputs = w.store.outputs(Scope::All, run, &[1]).await.unwrap();
        assert_eq!(outputs[0].output, Some(Json::from_stored("1")));
    })
    .await;
}

#[tokio::test]
async fn fans_are_one_counter() {
    with_world(|w| async move {
        let run = w.submit(plan(vec![fan("a", &[], 1200), fan("b", &[0], 3), node("c", &[1])])).await;
        assert_eq!(w.drain(500).await, 1204);
        assert!(w.show(run).await.starts_with("success: a=success"));
        let events = w.events(run).await;
        assert!(events.contains("task.success[0-499]") && events.ends_with("run.success"), "{events}");
        assert_eq!(w.store.outputs(Scope::All, run, &[0, 1]).await.unwrap().len(), 1203);
    })
    .await;
}

#[tokio::test]
async fn a_failure_stops_the_run() {
    with_world(|w| async move {
        let cleanup = Node { run_if: Some(RunIf::Failed), ..node("cleanup", &[0]) };
        let run = w.submit(plan(vec![node("a", &[]), node("b", &[0]), node("c", &[]), cleanup])).await;
        let batch = w.claim(1).await;
        w.settle(&batch, failure()).await;
        assert_eq!(w.show(run).await, "running: a=failed b=skipped(upstream) c=cancelled(stop) cleanup=queued");
        w.drain(10).await;
        assert_eq!(w.show(run).await, "failed: a=failed b=skipped(upstream) c=cancelled(stop) cleanup=success");
        let row = w.store.run(Scope::All, run).await.unwrap().unwrap();
        assert_eq!(row.error.unwrap().as_str(), r#"{"task":"a","kind":"exit","code":1,"message":"exit 1"}"#);
    })
    .await;
}

#[tokio::test]
async fn a_failure_skips_what_needs_it() {
    with_world(|w| async move {
        let always = Node { run_if: Some(RunIf::Always), ..node("always", &[1]) };
        let run = w.submit(keep_on(vec![node("a", &[]), node("b", &[0]), node("c", &[]), always])).await;
        let batch = w.claim(1).await;
        w.settle(&batch, failure()).await;
        assert_eq!(w.drain(10).await, 2);
        assert_eq!(w.show(run).await, "failed: a=failed b=skipped(upstream) c=success always=success");
    })
    .await;
}

#[tokio::test]
async fn cancel_ends_what_is_not_leased() {
    with_world(|w| async move {
        let run = w.submit(plan(vec![fan("a", &[], 3), node("b", &[0])])).await;
        let batch = w.claim(1).await;
        assert!(w.store.cancel_run(Scope::All, run, Reason::Cancel, &w.actor(), NOW).await.unwrap());
        assert!(!w.store.cancel_run(Scope::All, run, Reason::Cancel, &w.actor(), NOW).await.unwrap());
        assert_eq!(
            w.show(run).await,
            "running: a=dispatched a=cancelled(cancel) a=cancelled(cancel) b=cancelled(cancel)"
        );
        let asked = w.store.beat(w.worker, NOW).await.unwrap();
        assert_eq!((asked.alive, asked.cancelled.len()), (true, 1));
        assert_eq!(w.settle(&batch, Outcome::Cancelled).await.ended, [run]);
        let row = w.store.run(Scope::All, run).await.unwrap().unwrap();
        assert_eq!((row.status, row.cancel_requested_by.as_deref()), (RunStatus::Cancelled, Some("tester")));
        assert!(w.claim(10).await.tasks.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_single_task_is_cancelled() {
    with_world(|w| async move {
        let run = w.submit(keep_on(vec![node("a", &[]), node("b", &[0]), node("c", &[])])).await;
        let task = TaskRef { run, n: 0 };
        assert!(w.store.cancel_task(Scope::All, task, &w.actor(), NOW).await.unwrap());
        assert!(!w.store.cancel_task(Scope::All, task, &w.actor(), NOW).await.unwrap());
        assert_eq!(w.show(run).await, "pending: a=cancelled(cancel) b=skipped(upstream) c=queued");
        let batch = w.claim(10).await;
        assert_eq!(batch.tasks.len(), 1);
        let leased = TaskRef { run, n: 2 };
        assert!(w.store.cancel_task(Scope::All, leased, &w.actor(), NOW).await.unwrap());
        assert_eq!(w.store.cancel_requests(w.worker).await.unwrap(), [(leased, batch.lease)]);
        w.settle(&batch, Outcome::Cancelled).await;
        assert_eq!(w.show(run).await, "failed: a=cancelled(cancel) b=skipped(upstream) c=cancelled(cancel)");
    })
    .await;
}

#[tokio::test]
async fn a_paused_run_is_not_in_the_queue() {
    with_world(|w| async move {
        let run = w.submit(plan(vec![fan("a", &[], 3), node("b", &[0])])).await;
        let batch = w.claim(1).await;
        assert!(w.store.pause_run(Scope::All, run, &w.actor(), NOW).await.unwrap());
        assert!(!w.store.pause_run(Scope::All, run, &w.actor(), NOW).await.unwrap());
        assert_eq!(w.show(run).await, "paused: a=dispatched a=paused a=paused b=paused");
        assert!(w.claim(10).await.tasks.is_empty());
        w.settle(&batch, Outcome::HandedBack).await;
        assert!(w.claim(10).await.tasks.is_empty());
        assert!(w.store.resume_run(Scope::All, run, &w.actor(), NOW).await.unwrap());
        assert_eq!(w.show(run).await, "running: a=queued a=queued a=queued b=pending");
        assert_eq!(w.drain(10).await, 4);
        let attempts = w.store.attempts(Scope::All, first(run)).await.unwrap();
        let words: Vec<_> = attempts.iter().map(|a| (a.attempt, a.outcome.clone().unwrap())).collect();
        assert_eq!(words, [(1, "handed_back".into()), (2, "success".into())]);
    })
    .await;
}

#[tokio::test]
async fn a_retry_waits_for_its_time() {
    with_world(|w| async move {
        let run = w.submit(plan(vec![retrying("a", &[], 3)])).await;
        let batch = w.claim(1).await;
        assert!(w.settle(&batch, failure()).await.upkeep);
        assert_eq!(w.show(run).await, "running: a=retrying");
        let early = w.store.promote(Scope::All, NOW, 10).await.unwrap();
        assert_eq!((early.queued, early.next_at), (0, Some(NOW.plus_ms(1_002))));
        assert_eq!(w.store.promote(Scope::All, NOW.plus_ms(1_002), 10).await.unwrap().queued, 1);
        assert_eq!(w.show(run).await, "running: a=queued");
        let batch = w.claim(1).await;
        assert_eq!(batch.tasks[0].attempt, 2);
        w.settle(&batch, failure()).await;
        assert!(
            w.store.retry_task_now(Scope::All, first(run), &ork_core::event::Actor::user("ada"), NOW).await.unwrap()
        );
        assert!(
            !w.store.retry_task_now(Scope::All, first(run), &ork_core::event::Actor::user("ada"), NOW).await.unwrap()
        );
        w.drain(1).await;
        assert_eq!(w.show(run).await, "success: a=success");
        let row = w.store.task(Scope::All, first(run)).await.unwrap().unwrap();
        assert_eq!((row.attempt, row.failures, row.error), (3, 2, None));
    })
    .await;
}

#[tokio::test]
async fn a_group_gets_its_size_from_an_expression() {
    with_world(|w| async move {
        let each = Node { fan: Fan::EachOf("x".into()), ..node("b", &[0]) };
        let picky = Node { when: Some("y".into()), ..fan("c", &[], 2) };
        let run = w.submit(plan(vec![node("a", &[]), each, node("d", &[1]), picky])).await;
        let wait = w.store.evaluations(Scope::All, None, 10).await.unwrap();
        assert_eq!(wait.iter().map(|e| e.target).collect::<Vec<_>>(), [EvaluationTarget::Group(3)]);
        let answer = Expansion::Siblings { size: 2, items: None, unmet: vec![1] };
        assert!(w.store.expand(Scope::All, run, 3, &answer, NOW).await.unwrap());
        assert!(!w.store.expand(Scope::All, run, 3, &answer, NOW).await.unwrap());
        assert_eq!(w.drain(10).await, 2);
        let items = Some(Json::from_stored("[1,2,3]"));
        let answer = Expansion::Siblings { size: 3, items, unmet: vec![] };
        assert!(w.store.expand(Scope::All, run, 1, &answer, NOW).await.unwrap());
        assert_eq!(
            w.show(run).await,
            "running: a=success b=queued d=pending c=success c=skipped(condition) b=queued b=queued"
        );
        assert_eq!(w.drain(10).await, 4);
        assert!(w.show(run).await.starts_with("success:"));
        assert_eq!(w.store.evaluations(Scope::All, None, 10).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_result_ends_the_run() {
    with_world(|w| async move {
        let with_result = Plan { result: Some(serde_json::json!({"x": 1})), ..plan(vec![node("a", &[])]) };
        let run = w.submit(with_result).await;
        let batch = w.claim(1).await;
        let outcomes = w.settle(&batch, success()).await;
        assert_eq!((outcomes.upkeep, outcomes.ended.len()), (true, 0));
        let wait = w.store.evaluations(Scope::All, Some(run), 10).await.unwrap();
        assert_eq!(wait[0].target, EvaluationTarget::Result);
        let result = Json::from_stored("{\"x\":1}");
        assert!(w.store.conclude_run(Scope::All, run, Ok(result.clone()), NOW).await.unwrap());
        assert!(!w.store.conclude_run(Scope::All, run, Ok(result.clone()), NOW).await.unwrap());
        let row = w.store.run(Scope::All, run).await.unwrap().unwrap();
        assert_eq!((row.status, row.result), (RunStatus::Success, Some(result)));
        w.show(run).await;
    })
    .await;
}

#[tokio::test]
async fn successes_are_taken_over() {
    with_world(|w| async move {
        let old = w.submit(plan(vec![node("a", &[]), node("b", &[0])])).await;
        let mut new = new_run(77, plan(vec![node("a", &[]), node("b", &[0])]));
        let from = TaskRef { run: old, n: 0 };
        let done = vec![Reused { index: 0, output: Some(Json::from_stored("7")), from }];
        new.reuse = vec![Reuse { g: 0, size: 1, items: None, done }];
        assert_eq!(w.store.submit(&new).await.unwrap(), Submitted::Created);
        assert_eq!(w.store.submit(&new).await.unwrap(), Submitted::Existing);
        assert_eq!(w.show(new.id).await, "pending: a=success(reused) b=queued");
        let row = w.store.task(Scope::All, first(new.id)).await.unwrap().unwrap();
        assert_eq!(row.reused_from, Some(from));
    })
    .await;
}

#[tokio::test]
async fn a_late_outcome_is_an_event_and_nothing_else() {
    with_world(|w| async move {
        let run = w.submit(plan(vec![node("a", &[])])).await;
        let batch = w.claim(1).await;
        let mine = settle_of(&batch.tasks[0], batch.lease, success());
        assert_eq!(w.send(std::slice::from_ref(&mine)).await.settled, [Settled::Accepted]);
        assert_eq!(w.send(std::slice::from_ref(&mine)).await.settled, [Settled::Already]);
        let mut late = mine.clone();
        late.outcome = failure();
        let mut unknown = mine.clone();
        unknown.task.n = 9;
        assert_eq!(w.send(&[late, unknown]).await.settled, [Settled::Stale, Settled::Unknown]);
        assert_eq!(w.show(run).await, "success: a=success");
        assert!(w.events(run).await.ends_with("run.success attempt.late[0]"));
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_was_lost_is_found_again() {
    with_world(|w| async move {
        w.submit(plan(vec![fan("a", &[], 4)])).await;
        let mut claim = w.claim_of(w.worker, 2);
        let given = w.store.claim(&claim).await.unwrap();
        claim.again = true;
        assert_eq!(w.store.claim(&claim).await.unwrap(), given);
        assert_eq!(w.claim(10).await.tasks.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_dead_workers_tasks_go_back() {
    with_world(|w| async move {
        let run = w.submit(plan(vec![node("a", &[])])).await;
        w.claim(1).await;
        assert!(w.store.retire_worker(w.worker, NOW).await.unwrap());
        assert!(!w.store.retire_worker(w.worker, NOW).await.unwrap());
        assert!(!w.store.beat(w.worker, NOW).await.unwrap().alive);
        let leases = w.store.leases_of(w.worker, 10).await.unwrap();
        assert_eq!(w.store.workers(Scope::All).await.unwrap().len(), 1);
        let batch = crate::world::Batch {
            lease: leases[0].id,
            tasks: vec![ork_core::store::Claimed {
                workspace: Default::default(),
                task: leases[0].task,
                g: 0,
                task_index: 0,
                attempt: leases[0].attempt,
                dispatched_at: NOW,
            }],
        };
        assert!(w.settle(&batch, Outcome::lost("w1")).await.queued > 0);
        assert_eq!(w.store.workers(Scope::All).await.unwrap().len(), 0);
        assert!(w.claim(1).await.tasks.is_empty(), "a worker that was struck off gets nothing");
        let other = register(&w.store, 2).await;
        assert_eq!(w.store.claim(&w.claim_of(other, 1)).await.unwrap()[0].attempt, 2);
        assert_eq!(w.show(run).await, "running: a=dispatched");
    })
    .await;
}

#[tokio::test]
async fn starts_are_announced_once() {
    with_world(|w| async move {
        let run = w.submit(plan(vec![fan("a", &[], 2)])).await;
        let batch = w.claim(2).await;
        let starts: Vec<Start> = batch
            .tasks
            .iter()
            .map(|c| Start {
                task: c.task,
                attempt: 1,
                lease: batch.lease,
                execution_name: Some("pid 7".into()),
                started_at: NOW,
            })
            .collect();
        for _ in 0..2 {
            w.store.start(Scope::All, &starts, &w.actor(), NOW).await.unwrap();
        }
        let progress = Progress { percent: 40, stage: Some("half".into()), message: None };
        let note = ProgressNote { task: first(run), lease: batch.lease, progress: progress.clone() };
        w.store.progress(Scope::All, &[note]).await.unwrap();
        let row = w.store.task(Scope::All, first(run)).await.unwrap().unwrap();
        assert_eq!((row.progress, row.execution_name.as_deref()), (Some(progress), Some("pid 7")));
        assert_eq!(w.store.run(Scope::All, run).await.unwrap().unwrap().progress, 20);
        w.settle(&batch, success()).await;
        assert_eq!(
            w.events(run).await,
            "run.created run.running task.dispatched[0-1] task.running[0-1] task.success[0-1] run.success"
        );
        w.show(run).await;
    })
    .await;
}

#[tokio::test]
async fn runs_are_listed() {
    with_world(|w| async move {
        let mut new = new_run(5, plan(vec![node("a", &[])]));
        new.external_id = Some("mine".into());
        new.plan.labels.insert("team".into(), "blue".into());
        new.pin = Pin::Host("h".into());
        w.store.submit(&new).await.unwrap();
        let mut other = new_run(6, plan(vec![node("a", &[])]));
        other.external_id = Some("mine".into());
        assert!(matches!(w.store.submit(&other).await, Err(StoreError::Conflict(_))));
        other.external_id = None;
        w.store.submit(&other).await.unwrap();
        let all = w.store.runs(Scope::All, &RunFilter { limit: 10, ..RunFilter::default() }).await.unwrap();
        assert_eq!(all.len(), 2);
        let labels = [("team".to_owned(), "blue".to_owned())].into();
        let labelled = RunFilter { labels, statuses: vec![RunStatus::Pending], limit: 10, ..RunFilter::default() };
        let found = w.store.runs(Scope::All, &labelled).await.unwrap();
        assert_eq!((found.len(), found[0].host.as_deref(), found[0].labels.len()), (1, Some("h"), 1));
        let hex = new.id.uuid().simple().to_string();
        assert_eq!(w.store.runs_by_prefix(Scope::All, &hex[..20]).await.unwrap().len(), 1);
        assert_eq!(w.store.plans(Scope::All, &[new.id]).await.unwrap()[0].host.as_deref(), Some("h"));
        let nobody = Scope::One(ork_core::id::WorkspaceId::from_uuid(uuid::Uuid::from_u128(5)));
        assert_eq!(w.store.run(nobody, new.id).await.unwrap(), None);
        let refused = w.store.cancel_run(nobody, new.id, Reason::Cancel, &w.actor(), NOW).await;
        assert!(matches!(refused, Err(StoreError::NotFound(_))));
    })
    .await;
}

#[tokio::test]
async fn events_and_logs_come_in_pages() {
    with_world(|w| async move {
        let run = w.submit(plan(vec![fan("a", &[], 3)])).await;
        w.drain(1).await;
        let all = w.store.events(Scope::All, run, 0, 100).await.unwrap();
        for after in 0..all.last().unwrap().seq_last {
            let page = w.store.events(Scope::All, run, after, 1).await.unwrap();
            assert!(page[0].seq <= after + 1 && page[0].seq_last > after, "{after}: {page:?}");
        }
        let chunk = |number: u64| LogChunk {
            task: first(run),
            attempt: 1,
            at: LogPlace { offset: 100 * number, line: 0 },
            stream: Stream::Stdout,
            bytes: vec![b'x'; 100],
        };
        let chunks: Vec<LogChunk> = (0..3).map(chunk).collect();
        for _ in 0..2 {
            w.store.append_logs(Scope::All, &chunks).await.unwrap();
        }
        let query = LogQuery { task: first(run), attempt: 1, from: 0, bytes_max: 150 };
        let page = w.store.logs(Scope::All, query).await.unwrap();
        assert_eq!((page.chunks.len(), page.next), (2, Some(200)));
        let page = w.store.logs(Scope::All, LogQuery { from: 200, ..query }).await.unwrap();
        assert_eq!((page.chunks, page.next), (vec![chunk(2)], None));
    })
    .await;
}

#[tokio::test]
async fn others_hear_of_changes() {
    with_world(|w: World| async move {
        let other = ork_postgres::PgStore::connect(&w.url, ork_postgres::PgOptions::default()).await.unwrap();
        // Its listener is there once it has been woken by a run that this store queues.
        for _ in 0..3 {
            w.submit(plan(vec![node("a", &[])])).await;
            other.changed().await;
        }
        let mut claim = w.claim_of(w.worker, 10);
        assert_eq!(other.claim(&claim).await.unwrap().len(), 3);
        w.submit(plan(vec![node("a", &[])])).await;
        let woken = async {
            loop {
                claim.lease = w.lease();
                if !other.claim(&claim).await.unwrap().is_empty() {
                    return;
                }
                other.changed().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(5), woken).await.unwrap();
        let ahead = w.store.clock_ahead_micros(NOW).await.unwrap();
        assert!(ahead > 0, "tests live in 2023");
    })
    .await;
}
