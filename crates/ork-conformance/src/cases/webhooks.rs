//! Whom runs tell of themselves, and that it is told once, in time, and until it is heard.

use ork_core::error::StoreError;
use ork_core::graph::NewRun;
use ork_core::id::{DeliveryId, EndpointId, RunId, WorkspaceId};
use ork_core::limits::{DELIVERY_TRIES_MAX, ENDPOINTS_MAX};
use ork_core::plan::{Node, Plan};
use ork_core::store::{
    Attempted, DeliveryFilter, DeliveryRow, DeliveryStatus, DeliveryTry, Due, DueKey, EndpointChange, EndpointRow,
    Reseal, Scope, SealedAt, Settled, Submitted, Verdict,
};
use ork_core::webhook::{Format, Occasion, RunWebhook, SigningSecret, Wanted};

use crate::OTHER;
use crate::bed::{Bed, ada, done, failed, settle};
use crate::plans::{node, plan, tries};

const OWN: WorkspaceId = WorkspaceId::DEFAULT;

fn all() -> Wanted {
    Occasion::EVENTS.into_iter().fold(Wanted::default(), |all, occasion| all.or(occasion.into()))
}

fn webhook(events: Wanted) -> RunWebhook {
    let secret = Some(SigningSecret::Sealed(vec![1, 2, 3]));
    RunWebhook { url: "https://a.example/hook".into(), secret, events, format: Format::Execution }
}

async fn submit(bed: &mut Bed, plan: Plan, events: Wanted) -> RunId {
    let new = NewRun { webhook: Some(webhook(events)), ..bed.new_run(plan) };
    bed.store.submit(&new).await.expect("the run is created");
    new.id
}

async fn messages(bed: &Bed, scope: Scope) -> Vec<DeliveryRow> {
    let filter = DeliveryFilter { limit: 200, ..DeliveryFilter::default() };
    bed.store.deliveries(scope, &filter).await.expect("messages are listed")
}

/// What is told, oldest first: `task.finished 0`.
async fn told(bed: &Bed) -> Vec<String> {
    let mut rows = messages(bed, Scope::All).await;
    rows.sort_by_key(|row| (row.created_at, row.id));
    rows.iter()
        .map(|row| format!("{} {}", row.occasion.word(), row.task.map_or("-".into(), |n| n.to_string())))
        .collect()
}

async fn due(bed: &Bed, run: Option<RunId>, after: Option<&DueKey>, limit: u32) -> Vec<DueKey> {
    let page = bed.store.due_deliveries(run, after.map(DueKey::place), bed.now, limit).await;
    page.expect("due messages are listed")
}

/// Takes what is due, those that wait longest first.
async fn take(bed: &Bed) -> Vec<Due> {
    let ids: Vec<DeliveryId> = due(bed, None, None, 10).await.into_iter().map(|key| key.id).collect();
    let taken = bed.store.take_deliveries(&ids, bed.now, bed.now.plus_ms(60_000)).await;
    let mut taken = taken.expect("messages are taken");
    taken.sort_by_key(|due| ids.iter().position(|id| *id == due.row.id));
    taken
}

fn attempted(bed: &Bed, due: &Due, verdict: Verdict) -> Attempted {
    Attempted {
        id: due.row.id,
        taken_until: due.row.next_attempt_at.expect("it was taken"),
        body: Some("{}".into()),
        attempt: DeliveryTry {
            at: bed.now,
            took_ms: 7,
            status_code: Some(500),
            error: Some("no".into()),
            response: None,
        },
        verdict,
        now: bed.now,
    }
}

async fn note(bed: &Bed, due: &Due, verdict: Verdict) -> bool {
    bed.store.note_delivery(&attempted(bed, due, verdict)).await.expect("an attempt is noted")
}

