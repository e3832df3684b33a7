//! Secrets, schedules, and what is not kept.

use ork_core::clock::Timestamp;
use ork_core::error::StoreError;
use ork_core::event::Actor;
use ork_core::feed::FeedPosition;
use ork_core::graph::{NewRun, Reuse, Reused, TriggeredBy};
use ork_core::id::{RevisionId, RunId, TaskRef, WorkflowId, WorkspaceId};
use ork_core::json::Json;
use ork_core::limits::{SCHEDULES_MAX, SECRETS_MAX};
use ork_core::log::LogPlace;
use ork_core::state::{Reason, RunStatus};
use ork_core::store::{
    Applied, CatchUp, Deleted, DeliveryFilter, Expected, Fired, Firing, LogChunk, NewRevision, NewSchedule, NewSecret,
    Overlap, Reseal, RunFilter, ScheduleRow, ScheduleSpec, Scope, SealedAt, SealedSecret, Submitted, Tombstone,
};
use ork_core::webhook::{Format, Occasion, RunWebhook};
use uuid::Uuid;

use crate::OTHER;
use crate::bed::{Bed, ada, done};
use crate::plans::{node, plan};

const OWN: Scope = Scope::One(WorkspaceId::DEFAULT);

fn secret(bed: &Bed, name: &str, sealed: &[u8]) -> NewSecret {
    NewSecret {
        workspace: WorkspaceId::DEFAULT,
        name: name.into(),
        sealed: sealed.to_vec(),
        key_id: "old".into(),
        actor: ada(),
        now: bed.now,
    }
}

pub async fn secrets_are_kept_by_name(bed: &mut Bed) {
    let store = bed.store.clone();
    let sealed = async |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        store.sealed_secrets(WorkspaceId::DEFAULT, &names).await.expect("sealed texts are answered")
    };
    assert_eq!(store.secrets(OWN, None, 10).await, Ok(vec![]));
    let first = secret(bed, "b", &[0, 255, 1]);
    assert_eq!(store.set_secret(&first).await, Ok(true));
    bed.pass(5);
    assert_eq!(store.set_secret(&NewSecret { now: bed.now, ..first.clone() }).await, Ok(false), "the answer was lost");
    assert_eq!(store.set_secret(&secret(bed, "a", b"two")).await, Ok(true));
    let rows = store.secrets(OWN, None, 10).await.expect("secrets are listed");
    assert_eq!(rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!((rows[1].created_at, rows[1].updated_at), (first.now, bed.now));
    assert_eq!((rows[1].key_id.as_str(), rows[1].updated_by.as_str()), ("old", "ada"));
    assert_eq!(store.secrets(OWN, Some("a"), 1).await.map(|rows| rows[0].name.clone()), Ok("b".into()));
    assert_eq!(sealed(&["b", "nothing"]).await, [SealedSecret { name: "b".into(), sealed: vec![0, 255, 1] }]);
    // Another workspace has its own.
    assert_eq!(store.sealed_secrets(OTHER, &["b".to_owned()]).await, Ok(vec![]));
    assert_eq!(store.delete_secret(OTHER, "b").await, Ok(false));
    // It is sealed anew only if it is what it was.
    let mut reseal = Reseal {
        workspace: WorkspaceId::DEFAULT,
        at: SealedAt::Secret("b".into()),
        old: vec![9],
        new: vec![7, 7],
        key_id: "new".into(),
    };
    assert_eq!(store.reseal(&reseal).await, Ok(false));
    reseal.old = vec![0, 255, 1];
    assert_eq!(store.reseal(&reseal).await, Ok(true));
    assert_eq!(store.reseal(&reseal).await, Ok(false), "once");
    assert_eq!(sealed(&["b"]).await[0].sealed, [7, 7]);
    let rows = store.secrets(OWN, Some("a"), 10).await.expect("secrets are listed");
    assert_eq!((rows[0].key_id.as_str(), rows[0].updated_at), ("new", bed.now), "who set it is not forgotten");
    assert_eq!(store.delete_secret(WorkspaceId::DEFAULT, "b").await, Ok(true));
    assert_eq!(store.delete_secret(WorkspaceId::DEFAULT, "b").await, Ok(false));
    assert_eq!(sealed(&["b"]).await, []);
}

pub async fn secrets_are_not_too_many(bed: &mut Bed) {
    let store = bed.store.clone();
    for n in 0..SECRETS_MAX {
        store.set_secret(&secret(bed, &format!("s{n}"), b"x")).await.expect("a secret is set");
    }
    let refused = store.set_secret(&secret(bed, "one-more", b"x")).await;
    assert!(matches!(refused, Err(StoreError::Limit(_))), "{refused:?}");
    assert_eq!(store.set_secret(&secret(bed, "s7", b"other")).await, Ok(false), "one that is there can be changed");
}

