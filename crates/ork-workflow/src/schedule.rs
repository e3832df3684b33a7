//! `schedule`: when runs of a stored workflow begin by themselves.

use jiff::tz::TimeZone;
use ork_core::clock::Timestamp;
use ork_core::store::{CatchUp, Overlap};
use serde_json::{Map, Value};

use crate::cron::Cron;
use crate::diagnostic::Report;
use crate::fields::{self, Fields};
use crate::source::Span;
use crate::tree::Located;
use crate::{codes, keys, suggest};

/// Times by the clock of a place.
#[derive(Debug, Clone)]
pub struct Times {
    cron: Cron,
    zone: TimeZone,
}

/// How far back the last time is looked for, in steps: the shortest in which there is one is enough.
const WINDOWS_MS: [u64; 6] = [120_000, 7_200_000, 172_800_000, 40 * 86_400_000, 400 * 86_400_000, 9 * 366 * 86_400_000];

impl Times {
    /// The times of five fields, by the clock of a time zone.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub fn new(cron: &str, timezone: &str) -> Result<Self, String> {
        let cron = Cron::parse(cron).map_err(|wrong| wrong.message)?;
        let zone = TimeZone::get(timezone).map_err(|_| format!("there is no time zone `{timezone}`"))?;
        Ok(Self { cron, zone })
    }

    /// The first time after a moment; `None` when there is none for years.
    #[must_use]
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let after = jiff::Timestamp::from_microsecond(after.micros()).ok()?;
        let next = self.cron.next(after, &self.zone)?;
        Some(Timestamp::from_micros(next.as_microsecond()))
    }

    /// The last time that is not after a moment, and not before another one.
    #[must_use]
    pub fn last(&self, from: Timestamp, until: Timestamp) -> Option<Timestamp> {
        for window in WINDOWS_MS {
            let begin = until.micros().saturating_sub(i64::try_from(window).unwrap_or(i64::MAX).saturating_mul(1000));
            let begin = begin.max(from.micros().saturating_sub(1));
            let found = self.all_after(Timestamp::from_micros(begin)).take_while(|at| *at <= until).last();
            if found.is_some() || begin < from.micros() {
                return found;
            }
        }
        None
    }

    /// All times after a moment.
    pub fn all_after(&self, after: Timestamp) -> impl Iterator<Item = Timestamp> + '_ {
        std::iter::successors(self.next(after), |at| self.next(*at))
    }
}

/// What a file says about when its runs begin.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleSpec {
    /// The times, as five fields.
    pub cron: String,
    /// The time zone whose clock shows them.
    pub timezone: String,
    /// The inputs of each run.
    pub input: Map<String, Value>,
    /// What happens while the run before is live.
    pub overlap: Overlap,
    /// What happens to missed times.
    pub catch_up: CatchUp,
    /// Where it stands.
    pub(crate) at: Span,
}

const UTC: &str = "UTC";

/// Reads `schedule`.
pub fn read(node: &Located, report: &mut Report) -> Option<ScheduleSpec> {
    let fields = Fields::open(node, "`schedule`", &keys::SCHEDULE, report)?;
    let mut spec = ScheduleSpec {
        cron: String::new(),
        timezone: UTC.to_owned(),
        input: Map::new(),
        overlap: Overlap::Skip,
        catch_up: CatchUp::Latest,
        at: fields.get("input").map_or(fields.at, |input| input.at),
    };
    let Some(cron) = fields.get("cron") else {
        let hint = "such as `schedule: {cron: \"30 3 * * *\", timezone: Europe/Paris}`";
        report.hinted(codes::KEY_MISSING, fields.at, "`schedule` has no `cron`", hint);
        return None;
    };
    if let Some(text) = fields::text(cron, "`cron`", report) {
        match Cron::parse(text) {
            Ok(_) => text.clone_into(&mut spec.cron),
            Err(wrong) => report.hinted(codes::CRON_BAD, cron.at, wrong.message, wrong.hint),
        }
    }
    if let Some(node) = fields.get("timezone")
        && let Some(name) = fields::text(node, "`timezone`", report)
    {
        check_zone(name, node, report);
        name.clone_into(&mut spec.timezone);
    }
    if let Some(node) = fields.get("input") {
        match fields::value(node, "`input`", report) {
            Some(Value::Object(input)) => spec.input = input,
            Some(_) => {
                let _: Option<()> = fields::wrong_type(node, "`input`", "a mapping of inputs to values", report);
            }
            None => {}
        }
    }
    if let Some(node) = fields.get("overlap")
        && let Some(at) = fields::word(node, "`overlap`", &keys::OVERLAP, report)
    {
        spec.overlap = Overlap::ALL[at];
    }
    if let Some(node) = fields.get("catch_up")
        && let Some(at) = fields::word(node, "`catch_up`", &keys::CATCH_UP, report)
    {
        spec.catch_up = CatchUp::ALL[at];
    }
    Some(spec)
}

fn check_zone(name: &str, node: &Located, report: &mut Report) {
    if TimeZone::get(name).is_ok() {
        return;
    }
    let known: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
    let near = suggest::hint(name, known.iter().map(String::as_str));
    let hint = near.unwrap_or_else(|| "its IANA name, such as `Europe/Paris` or `UTC`".to_owned());
    report.hinted(codes::TIMEZONE_UNKNOWN, node.at, format!("there is no time zone `{name}`"), hint);
}