fn endpoint(bed: &mut Bed, name: &str) -> EndpointRow {
    EndpointRow {
        id: bed.new_endpoint_id(),
        workspace: OWN,
        name: name.into(),
        url: format!("https://{name}.example/"),
        events: Occasion::RunFinished.into(),
        format: Format::Standard,
        secret: vec![9, 9],
        previous: None,
        slot: 1,
        created_by: "ada".into(),
        created_at: bed.now,
        updated_at: bed.now,
        disabled_at: None,
        disabled_because: None,
    }
}

async fn create(bed: &mut Bed, name: &str, workspace: WorkspaceId) -> EndpointId {
    let new = EndpointRow { workspace, ..endpoint(bed, name) };
    assert_eq!(bed.store.create_endpoint(&new).await, Ok(Submitted::Created));
    new.id
}

pub async fn a_run_tells_of_itself_once_and_in_time(bed: &mut Bed) {
    let again = Node { retry: tries(2), ..node("a", &[]) };
    let run = submit(bed, plan(vec![again, node("b", &[0])]), all()).await;
    assert_eq!(told(bed).await, [""; 0], "nothing has happened");
    bed.work(failed()).await;
    assert_eq!(told(bed).await, ["run.started -"], "a retry is left, so nothing is over");
    bed.pass(60_000);
    bed.store.promote(Scope::All, bed.now, 10).await.expect("the retry is due");
    let held = bed.claim_one().await;
    assert_eq!(bed.settle(held, done()).await, Settled::Accepted);
    let lost = settle(&held, done(), bed.now);
    let outcomes = bed.store.settle(Scope::All, &[lost], &ada(), bed.now).await.expect("a settle is answered");
    assert_eq!(outcomes.settled, [Settled::Already]);
    bed.pass(1);
    bed.work(done()).await;
    let expected = ["run.started -", "task.finished 0", "run.finished -", "task.finished 1"];
    assert_eq!(told(bed).await, expected, "once each");
    let first = messages(bed, Scope::One(OWN)).await.pop().expect("there are some");
    assert_eq!(first.id, DeliveryId::of(run, Occasion::RunStarted, 0, None));
    assert_eq!((first.run, first.url.as_str(), first.endpoint), (Some(run), "https://a.example/hook", None));
    // Whoever wants less is told less; what is cancelled or skipped is over as well.
    let quiet = submit(bed, plan(vec![node("a", &[]), node("b", &[0])]), Occasion::TaskFinished.into()).await;
    bed.pass(1);
    bed.work(failed()).await;
    let rows = messages(bed, Scope::All).await;
    let of_quiet: Vec<_> =
        rows.iter().filter(|row| row.run == Some(quiet)).map(|row| (row.occasion, row.task)).collect();
    assert_eq!(of_quiet, [(Occasion::TaskFinished, Some(1)), (Occasion::TaskFinished, Some(0))]);
    let stored = bed.store.plans(Scope::All, &[run]).await.expect("plans are read").pop().expect("the plan is there");
    assert_eq!(stored.webhook, Some(webhook(all())));
}

pub async fn endpoints_are_told_of_the_runs_of_their_workspace(bed: &mut Bed) {
    let run = bed.submit(plan(vec![node("a", &[])])).await;
    let (late, deaf, foreign) =
        (create(bed, "late", OWN).await, create(bed, "deaf", OWN).await, create(bed, "foreign", OTHER).await);
    let off = EndpointChange { is_enabled: Some(false), ..EndpointChange::default() };
    assert_eq!(bed.store.change_endpoint(Scope::One(OWN), deaf, &off, bed.now).await, Ok(true));
    bed.work(done()).await;
    let rows = messages(bed, Scope::All).await;
    assert_eq!(rows.len(), 1, "one that was made while the run was at work is told of its end");
    assert_eq!((rows[0].endpoint, rows[0].run), (Some(late), Some(run)));
    assert_eq!(messages(bed, Scope::One(OTHER)).await, []);
    // Both: the one that the run names, and the endpoint.
    let both = submit(bed, plan(vec![node("a", &[])]), Occasion::RunFinished.into()).await;
    let theirs = NewRun { workspace: OTHER, ..bed.new_run(plan(vec![node("a", &[])])) };
    bed.store.submit(&theirs).await.expect("the run is created");
    for _ in 0..2 {
        bed.work(done()).await;
    }
    let rows = messages(bed, Scope::All).await;
    let mut whom: Vec<_> = rows.iter().filter(|row| row.run == Some(both)).map(|row| row.endpoint).collect();
    whom.sort_unstable();
    assert_eq!(whom, [None, Some(late)]);
    let theirs = messages(bed, Scope::One(OTHER)).await;
    assert_eq!(theirs.iter().map(|row| row.endpoint).collect::<Vec<_>>(), [Some(foreign)]);
    assert_eq!(bed.store.delivery(Scope::One(OWN), theirs[0].id).await, Ok(None));
    assert_eq!(bed.store.redeliver(Scope::One(OWN), theirs[0].id, bed.now).await, Ok(false));
}

