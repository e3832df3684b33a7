//! Whatever is done to sealed events is found, and the right row is named.

use proptest::prelude::*;

use super::*;
use crate::clock::SeededEntropy;
use crate::event::{Actor, ActorKind, EventType, TaskSet};

const NOW: Timestamp = Timestamp::from_micros(1_750_000_000_000_000);

fn run() -> RunId {
    RunId::new(NOW, &mut SeededEntropy::new(7))
}

fn key(id: &str) -> Key {
    let mut bytes = [0; 32];
    bytes[..id.len()].copy_from_slice(id.as_bytes());
    Key::new(id, &bytes)
}

fn known(id: &str) -> Option<Key> {
    ["k1", "k2"].contains(&id).then(|| key(id))
}

/// Rows of `sizes` events each.
fn rows(sizes: &[u32]) -> Vec<EventRow> {
    let mut next = 1;
    let mut all = Vec::new();
    for (at, size) in sizes.iter().enumerate() {
        let tasks = if *size == 1 { TaskSet::default() } else { TaskSet::of((0..*size).collect()) };
        let seq_last = next + u64::from(*size) - 1;
        all.push(EventRow {
            run: run(),
            seq: next,
            seq_last,
            event_type: EventType::RunResumed,
            tasks,
            actor: Actor { kind: ActorKind::User, id: "ada".into() },
            payload: (at % 2 == 0).then(|| Json::from_stored(format!("{{\"n\": {at}}}"))),
            created_at: NOW.plus_ms(at as u64),
        });
        next = seq_last + 1;
    }
    all
}

/// What is stored of one run.
#[derive(Debug, Clone)]
struct Stored {
    anchor: Anchor,
    seals: Vec<SealRow>,
    rows: Vec<EventRow>,
}

/// Seals up to each of these rows, with the keys in turn.
fn stored(sizes: &[u32], cuts: &[usize]) -> Stored {
    let rows = rows(sizes);
    let seq = rows.last().map_or(0, |row| row.seq_last);
    let (mut seals, mut from): (Vec<SealRow>, usize) = (Vec::new(), 0);
    for (at, cut) in cuts.iter().enumerate() {
        let last = seals.last();
        let of = Unsealed {
            run: run(),
            seals: last.map_or(0, |seal| seal.number),
            link: last.map_or(Link::NONE, |seal| seal.link),
            sealed: last.map_or(0, |seal| seal.seq_last),
            seq,
            rows: rows[from..*cut].to_vec(),
        };
        seals.push(seal(&key(["k1", "k2"][at % 2]), &of, NOW.plus_ms(at as u64)));
        from = *cut;
    }
    let sealed = seals.last().map_or(0, |seal| seal.seq_last);
    Stored { anchor: Anchor { seq, sealed }, seals, rows }
}

impl Stored {
    fn verdict(&self) -> Verdict {
        self.verdict_with(None)
    }

    fn verdict_with(&self, kept: Option<Link>) -> Verdict {
        let mut verifier = Verifier::new(run(), self.anchor, self.seals.clone(), &known);
        for page in self.rows.chunks(3) {
            verifier.rows(page.to_vec());
        }
        verifier.finish(self.anchor, kept)
    }

    fn findings(&self) -> Vec<Finding> {
        self.verdict().findings
    }
}

#[test]
fn what_was_not_touched_is_whole() {
    let whole = stored(&[1, 3, 1, 1, 5, 1, 1], &[3, 6]);
    let verdict = whole.verdict();
    assert_eq!((verdict.sealed, verdict.unsealed, verdict.findings.len()), (12, 1, 0));
    assert_eq!(verdict.head, whole.seals.last().cloned());
    for seal in &whole.seals {
        assert_eq!(whole.verdict_with(Some(seal.link)).findings, []);
    }
    assert_eq!(whole.verdict_with(Some(Link::NONE)).findings, [Finding::OtherHead]);
    let never = stored(&[1, 1], &[]);
    assert_eq!((never.verdict().unsealed, never.findings().len()), (2, 0));
}

