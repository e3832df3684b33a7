//! Times by five fields: minute, hour, day of the month, month, day of the week, as crontab(5) has them.
//!
//! Where the clock is put forward or back, a field `*` for the hours means every hour that passes: nothing is left out or made
//! up for. Any other hour means a time of the clock, and comes once a day: one that is left out when the clock is put
//! forward comes at the moment at which it is, and one that comes twice when the clock is put back is the first of the two.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};

/// Days that are looked at for the next time: February 29 is at most 8 years away.
const DAYS_MAX: u32 = 3_700;
/// No clock is put back by more than this.
const FOLD_MINUTES_MAX: i64 = 180;

/// The five fields, as sets of bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cron {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Of the two fields for days either one is enough when both name some.
    is_either: bool,
    is_every_hour: bool,
}

/// What is wrong with five fields, and the repair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    pub message: String,
    pub hint: String,
}

fn wrong<T>(message: impl Into<String>, hint: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong { message: message.into(), hint: hint.into() })
}

struct Field {
    what: &'static str,
    least: u32,
    most: u32,
    names: &'static [&'static str],
}

const MINUTE: Field = Field { what: "minute", least: 0, most: 59, names: &[] };
const HOUR: Field = Field { what: "hour", least: 0, most: 23, names: &[] };
const DAY: Field = Field { what: "day of the month", least: 1, most: 31, names: &[] };
const MONTH: Field = Field {
    what: "month",
    least: 1,
    most: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
/// 7 is a Sunday, too.
const WEEKDAY: Field =
    Field { what: "day of the week", least: 0, most: 7, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] };

const SHORT: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];
/// Bytes of the five fields.
const BYTES_MAX: usize = 256;
const EXAMPLE: &str = "five fields: minute hour day month weekday, such as `30 3 * * mon-fri`";

