//! Seals of events, and what bots write.

use ork_core::error::StoreError;
use ork_core::event::{Actor, ActorKind, BotType, EventType};
use ork_core::id::{RunId, WorkspaceId};
use ork_core::json::Json;
use ork_core::limits::{BOT_EVENTS_MAX, EVENTS_MAX};
use ork_core::seal::{Anchor, Finding, Key, Link, SealRow, Verdict, seal, verify};
use ork_core::store::{Appended, NewEvent, NewEvents, Scope, SealKeyRow};

use crate::OTHER;
use crate::bed::{Bed, ada, done};
use crate::feed::Reader;
use crate::plans::{node, plan};

const OWN: Scope = Scope::One(WorkspaceId::DEFAULT);
const ROWS: u32 = 500;

fn key(id: &str) -> Key {
    Key::new(id, &[7; 32])
}

fn keys(id: &str) -> Option<Key> {
    ["first", "second"].contains(&id).then(|| key(id))
}

/// A run that is over.
async fn ended(bed: &mut Bed) -> RunId {
    let run = bed.submit(plan(vec![node("a", &[]), node("b", &[0])])).await;
    bed.work(done()).await;
    bed.work(done()).await;
    run
}

async fn seal_all(bed: &Bed, with: &str) -> Vec<SealRow> {
    let unsealed = bed.store.unsealed(ROWS).await.expect("what is not sealed is answered");
    let seals: Vec<SealRow> = unsealed.iter().map(|of| seal(&key(with), of, bed.now)).collect();
    assert_eq!(bed.store.seal(&seals).await, Ok(seals.len() as u64));
    seals
}

async fn looked_at(bed: &Bed, run: RunId) -> Verdict {
    verify(bed.store.as_ref(), OWN, run, &keys, None).await.expect("a run is verified").expect("it is there")
}

fn told(run: RunId, words: &[&str], bed: &Bed) -> NewEvents {
    let event = |word: &&str| NewEvent {
        event_type: BotType::parse(word).expect("a word of bots"),
        task: None,
        payload: Some(Json::from_stored("{ \"n\":  1.50 }")),
    };
    let actor = Actor { kind: ActorKind::Bot, id: "scribe".into() };
    NewEvents { run, key: None, events: words.iter().map(event).collect(), actor, now: bed.now }
}

pub async fn a_run_is_sealed_after_its_end(bed: &mut Bed) {
    let live = bed.submit(plan(vec![node("a", &[])])).await;
    assert_eq!(bed.store.unsealed(ROWS).await, Ok(vec![]), "it is not over");
    bed.work(done()).await;
    let seq = bed.run(live).await.seq;
    let unsealed = bed.store.unsealed(ROWS).await.expect("what is not sealed is answered");
    assert_eq!(unsealed.len(), 1);
    let of = &unsealed[0];
    assert_eq!((of.run, of.seals, of.link, of.sealed, of.seq), (live, 0, Link::NONE, 0, seq));
    assert_eq!(of.rows.last().map(|row| row.seq_last), Some(seq));
    assert_eq!(bed.store.anchor(OWN, live).await, Ok(Some(Anchor { seq, sealed: 0 })));
    let one = seal(&key("first"), of, bed.now);
    assert_eq!((one.number, one.seq, one.seq_last), (1, 1, seq));
    assert_eq!(bed.store.seal(std::slice::from_ref(&one)).await, Ok(1));
    assert_eq!(bed.store.seal(std::slice::from_ref(&one)).await, Ok(0), "somebody else was there before");
    assert_eq!(bed.store.seals(OWN, live, 0, 10).await, Ok(vec![one.clone()]));
    assert_eq!(bed.store.seals(OWN, live, 1, 10).await, Ok(vec![]));
    assert_eq!(bed.store.seals(Scope::One(OTHER), live, 0, 10).await, Ok(vec![]));
    assert_eq!(bed.store.anchor(OWN, live).await, Ok(Some(Anchor { seq, sealed: seq })));
    assert_eq!(bed.store.unsealed(ROWS).await, Ok(vec![]));
    assert_eq!(bed.store.unsealed_of(OWN, live, ROWS).await, Ok(None));
    let verdict = looked_at(bed, live).await;
    assert_eq!((verdict.sealed, verdict.unsealed, verdict.findings.as_slice()), (seq, 0, &[][..]));
    assert_eq!(verdict.head.map(|head| head.link), Some(one.link));
}