pub async fn a_message_is_sent_by_one_at_a_time(bed: &mut Bed) {
    assert_eq!(bed.store.next_delivery(None).await, Ok(None));
    let run = submit(bed, plan(vec![node("a", &[])]), Occasion::RunFinished.into()).await;
    bed.work(done()).await;
    assert_eq!(bed.store.next_delivery(None).await, Ok(Some(bed.now)));
    assert_eq!(bed.store.next_delivery(Some(run)).await, Ok(Some(bed.now)));
    let first = take(bed).await.pop().expect("it is due");
    let addressee = first.addressee.as_ref().expect("it has one");
    assert_eq!(
        (addressee.format, &addressee.secrets),
        (Format::Execution, &vec![SigningSecret::Sealed(vec![1, 2, 3])])
    );
    assert_eq!(take(bed).await, [], "somebody has it");
    // Whoever had it is dead: it is due again, with the same id, and the dead have nothing more to say.
    bed.pass(60_000);
    let second = take(bed).await.pop().expect("it is due again");
    assert_eq!(second.row.id, first.row.id);
    assert!(!note(bed, &first, Verdict::Delivered).await);
    let later = bed.now.plus_ms(5_000);
    assert!(note(bed, &second, Verdict::Again(later)).await && !note(bed, &second, Verdict::Delivered).await);
    assert_eq!(take(bed).await, [], "not before its time");
    bed.pass(5_000);
    let third = take(bed).await.pop().expect("its time has come");
    assert_eq!((third.row.attempts, third.row.tries.len(), third.row.body.as_deref()), (1, 1, Some("{}")));
    assert!(note(bed, &third, Verdict::Delivered).await);
    let row = bed.store.delivery(Scope::One(OWN), first.row.id).await.expect("it is read").expect("it is there");
    assert_eq!((row.status, row.attempts, row.delivered_at), (DeliveryStatus::Delivered, 2, Some(bed.now)));
    assert_eq!((bed.store.next_delivery(None).await, take(bed).await), (Ok(None), vec![]));
}

