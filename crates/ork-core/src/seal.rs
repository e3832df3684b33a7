//! Seals: what tells whether anybody has changed, removed or moved a run's events since they were written.
//!
//! A seal covers the rows of a run from one event number to another. Its link is made of the link before it, of what the seal says
//! of itself, and of each row:
//!
//! ```text
//! row  = HMAC-SHA256(key, "ork event 1" ‖ every field of the row, each as long as the number before it says)
//! link = HMAC-SHA256(key, "ork seal 1" ‖ the seal's fields ‖ the link before ‖ row ‖ row ‖ …)
//! ```
//!
//! The key is in no database, so whoever can change one cannot make a link. A seal also keeps the first 8 bytes of each `row`, by
//! which [`verify::Verifier`] names the row that was changed; all bytes of it are in the link. The fields are the same on both
//! databases, so seals hold when everything is copied from one to the other.

mod finding;
mod verify;

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::clock::Timestamp;
use crate::event::EventRow;
use crate::id::RunId;
use crate::json::Json;

pub use finding::Finding;
pub use verify::{Anchor, Keys, Verdict, Verifier, verify};

/// Bytes that a seal keeps of each row that it covers.
pub const MARK_BYTES: usize = 8;

/// What the bytes of a row begin with: their form, so that another one can follow.
const ROW_FORM: &[u8] = b"ork event 1";
/// The same of a seal's.
const SEAL_FORM: &[u8] = b"ork seal 1";

/// A key that seals. It is never in the database as it is.
#[derive(Clone)]
pub struct Key {
    id: String,
    mac: Hmac<Sha256>,
}

impl Key {
    /// The key with these bytes. Its name is stored with what it seals, and says nothing about it.
    #[must_use]
    pub fn new(id: &str, bytes: &[u8; 32]) -> Self {
        let mac = Hmac::new_from_slice(bytes).expect("a key of HMAC may have any length");
        Self { id: id.into(), mac }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What only this key makes of a row.
    fn row(&self, event: &EventRow) -> [u8; 32] {
        let mut mac = Parts(self.mac.clone());
        mac.0.update(ROW_FORM);
        mac.part(event.run.uuid().as_bytes());
        mac.number(event.seq);
        mac.number(event.seq_last);
        mac.part(event.event_type.word().as_bytes());
        mac.part(event.tasks.to_string().as_bytes());
        mac.part(event.actor.kind.word().as_bytes());
        mac.part(event.actor.id.as_bytes());
        mac.option(event.payload.as_ref().map(Json::as_str));
        mac.0.update(&event.created_at.micros().to_be_bytes());
        mac.0.finalize().into_bytes().into()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

/// Bytes on their way into a link: no two lists of parts give the same.
struct Parts(Hmac<Sha256>);

impl Parts {
    fn number(&mut self, number: u64) {
        self.0.update(&number.to_be_bytes());
    }

    fn part(&mut self, part: &[u8]) {
        self.number(part.len() as u64);
        self.0.update(part);
    }

    fn option(&mut self, part: Option<&str>) {
        match part {
            None => self.0.update(&[0]),
            Some(part) => {
                self.0.update(&[1]);
                self.part(part.as_bytes());
            }
        }
    }
}

/// The end of a chain so far. Kept where nobody can change it, it proves what was there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Link([u8; 32]);

impl Link {
    /// What the first seal of a run has before it.
    pub const NONE: Self = Self([0; 32]);

    /// One that is stored; `None` when it is none.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Its bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads what [`fmt::Display`] wrote, in either case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }
}

/// 64 hexadecimal digits.
impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({self})")
    }
}

/// A seal, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealRow {
    /// The run.
    pub run: RunId,
    /// Its place among the seals of the run, from 1.
    pub number: u32,
    /// The first event that it covers: the one after the last of the seal before.
    pub seq: u64,
    /// The last one.
    pub seq_last: u64,
    /// The key, by its name.
    pub key_id: String,
    /// The end of the chain.
    pub link: Link,
    /// Of each row that it covers the first [`MARK_BYTES`] of what the key makes of it, in order.
    pub marks: Vec<u8>,
    /// When it was made.
    pub sealed_at: Timestamp,
}

impl SealRow {
    fn mark(&self, row: usize) -> Option<&[u8]> {
        self.marks.get(row * MARK_BYTES..(row + 1) * MARK_BYTES)
    }

    /// Its link, if its rows are those of which the key makes `rows`, and the chain before it ends in `before`.
    fn made_with(&self, key: &Key, before: Link, rows: &[[u8; 32]]) -> Link {
        let mut mac = Parts(key.mac.clone());
        mac.0.update(SEAL_FORM);
        mac.part(self.run.uuid().as_bytes());
        mac.number(u64::from(self.number));
        mac.number(self.seq);
        mac.number(self.seq_last);
        mac.part(self.key_id.as_bytes());
        mac.0.update(&self.sealed_at.micros().to_be_bytes());
        mac.part(&before.0);
        mac.number(rows.len() as u64);
        rows.iter().for_each(|row| mac.0.update(row));
        Link(mac.0.finalize().into_bytes().into())
    }
}

/// Events of a run that no seal covers, with what stands before them.
#[derive(Debug, Clone, PartialEq)]
pub struct Unsealed {
    /// The run.
    pub run: RunId,
    /// The number of its last seal; 0 before the first.
    pub seals: u32,
    /// That seal's link; [`Link::NONE`] before the first.
    pub link: Link,
    /// The last event that is sealed.
    pub sealed: u64,
    /// The number of its last event.
    pub seq: u64,
    /// The next rows, by number; not all of them if there are many. Of those that were removed, or that nobody can read any more,
    /// there is none.
    pub rows: Vec<EventRow>,
}

/// The seal of these rows, as they are.
#[must_use]
pub fn seal(key: &Key, of: &Unsealed, now: Timestamp) -> SealRow {
    let rows: Vec<[u8; 32]> = of.rows.iter().map(|event| key.row(event)).collect();
    let mut sealed = SealRow {
        run: of.run,
        number: of.seals + 1,
        seq: of.sealed + 1,
        seq_last: of.rows.last().map_or(of.seq, |event| event.seq_last),
        key_id: key.id.clone(),
        link: Link::NONE,
        marks: rows.iter().flat_map(|row| &row[..MARK_BYTES]).copied().collect(),
        sealed_at: now,
    };
    sealed.link = sealed.made_with(key, of.link, &rows);
    sealed
}

#[cfg(test)]
mod tests;