pub async fn late_events_are_chained_on(bed: &mut Bed) {
    let run = ended(bed).await;
    let first = seal_all(bed, "first").await.remove(0);
    bed.pass(1);
    bed.store.append_events(OWN, &told(run, &["bot.late", "bot.later"], bed)).await.expect("a bot may come late");
    let verdict = looked_at(bed, run).await;
    assert_eq!((verdict.sealed, verdict.unsealed, verdict.findings.len()), (first.seq_last, 2, 0));
    // With another key: what the first one has made stays as it is.
    let second = seal_all(bed, "second").await.remove(0);
    assert_eq!((second.number, second.seq, second.seq_last), (2, first.seq_last + 1, first.seq_last + 2));
    let verdict = looked_at(bed, run).await;
    assert_eq!((verdict.sealed, verdict.unsealed, verdict.findings.len()), (second.seq_last, 0, 0));
    // A head that somebody kept stays in the chain.
    let store = bed.store.as_ref();
    for (kept, finding) in [(first.link, None), (second.link, None), (Link::NONE, Some(Finding::OtherHead))] {
        let verdict = verify(store, OWN, run, &keys, Some(kept)).await.expect("a run is verified").expect("is there");
        assert_eq!(verdict.findings.first(), finding.as_ref());
    }
    let unknown = |id: &str| (id == "second").then(|| key(id));
    let verdict = verify(store, OWN, run, &unknown, None).await.expect("a run is verified").expect("is there");
    assert_eq!(verdict.findings, [Finding::UnknownKey { number: 1, key_id: "first".into() }]);
}

pub async fn large_runs_are_sealed_in_pieces(bed: &mut Bed) {
    let run = bed.submit(plan(vec![node("a", &[])])).await;
    for _ in 0..3 {
        let words = ["bot.n"; 7];
        bed.store.append_events(OWN, &told(run, &words, bed)).await.expect("a bot writes");
    }
    bed.work(done()).await;
    let (mut pieces, key) = (0, key("first"));
    loop {
        let some = bed.store.unsealed(4).await.expect("what is not sealed is answered");
        if some.is_empty() {
            break;
        }
        assert!(some.iter().map(|of| of.rows.len()).sum::<usize>() <= 4);
        let seals: Vec<SealRow> = some.iter().map(|of| seal(&key, of, bed.now)).collect();
        assert_eq!(bed.store.seal(&seals).await, Ok(seals.len() as u64));
        pieces += seals.len();
    }
    assert!(pieces > 4, "{pieces} pieces");
    let verdict = looked_at(bed, run).await;
    assert_eq!((verdict.sealed, verdict.findings.len()), (bed.run(run).await.seq, 0));
}

pub async fn a_run_is_sealed_while_it_goes_on(bed: &mut Bed) {
    let run = bed.submit(plan(vec![node("a", &[])])).await;
    let of = bed.store.unsealed_of(OWN, run, ROWS).await.expect("it is answered").expect("it has events");
    assert_eq!(bed.store.unsealed_of(Scope::One(OTHER), run, ROWS).await, Ok(None));
    assert_eq!(bed.store.seal(&[seal(&key("first"), &of, bed.now)]).await, Ok(1));
    assert_eq!(bed.store.unsealed_of(OWN, run, ROWS).await, Ok(None));
    bed.work(done()).await;
    seal_all(bed, "first").await;
    let verdict = looked_at(bed, run).await;
    assert_eq!((verdict.unsealed, verdict.findings.len()), (0, 0));
    assert_eq!(verdict.head.map(|head| head.number), Some(2));
}

pub async fn a_tombstone_has_the_head(bed: &mut Bed) {
    let sealed = ended(bed).await;
    let head = seal_all(bed, "first").await.remove(0);
    let unsealed = ended(bed).await;
    bed.pass(1);
    assert_eq!(bed.store.prune_runs(OWN, &[sealed, unsealed], bed.now).await, Ok(2));
    let left = async |run| bed.store.tombstone(OWN, run).await.expect("it is answered").expect("it is there").head;
    let kept = left(sealed).await.expect("it was sealed");
    assert_eq!((kept.seq, kept.link, kept.key_id.as_str()), (head.seq_last, head.link, "first"));
    assert_eq!(left(unsealed).await, None);
    assert_eq!(bed.store.anchor(OWN, sealed).await, Ok(None));
    while bed.store.sweep(3).await.expect("it is swept").more {}
    assert_eq!(bed.store.seals(OWN, sealed, 0, 10).await, Ok(vec![]));
}