fn spec(cron: &str) -> ScheduleSpec {
    ScheduleSpec {
        cron: cron.into(),
        timezone: "Europe/Paris".into(),
        input: Json::from_stored(r#"{"n":1}"#),
        overlap: Overlap::Skip,
        catch_up: CatchUp::Latest,
    }
}

/// Stores a workflow whose runs begin at these times, the next one at `next_at`.
async fn apply(bed: &mut Bed, source: &str, schedule: Option<NewSchedule>) -> (WorkflowId, RevisionId) {
    let new = revision(bed, "nightly", source, schedule);
    let applied = bed.store.apply_workflow(&new).await.expect("an apply is answered");
    assert!(matches!(applied, Applied::Created | Applied::Updated), "{applied:?}");
    let row = bed.store.workflow(OWN, "nightly").await.expect("a workflow is answered").expect("it is there");
    (row.id, row.revision.id)
}

fn revision(bed: &mut Bed, name: &str, source: &str, schedule: Option<NewSchedule>) -> NewRevision {
    bed.pass(1);
    let id = Uuid::from_u128(u128::from(bed.now.micros().unsigned_abs()) << 64);
    NewRevision {
        workspace: WorkspaceId::DEFAULT,
        name: name.into(),
        workflow: WorkflowId::from_uuid(id),
        revision: RevisionId::from_uuid(id),
        description: None,
        source: source.into(),
        hash: source.into(),
        schedule,
        expected: Expected::Anything,
        actor: ada(),
        now: bed.now,
    }
}

/// Attack 43.
pub async fn schedules_are_not_too_many(bed: &mut Bed) {
    let store = bed.store.clone();
    let next_at = bed.now.plus_ms(10_000);
    let nightly = || Some(NewSchedule { spec: spec("0 3 * * *"), next_at });
    for n in 0..SCHEDULES_MAX {
        let new = revision(bed, &format!("w{n}"), "one", nightly());
        assert_eq!(store.apply_workflow(&new).await, Ok(Applied::Created));
    }
    let more = revision(bed, "one-more", "one", nightly());
    let refused = store.apply_workflow(&more).await;
    assert!(matches!(refused, Err(StoreError::Limit(_))), "{refused:?}");
    assert_eq!(store.workflow(OWN, "one-more").await, Ok(None), "nothing of it is stored");
    let (mut after, mut pages) = (None, Vec::new());
    loop {
        let page = store.due_schedules(after, next_at, 200).await.expect("due schedules are answered");
        let Some(last) = page.last() else { break };
        after = last.next_at.map(|at| (at, last.workflow));
        pages.push(page.len());
    }
    assert_eq!(pages, [200; 5], "each once");
    let changed = revision(bed, "w7", "two", nightly());
    assert_eq!(store.apply_workflow(&changed).await, Ok(Applied::Updated), "one that is there can be changed");
    let without = revision(bed, "one-more", "one", None);
    assert_eq!(store.apply_workflow(&without).await, Ok(Applied::Created));
}

async fn schedule(bed: &Bed) -> Option<ScheduleRow> {
    bed.store.schedule(OWN, "nightly").await.expect("a schedule is answered")
}

async fn due(bed: &Bed) -> Vec<Option<Timestamp>> {
    let rows = bed.store.due_schedules(None, bed.now, 10).await.expect("due schedules are answered");
    rows.iter().map(|row| row.next_at).collect()
}

pub async fn a_schedule_is_what_the_workflow_says(bed: &mut Bed) {
    assert_eq!(schedule(bed).await, None);
    let (one, two, three) = (bed.now.plus_ms(10_000), bed.now.plus_ms(20_000), bed.now.plus_ms(30_000));
    let (workflow, revision) = apply(bed, "one", Some(NewSchedule { spec: spec("0 3 * * *"), next_at: one })).await;
    let created = ScheduleRow {
        workflow,
        workspace: WorkspaceId::DEFAULT,
        name: "nightly".into(),
        revision,
        spec: spec("0 3 * * *"),
        is_enabled: true,
        next_at: Some(one),
        last_at: None,
        last_run: None,
        updated_by: "ada".into(),
        updated_at: bed.now,
    };
    assert_eq!(schedule(bed).await, Some(created.clone()));
    assert_eq!(bed.store.schedules(OWN, None, 10).await, Ok(vec![created]));
    assert_eq!(bed.store.schedules(OWN, Some("nightly"), 10).await, Ok(vec![]));
    assert_eq!(bed.store.schedule(Scope::One(OTHER), "nightly").await, Ok(None));
    // The same times keep the next one; other times have their own.
    let same = NewSchedule { spec: ScheduleSpec { catch_up: CatchUp::All, ..spec("0 3 * * *") }, next_at: two };
    let (_, newer) = apply(bed, "two", Some(same)).await;
    let row = schedule(bed).await.expect("it is there");
    assert_eq!((row.next_at, row.revision, row.spec.catch_up), (Some(one), newer, CatchUp::All));
    apply(bed, "three", Some(NewSchedule { spec: spec("0 4 * * *"), next_at: three })).await;
    assert_eq!(schedule(bed).await.expect("it is there").next_at, Some(three));
    // Disabled it stays so, whatever is applied.
    let store = bed.store.clone();
    let by = (&ada(), bed.now);
    assert_eq!(store.disable_schedule(WorkspaceId::DEFAULT, "nightly", by).await, Ok(true));
    assert_eq!(store.disable_schedule(WorkspaceId::DEFAULT, "nightly", by).await, Ok(false));
    apply(bed, "four", Some(NewSchedule { spec: spec("0 4 * * *"), next_at: two })).await;
    assert!(!schedule(bed).await.expect("it is there").is_enabled);
    bed.pass(60_000);
    assert_eq!(due(bed).await, [], "a disabled one is never due");
    let later = bed.now.plus_ms(5_000);
    let enable = |name| store.enable_schedule(WorkspaceId::DEFAULT, name, Some(later), by);
    assert_eq!(enable("nightly").await, Ok(true));
    assert_eq!(enable("nightly").await, Ok(false));
    assert!(matches!(enable("nothing").await, Err(StoreError::NotFound(_))));
    assert_eq!(due(bed).await, [], "enabling creates no run at once");
    bed.pass(5_000);
    assert_eq!(due(bed).await, [Some(later)]);
    // It goes with the line in the text, and with the workflow.
    apply(bed, "five", None).await;
    assert_eq!(schedule(bed).await, None);
    apply(bed, "six", Some(NewSchedule { spec: spec("0 4 * * *"), next_at: later })).await;
    let now = bed.now;
    let deleted = store.delete_workflow(WorkspaceId::DEFAULT, "nightly", Expected::Anything, now).await;
    assert_eq!((deleted, schedule(bed).await), (Ok(Deleted::Done), None));
}

pub async fn a_time_has_one_run(bed: &mut Bed) {
    let store = bed.store.clone();
    let (first, second) = (bed.now.plus_ms(1_000), bed.now.plus_ms(2_000));
    let (workflow, revision) = apply(bed, "one", Some(NewSchedule { spec: spec("0 3 * * *"), next_at: first })).await;
    bed.pass(1_500);
    assert_eq!(due(bed).await, [Some(first)]);
    let run = |bed: &mut Bed, name: &str| NewRun {
        external_id: Some(name.into()),
        triggered_by: TriggeredBy::Schedule,
        actor: Actor::system("schedule"),
        ..bed.new_run(plan(vec![node("a", &[])]))
    };
    let (one, two) = (run(bed, "one"), run(bed, "two"));
    let firing = |new: &NewRun, from, to| Firing {
        workspace: WorkspaceId::DEFAULT,
        workflow,
        revision,
        from,
        to: Some(to),
        run: Some((from, new.clone())),
        now: new.now,
    };
    // Of two that saw the same time, one creates the run.
    let (left, right) = (firing(&one, first, second), firing(&two, first, second));
    let (a, b) = futures_util::join!(store.fire_schedule(&left), store.fire_schedule(&right));
    let mut answers = [a.expect("a firing is answered"), b.expect("a firing is answered")];
    answers.sort_by_key(|fired| *fired == Fired::Stale);
    assert_eq!(answers, [Fired::Done, Fired::Stale]);
    assert_eq!(store.fire_schedule(&left).await, Ok(Fired::Stale), "its answer was lost");
    let runs = store.runs(OWN, &RunFilter { limit: 10, ..RunFilter::default() }).await.expect("runs are listed");
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].triggered_by, "schedule");
    let row = schedule(bed).await.expect("it is there");
    assert_eq!((row.next_at, row.last_at, row.last_run), (Some(second), Some(first), Some(runs[0].id)));
    // A run that cannot be created moves nothing.
    bed.pass(1_000);
    let taken = run(bed, runs[0].external_id.as_deref().expect("it has one"));
    let third = second.plus_ms(1_000);
    let refused = store.fire_schedule(&firing(&taken, second, third)).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    assert_eq!(schedule(bed).await.expect("it is there").next_at, Some(second));
    // A time can be left out.
    let skip = Firing { run: None, ..firing(&taken, second, third) };
    assert_eq!(store.fire_schedule(&skip).await, Ok(Fired::Done));
    let row = schedule(bed).await.expect("it is there");
    assert_eq!((row.next_at, row.last_at), (Some(third), Some(first)));
    // Neither another text nor a disabled schedule fires what was read before.
    let by = (&ada(), bed.now);
    let last = run(bed, "last");
    assert_eq!(store.disable_schedule(WorkspaceId::DEFAULT, "nightly", by).await, Ok(true));
    assert_eq!(store.fire_schedule(&firing(&last, third, third.plus_ms(1))).await, Ok(Fired::Stale));
    assert_eq!(store.enable_schedule(WorkspaceId::DEFAULT, "nightly", Some(third), by).await, Ok(true));
    apply(bed, "two", Some(NewSchedule { spec: spec("0 3 * * *"), next_at: third })).await;
    assert_eq!(store.fire_schedule(&firing(&last, third, third.plus_ms(1))).await, Ok(Fired::Stale));
    assert_eq!(store.run(OWN, last.id).await, Ok(None));
}

