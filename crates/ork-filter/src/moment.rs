//! Moments: `-2h`, `2026-11-01`, `2026-11-01T12:00:00Z`.

use std::fmt;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use ork_core::clock::Timestamp;

/// What a time is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// `s`
    Second,
    /// `m`
    Minute,
    /// `h`
    Hour,
    /// `d`
    Day,
    /// `w`
    Week,
}

const UNITS: [(&str, Unit, i64); 5] = [
    ("s", Unit::Second, 1),
    ("m", Unit::Minute, 60),
    ("h", Unit::Hour, 3_600),
    ("d", Unit::Day, 86_400),
    ("w", Unit::Week, 604_800),
];

/// A moment, as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// So long before the present: `-2h`.
    Ago(u32, Unit),
    /// A date, which means its first moment, or a time. In UTC unless it says otherwise, as everything that Ork prints.
    At(Timestamp),
}

impl Moment {
    /// Reads one; `None` when it is none, or lies before 1970.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(ago) = text.strip_prefix('-') {
            let (number, unit) = ago.split_at(ago.find(|c: char| !c.is_ascii_digit())?);
            let (_, unit, _) = UNITS.iter().find(|(word, ..)| *word == unit)?;
            return Some(Self::Ago(number.parse().ok()?, *unit));
        }
        if !text.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let with_zone = text.parse::<jiff::Timestamp>().ok();
        let in_utc = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp());
        let micros = with_zone.or_else(in_utc)?.as_microsecond();
        (micros >= 0).then_some(Self::At(Timestamp::from_micros(micros)))
    }

    /// When it is.
    #[must_use]
    pub fn resolve(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(number, unit) => {
                let seconds = UNITS.iter().find(|(_, known, _)| *known == unit).map_or(0, |(.., seconds)| *seconds);
                let micros = i64::from(number).saturating_mul(seconds).saturating_mul(1_000_000);
                Timestamp::from_micros(now.micros().saturating_sub(micros))
            }
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ago(number, unit) => {
                let word = UNITS.iter().find(|(_, known, _)| known == unit).map_or("", |(word, ..)| *word);
                write!(f, "-{number}{word}")
            }
            Self::At(at) => {
                let text = jiff::Timestamp::from_microsecond(at.micros()).map_err(|_| fmt::Error)?.to_string();
                f.write_str(text.strip_suffix("T00:00:00Z").unwrap_or(&text))
            }
        }
    }
}
