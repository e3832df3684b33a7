//! Stored workflows.

use ork_core::graph::{NewRun, RevisionRef};
use ork_core::id::{RevisionId, WorkflowId, WorkspaceId};
use ork_core::store::{Applied, Deleted, Expected, NewRevision, RevisionRow, RunFilter, Scope, WorkflowRow};
use uuid::Uuid;

use crate::OTHER;
use crate::bed::{Bed, ada};
use crate::plans::{node, plan};

const OWN: Scope = Scope::One(WorkspaceId::DEFAULT);

/// A text under a name. Each call has other ids, as each request has.
fn text(bed: &mut Bed, name: &str, source: &str) -> NewRevision {
    bed.pass(1);
    let id = Uuid::from_u128(u128::from(bed.now.micros().unsigned_abs()) << 64);
    NewRevision {
        workspace: WorkspaceId::DEFAULT,
        name: name.into(),
        workflow: WorkflowId::from_uuid(id),
        revision: RevisionId::from_uuid(id),
        description: Some(format!("says {source}")),
        source: source.into(),
        hash: format!("hash of {source}"),
        schedule: None,
        expected: Expected::Anything,
        actor: ada(),
        now: bed.now,
    }
}

async fn apply(bed: &mut Bed, name: &str, source: &str) -> Applied {
    let new = text(bed, name, source);
    bed.store.apply_workflow(&new).await.expect("an apply is answered")
}

async fn show(bed: &Bed, name: &str) -> Option<WorkflowRow> {
    bed.store.workflow(OWN, name).await.expect("a workflow is answered")
}

async fn numbers(bed: &Bed, workflow: WorkflowId, before: Option<u32>, limit: u32) -> Vec<u32> {
    let rows = bed.store.revisions(OWN, workflow, before, limit).await.expect("revisions are listed");
    rows.iter().map(|row| row.number).collect()
}

pub async fn a_text_is_applied_once(bed: &mut Bed) {
    assert_eq!(show(bed, "film").await, None);
    let first = text(bed, "film", "one");
    let store = bed.store.clone();
    assert_eq!(store.apply_workflow(&first).await, Ok(Applied::Created));
    let created = WorkflowRow {
        id: first.workflow,
        workspace: WorkspaceId::DEFAULT,
        name: "film".into(),
        description: Some("says one".into()),
        revision: RevisionRow {
            id: first.revision,
            number: 1,
            hash: "hash of one".into(),
            created_by: "ada".into(),
            created_at: first.now,
        },
        created_at: first.now,
        updated_at: first.now,
    };
    assert_eq!(show(bed, "film").await, Some(created.clone()));
    assert_eq!(store.apply_workflow(&first).await, Ok(Applied::Unchanged), "its answer was lost");
    assert_eq!(apply(bed, "film", "one").await, Applied::Unchanged);
    assert_eq!(show(bed, "film").await, Some(created.clone()), "nothing changed");
    let second = text(bed, "film", "two");
    assert_eq!(store.apply_workflow(&second).await, Ok(Applied::Updated));
    assert_eq!(apply(bed, "film", "one").await, Applied::Updated, "an old text is a new revision");
    let row = show(bed, "film").await.expect("it is there");
    assert_eq!((row.id, row.revision.number, row.created_at), (first.workflow, 3, first.now));
    assert_eq!(row.updated_at, bed.now);
    assert_eq!(numbers(bed, row.id, None, 10).await, [3, 2, 1]);
    assert_eq!(numbers(bed, row.id, Some(3), 1).await, [2]);
    assert_eq!(store.revision_source(OWN, second.revision).await, Ok(Some("two".into())));
    // Somebody else's is another one.
    let theirs = NewRevision { workspace: OTHER, ..text(bed, "film", "theirs") };
    assert_eq!(store.apply_workflow(&theirs).await, Ok(Applied::Created));
    assert_eq!(store.revision_source(OWN, theirs.revision).await, Ok(None));
    assert_eq!(store.revisions(OWN, theirs.workflow, None, 10).await, Ok(vec![]));
    assert_eq!(store.delete_workflow(OTHER, "film", Expected::Anything, bed.now).await, Ok(Deleted::Done));
    assert_eq!(show(bed, "film").await, Some(row));
    for name in ["c", "a", "b", "Z"] {
        assert_eq!(apply(bed, name, "x").await, Applied::Created);
    }
    let names = async |after: Option<&'static str>, limit| {
        let rows = store.workflows(OWN, after, limit).await.expect("workflows are listed");
        rows.iter().map(|row| row.name.clone()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(None, 10).await, "Z a b c film", "byte by byte");
    assert_eq!(names(Some("a"), 2).await, "b c");
}

