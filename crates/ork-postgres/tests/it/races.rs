//! Two connections at once, and callers that go away in the middle.

use std::time::Duration;

use ork_core::executor::Progress;
use ork_core::state::Reason;
use ork_core::store::{ProgressNote, Queue, Runs, Scope, Settled, Start};
use ork_postgres::{PgOptions, PgStore};

use crate::world::{NOW, client, fan, node, plan, settle_of, success, with_world};

/// Both parents of a task are settled at the same instant on two stores, 1,000 times: it is queued once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fan_in_fires_once() {
    with_world(|w| async move {
        let other = PgStore::connect(&w.url, PgOptions { writers: 1, readers: 1 }).await.unwrap();
        for round in 0..1_000 {
            let run = w.submit(plan(vec![node("a", &[]), node("b", &[]), node("c", &[0, 1])])).await;
            let batch = w.claim(2).await;
            assert_eq!(batch.tasks.len(), 2);
            let [one, two] = [0, 1].map(|at: usize| vec![settle_of(&batch.tasks[at], batch.lease, success())]);
            let actor = w.actor();
            let (first, second) = tokio::join!(
                w.store.settle(Scope::All, &one, &actor, NOW),
                other.settle(Scope::All, &two, &actor, NOW),
            );
            let (first, second) = (first.unwrap(), second.unwrap());
            assert_eq!((first.settled[0], second.settled[0]), (Settled::Accepted, Settled::Accepted));
            assert_eq!(first.queued + second.queued, 1, "round {round}");
            assert_eq!(w.drain(10).await, 1);
            if round % 100 == 0 {
                assert_eq!(w.show(run).await, "success: a=success b=success c=success");
            }
        }
    })
    .await;
}

/// The same outcome sent twice at once counts once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_settle_counts_once() {
    with_world(|w| async move {
        for _ in 0..100 {
            let run = w.submit(plan(vec![fan("a", &[], 3)])).await;
            let batch = w.claim(3).await;
            let mut settles: Vec<_> = batch.tasks.iter().map(|c| settle_of(c, batch.lease, success())).collect();
            let forwards = settles.clone();
            settles.reverse();
            let (first, second) = tokio::join!(w.send(&forwards), w.send(&settles));
            let accepted = first.settled.iter().chain(&second.settled).filter(|s| **s == Settled::Accepted).count();
            let already = first.settled.iter().chain(&second.settled).filter(|s| **s == Settled::Already).count();
            assert_eq!((accepted, already), (3, 3));
            assert_eq!(w.show(run).await, "success: a=success a=success a=success");
        }
    })
    .await;
}

/// Claims, settles, a cancel, a pause and a resume of the same run at once: nothing is lost, nothing is left in the queue.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_ask_meets_what_workers_do() {
    with_world(|w| async move {
        for round in 0..60 {
            let run = w.submit(plan(vec![fan("a", &[], 40), node("b", &[0])])).await;
            let actor = w.actor();
            let work = async {
                for _ in 0..8 {
                    let batch = w.claim(7).await;
                    if !batch.tasks.is_empty() {
                        w.settle(&batch, success()).await;
                    }
                }
            };
            let people = async {
                w.store.pause_run(Scope::All, run, &actor, NOW).await.unwrap();
                w.store.resume_run(Scope::All, run, &actor, NOW).await.unwrap();
                if round % 2 == 0 {
                    w.store.cancel_run(Scope::All, run, Reason::Cancel, &actor, NOW).await.unwrap();
                }
            };
            tokio::join!(work, people);
            w.drain(50).await;
            let shown = w.show(run).await;
            let wanted = if round % 2 == 0 { "cancelled:" } else { "success:" };
            assert!(shown.starts_with(wanted) || shown.starts_with("success:"), "{shown}");
        }
    })
    .await;
}

/// Callers that are dropped at any point leave no transaction open, and what they began is whole.
#[tokio::test]
async fn a_caller_that_goes_away_leaves_nothing_open() {
    with_world(|w| async move {
        let mut runs = Vec::new();
        for micros in (0..4_000).step_by(100) {
            let seed = 50_000 + micros;
            let new = crate::world::new_run(seed, plan(vec![fan("a", &[], 20), node("b", &[0])]));
            let _ = tokio::time::timeout(Duration::from_micros(micros), w.store.submit(&new)).await;
            let claim = w.claim_of(w.worker, 3);
            let _ = tokio::time::timeout(Duration::from_micros(micros), w.store.claim(&claim)).await;
            runs.push(new.id);
        }
        let watch = client(&w.url).await;
        let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
                    AND xact_start IS NOT NULL AND state <> 'active'";
        // What was begun ends by itself; a transaction that waits for its client would stay.
        let mut idle = 0;
        for _ in 0..100 {
            let row = watch.query_one(open, &[]).await.unwrap();
            idle = if row.get::<_, i64>(0) == 0 { idle + 1 } else { 0 };
            tokio::task::yield_now().await;
        }
        assert!(idle > 0, "a transaction waits for a client that is gone");
        for run in runs {
            if w.store.run(Scope::All, run).await.unwrap().is_some() {
                w.show(run).await;
            }
        }
    })
    .await;
}

/// Connections that PostgreSQL has closed are replaced.
#[tokio::test]
async fn broken_connections_are_replaced() {
    with_world(|w| async move {
        let run = w.submit(plan(vec![node("a", &[])])).await;
        let killer = client(&w.url).await;
        let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                    WHERE datname = current_database() AND pid <> pg_backend_pid()";
        killer.execute(kill, &[]).await.unwrap();
        // The first call may still meet the old connection; it says so, and the next one works.
        let _ = w.store.run(Scope::All, run).await;
        let _ = w.store.claim(&w.claim_of(w.worker, 0)).await;
        let claim = w.claim_of(w.worker, 1);
        let mut claimed = w.store.claim(&claim).await;
        if claimed.is_err() {
            claimed = w.store.claim(&claim).await;
        }
        assert_eq!(claimed.unwrap().len(), 1);
        assert_eq!(w.show(run).await, "running: a=dispatched");
    })
    .await;
}

/// Progress notes and starts change a lease's row while its outcome is on its way: the outcome counts all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_settle_meets_progress() {
    with_world(|w| async move {
        let run = w.submit(plan(vec![fan("a", &[], 900)])).await;
        for _ in 0..300 {
            let batch = w.claim(3).await;
            let actor = w.actor();
            let starts: Vec<Start> = batch
                .tasks
                .iter()
                .map(|c| Start { task: c.task, attempt: 1, lease: batch.lease, execution_name: None, started_at: NOW })
                .collect();
            let progress = Progress { percent: 50, stage: None, message: None };
            let notes: Vec<ProgressNote> = batch
                .tasks
                .iter()
                .map(|c| ProgressNote { task: c.task, lease: batch.lease, progress: progress.clone() })
                .collect();
            let (started, noted, settled) = tokio::join!(
                w.store.start(Scope::All, &starts, &actor, NOW),
                w.store.progress(Scope::All, &notes),
                w.settle(&batch, success()),
            );
            started.unwrap();
            noted.unwrap();
            assert_eq!(settled.settled, [Settled::Accepted; 3]);
        }
        assert!(w.show(run).await.starts_with("success:"));
    })
    .await;
}