/// Removes all that belonged to runs that were pruned; how many pieces it took.
pub async fn sweep(bed: &Bed, limit: u32) -> usize {
    for round in 1..1_000 {
        if !bed.store.sweep(limit).await.expect("a sweep is answered").more {
            return round;
        }
    }
    panic!("a sweep has an end");
}

pub async fn pruned(bed: &Bed, run: RunId) -> bool {
    bed.store.prune_runs(OWN, &[run], bed.now).await.expect("a pruning is answered") > 0
}

fn webhook() -> RunWebhook {
    RunWebhook {
        url: "https://a.example/".into(),
        secret: None,
        events: Occasion::TaskFinished.into(),
        format: Format::Standard,
    }
}

pub async fn a_run_that_is_not_kept_leaves_a_tombstone(bed: &mut Bed) {
    let store = bed.store.clone();
    let new = NewRun { webhook: Some(webhook()), ..bed.new_run(plan(vec![node("a", &[]), node("b", &[0])])) };
    store.submit(&new).await.expect("the run is created");
    let (run, began) = (new.id, bed.now);
    let told = DeliveryFilter { limit: 10, ..DeliveryFilter::default() };
    assert!(!pruned(bed, run).await, "one that is live is kept");
    let first = bed.work(done()).await;
    let chunk = LogChunk {
        task: first,
        attempt: 1,
        at: LogPlace::default(),
        stream: ork_core::executor::Stream::Stdout,
        bytes: b"x".to_vec(),
    };
    store.append_logs(OWN, &[chunk]).await.expect("a log is kept");
    bed.pass(1_000);
    bed.work(done()).await;
    let row = bed.run(run).await;
    let ended = row.finished_at.expect("it is over");
    let head = store.feed_head().await.expect("the head is answered");
    let late = |until| store.prunable(WorkspaceId::DEFAULT, until, 10);
    assert_eq!((late(began).await, late(ended).await), (Ok(vec![]), Ok(vec![])), "not before its time");
    assert_eq!(store.prunable(OTHER, ended.plus_ms(1), 10).await, Ok(vec![]));
    bed.pass(5_000);
    assert_eq!(store.prune_runs(Scope::One(OTHER), &[run], bed.now).await, Ok(0));
    assert_eq!(store.tombstone(OWN, run).await, Ok(None));
    assert!(!pruned(bed, run).await, "somebody is still to be told of it");
    assert_eq!(late(ended.plus_ms(1)).await, Ok(vec![]));
    bed.hear(run).await;
    assert!(pruned(bed, run).await);
    assert!(!pruned(bed, run).await, "once");
    let tombstone = Tombstone {
        run,
        workspace: WorkspaceId::DEFAULT,
        owner: None,
        name: row.name.clone(),
        status: RunStatus::Success,
        seq: row.seq,
        head: None,
        finished_at: ended,
        pruned_at: bed.now,
    };
    assert_eq!(store.tombstone(OWN, run).await, Ok(Some(tombstone)));
    assert_eq!(store.tombstone(Scope::One(OTHER), run).await, Ok(None));
    // From the first moment it is gone as a whole.
    assert_eq!(store.run(OWN, run).await, Ok(None));
    assert_eq!(store.task(OWN, first).await, Ok(None));
    assert_eq!(store.runs(OWN, &RunFilter { limit: 10, ..RunFilter::default() }).await, Ok(vec![]));
    assert!(store.dump(OWN, run).await.expect("a dump is answered").is_none());
    // In pieces as small as can be, by whoever comes.
    assert_eq!(store.deliveries(OWN, &told).await.map(|rows| rows.len()), Ok(2));
    sweep(bed, 1).await;
    assert_eq!(store.deliveries(OWN, &told).await, Ok(vec![]));
    assert_eq!(store.events(OWN, run, 0, 10).await, Ok(vec![]));
    // Who had read all reads on; new events come behind.
    let after = bed.submit(plan(vec![node("a", &[])])).await;
    let mut page = store.feed(OWN, head, 100).await.expect("the feed is answered");
    for _ in 0..10_000 {
        if !page.rows.is_empty() {
            break;
        }
        // A transaction of somebody else holds it back.
        page = store.feed(OWN, head, 100).await.expect("the feed is answered");
    }
    assert!(!page.rows.is_empty() && page.rows.iter().all(|row| row.event.run == after));
    let whole = store.feed(OWN, FeedPosition::START, 100).await.expect("the feed is answered");
    assert!(whole.rows.iter().all(|row| row.event.run == after));
    // Its id is taken for ever: whoever sends it again after so long creates nothing.
    let again = NewRun { id: run, ..bed.new_run(plan(vec![node("a", &[])])) };
    assert_eq!(store.submit(&again).await, Ok(Submitted::Existing));
    assert_eq!(store.run(OWN, run).await, Ok(None));
}

