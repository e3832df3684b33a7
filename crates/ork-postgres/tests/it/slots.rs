//! Concurrency keys: never more than the limit, whoever gives out slots.

use ork_core::plan::{Concurrency, Node, Plan};
use ork_core::store::{Inspect, Scope, Upkeep};
use ork_postgres::{PgOptions, PgStore};

use crate::world::{NOW, fan, node, plan, success, with_world};

fn limited(key: &str, count: u32, limit: u32) -> Node {
    Node { concurrency: Some(Concurrency { key: "gpu".into(), limit }), ..fan(key, &[], count) }
}

#[tokio::test]
async fn tasks_share_slots() {
    with_world(|w| async move {
        let run = w.submit(plan(vec![limited("a", 3, 2), node("b", &[0])])).await;
        assert!(w.claim(10).await.tasks.is_empty());
        assert_eq!(w.store.admit(Scope::All, NOW).await.unwrap().queued, 2);
        assert_eq!(w.store.admit(Scope::All, NOW).await.unwrap().queued, 0);
        let batch = w.claim(10).await;
        assert_eq!(batch.tasks.len(), 2);
        assert_eq!(w.show(run).await, "running: a=dispatched a=dispatched a=queued b=pending");
        assert!(w.settle(&batch, success()).await.upkeep);
        assert_eq!(w.store.admit(Scope::All, NOW).await.unwrap().queued, 1);
        assert_eq!(w.drain(10).await, 2);
        assert!(w.show(run).await.starts_with("success"));
    })
    .await;
}

#[tokio::test]
async fn runs_share_slots() {
    with_world(|w| async move {
        let with_key =
            || Plan { concurrency: Some(Concurrency { key: "deploy".into(), limit: 1 }), ..plan(vec![node("a", &[])]) };
        let one = w.submit(with_key()).await;
        let two = w.submit(with_key()).await;
        let (one, two) = (one.min(two), one.max(two));
        assert_eq!(w.store.admit(Scope::All, NOW).await.unwrap().queued, 1);
        assert_eq!(w.show(one).await, "pending: a=queued");
        assert_eq!(w.show(two).await, "pending: a=pending");
        let batch = w.claim(10).await;
        let outcomes = w.settle(&batch, success()).await;
        assert_eq!((batch.tasks.len(), outcomes.upkeep), (1, true));
        assert_eq!(w.store.admit(Scope::All, NOW).await.unwrap().queued, 1);
        assert_eq!(w.drain(10).await, 1);
        assert_eq!(w.show(two).await, "success: a=success");
    })
    .await;
}

/// Two stores give out slots of one key, take tasks and end them, at the same time, 1,000 rounds each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_hold_when_two_give_out_slots() {
    with_world(|w| async move {
        let run = w.submit(plan(vec![limited("a", 2_000, 3)])).await;
        let other = PgStore::connect(&w.url, PgOptions { writers: 2, readers: 1 }).await.unwrap();
        let mut twin = w.clone();
        twin.store = other;
        let work = |w: crate::world::World| {
            tokio::spawn(async move {
                for round in 0..1_000 {
                    w.store.admit(Scope::All, NOW).await.unwrap();
                    let batch = w.claim(1 + round % 3).await;
                    assert!(batch.tasks.len() <= 3);
                    if round % 50 == 0 {
                        assert_eq!(w.store.overbooked(Scope::All).await.unwrap(), []);
                    }
                    if !batch.tasks.is_empty() {
                        w.settle(&batch, success()).await;
                    }
                }
            })
        };
        let (first, second) = (work(w.clone()), work(twin));
        first.await.unwrap();
        second.await.unwrap();
        assert_eq!(w.store.overbooked(Scope::All).await.unwrap(), []);
        w.show(run).await;
    })
    .await;
}
