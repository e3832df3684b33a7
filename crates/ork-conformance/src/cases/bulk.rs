//! Actions on many runs, and duties.

use ork_core::clock::SeededEntropy;
use ork_core::error::StoreError;
use ork_core::id::{BulkId, RunId, WorkspaceId};
use ork_core::store::{BulkAction, BulkRow, BulkStatus, BulkStep, Scope, Submitted};

use crate::OTHER;
use crate::bed::{Bed, ada};
use crate::plans::{node, plan};

fn new(bed: &mut Bed, external_id: Option<&str>) -> BulkRow {
    bed.pass(1);
    let mut random = SeededEntropy::new(bed.now.micros().unsigned_abs());
    BulkRow {
        id: BulkId::new(bed.now, &mut random),
        workspace: WorkspaceId::DEFAULT,
        external_id: external_id.map(str::to_owned),
        action: BulkAction::Cancel,
        filter: "label.team=media".into(),
        status: BulkStatus::Running,
        before: RunId::new(bed.now, &mut random),
        seen: 0,
        changed: 0,
        actor: ada(),
        created_at: bed.now,
        finished_at: None,
    }
}

pub async fn a_piece_counts_once(bed: &mut Bed) {
    let store = bed.store.clone();
    let (first, second) = (new(bed, Some("mine")), new(bed, None));
    assert_eq!(store.create_bulk(&first).await, Ok(Submitted::Created));
    assert_eq!(store.create_bulk(&first).await, Ok(Submitted::Existing), "its answer was lost");
    let taken = store.create_bulk(&new(bed, Some("mine"))).await;
    assert!(matches!(taken, Err(StoreError::Conflict(_))), "{taken:?}");
    assert_eq!(store.create_bulk(&second).await, Ok(Submitted::Created));
    let theirs = BulkRow { workspace: OTHER, ..new(bed, Some("mine")) };
    assert_eq!(store.create_bulk(&theirs).await, Ok(Submitted::Created), "names are of one workspace");
    let own = Scope::One(WorkspaceId::DEFAULT);
    assert_eq!(store.bulk(own, first.id).await, Ok(Some(first.clone())));
    assert_eq!(store.bulk(Scope::One(OTHER), first.id).await, Ok(None));
    assert_eq!(store.bulk_by_external_id(WorkspaceId::DEFAULT, "mine").await, Ok(Some(first.clone())));
    assert_eq!(store.bulks(own, None, 10).await, Ok(vec![second.clone(), first.clone()]));
    assert_eq!(store.bulks(own, Some(second.id), 10).await, Ok(vec![first.clone()]));
    assert_eq!(store.running_bulks(2).await, Ok(vec![first.clone(), second.clone()]), "oldest first");
    let run = bed.submit(plan(vec![node("a", &[])])).await;
    let step = BulkStep { from: first.before, to: run, seen: 100, changed: 7, is_last: false };
    assert_eq!(store.advance_bulk(first.id, step, bed.now).await, Ok(true));
    assert_eq!(store.advance_bulk(first.id, step, bed.now).await, Ok(false), "another process did the same piece");
    let last = BulkStep { from: run, to: run, seen: 3, changed: 1, is_last: true };
    assert_eq!(store.advance_bulk(first.id, last, bed.now).await, Ok(true));
    assert_eq!(store.advance_bulk(first.id, last, bed.now).await, Ok(false), "it is over");
    let over = BulkRow {
        status: BulkStatus::Success,
        before: run,
        seen: 103,
        changed: 8,
        finished_at: Some(bed.now),
        ..first.clone()
    };
    assert_eq!(store.bulk(own, first.id).await, Ok(Some(over)));
    assert_eq!(store.cancel_bulk(own, first.id, bed.now).await, Ok(false));
    let missing = store.cancel_bulk(Scope::One(OTHER), second.id, bed.now).await;
    assert!(matches!(missing, Err(StoreError::NotFound(_))), "{missing:?}");
    assert_eq!(store.cancel_bulk(own, second.id, bed.now).await, Ok(true));
    assert_eq!(store.advance_bulk(second.id, BulkStep { from: second.before, ..step }, bed.now).await, Ok(false));
    assert_eq!(store.running_bulks(10).await, Ok(vec![theirs]));
}

pub async fn a_duty_has_one_holder(bed: &mut Bed) {
    let (store, first) = (bed.store.clone(), bed.worker);
    let second = bed.another_worker().await;
    let until = bed.now.plus_ms(10_000);
    assert_eq!(store.hold_duty("bulk", first, bed.now, until).await, Ok(true));
    assert_eq!(store.hold_duty("bulk", second, bed.now, until).await, Ok(false));
    assert_eq!(store.hold_duty("other", second, bed.now, until).await, Ok(true), "another duty");
    bed.pass(5_000);
    let later = bed.now.plus_ms(10_000);
    assert_eq!(store.hold_duty("bulk", first, bed.now, later).await, Ok(true), "it keeps it");
    bed.pass(9_999);
    assert_eq!(store.hold_duty("bulk", second, bed.now, bed.now.plus_ms(10_000)).await, Ok(false));
    bed.pass(1);
    assert_eq!(store.hold_duty("bulk", second, bed.now, bed.now.plus_ms(10_000)).await, Ok(true), "it died");
    assert_eq!(store.hold_duty("bulk", first, bed.now, bed.now.plus_ms(10_000)).await, Ok(false));
}