#[test]
fn each_field_of_a_row_is_sealed() {
    let whole = stored(&[1, 3, 1, 1, 5, 1], &[3, 6]);
    let check = |what: &str, edit: &dyn Fn(&mut EventRow)| {
        for at in 0..whole.rows.len() {
            let mut edited = whole.clone();
            edit(&mut edited.rows[at]);
            assert_eq!(edited.findings(), [Finding::Changed { seq: whole.rows[at].seq }], "{what} of row {at}");
        }
    };
    check("payload", &|row| row.payload = Some(Json::from_stored("{\"n\":  0}")));
    check("type", &|row| row.event_type = EventType::RunCreated);
    check("actor's name", &|row| row.actor.id = "eve".into());
    check("actor's kind", &|row| row.actor.kind = ActorKind::Service);
    check("time", &|row| row.created_at = row.created_at.plus_ms(60_000));
    check("run", &|row| row.run = RunId::new(NOW, &mut SeededEntropy::new(8)));
    check("tasks", &|row| row.tasks = TaskSet::of(vec![77]));
}

#[test]
fn no_payload_is_not_an_empty_one() {
    let mut whole = stored(&[1, 1], &[2]);
    assert_eq!(whole.rows[1].payload, None);
    whole.rows[1].payload = Some(Json::from_stored(""));
    assert_eq!(whole.findings(), [Finding::Changed { seq: 2 }]);
}

#[test]
fn removed_rows_are_named() {
    let whole = stored(&[1, 3, 1, 1, 5, 1], &[3, 6]);
    for at in 0..whole.rows.len() {
        let mut cut = whole.clone();
        let gone = cut.rows.remove(at);
        assert_eq!(cut.findings(), [Finding::Missing { seq: gone.seq, seq_last: gone.seq_last }], "row {at}");
    }
    let mut truncated = whole.clone();
    truncated.rows.truncate(2);
    assert_eq!(truncated.findings(), [Finding::Missing { seq: 5, seq_last: 12 }]);
    // Also when the head says that there never were so many.
    truncated.anchor.seq = 4;
    assert_eq!(truncated.findings(), [Finding::Missing { seq: 5, seq_last: 12 }]);
    let mut emptied = whole;
    emptied.rows.clear();
    assert_eq!(emptied.findings(), [Finding::Missing { seq: 1, seq_last: 12 }]);
    // What nobody has sealed yet is missing too, because the head counts it.
    let mut tail = stored(&[1, 1, 1], &[2]);
    tail.rows.pop();
    assert_eq!(tail.findings(), [Finding::Missing { seq: 3, seq_last: 3 }]);
}

#[test]
fn a_row_that_is_gone_does_not_hide_one_that_was_changed() {
    let mut edited = stored(&[1, 1, 1, 1, 1, 1], &[6]);
    edited.rows[4].actor.id = "eve".into();
    edited.rows.remove(1);
    let expected = [Finding::Missing { seq: 2, seq_last: 2 }, Finding::Changed { seq: 5 }];
    assert_eq!(edited.findings(), expected);
}

#[test]
fn rows_that_changed_places_are_named() {
    let mut swapped = stored(&[1, 1, 1, 1], &[4]);
    swapped.rows.swap(1, 2);
    (swapped.rows[1].seq, swapped.rows[1].seq_last) = (2, 2);
    (swapped.rows[2].seq, swapped.rows[2].seq_last) = (3, 3);
    assert_eq!(swapped.findings(), [Finding::Changed { seq: 2 }, Finding::Changed { seq: 3 }]);
}

#[test]
fn added_rows_are_named() {
    let whole = stored(&[1, 3, 1], &[3]);
    let mut inside = whole.clone();
    let mut new = inside.rows[2].clone();
    (new.seq, new.seq_last) = (3, 3);
    inside.rows.insert(2, new.clone());
    assert_eq!(inside.findings(), [Finding::Added { seq: 3 }]);
    let mut behind = whole.clone();
    (new.seq, new.seq_last) = (6, 6);
    behind.rows.push(new.clone());
    assert_eq!(behind.findings(), [Finding::Added { seq: 6 }]);
    // If the head is made to count it, it is no worse than what was not sealed yet.
    behind.anchor.seq = 6;
    assert_eq!((behind.verdict().unsealed, behind.findings().len()), (1, 0));
    // One that is put between others moves those.
    let mut between = whole;
    between.rows.insert(1, EventRow { seq: 2, seq_last: 2, ..new });
    for row in &mut between.rows[2..] {
        (row.seq, row.seq_last) = (row.seq + 1, row.seq_last + 1);
    }
    between.anchor.seq = 6;
    assert_eq!(between.findings()[0], Finding::Changed { seq: 2 });
}