pub async fn due_messages_are_read_by_pages_and_taken_by_id(bed: &mut Bed) {
    let mut runs = Vec::new();
    for _ in 0..2 {
        // Three are told of at once, so their ids alone tell them apart.
        runs.push(submit(bed, plan(vec![node("a", &[])]), all()).await);
        bed.work(done()).await;
        bed.pass(1);
    }
    create(bed, "theirs", OTHER).await;
    let theirs = NewRun { workspace: OTHER, ..bed.new_run(plan(vec![node("a", &[])])) };
    bed.store.submit(&theirs).await.expect("the run is created");
    bed.work(done()).await;
    let rows = messages(bed, Scope::All).await;
    let key = |row: &DeliveryRow| DueKey {
        id: row.id,
        workspace: row.workspace,
        url: row.url.clone(),
        next_attempt_at: row.next_attempt_at.expect("it is to be sent"),
    };
    let mut expected: Vec<DueKey> = rows.iter().map(key).collect();
    expected.sort_by_key(DueKey::place);
    assert_eq!(expected.len(), 7);
    assert_eq!((expected[6].workspace, expected[6].url.as_str()), (OTHER, "https://theirs.example/"));
    assert_eq!(due(bed, None, None, 10).await, expected);
    let mut read: Vec<DueKey> = Vec::new();
    for length in [2, 2, 2, 1, 0] {
        let page = due(bed, None, read.last(), 2).await;
        assert_eq!(page.len(), length);
        read.extend(page);
    }
    assert_eq!(read, expected, "each once, in order");
    // Of one run as well.
    assert_eq!(due(bed, Some(runs[1]), None, 10).await, expected[3..6]);
    assert_eq!(due(bed, Some(runs[1]), Some(&expected[3]), 10).await, expected[4..6]);
    assert_eq!(due(bed, Some(theirs.id), Some(&expected[6]), 10).await, []);
    // Those and no others are taken, and none twice; what is not due, or is not there, is left out.
    let (until, store) = (bed.now.plus_ms(60_000), std::sync::Arc::clone(&bed.store));
    let taken = async |ids: &[DeliveryId], now| {
        let taken = store.take_deliveries(ids, now, until).await.expect("messages are taken");
        let mut ids: Vec<DeliveryId> = taken.iter().map(|due| due.row.id).collect();
        assert!(taken.iter().all(|due| due.row.next_attempt_at == Some(until) && due.addressee.is_some()));
        ids.sort_unstable();
        ids
    };
    let ids: Vec<DeliveryId> = expected.iter().map(|key| key.id).collect();
    let [first, second, last] = [ids[0], ids[1], ids[6]];
    assert_eq!(taken(&[], bed.now).await, []);
    assert_eq!(taken(&[last], expected[0].next_attempt_at).await, [], "not before its time");
    assert_eq!(taken(&[first, bed.new_delivery_id()], bed.now).await, [first]);
    let mut two = [second, last];
    two.sort_unstable();
    assert_eq!(taken(&[first, last, second], bed.now).await, two, "somebody has the first");
    assert_eq!(due(bed, None, None, 10).await, expected[2..6]);
    bed.pass(60_000);
    let ended = due(bed, None, None, 10).await;
    assert_eq!(ended[..4], expected[2..6], "what was taken is due again, after what waits longer");
    assert_eq!(ended.len(), 7);
    let first = take(bed).await.swap_remove(0);
    assert!(note(bed, &first, Verdict::Delivered).await);
    assert_eq!(taken(&[first.row.id], bed.now.plus_ms(60_000)).await, [], "it was heard");
}

pub async fn who_is_gone_is_told_nothing_more(bed: &mut Bed) {
    let id = create(bed, "gone", OWN).await;
    for _ in 0..2 {
        bed.submit(plan(vec![node("a", &[])])).await;
        bed.work(done()).await;
    }
    let due = take(bed).await;
    assert_eq!(due.len(), 2);
    assert!(note(bed, &due[0], Verdict::Gone).await);
    let row = bed.store.endpoint(Scope::One(OWN), id).await.expect("it is read").expect("it is there");
    assert_eq!((row.disabled_at, row.disabled_because.as_deref()), (Some(bed.now), Some("it answered 410 Gone")));
    assert!(note(bed, &due[1], Verdict::Again(bed.now)).await);
    assert_eq!(take(bed).await[0].addressee, None, "what is left has nobody to go to");
    bed.submit(plan(vec![node("a", &[])])).await;
    bed.work(done()).await;
    assert_eq!(messages(bed, Scope::All).await.len(), 2, "nothing more is told");
    assert_eq!(bed.store.delete_endpoint(Scope::One(OWN), id).await, Ok(true));
    assert_eq!(bed.store.delete_endpoint(Scope::One(OWN), id).await, Ok(false));
    assert_eq!(messages(bed, Scope::All).await.len(), 2, "what was told stays");
}