/// The bytes that outputs name are those of the run that made them, however often they were taken over since.
pub async fn what_a_run_has_taken_over_is_kept(bed: &mut Bed) {
    let store = bed.store.clone();
    let first = bed.submit(plan(vec![node("a", &[]), node("b", &[0])])).await;
    bed.work(done()).await;
    bed.work(done()).await;
    let mut runs = vec![first];
    for _ in 0..2 {
        let from = TaskRef { run: *runs.last().expect("there is one"), n: 0 };
        let reuse = Reuse { g: 0, size: 1, items: None, done: vec![Reused { index: 0, output: None, from }] };
        let new = NewRun { reuse: vec![reuse], ..bed.new_run(plan(vec![node("a", &[]), node("b", &[0])])) };
        store.submit(&new).await.expect("the run is created");
        bed.pass(1);
        bed.work(done()).await;
        runs.push(new.id);
    }
    bed.pass(1_000);
    while let Some(last) = runs.pop() {
        let until = bed.now.plus_ms(1);
        assert_eq!(store.prunable(WorkspaceId::DEFAULT, until, 10).await, Ok(vec![last]), "the youngest first");
        for other in &runs {
            assert!(!pruned(bed, *other).await, "its outputs are those of another run as well");
        }
        assert!(pruned(bed, last).await);
        sweep(bed, 100).await;
    }
}