impl Cron {
    /// Reads five fields.
    ///
    /// # Errors
    /// When they cannot be read, or no time ever has what they say.
    pub fn parse(text: &str) -> Result<Self, Wrong> {
        let text = text.trim();
        if text.len() > BYTES_MAX {
            return wrong(format!("`cron` is longer than {BYTES_MAX} bytes"), "make several workflows of it");
        }
        if text.starts_with('@') {
            return match SHORT.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
                Some((_, fields)) => Self::parse(fields),
                None => wrong(format!("`{text}` is no time"), EXAMPLE),
            };
        }
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            let hint = if fields.len() == 6 { "there are no seconds: leave the first field out" } else { EXAMPLE };
            return wrong(format!("`cron` has {} fields, and must have five", fields.len()), hint);
        };
        let weekdays = WEEKDAY.read(weekday)?;
        let cron = Self {
            minutes: MINUTE.read(minute)?,
            hours: HOUR.read(hour)?,
            days: DAY.read(day)?,
            months: MONTH.read(month)?,
            weekdays: (weekdays | weekdays >> 7) & 0x7f,
            is_either: !day.starts_with('*') && !weekday.starts_with('*'),
            is_every_hour: hour == "*",
        };
        if cron.is_ever() {
            return Ok(cron);
        }
        wrong(format!("`{text}` never comes: no month of these has such a day"), "correct the day or the month")
    }

    /// Whether a date of any year has such a day.
    fn is_ever(&self) -> bool {
        const LONGEST: [i8; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let has_day = |longest: i8| (1..=longest).any(|day| has(self.days, day));
        self.is_either || (1..).zip(LONGEST).any(|(month, longest)| has(self.months, month) && has_day(longest))
    }

    fn has_date(&self, date: Date) -> bool {
        let day = has(self.days, date.day());
        let weekday = has(self.weekdays, date.weekday().to_sunday_zero_offset());
        has(self.months, date.month()) && if self.is_either { day || weekday } else { day && weekday }
    }

    /// The first time after a moment.
    pub fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let here = zone.to_datetime(after);
        // What is left out at the end of a day comes on the next one, and a day may come twice in part.
        let mut date = here.date().yesterday().ok()?;
        for _ in 0..DAYS_MAX {
            if self.has_date(date)
                && let Some(found) = self.next_of(date, (after, here), zone)
            {
                return Some(found);
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    /// The first time of a date after a moment.
    fn next_of(&self, date: Date, (after, here): (Timestamp, DateTime), zone: &TimeZone) -> Option<Timestamp> {
        let mut best: Option<(DateTime, Timestamp)> = None;
        for hour in (0..24).filter(|hour| has(self.hours, *hour)) {
            for minute in (0..60).filter(|minute| has(self.minutes, *minute)) {
                let time = date.at(hour, minute, 0, 0);
                if minutes_between(time, here) > FOLD_MINUTES_MAX {
                    continue;
                }
                // Later ones of the clock are earlier only where it is put back.
                if best.is_some_and(|(first, _)| minutes_between(first, time) > FOLD_MINUTES_MAX) {
                    return best.map(|(_, at)| at);
                }
                let earliest = self.moments(time, zone).into_iter().flatten().filter(|at| *at > after).min();
                if let Some(at) = earliest
                    && best.is_none_or(|(_, known)| at < known)
                {
                    best = Some((best.map_or(time, |(first, _)| first), at));
                }
            }
        }
        best.map(|(_, at)| at)
    }

    /// The moments at which a clock shows this time, as far as they count.
    fn moments(&self, time: DateTime, zone: &TimeZone) -> [Option<Timestamp>; 2] {
        let shown = zone.to_ambiguous_timestamp(time);
        match (shown.offset(), self.is_every_hour) {
            (AmbiguousOffset::Unambiguous { .. }, _) => [shown.compatible().ok(), None],
            (AmbiguousOffset::Fold { .. }, true) => [shown.earlier().ok(), shown.later().ok()],
            (AmbiguousOffset::Fold { .. }, false) => [shown.earlier().ok(), None],
            (AmbiguousOffset::Gap { .. }, true) => [None, None],
            (AmbiguousOffset::Gap { .. }, false) => {
                // The moment at which the clock is put forward: the first change after a moment before it.
                let before = shown.earlier().ok();
                let change = before.and_then(|before| zone.following(before).next().map(|change| change.timestamp()));
                [change, None]
            }
        }
    }
}

const fn has(set: u64, value: i8) -> bool {
    set >> value & 1 == 1
}

/// How many minutes of the clock lie between two times, the second being the later one.
fn minutes_between(earlier: DateTime, later: DateTime) -> i64 {
    let days = i64::from(earlier.date().until(later.date()).map_or(0, |span| span.get_days()));
    let of_day = |time: DateTime| i64::from(time.hour()) * 60 + i64::from(time.minute());
    days * 24 * 60 + of_day(later) - of_day(earlier)
}

impl Field {
    fn read(&self, text: &str) -> Result<u64, Wrong> {
        text.split(',').map(|part| self.read_part(text, part)).try_fold(0_u64, |set, part| Ok(set | part?))
    }

    fn read_part(&self, text: &str, part: &str) -> Result<u64, Wrong> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => {
                let step = step.parse::<u32>().ok().filter(|step| (1..=self.most).contains(step));
                (range, Some(step.map_or_else(|| self.refuse(text, part), Ok)?))
            }
            None => (part, None),
        };
        let most = if self.names.len() == 7 { 6 } else { self.most };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (self.least, most),
            Some((from, to)) => (self.value(text, from)?, self.value(text, to)?),
            None if step.is_some() => (self.value(text, range)?, most),
            None => (self.value(text, range)?, self.value(text, range)?),
        };
        if from > to {
            return self.refuse(text, part);
        }
        Ok((from..=to).step_by(step.unwrap_or(1) as usize).fold(0_u64, |set, value| set | 1_u64 << value))
    }

    fn value(&self, text: &str, word: &str) -> Result<u32, Wrong> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(word));
        let named = named.and_then(|at| u32::try_from(at).ok()).map(|at| at + self.least);
        let digits = word.bytes().all(|byte| byte.is_ascii_digit()).then(|| word.parse().ok()).flatten();
        let found = named.or(digits).filter(|value| (self.least..=self.most).contains(value));
        found.map_or_else(|| self.refuse(text, word), Ok)
    }

    fn refuse<T>(&self, text: &str, part: &str) -> Result<T, Wrong> {
        let Self { what, least, most, names } = self;
        let named = names.first().zip(names.last()).map(|(first, last)| format!(", or {first} to {last}"));
        let hint =
            format!("{what}: {least} to {most}{}; `*`, `1,2`, `1-5` and `*/2` are known", named.unwrap_or_default());
        let place = if part == text { String::new() } else { format!(" in `{text}`") };
        wrong(format!("`{part}`{place} is no {what}"), hint)
    }
}
