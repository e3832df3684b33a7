//! No request reads or changes another workspace.

use ork_core::error::StoreError;
use ork_core::executor::{Progress, Stream};
use ork_core::graph::Expansion;
use ork_core::id::TaskRef;
use ork_core::json::Json;
use ork_core::log::LogPlace;
use ork_core::plan::{Node, Plan};
use ork_core::state::Reason;
use ork_core::store::{Claim, LogChunk, LogQuery, ProgressNote, RunFilter, Scope, Settled, Start, TaskFilter};

use crate::OTHER;
use crate::bed::{Bed, ada, done, failed, settle};
use crate::plans::{node, one_at_a_time, plan, tries};

const THEIRS: Scope = Scope::One(OTHER);

/// A run with a task in every place that another tenant could reach for.
async fn rich(bed: &mut Bed) -> (ork_core::id::RunId, crate::bed::Held) {
    let nodes = vec![
        node("leased", &[]),
        Node { retry: tries(3), ..node("retrying", &[]) },
        node("ready", &[]),
        Node { concurrency: one_at_a_time("gpu"), ..node("held", &[]) },
        Node { when: Some("inputs.go".into()), ..node("evaluating", &[]) },
    ];
    let run = bed.submit(Plan { timeout_ms: Some(1), ..plan(nodes) }).await;
    let held = bed.claim_one().await;
    bed.work(failed()).await;
    bed.pass(60_000);
    let task = held.claimed.task;
    let chunk =
        LogChunk { task, attempt: 1, at: LogPlace::default(), stream: Stream::Stdout, bytes: b"secret".to_vec() };
    bed.store.append_logs(Scope::All, &[chunk]).await.expect("logs are kept");
    (run, held)
}

pub async fn another_workspace_sees_nothing(bed: &mut Bed) {
    let (run, held) = rich(bed).await;
    let (store, now, task) = (bed.store.clone(), bed.now, held.claimed.task);
    let filter = RunFilter { limit: 100, ..RunFilter::default() };
    assert_eq!(store.run(THEIRS, run).await, Ok(None));
    assert_eq!(store.runs(THEIRS, &filter).await, Ok(vec![]));
    assert_eq!(store.runs_by_prefix(THEIRS, &run.uuid().simple().to_string()).await, Ok(vec![]));
    assert_eq!(store.plans(THEIRS, &[run]).await.expect("plans are listed").len(), 0);
    assert_eq!(store.task(THEIRS, task).await, Ok(None));
    let tasks = TaskFilter { limit: 100, ..TaskFilter::default() };
    assert_eq!(store.tasks(THEIRS, run, &tasks).await.unwrap_or_default(), []);
    assert_eq!(store.groups(THEIRS, run).await.unwrap_or_default(), []);
    assert_eq!(store.outputs(THEIRS, run, &[0, 1]).await.unwrap_or_default(), []);
    assert_eq!(store.attempts(THEIRS, TaskRef { run, n: 1 }).await.unwrap_or_default(), []);
    assert_eq!(store.events(THEIRS, run, 0, 100).await.unwrap_or_default(), []);
    let query = LogQuery { task, attempt: 1, from: 0, bytes_max: 100 };
    assert_eq!(store.logs(THEIRS, query).await.unwrap_or_default().chunks, []);
    assert_eq!(store.log_end(THEIRS, task, 1).await.unwrap_or_default(), LogPlace::default());
    assert_eq!(store.dump(THEIRS, run).await, Ok(None));
    assert_eq!(store.run_ids(THEIRS, None, 100).await, Ok(vec![]));
    assert_eq!(store.overbooked(THEIRS).await, Ok(vec![]));
    assert_eq!(store.lanes(THEIRS, 100).await, Ok(vec![]));
    assert_eq!(store.slot_tasks(THEIRS, "gpu", 100).await, Ok(vec![]));
    assert_eq!(store.evaluations(THEIRS, None, 100).await, Ok(vec![]));
    assert_eq!(store.evaluations(THEIRS, Some(run), 100).await, Ok(vec![]));
    assert_eq!(store.overdue(THEIRS, now, 100).await, Ok(vec![]));
    let own = Scope::One(ork_core::id::WorkspaceId::DEFAULT);
    assert_eq!(store.overdue(own, now, 100).await, Ok(vec![run]), "the owner sees it");
    assert_eq!(store.evaluations(own, None, 100).await.expect("evaluations are listed").len(), 1);
    assert_eq!(store.logs(own, query).await.expect("logs are read").chunks.len(), 1);
}

pub async fn another_workspace_changes_nothing(bed: &mut Bed) {
    let (run, held) = rich(bed).await;
    let before = bed.dump(run).await;
    let (store, now, task) = (bed.store.clone(), bed.now, held.claimed.task);
    let refused = |answer: Result<bool, StoreError>| {
        assert!(matches!(answer, Err(StoreError::NotFound(_))), "not found, rather than {answer:?}");
    };
    refused(store.cancel_run(THEIRS, run, Reason::Cancel, &ada(), now).await);
    refused(store.pause_run(THEIRS, run, &ada(), now).await);
    refused(store.resume_run(THEIRS, run, &ada(), now).await);
    refused(store.conclude_run(THEIRS, run, Ok(Json::from_stored("1")), now).await);
    refused(store.cancel_task(THEIRS, task, &ada(), now).await);
    refused(store.retry_task_now(THEIRS, TaskRef { run, n: 1 }, &ada(), now).await);
    let expanded = store.expand(THEIRS, run, 4, &Expansion::Skipped, now).await;
    assert!(!expanded.unwrap_or(false), "an expansion is refused");
    let claim = Claim { scope: THEIRS, ..bed.next_claim(10) };
    assert_eq!(store.claim(&claim).await, Ok(vec![]));
    let start = Start { task, attempt: 1, lease: held.lease, execution_name: None, started_at: now };
    assert_eq!(store.start(THEIRS, &[start], &ada(), now).await, Ok(vec![]));
    let outcomes = store.settle(THEIRS, &[settle(&held, done(), now)], &ada(), now).await;
    assert_eq!(outcomes.expect("a settle is answered").settled, [Settled::Unknown]);
    let progress = Progress { percent: 50, stage: None, message: None };
    store.progress(THEIRS, &[ProgressNote { task, lease: held.lease, progress }]).await.expect("progress is dropped");
    assert_eq!(store.promote(THEIRS, now, 100).await.expect("upkeep is answered").queued, 0);
    assert_eq!(store.admit(THEIRS, now).await.expect("upkeep is answered").queued, 0);
    let at = LogPlace { offset: 6, line: 0 };
    let forged = LogChunk { task, attempt: 1, at, stream: Stream::Stdout, bytes: b"forged".to_vec() };
    let kept = store.append_logs(THEIRS, &[forged]).await;
    assert!(matches!(kept, Ok(()) | Err(StoreError::NotFound(_))), "{kept:?}");
    let query = LogQuery { task, attempt: 1, from: 0, bytes_max: 100 };
    assert_eq!(store.logs(Scope::All, query).await.expect("logs are read").chunks.len(), 1);
    assert_eq!(bed.dump(run).await, before, "nothing changed");
}