pub async fn messages_are_listed_and_asked_for_again(bed: &mut Bed) {
    let id = create(bed, "a", OWN).await;
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(bed.submit(plan(vec![node("a", &[])])).await);
        bed.work(done()).await;
    }
    let due = take(bed).await;
    assert!(note(bed, &due[0], Verdict::Failed).await && note(bed, &due[1], Verdict::Delivered).await);
    let list = async |filter: DeliveryFilter| {
        let filter = DeliveryFilter { limit: filter.limit.max(2), ..filter };
        let rows = bed.store.deliveries(Scope::One(OWN), &filter).await.expect("messages are listed");
        rows.into_iter().map(|row| row.run.expect("it is about one")).collect::<Vec<_>>()
    };
    let none = DeliveryFilter::default;
    let other = EndpointId::from_uuid(runs[0].uuid());
    assert_eq!(list(none()).await, [runs[2], runs[1]], "newest first, a page of them");
    let last = messages(bed, Scope::All).await[1].clone();
    assert_eq!(list(DeliveryFilter { before: Some((last.created_at, last.id)), ..none() }).await, [runs[0]]);
    assert_eq!(list(DeliveryFilter { run: Some(runs[1]), ..none() }).await, [runs[1]]);
    assert_eq!(list(DeliveryFilter { status: Some(DeliveryStatus::Failed), ..none() }).await, [runs[0]]);
    assert_eq!(list(DeliveryFilter { endpoint: Some(id), ..none() }).await.len(), 2);
    assert_eq!(list(DeliveryFilter { endpoint: Some(other), ..none() }).await, []);
    assert_eq!(bed.store.redeliver_failed(Scope::One(OTHER), None, bed.now).await, Ok(0));
    assert_eq!(bed.store.redeliver_failed(Scope::One(OWN), Some(id), bed.now).await, Ok(1));
    assert_eq!(bed.store.redeliver_failed(Scope::One(OWN), None, bed.now).await, Ok(0));
    assert_eq!(bed.store.redeliver(Scope::One(OWN), due[1].row.id, bed.now).await, Ok(true));
    let again = take(bed).await;
    assert_eq!(again.len(), 2);
    assert!(again.iter().all(|due| due.row.attempts == 0 && due.row.tries.len() == 1), "what was tried stays known");
    // As many attempts as are kept, and one more.
    let mut last = again[0].clone();
    for _ in 0..DELIVERY_TRIES_MAX {
        assert!(note(bed, &last, Verdict::Again(bed.now)).await);
        last = take(bed).await.into_iter().find(|due| due.row.id == last.row.id).expect("it is due");
    }
    assert_eq!(last.row.tries.len(), DELIVERY_TRIES_MAX);
    let test = DeliveryRow {
        id: bed.new_delivery_id(),
        run: None,
        task: None,
        occasion: Occasion::Test,
        status: DeliveryStatus::Pending,
        attempts: 0,
        next_attempt_at: Some(bed.now),
        body: None,
        tries: Vec::new(),
        created_at: bed.now,
        delivered_at: None,
        ..due[0].row.clone()
    };
    assert_eq!(bed.store.create_delivery(&test).await, Ok(()));
    assert_eq!(bed.store.create_delivery(&test).await, Ok(()), "once");
    assert_eq!(bed.store.delivery(Scope::One(OWN), test.id).await, Ok(Some(test)));
}

