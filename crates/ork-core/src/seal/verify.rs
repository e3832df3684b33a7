//! Whether events are as they were sealed, and which are not.

use super::{Finding, Key, Link, SealRow};
use crate::error::{StoreError, StoreResult};
use crate::event::EventRow;
use crate::id::RunId;
use crate::limits::PAGE_MAX;
use crate::store::{Scope, Store};

/// Rows of events that are read together.
const ROWS: u32 = 500;

/// Finds a key by its name.
pub type Keys<'a> = &'a (dyn Fn(&str) -> Option<Key> + Send + Sync);

/// What a run's head says of its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Anchor {
    /// The number of the last one.
    pub seq: u64,
    /// The last one that is sealed.
    pub sealed: u64,
}

/// What became of looking at a run's events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The run.
    pub run: RunId,
    /// So many of its events are sealed.
    pub sealed: u64,
    /// So many are not yet: nothing tells whether those were changed.
    pub unsealed: u64,
    /// The last seal, whose link is worth keeping elsewhere.
    pub head: Option<SealRow>,
    /// What is not as it was, in the order of events; nothing when all of it is.
    pub findings: Vec<Finding>,
}

/// Looks at the rows of one run, in order, and at what its seals say of them.
pub struct Verifier<'a> {
    keys: Keys<'a>,
    begun: Anchor,
    links: Vec<Link>,
    seals: std::vec::IntoIter<SealRow>,
    /// The seal whose rows are being collected.
    open: Option<(SealRow, Vec<EventRow>)>,
    /// In what the chain before that seal may end; nothing when the seal before it is not there.
    before: Vec<Link>,
    /// The number that the next event must have.
    next: u64,
    /// Rows after the last that the head knew when it was asked, by first and last number.
    late: Vec<(u64, u64)>,
    stopped: bool,
    verdict: Verdict,
}

impl<'a> Verifier<'a> {
    /// For a run of which its head said `begun` before anything else was read, and then with all of its seals.
    #[must_use]
    pub fn new(run: RunId, begun: Anchor, seals: Vec<SealRow>, keys: Keys<'a>) -> Self {
        let (sealed, head) = (seals.last().map_or(0, |seal| seal.seq_last), seals.last().cloned());
        let links = seals.iter().map(|seal| seal.link).collect();
        let mut verifier = Self {
            keys,
            begun,
            links,
            seals: seals.into_iter(),
            open: None,
            before: vec![Link::NONE],
            next: 1,
            late: Vec::new(),
            stopped: false,
            verdict: Verdict { run, sealed, unsealed: 0, head, findings: Vec::new() },
        };
        verifier.open_next(0, 0);
        verifier
    }

    /// The next rows, by number.
    pub fn rows(&mut self, rows: Vec<EventRow>) {
        for row in rows {
            if row.seq > self.begun.seq {
                // Written since, or by nobody of ours: the head says so at the end.
                self.late.push((row.seq, row.seq_last));
            } else if !self.comes_next(row.seq, row.seq_last) {
                continue;
            }
            while self.open.as_ref().is_some_and(|(seal, _)| row.seq > seal.seq_last) {
                self.close();
            }
            // What stands before the seal is not covered by it: the one that did is gone.
            if let Some((_, own)) = self.open.as_mut().filter(|(seal, _)| row.seq >= seal.seq) {
                own.push(row);
            }
        }
    }

    /// A row that cannot be read; nothing is said of those after it.
    pub fn unreadable(&mut self, problem: String) {
        self.found(Finding::Unreadable { problem });
        self.stopped = true;
    }

    /// Judges, when the head says `ended` after everything else was read, and somebody has kept the link `kept`.
    #[must_use]
    pub fn finish(mut self, ended: Anchor, kept: Option<Link>) -> Verdict {
        if !self.stopped {
            self.close_numbers(ended);
            while self.open.is_some() {
                self.close();
            }
        }
        let covered = self.verdict.sealed;
        if covered < self.begun.sealed || covered > ended.sealed {
            self.found(Finding::SealedDiffers { said: self.begun.sealed, covered });
        }
        if kept.is_some_and(|kept| !self.links.contains(&kept)) {
            self.found(Finding::OtherHead);
        }
        self.verdict.unsealed = ended.seq.saturating_sub(covered);
        self.verdict.findings.sort_by_key(|finding| finding.seq().unwrap_or(u64::MAX));
        self.verdict
    }

    fn found(&mut self, finding: Finding) {
        self.verdict.findings.push(finding);
    }

    /// Whether this may be the next row: numbers have no gap, and none comes twice.
    fn comes_next(&mut self, seq: u64, seq_last: u64) -> bool {
        if seq < self.next {
            self.found(Finding::Added { seq });
            return false;
        }
        if seq > self.next {
            self.found(Finding::Missing { seq: self.next, seq_last: seq - 1 });
        }
        self.next = seq_last.max(seq).saturating_add(1);
        true
    }

    fn close_numbers(&mut self, ended: Anchor) {
        for (seq, seq_last) in std::mem::take(&mut self.late) {
            if seq > ended.seq {
                self.found(Finding::Added { seq });
            } else {
                self.comes_next(seq, seq_last);
            }
        }
        // What the head counted then, and what seals cover, was there when the rows were read.
        let last = self.begun.seq.max(self.verdict.sealed);
        if self.next <= last {
            self.found(Finding::Missing { seq: self.next, seq_last: last });
        }
    }

