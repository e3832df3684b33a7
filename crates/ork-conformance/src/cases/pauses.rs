//! Queues that somebody paused.

use ork_core::error::StoreError;
use ork_core::graph::{NewRun, Pin};
use ork_core::id::WorkspaceId;
use ork_core::limits::PAUSES_MAX;
use ork_core::plan::Node;
use ork_core::store::{Claim, QueuePause, Scope};

use crate::OTHER;
use crate::bed::{Bed, ada, done, settle};
use crate::plans::{node, plan, tries};

const OWN: WorkspaceId = WorkspaceId::DEFAULT;

async fn pause(bed: &Bed, queue: &str) -> bool {
    bed.store.pause_queue(OWN, queue, &ada(), bed.now).await.expect("a pause is answered")
}

async fn resume(bed: &Bed, queue: &str) -> bool {
    bed.store.resume_queue(OWN, queue).await.expect("a resume is answered")
}

/// Claims from these lanes, and gives the tasks' numbers.
async fn claim(bed: &mut Bed, lanes: &[&str]) -> Vec<u32> {
    let lanes = lanes.iter().map(|lane| (*lane).to_owned()).collect();
    let claim = Claim { lanes, ..bed.next_claim(100) };
    let claimed = bed.store.claim(&claim).await.expect("a claim is answered");
    claimed.iter().map(|claimed| claimed.task.n).collect()
}

pub async fn a_paused_queue_gives_nothing(bed: &mut Bed) {
    let other = Node { queue: "other".into(), ..node("c", &[]) };
    let again = Node { retry: tries(2), ..node("b", &[]) };
    let run = bed.submit(plan(vec![node("a", &[]), again, other, node("d", &[0])])).await;
    let held = bed.claim_one().await;
    assert!(pause(bed, "default").await);
    assert_eq!(claim(bed, &["default", "default@h"]).await, [0; 0], "nothing that begins after the pause");
    assert_eq!(claim(bed, &["other", "default"]).await, [2], "other queues go on");
    let pinned = NewRun { pin: Pin::Host("h".into()), ..bed.new_run(plan(vec![node("a", &[])])) };
    bed.store.submit(&pinned).await.expect("the run is created");
    assert_eq!(claim(bed, &["default@h"]).await, [0; 0], "a host's part of the queue is paused with it");
    let carried = NewRun { pin: Pin::Process, ..bed.new_run(plan(vec![node("a", &[])])) };
    bed.store.submit(&carried).await.expect("the run is created");
    let lane = Pin::Process.lane("default", carried.id);
    assert_eq!(claim(bed, &[&lane]).await, [0], "what one process carries is in no queue");
    // What is at work goes on, and what it releases waits as well: in the transaction that released it too.
    let next = bed.next_claim(10);
    let outcome = settle(&held, done(), bed.now);
    let (outcomes, claimed) =
        bed.store.settle_and_claim(&[outcome], &ada(), &next).await.expect("a settle is answered");
    assert_eq!((outcomes.queued, claimed), (1, vec![]));
    assert_eq!(bed.tasks(run).await, "success queued dispatched queued");
    assert!(resume(bed, "default").await);
    assert_eq!(claim(bed, &["default", "default@h"]).await, [1, 0, 3], "in the order in which they were queued");
}

pub async fn a_queue_is_paused_once(bed: &mut Bed) {
    assert!(!resume(bed, "default").await, "it is not paused");
    assert!(pause(bed, "default").await);
    let first = QueuePause { workspace: OWN, queue: "default".into(), by: "ada".into(), at: bed.now };
    bed.pass(1_000);
    assert!(!pause(bed, "default").await, "it is paused already");
    assert_eq!(bed.store.queue_pauses(Scope::All).await, Ok(vec![first.clone()]), "by whoever was first");
    for number in 1..PAUSES_MAX {
        assert!(pause(bed, &format!("q{number}")).await);
    }
    let one_more = bed.store.pause_queue(OWN, "one-more", &ada(), bed.now).await;
    assert!(matches!(one_more, Err(StoreError::Limit(_))), "{one_more:?}");
    assert!(!pause(bed, "default").await, "one of those that are");
    assert!(resume(bed, "q7").await && !resume(bed, "q7").await, "once");
    assert!(pause(bed, "one-more").await);
    let names = bed.store.queue_pauses(Scope::One(OWN)).await.expect("pauses are listed");
    assert!(names.iter().map(|pause| &pause.queue).is_sorted() && names.len() == PAUSES_MAX as usize);
}

pub async fn pauses_are_of_one_workspace(bed: &mut Bed) {
    for workspace in [OWN, OTHER] {
        let new = NewRun { workspace, ..bed.new_run(plan(vec![node("a", &[])])) };
        bed.store.submit(&new).await.expect("the run is created");
    }
    assert!(pause(bed, "default").await);
    assert_eq!(bed.store.queue_pauses(Scope::One(OTHER)).await, Ok(vec![]));
    assert_eq!(bed.store.resume_queue(OTHER, "default").await, Ok(false), "not theirs to resume");
    let held = bed.claim(10).await;
    assert_eq!(held.iter().map(|held| held.claimed.workspace).collect::<Vec<_>>(), [OTHER]);
    assert!(resume(bed, "default").await);
    assert_eq!(bed.claim(10).await.len(), 1);
}