pub async fn endpoints_have_names_and_secrets(bed: &mut Bed) {
    let new = endpoint(bed, "a");
    assert_eq!(bed.store.create_endpoint(&new).await, Ok(Submitted::Created));
    assert_eq!(bed.store.create_endpoint(&new).await, Ok(Submitted::Existing));
    let same = endpoint(bed, "a");
    let taken = bed.store.create_endpoint(&same).await;
    assert!(matches!(taken, Err(StoreError::Conflict(_))), "{taken:?}");
    let theirs = create(bed, "a", OTHER).await;
    let rows = bed.store.endpoints(Scope::One(OWN)).await.expect("endpoints are listed");
    assert_eq!(rows, std::slice::from_ref(&new));
    bed.pass(1);
    let until = bed.now.plus_ms(1_000);
    let store = std::sync::Arc::clone(&bed.store);
    assert_eq!(store.rotate_endpoint(Scope::One(OWN), theirs, &[1], until, bed.now).await, Ok(false));
    assert_eq!(store.rotate_endpoint(Scope::One(OWN), new.id, &[1], until, bed.now).await, Ok(true));
    let row = store.endpoint(Scope::One(OWN), new.id).await.expect("it is read").expect("it is there");
    assert_eq!((&row.secret, &row.previous), (&vec![1], &Some((vec![9, 9], until))));
    // The old one is sealed anew, there and back.
    for (old, new_text) in [(vec![9, 9], vec![9, 9, 9]), (vec![9, 9, 9], vec![9, 9])] {
        let at = SealedAt::Endpoint(new.id);
        let reseal = Reseal { workspace: OWN, at, old, new: new_text, key_id: "new".into() };
        assert_eq!(store.reseal(&Reseal { workspace: OTHER, ..reseal.clone() }).await, Ok(false));
        assert_eq!(store.reseal(&reseal).await, Ok(true));
        assert_eq!(store.reseal(&reseal).await, Ok(false), "once");
    }
    bed.submit(plan(vec![node("a", &[])])).await;
    bed.work(done()).await;
    let due = take(bed).await.pop().expect("it is due");
    let both = vec![SigningSecret::Sealed(vec![1]), SigningSecret::Sealed(vec![9, 9])];
    assert_eq!(due.addressee.expect("it has one").secrets, both, "both sign");
    bed.pass(60_000);
    let due = take(bed).await.pop().expect("it is due");
    assert_eq!(due.addressee.expect("it has one").secrets, both[..1], "until then");
    let change = EndpointChange {
        url: Some("https://b.example/".into()),
        events: Some(all()),
        format: Some(Format::Execution),
        is_enabled: None,
    };
    assert_eq!(store.change_endpoint(Scope::One(OWN), theirs, &change, bed.now).await, Ok(false));
    assert_eq!(store.change_endpoint(Scope::One(OWN), new.id, &change, bed.now).await, Ok(true));
    let row = store.endpoint(Scope::One(OWN), new.id).await.expect("it is read").expect("it is there");
    assert_eq!((row.url.as_str(), row.events, row.format), ("https://b.example/", all(), Format::Execution));
    let off = |is_enabled| EndpointChange { is_enabled: Some(is_enabled), ..EndpointChange::default() };
    for is_enabled in [false, true] {
        assert_eq!(store.change_endpoint(Scope::One(OWN), new.id, &off(is_enabled), bed.now).await, Ok(true));
        let row = store.endpoint(Scope::One(OWN), new.id).await.expect("it is read").expect("it is there");
        assert_eq!((row.disabled_at.is_none(), row.disabled_because.is_none()), (is_enabled, is_enabled));
    }
    for number in 1..ENDPOINTS_MAX {
        create(bed, &format!("n{number}"), OWN).await;
    }
    let one_more = endpoint(bed, "one-more");
    let refused = store.create_endpoint(&one_more).await;
    assert!(matches!(refused, Err(StoreError::Limit(_))), "{refused:?}");
    // The slot of one that is deleted is free.
    assert_eq!(store.delete_endpoint(Scope::One(OWN), new.id).await, Ok(true));
    assert_eq!(store.create_endpoint(&one_more).await, Ok(Submitted::Created));
    let row = store.endpoint(Scope::One(OWN), one_more.id).await.expect("it is read").expect("it is there");
    assert_eq!(row.slot, 1);
}