    /// Turns to the seal after the one with this number, which covered all events up to that one.
    fn open_next(&mut self, number: u32, covered: u64) {
        let Some(seal) = self.seals.next() else {
            self.open = None;
            return;
        };
        if seal.number != number + 1 {
            self.found(Finding::SealMissing { number: number + 1 });
            self.before.clear();
        } else if seal.seq > covered + 1 {
            self.found(Finding::Uncovered { seq: covered + 1, seq_last: seal.seq - 1 });
        }
        self.open = Some((seal, Vec::new()));
    }

    /// Judges the rows of the open seal, and turns to the next one.
    fn close(&mut self) {
        let Some((seal, rows)) = self.open.take() else { return };
        self.before = match (self.keys)(&seal.key_id) {
            Some(key) => self.judge(&seal, &rows, &key),
            None => {
                self.found(Finding::UnknownKey { number: seal.number, key_id: seal.key_id.clone() });
                vec![seal.link]
            }
        };
        self.open_next(seal.number, seal.seq_last);
    }

    /// What is wrong with the rows of a seal; in what the chain may end after it.
    fn judge(&mut self, seal: &SealRow, rows: &[EventRow], key: &Key) -> Vec<Link> {
        let made: Vec<[u8; 32]> = rows.iter().map(|row| key.row(row)).collect();
        let links: Vec<Link> = self.before.iter().map(|before| seal.made_with(key, *before, &made)).collect();
        let is_whole = links.contains(&seal.link);
        let (mut at, mut changed) = (0, 0);
        for (row, made) in rows.iter().zip(&made) {
            // Rows between may be missing, which their numbers tell.
            if let Some(place) = (at..seal.rows()).find(|place| seal.is_mark(*place, made)) {
                at = place + 1;
                continue;
            }
            at += 1;
            changed += 1;
            if !is_whole {
                self.found(Finding::Changed { seq: row.seq });
            }
        }
        let is_changed = if is_whole {
            changed > 0 || seal.marks.len() != rows.len() * super::MARK_BYTES
        } else if changed > 0 {
            // As if with another key.
            changed == rows.len()
        } else {
            // Of a seal without the one before it, the rows are all that can be judged.
            !self.before.is_empty() && !self.is_named(seal.seq, seal.seq_last)
        };
        if is_changed {
            self.found(Finding::SealChanged { number: seal.number });
        }
        std::iter::once(seal.link).chain(links).collect()
    }

    /// Whether something was found about events with these numbers.
    fn is_named(&self, seq: u64, seq_last: u64) -> bool {
        self.verdict.findings.iter().any(|finding| match finding {
            Finding::Missing { seq: from, seq_last: to } => *from <= seq_last && *to >= seq,
            Finding::Added { seq: own } | Finding::Changed { seq: own } => (seq..=seq_last).contains(own),
            _ => false,
        })
    }
}

impl SealRow {
    fn rows(&self) -> usize {
        self.marks.len() / super::MARK_BYTES
    }

    fn is_mark(&self, row: usize, made: &[u8; 32]) -> bool {
        self.mark(row).is_some_and(|mark| mark == &made[..super::MARK_BYTES])
    }
}

/// Looks whether the events of a run are as they were sealed, and whether the link that somebody has kept is one of its chain.
/// `None` when there is no such run.
///
/// # Errors
/// When the store cannot be asked. What it cannot read is a finding.
pub async fn verify(
    store: &dyn Store,
    scope: Scope,
    run: RunId,
    keys: Keys<'_>,
    kept: Option<Link>,
) -> StoreResult<Option<Verdict>> {
    let Some(begun) = store.anchor(scope, run).await? else { return Ok(None) };
    let (mut seals, mut unreadable): (Vec<SealRow>, Option<String>) = (Vec::new(), None);
    loop {
        let after = seals.last().map_or(0, |seal| seal.number);
        match store.seals(scope, run, after, PAGE_MAX).await {
            Ok(page) => {
                let is_last = page.len() < PAGE_MAX as usize;
                seals.extend(page);
                if is_last {
                    break;
                }
            }
            Err(error @ StoreError::Corrupt { .. }) => {
                unreadable = Some(error.to_string());
                break;
            }
            Err(error) => return Err(error),
        }
    }
    let mut verifier = Verifier::new(run, begun, seals, keys);
    if let Some(problem) = unreadable {
        // Without one of them there is nothing to compare rows with.
        verifier.unreadable(problem);
        return Ok(Some(verifier.finish(begun, kept)));
    }
    let (mut after, mut limit) = (0, ROWS);
    loop {
        match store.events(scope, run, after, limit).await {
            Ok(rows) => {
                let is_last = rows.len() < limit as usize;
                after = rows.last().map_or(after, |row| row.seq_last.max(row.seq));
                verifier.rows(rows);
                if is_last {
                    break;
                }
            }
            // Those before it can be read one by one.
            Err(StoreError::Corrupt { .. }) if limit > 1 => limit = 1,
            Err(error @ StoreError::Corrupt { .. }) => {
                verifier.unreadable(error.to_string());
                break;
            }
            Err(error) => return Err(error),
        }
    }
    // A run that is removed at this moment has no events any more either.
    let Some(ended) = store.anchor(scope, run).await? else { return Ok(None) };
    Ok(Some(verifier.finish(ended, kept)))
}
