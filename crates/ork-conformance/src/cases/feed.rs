//! The one order of all events.

use ork_core::feed::FeedPosition;
use ork_core::id::{RunId, WorkspaceId};
use ork_core::plan::{Fan, Node};
use ork_core::state::Reason;
use ork_core::store::{FeedRow, Scope};

use crate::OTHER;
use crate::bed::{Bed, ada, done};
use crate::feed::Reader;
use crate::plans::{node, plan};

/// `RUN type tasks`, where a run is the letter of its place in `runs`.
fn words(rows: &[FeedRow], runs: &[RunId]) -> Vec<String> {
    let letter = |run: RunId| runs.iter().position(|own| *own == run).map_or('?', |at| char::from(b'a' + at as u8));
    let line = |row: &FeedRow| format!("{} {} {}", letter(row.event.run), row.event.event_type.word(), row.event.tasks);
    rows.iter().map(|row| line(row).trim_end().to_owned()).collect()
}

/// Two runs, the second of another tenant, whose events alternate.
async fn two_runs(bed: &mut Bed) -> [RunId; 2] {
    let first = bed.submit(plan(vec![Node { fan: Fan::Count(3), ..node("a", &[]) }])).await;
    let mut new = bed.new_run(plan(vec![node("b", &[])]));
    new.workspace = OTHER;
    bed.store.submit(&new).await.expect("the run is created");
    bed.store.pause_run(Scope::All, first, &ada(), bed.now).await.expect("it pauses");
    bed.store.cancel_run(Scope::All, new.id, Reason::Cancel, &ada(), bed.now).await.expect("it is cancelled");
    bed.store.resume_run(Scope::All, first, &ada(), bed.now).await.expect("it goes on");
    let held = bed.claim(3).await;
    bed.settle_all(held.into_iter().map(|held| (held, done())).collect()).await;
    [first, new.id]
}

pub async fn the_feed_is_in_the_order_of_commits(bed: &mut Bed) {
    let store = bed.store.clone();
    let mut follower = Reader::new(Scope::All);
    follower.rest(&*store, 10).await;
    assert_eq!(store.feed_head().await, Ok(FeedPosition::START));
    let runs = two_runs(bed).await;
    follower.rest(&*store, 100).await;
    follower.check(&*store).await.expect("every event once");
    let read = words(&follower.rows, &runs);
    let outlines: Vec<&str> =
        read.iter().map(String::as_str).filter(|line| line.contains(" run.") && !line.contains("running")).collect();
    assert_eq!(
        outlines,
        [
            "a run.created",
            "b run.created",
            "a run.paused",
            "b run.cancel_requested",
            "b run.cancelled",
            "a run.resumed",
            "a run.success"
        ]
    );
    assert_eq!(store.feed_head().await, Ok(follower.at), "the head is behind the last");
    for limit in 1..4 {
        let mut again = Reader::new(Scope::All);
        again.rest(&*store, limit).await;
        assert_eq!((again.rows, again.at), (follower.rows.clone(), follower.at), "in pages of {limit}");
    }
}

pub async fn the_feed_is_read_on_within_a_row(bed: &mut Bed) {
    let store = bed.store.clone();
    two_runs(bed).await;
    let mut all = Reader::new(Scope::All);
    all.rest(&*store, 100).await;
    let of_many = all.rows.iter().filter(|row| row.event.seq < row.event.seq_last).count();
    assert!(of_many == 0 || of_many >= 2, "a fan-out is dispatched and ends in one row each, but in the model");
    for (at, row) in all.rows.iter().enumerate() {
        for seq in row.event.seq..=row.event.seq_last {
            let page = store.feed(Scope::All, row.position(seq), 1).await.expect("the feed is read");
            let next = if seq < row.event.seq_last { Some(row) } else { all.rows.get(at + 1) };
            assert_eq!(page.rows.first(), next, "after event {seq} of {row:?}");
        }
    }
}

pub async fn the_feed_of_a_workspace_is_its_own(bed: &mut Bed) {
    let store = bed.store.clone();
    let runs = two_runs(bed).await;
    let mut all = Reader::new(Scope::All);
    all.rest(&*store, 100).await;
    for (workspace, run) in [WorkspaceId::DEFAULT, OTHER].into_iter().zip(runs) {
        let mut own = Reader::new(Scope::One(workspace));
        own.rest(&*store, 2).await;
        own.check(&*store).await.expect("every event once");
        assert!(own.rows.iter().all(|row| row.event.run == run) && !own.rows.is_empty());
        assert_eq!(own.at, all.at, "what is not theirs is passed over");
    }
}