pub async fn what_is_expected_decides(bed: &mut Bed) {
    let store = bed.store.clone();
    let expecting = |bed: &mut Bed, source: &str, expected| NewRevision { expected, ..text(bed, "film", source) };
    for expected in [Expected::Revision(1), Expected::Present] {
        let new = expecting(bed, "one", expected);
        assert_eq!(store.apply_workflow(&new).await, Ok(Applied::Refused), "{expected:?}");
        assert_eq!(show(bed, "film").await, None, "nothing was created");
    }
    let new = expecting(bed, "one", Expected::Absent);
    assert_eq!(store.apply_workflow(&new).await, Ok(Applied::Created));
    for expected in [Expected::Absent, Expected::Revision(2)] {
        let new = expecting(bed, "two", expected);
        assert_eq!(store.apply_workflow(&new).await, Ok(Applied::Refused), "{expected:?}");
        assert_eq!(store.delete_workflow(WorkspaceId::DEFAULT, "film", expected, bed.now).await, Ok(Deleted::Refused));
    }
    // Of two that have seen the same revision, one changes it.
    let (left, right) = (expecting(bed, "left", Expected::Revision(1)), expecting(bed, "right", Expected::Revision(1)));
    let (a, b) = futures_util::join!(store.apply_workflow(&left), store.apply_workflow(&right));
    let mut answers = [a.expect("an apply is answered"), b.expect("an apply is answered")];
    answers.sort_by_key(|answer| *answer == Applied::Refused);
    assert_eq!(answers, [Applied::Updated, Applied::Refused]);
    let id = show(bed, "film").await.expect("it is there").id;
    assert_eq!(numbers(bed, id, None, 10).await, [2, 1]);
    // And of two that are the first.
    let (left, right) = (text(bed, "new", "same"), text(bed, "new", "same"));
    let (a, b) = futures_util::join!(store.apply_workflow(&left), store.apply_workflow(&right));
    let mut answers = [a.expect("an apply is answered"), b.expect("an apply is answered")];
    answers.sort_by_key(|answer| *answer == Applied::Unchanged);
    assert_eq!(answers, [Applied::Created, Applied::Unchanged]);
}

pub async fn a_deleted_workflow_comes_back(bed: &mut Bed) {
    let store = bed.store.clone();
    let delete = |expected, now| store.delete_workflow(WorkspaceId::DEFAULT, "film", expected, now);
    assert_eq!(delete(Expected::Anything, bed.now).await, Ok(Deleted::Missing));
    apply(bed, "film", "one").await;
    apply(bed, "film", "two").await;
    let before = show(bed, "film").await.expect("it is there");
    assert_eq!(delete(Expected::Revision(2), bed.now).await, Ok(Deleted::Done));
    assert_eq!(delete(Expected::Anything, bed.now).await, Ok(Deleted::Missing), "once");
    assert_eq!(show(bed, "film").await, None);
    assert_eq!(store.workflows(OWN, None, 10).await, Ok(vec![]));
    assert_eq!(store.revision_source(OWN, before.revision.id).await, Ok(Some("two".into())), "its runs may need it");
    assert_eq!(apply(bed, "film", "two").await, Applied::Created);
    let after = show(bed, "film").await.expect("it is there");
    assert_eq!((after.id, after.revision), (before.id, before.revision), "the same text is the same revision");
    assert_eq!(delete(Expected::Anything, bed.now).await, Ok(Deleted::Done));
    assert_eq!(apply(bed, "film", "three").await, Applied::Created);
    assert_eq!(numbers(bed, before.id, None, 10).await, [3, 2, 1]);
}

pub async fn a_run_keeps_its_revision(bed: &mut Bed) {
    let (first, store) = (text(bed, "film", "one"), bed.store.clone());
    assert_eq!(store.apply_workflow(&first).await, Ok(Applied::Created));
    let of = RevisionRef { workflow: first.workflow, revision: first.revision };
    let new = NewRun { revision: Some(of), ..bed.new_run(plan(vec![node("a", &[])])) };
    store.submit(&new).await.expect("the run is created");
    apply(bed, "film", "two").await;
    assert_eq!(bed.run(new.id).await.revision, Some(of));
    let listed = store.runs(OWN, &RunFilter { limit: 1, ..RunFilter::default() }).await.expect("runs are listed");
    assert_eq!(listed[0].revision, Some(of));
    assert_eq!(store.source(OWN, new.id).await, Ok(Some("one".into())), "the text is that of its revision");
    assert_eq!(store.source(Scope::One(OTHER), new.id).await, Ok(None));
    let own = NewRun { plan_source: Some("own".into()), ..bed.new_run(plan(vec![node("a", &[])])) };
    store.submit(&own).await.expect("the run is created");
    assert_eq!(store.source(OWN, own.id).await, Ok(Some("own".into())));
    let none = bed.submit(plan(vec![node("a", &[])])).await;
    assert_eq!((store.source(OWN, none).await, bed.run(none).await.revision), (Ok(None), None));
}