#[test]
fn each_field_of_a_seal_is_sealed() {
    let whole = stored(&[1, 3, 1, 1, 5, 1, 1], &[3, 5, 7]);
    let check = |what: &str, edit: &dyn Fn(&mut SealRow)| {
        for at in 0..3 {
            let mut edited = whole.clone();
            edit(&mut edited.seals[at]);
            assert_eq!(edited.findings(), [Finding::SealChanged { number: at as u32 + 1 }], "{what} of seal {at}");
        }
    };
    check("link", &|seal| seal.link.0[5] ^= 1);
    check("time", &|seal| seal.sealed_at = seal.sealed_at.plus_ms(1));
    check("marks", &|seal| seal.marks[3] ^= 1);
    check("last mark", &|seal| seal.marks.truncate(seal.marks.len() - 1));
    check("more marks", &|seal| seal.marks.extend([0; MARK_BYTES]));
    let mut other_key = whole.clone();
    other_key.seals[1].key_id = "k1".into();
    assert!(other_key.findings().contains(&Finding::SealChanged { number: 2 }));
    let mut unknown = whole.clone();
    unknown.seals[1].key_id = "k9".into();
    assert_eq!(unknown.findings()[0], Finding::UnknownKey { number: 2, key_id: "k9".into() });
    let mut moved = whole;
    moved.seals[0].seq_last = 4;
    assert!(!moved.findings().is_empty());
}

#[test]
fn removed_seals_are_named() {
    let whole = stored(&[1, 3, 1, 1, 5, 1, 1], &[3, 5, 7]);
    for (at, number) in [(0, 1), (1, 2)] {
        let mut cut = whole.clone();
        cut.seals.remove(at);
        assert_eq!(cut.findings(), [Finding::SealMissing { number }]);
    }
    let mut cut = whole.clone();
    cut.seals.pop();
    assert_eq!(cut.findings(), [Finding::SealedDiffers { said: 13, covered: 11 }]);
    cut.seals.clear();
    assert_eq!(cut.findings(), [Finding::SealedDiffers { said: 13, covered: 0 }]);
    // With the head set back as well, only one that was kept elsewhere tells it.
    cut.anchor.sealed = 0;
    assert_eq!(cut.findings(), []);
    assert_eq!(cut.verdict_with(whole.seals.last().map(|seal| seal.link)).findings, [Finding::OtherHead]);
}

/// Where a seal begins is read from the run's head, which can be changed before it is made.
#[test]
fn events_that_no_seal_covers_are_named() {
    let whole = stored(&[1, 1, 1, 1, 1], &[2]);
    let mut skipped = whole.clone();
    let link = whole.seals[0].link;
    let of = Unsealed { run: run(), seals: 1, link, sealed: 3, seq: 5, rows: whole.rows[3..].to_vec() };
    skipped.seals.push(seal(&key("k1"), &of, NOW));
    skipped.anchor.sealed = 5;
    assert_eq!(skipped.findings(), [Finding::Uncovered { seq: 3, seq_last: 3 }]);
    let of = Unsealed { seals: 0, link: Link::NONE, ..of };
    skipped.seals = vec![seal(&key("k1"), &of, NOW)];
    assert_eq!(skipped.findings(), [Finding::Uncovered { seq: 1, seq_last: 3 }]);
}

#[test]
fn a_seal_of_somebody_without_the_key_is_none() {
    let mut forged = stored(&[1, 1, 1], &[2]);
    let of = Unsealed {
        run: run(),
        seals: 1,
        link: forged.seals[0].link,
        sealed: 2,
        seq: 3,
        rows: forged.rows[2..].to_vec(),
    };
    let mut wrong = seal(&Key::new("k1", &[9; 32]), &of, NOW);
    wrong.marks.clear();
    forged.seals.push(wrong);
    forged.anchor.sealed = 3;
    assert_eq!(forged.findings(), [Finding::Changed { seq: 3 }, Finding::SealChanged { number: 2 }]);
}

#[test]
fn what_was_removed_before_it_was_sealed_is_missing() {
    let mut cut = stored(&[1, 1, 1, 1], &[]);
    cut.rows.remove(1);
    let of = Unsealed { run: run(), seals: 0, link: Link::NONE, sealed: 0, seq: 4, rows: cut.rows.clone() };
    cut.seals.push(seal(&key("k1"), &of, NOW));
    cut.anchor.sealed = 4;
    assert_eq!(cut.findings(), [Finding::Missing { seq: 2, seq_last: 2 }]);
    let of = Unsealed { rows: Vec::new(), ..of };
    let empty = seal(&key("k1"), &of, NOW);
    assert_eq!((empty.seq, empty.seq_last, empty.marks.len()), (1, 4, 0));
    let gone = Stored { rows: Vec::new(), seals: vec![empty], ..cut };
    assert_eq!(gone.findings(), [Finding::Missing { seq: 1, seq_last: 4 }]);
}

