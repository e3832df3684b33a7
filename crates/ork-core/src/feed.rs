//! Places in the one order of all events of a database: what a reader remembers, so that it can go on where it was.
//!
//! Events stand in this order as they were committed, those of one run by their own numbers. A place is always that of an
//! event that is stored: a number that nothing durable stands behind could be given out again after a crash of the
//! database, and a reader that was told of it would miss what then gets it.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::id::RunId;

/// A place behind an event; what comes after it has not been read. Its text is short and nobody's business but Ork's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeedPosition {
    feed: u64,
    run: RunId,
    seq: u64,
}

/// A text that is no position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no position of the event stream")]
pub struct NoPosition;

/// The largest number that both databases can hold.
const NUMBER_MAX: u64 = i64::MAX.unsigned_abs();

impl FeedPosition {
    /// Before all events. What an Ork without an event stream has written stands nowhere in the order.
    pub const START: Self = Self { feed: 0, run: RunId::from_uuid(Uuid::max()), seq: NUMBER_MAX };

    /// Behind event number `seq` of a run, whose row has this number in the order.
    #[must_use]
    pub const fn new(feed: u64, run: RunId, seq: u64) -> Self {
        Self { feed, run, seq }
    }

    /// The number in the order: the same for all that one transaction has written of a run.
    #[must_use]
    pub const fn feed(self) -> u64 {
        self.feed
    }

    /// The run of the event.
    #[must_use]
    pub const fn run(self) -> RunId {
        self.run
    }

    /// The number of the event in its run.
    #[must_use]
    pub const fn seq(self) -> u64 {
        self.seq
    }
}

/// `start`, or three hexadecimal numbers: the place, the run without the 32 zero bits that all runs end in, the event.
impl fmt::Display for FeedPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::START {
            return f.write_str("start");
        }
        write!(f, "{:x}-{:024x}-{:x}", self.feed, self.run.uuid().as_u128() >> 32, self.seq)
    }
}

/// Reads what [`fmt::Display`] wrote, and nothing else.
impl FromStr for FeedPosition {
    type Err = NoPosition;

    fn from_str(text: &str) -> Result<Self, NoPosition> {
        if text == "start" {
            return Ok(Self::START);
        }
        let mut parts = text.split('-');
        let (Some(feed), Some(run), Some(seq), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(NoPosition);
        };
        let number = |text| u64::from_str_radix(text, 16).ok().filter(|number| (1..=NUMBER_MAX).contains(number));
        let run = u128::from_str_radix(run, 16).map_err(|_| NoPosition)?.checked_shl(32).ok_or(NoPosition)?;
        let position = Self {
            feed: number(feed).ok_or(NoPosition)?,
            run: RunId::from_uuid(Uuid::from_u128(run)),
            seq: number(seq).ok_or(NoPosition)?,
        };
        // One text for each position: no sign, no leading zero, no capital.
        if position.to_string() == text { Ok(position) } else { Err(NoPosition) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{SeededEntropy, Timestamp};

    fn run(seed: u64) -> RunId {
        RunId::new(Timestamp::from_micros(1_700_000_000_000_000), &mut SeededEntropy::new(seed))
    }

    #[test]
    fn positions_are_read_as_they_are_written() {
        for position in [
            FeedPosition::START,
            FeedPosition::new(1, run(1), 1),
            FeedPosition::new(0xabc, run(2), 77),
            FeedPosition::new(NUMBER_MAX, run(3), NUMBER_MAX),
        ] {
            assert_eq!(position.to_string().parse(), Ok(position));
        }
        let good = FeedPosition::new(0xabc, run(2), 77).to_string();
        let bad = [
            String::new(),
            "Start".into(),
            "0".into(),
            format!("0{good}"),
            format!("+{good}"),
            format!(" {good}"),
            good.to_uppercase(),
            format!("{good}-1"),
            good.replace("abc", "0"),
            good.replace("abc", "8000000000000000"),
            good.replace("4d", "0"),
            good.replace('-', "--"),
            good.replacen('-', "-0", 1),
        ];
        for bad in bad {
            assert_eq!(bad.parse::<FeedPosition>(), Err(NoPosition), "{bad}");
        }
    }

    #[test]
    fn the_order_is_by_place_then_run_then_number() {
        let (low, high) = (run(1).min(run(2)), run(1).max(run(2)));
        let sorted = [
            FeedPosition::START,
            FeedPosition::new(1, high, 9),
            FeedPosition::new(2, low, 10),
            FeedPosition::new(2, low, 11),
            FeedPosition::new(2, high, 1),
        ];
        assert!(sorted.is_sorted());
    }
}
