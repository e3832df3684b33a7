//! The order of all events, read while transactions commit in another order than they began.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ork_conformance::Reader;
use ork_core::event::Actor;
use ork_core::id::RunId;
use ork_core::planted::{Bug, plant};
use ork_core::store::{Feed, Inspect, Queue, Runs, Scope};
use ork_postgres::{PgOptions, PgStore};

use crate::gate::{Gate, look_again};
use crate::world::{Batch, NOW, World, client, fan, node, plan, settle_of, success, with_world};

/// What is done slowly: each statement waits for its turn.
#[derive(Debug, Clone, Copy)]
enum Act {
    Submit,
    Settle,
    Pause,
}

async fn act(store: PgStore, world: World, what: Act, run: RunId, batch: Arc<Batch>) {
    match what {
        Act::Submit => {
            let new = crate::world::new_run(9_000, plan(vec![node("late", &[])]));
            store.submit(&new).await.map(drop).expect("submits");
        }
        Act::Settle => {
            let settles = [settle_of(&batch.tasks[0], batch.lease, success())];
            store.settle(Scope::All, &settles, &world.actor(), NOW).await.map(drop).expect("settles");
        }
        Act::Pause => store.pause_run(Scope::All, run, &world.actor(), NOW).await.map(drop).expect("pauses"),
    }
}

/// Does one thing statement by statement. Before each of its statements others begin and commit, in this run and in
/// another, and a reader reads on. How often something was held back from the reader, and what it missed.
async fn play(world: World, what: Act) -> (u32, Result<(), String>) {
    let (gate, url) = Gate::before(&world.url).await;
    let slow = PgStore::connect(&url, PgOptions { writers: 1, readers: 1 }).await.expect("connects");
    let run = world.submit(plan(vec![fan("a", &[], 4), node("b", &[0])])).await;
    let batch = Arc::new(world.claim(1).await);
    let mut reader = Reader::new(Scope::All);
    reader.rest(&world.store, 2).await;
    gate.close();
    let doing = tokio::spawn(act(slow.clone(), world.clone(), what, run, batch));
    let mut held_back = 0;
    while !doing.is_finished() {
        if !gate.has_waiting() || gate.is_busy() {
            look_again().await;
            continue;
        }
        world.submit(plan(vec![node("quick", &[])])).await;
        held_back += u32::from(reader.page(&world.store, 100).await.held_back);
        gate.release();
    }
    gate.open().await;
    doing.await.expect("no panic");
    world.submit(plan(vec![node("last", &[])])).await;
    reader.rest(&world.store, 3).await;
    (held_back, reader.check(&world.store).await)
}

#[tokio::test]
async fn a_transaction_that_commits_late_is_not_passed_by() {
    for what in [Act::Submit, Act::Settle, Act::Pause] {
        with_world(|world| async move {
            let (held_back, missed) = play(world, what).await;
            assert_eq!(missed, Ok(()), "{what:?}");
            assert!(held_back > 0, "{what:?}: nothing was committed out of order");
        })
        .await;
    }
}

/// A transaction of another test in this cluster can hold the reader back just then: it misses nothing in that round.
#[tokio::test]
async fn events_that_are_written_after_their_place_was_taken_are_missed() {
    let found = &AtomicBool::new(false);
    let mut rounds = 0..20;
    while !found.load(Ordering::Relaxed) && rounds.next().is_some() {
        with_world(|world| async move {
            plant(Some(Bug::CursorOnLateIds));
            let (_, missed) = play(world, Act::Pause).await;
            plant(None);
            found.store(missed.is_err_and(|wrong| wrong.contains("the feed of run_")), Ordering::Relaxed);
        })
        .await;
    }
    assert!(found.load(Ordering::Relaxed), "the planted bug was not found");
}

/// Two transactions by hand: the one that got its id first commits last, and takes the run's head last.
#[tokio::test]
async fn a_run_never_goes_back_in_the_order() {
    with_world(|world| async move {
        let run = world.submit(plan(vec![node("a", &[])])).await;
        let mut reader = Reader::new(Scope::All);
        reader.rest(&world.store, 100).await;
        let early = client(&world.url).await;
        early.batch_execute("SET ROLE ork_engine; BEGIN; SELECT pg_current_xact_id()").await.expect("begins");
        let by = Actor::user("ada");
        world.store.pause_run(Scope::All, run, &by, NOW).await.expect("pauses");
        let page = reader.page(&world.store, 100).await;
        assert!(page.held_back && page.rows.is_empty(), "{page:?}");
        let head = world.store.feed_head().await.expect("a head");
        assert_eq!(head, reader.at, "a snapshot's cursor goes no further");
        // As a settle does, whose transaction has begun by taking a lease.
        early
            .execute(
                "UPDATE run_heads SET seq = seq + 1, feed = greatest(feed, pg_current_xact_id()::text::bigint) WHERE run_id = $1",
                &[&run.uuid()],
            )
            .await
            .expect("writes the head");
        early
            .execute(
                "INSERT INTO events SELECT run_id, seq, seq, workspace_id, 'run.resumed', '', 'user', 'ada', NULL, 0, feed
                 FROM run_heads WHERE run_id = $1",
                &[&run.uuid()],
            )
            .await
            .expect("writes the event");
        early.batch_execute("COMMIT").await.expect("commits");
        reader.rest(&world.store, 1).await;
        assert_eq!(reader.check(&world.store).await, Ok(()));
        let dump = world.store.dump(Scope::All, run).await.expect("dumps").expect("exists");
        assert_eq!(dump.events.last().map(|row| row.event_type.word()), Some("run.resumed"));
    })
    .await;
}

/// Reading on costs the same however many events there are, and so does the head.
#[tokio::test]
async fn the_feed_is_read_along_its_index() {
    with_world(|world| async move {
        let run = world.submit(plan(vec![node("a", &[])])).await;
        let db = client(&world.url).await;
        db.batch_execute("SET ROLE ork_engine; SET plan_cache_mode = force_custom_plan").await.unwrap();
        db.execute(
            "INSERT INTO events SELECT $1, 100 + s, 100 + s, workspace_id, 'run.paused', '', 'user', 'ada', NULL, 0, 1 + s % 500
             FROM run_heads, generate_series(1, 100000) s WHERE run_id = $1",
            &[&run.uuid()],
        )
        .await
        .expect("fills");
        let owner = client(&world.owner).await;
        for analyze in ["SELECT 1", "ANALYZE events"] {
            owner.batch_execute(analyze).await.unwrap();
            let list = format!("EXPLAIN (ANALYZE, TIMING off) {}", include_str!("../../sql/feed/list.sql"));
            let list = db.query(&list, &[&5_i64, &run.uuid(), &7_i64, &100_i64]).await.unwrap();
            let head = db.query(concat!("EXPLAIN (ANALYZE, TIMING off) ", include_str!("../../sql/feed/head.sql")), &[]);
            for rows in [list, head.await.unwrap()] {
                let shape = rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>().join("\n");
                let reads_all = shape.contains("Seq Scan") || shape.contains("Bitmap") || shape.contains("rows=100000 ");
                assert!(shape.contains("events_by_feed") && !reads_all, "{shape}");
            }
        }
    })
    .await;
}