#[test]
fn what_is_written_meanwhile_is_no_finding() {
    let mut later = stored(&[1, 1, 1], &[2]);
    let begun = Anchor { seq: 2, sealed: 2 };
    let look = |later: &Stored| {
        let mut verifier = Verifier::new(run(), begun, later.seals.clone(), &known);
        verifier.rows(later.rows.clone());
        verifier.finish(later.anchor, None)
    };
    assert_eq!((look(&later).unsealed, look(&later).findings.len()), (1, 0));
    // It was sealed as well.
    later = stored(&[1, 1, 1], &[2, 3]);
    assert_eq!((look(&later).unsealed, look(&later).findings.len()), (0, 0));
    // It was written after its rows were read.
    later.rows.pop();
    later.seals.pop();
    assert_eq!(look(&later).findings, []);
}

#[test]
fn links_are_read_as_they_are_written() {
    let link = stored(&[1], &[1]).seals[0].link;
    assert_eq!(Link::parse(&link.to_string()), Some(link));
    assert_eq!(Link::parse(&link.to_string().to_uppercase()), Some(link));
    for bad in ["", "ab", &format!("{link}0"), &link.to_string().replace(['a', '0'], "g")] {
        assert_eq!(Link::parse(bad), None, "{bad}");
    }
}

/// The form of what is sealed never changes: seals are kept for years. Worked out by another program, of what `seal.rs` says of it.
#[test]
fn the_form_is_fixed() {
    let one = &stored(&[1, 3], &[2]).seals[0];
    let marks: String = one.marks.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(marks, "f57dead0a78c3b43235e9bb17d7666e5");
    assert_eq!(one.link.to_string(), "af6d217b0b0ebd94fb68a5bcfecdd5cde375d30c0a108af0688632770216cead");
}

fn edit(of: &mut Stored, what: u8, at: usize) -> bool {
    let n = of.rows.len();
    let at = at % n;
    match what % 8 {
        0 => of.rows[at].actor.id.push('x'),
        1 => of.rows[at].created_at = of.rows[at].created_at.plus_ms(1),
        2 => of.rows[at].payload = Some(Json::from_stored("[]")),
        3 => of.rows[at].event_type = EventType::AttemptLate,
        4 => drop(of.rows.remove(at)),
        5 => of.rows.truncate(at),
        6 if n > 1 => {
            let other = (at + 1) % n;
            let (a, b) = (of.rows[at].clone(), of.rows[other].clone());
            of.rows[at] = EventRow { seq: a.seq, seq_last: a.seq_last, ..b.clone() };
            of.rows[other] = EventRow { seq: b.seq, seq_last: b.seq_last, ..a };
        }
        _ => return false,
    }
    true
}

proptest! {
    /// One change of anything that is sealed is found; the first finding is at the first row that differs, or it is a row that
    /// is gone.
    #[test]
    fn a_change_is_found_where_it_is(
        sizes in proptest::collection::vec(1_u32..4, 1..30),
        pieces in proptest::collection::vec(1_usize..8, 1..8),
        what in any::<u8>(),
        at in any::<usize>(),
    ) {
        let mut cuts: Vec<usize> = Vec::new();
        for piece in pieces {
            let next = cuts.last().unwrap_or(&0) + piece;
            if next <= sizes.len() {
                cuts.push(next);
            }
        }
        if cuts.last() != Some(&sizes.len()) {
            cuts.push(sizes.len());
        }
        let whole = stored(&sizes, &cuts);
        prop_assert_eq!(whole.findings(), vec![]);
        let mut edited = whole.clone();
        if edit(&mut edited, what, at) && edited.rows != whole.rows {
            let first = (0..).find(|at| whole.rows.get(*at) != edited.rows.get(*at)).unwrap_or(0);
            let seq = whole.rows[first].seq;
            let found = edited.findings();
            prop_assert_eq!(found.first().and_then(Finding::seq), Some(seq), "{:?}", found);
        }
    }
}