pub async fn keys_that_have_sealed_are_kept(bed: &mut Bed) {
    let row = |id: &str, by: &str| SealKeyRow {
        key_id: id.into(),
        sealed: vec![0, 255, 7],
        sealed_by: by.into(),
        sealed_at: bed.now,
    };
    assert_eq!(bed.store.seal_keys().await, Ok(vec![]));
    for one in [row("b", "x"), row("a", "x"), row("b", "y")] {
        bed.store.keep_seal_key(&one).await.expect("it is kept");
    }
    assert_eq!(bed.store.seal_keys().await, Ok(vec![row("a", "x"), row("b", "y")]));
}

pub async fn bots_write_events(bed: &mut Bed) {
    let run = bed.submit(plan(vec![node("a", &[]), node("b", &[0])])).await;
    let before = bed.run(run).await.seq;
    let mut new = told(run, &["bot.seen", "bot.seen", "bot.note.2"], bed);
    new.events[2].task = Some(1);
    new.events[1].payload = None;
    let expected = Appended { seq: before + 1, seq_last: before + 3, repeated: false };
    assert_eq!(bed.store.append_events(OWN, &new).await, Ok(expected));
    let rows = bed.store.events(OWN, run, before, 10).await.expect("events are answered");
    assert_eq!(rows.len(), 3, "each has a row of its own: {rows:?}");
    assert!(new.are(&rows), "{rows:?}");
    assert_eq!(rows[0].event_type, EventType::from_word("bot.seen").expect("a word of bots"));
    assert_eq!((rows[2].tasks.to_string().as_str(), rows[2].created_at), ("1", bed.now));
    let mut reader = Reader::new(OWN);
    reader.rest(bed.store.as_ref(), 100).await;
    assert!(reader.rows.iter().any(|row| row.event == rows[2]), "readers of all events see them");
    // Without a name the same again are others; to a run that is over too.
    let again = bed.store.append_events(OWN, &new).await.expect("it is answered");
    assert_eq!((again.seq, again.repeated), (before + 4, false));
    bed.work(done()).await;
    bed.work(done()).await;
    let end = bed.run(run).await.seq;
    let late = bed.store.append_events(OWN, &new).await.expect("a bot may come late");
    assert_eq!((late.seq, late.seq_last), (end + 1, end + 3));
    assert_eq!(bed.run(run).await.seq, end + 3);
}

pub async fn a_named_request_writes_once(bed: &mut Bed) {
    let run = bed.submit(plan(vec![node("a", &[])])).await;
    let other = bed.submit(plan(vec![node("a", &[])])).await;
    let new = NewEvents { key: Some("k".into()), ..told(run, &["bot.a", "bot.b"], bed) };
    let first = bed.store.append_events(OWN, &new).await.expect("a bot writes");
    bed.work(done()).await;
    bed.pass(5);
    let again = NewEvents { now: bed.now, ..new.clone() };
    assert_eq!(bed.store.append_events(OWN, &again).await, Ok(Appended { repeated: true, ..first }));
    let others = NewEvents { events: new.events[..1].to_vec(), ..new.clone() };
    let refused = bed.store.append_events(OWN, &others).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    let by_other = NewEvents { actor: ada(), ..new.clone() };
    let refused = bed.store.append_events(OWN, &by_other).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    let elsewhere = NewEvents { run: other, ..new };
    assert!(!bed.store.append_events(OWN, &elsewhere).await.expect("another run has names of its own").repeated);
}

pub async fn bots_are_kept_within_limits(bed: &mut Bed) {
    let run = bed.submit(plan(vec![node("a", &[])])).await;
    let before = bed.run(run).await.seq;
    let words = vec!["bot.n"; EVENTS_MAX];
    let nowhere = bed.store.append_events(Scope::One(OTHER), &told(run, &["bot.a"], bed)).await;
    assert!(matches!(nowhere, Err(StoreError::NotFound(_))), "{nowhere:?}");
    let mut astray = told(run, &["bot.a"], bed);
    astray.events[0].task = Some(1);
    let refused = bed.store.append_events(OWN, &astray).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    for _ in 0..BOT_EVENTS_MAX as usize / EVENTS_MAX {
        bed.store.append_events(OWN, &told(run, &words, bed)).await.expect("there is room");
    }
    let refused = bed.store.append_events(OWN, &told(run, &["bot.a"], bed)).await;
    assert!(matches!(refused, Err(StoreError::Limit(_))), "{refused:?}");
    assert_eq!(bed.run(run).await.seq, before + u64::from(BOT_EVENTS_MAX));
}