pub async fn what_a_live_run_was_made_of_is_kept(bed: &mut Bed) {
    let store = bed.store.clone();
    let old = bed.submit(plan(vec![node("a", &[])])).await;
    bed.work(done()).await;
    let again = NewRun { retry_of: Some(old), ..bed.new_run(plan(vec![node("a", &[])])) };
    store.submit(&again).await.expect("the run is created");
    bed.pass(1);
    let others = [bed.submit(plan(vec![node("a", &[])])).await, bed.submit(plan(vec![node("a", &[])])).await];
    for other in others {
        assert_eq!(store.cancel_run(OWN, other, Reason::Cancel, &ada(), bed.now).await, Ok(true));
    }
    let some = [others[0], old, again.id, others[1]];
    assert_eq!(store.prune_runs(OWN, &some, bed.now).await, Ok(2), "those of them that may go");
    bed.pass(1_000);
    let until = bed.now.plus_ms(1);
    assert_eq!(store.prunable(WorkspaceId::DEFAULT, until, 10).await, Ok(vec![]));
    assert!(!pruned(bed, old).await, "it may be asked for");
    bed.work(done()).await;
    assert_eq!(store.prunable(WorkspaceId::DEFAULT, until.plus_ms(10_000), 1).await, Ok(vec![old]), "the oldest first");
    assert!(pruned(bed, old).await);
    sweep(bed, 100).await;
    assert_eq!(bed.status(again.id).await, RunStatus::Success);
    assert_eq!(bed.run(again.id).await.retry_of, Some(old), "it says what it was made of");
}
