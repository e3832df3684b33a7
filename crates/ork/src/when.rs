//! Moments and durations, for people and for JSON.

use ork_core::clock::Timestamp;
use serde_json::Value;

/// RFC 3339 in UTC with microseconds.
pub fn rfc3339(at: Timestamp) -> Value {
    ork_server::view::moment(at).into()
}

/// A moment of a shape of the API; the beginning of all time where it is none.
pub fn moment(text: &str) -> Timestamp {
    let found: Option<jiff::Timestamp> = text.parse().ok();
    found.map_or_else(Timestamp::default, |at| Timestamp::from_micros(at.as_microsecond()))
}

/// A duration in its largest units: `40 ms`, `12.3 s`, `4 min 5 s`, `3 h 2 min`, `5 d 1 h`.
pub fn duration(ms: u64) -> String {
    let seconds = ms / 1000;
    match seconds {
        0 => format!("{ms} ms"),
        1..60 => format!("{}.{} s", seconds, ms % 1000 / 100),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// A duration that is looked at while it grows: `3.2 s`, `42 s`, `4 min 5 s`.
pub fn clock(ms: u64) -> String {
    match ms {
        0..10_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        10_000..60_000 => format!("{} s", ms / 1000),
        _ => duration(ms),
    }
}

/// How long ago: `now`, `12 s ago`, `4 min ago`, `3 h ago`, `5 d ago`.
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    match now.since_ms(at) / 1000 {
        0 => "now".into(),
        s @ 1..60 => format!("{s} s ago"),
        s @ 60..3_600 => format!("{} min ago", s / 60),
        s @ 3_600..86_400 => format!("{} h ago", s / 3_600),
        s => format!("{} d ago", s / 86_400),
    }
}

/// How long until: `now`, `in 2.0 s`.
pub fn until(at: Timestamp, now: Timestamp) -> String {
    match at.since_ms(now) {
        0 => "now".into(),
        ms => format!("in {}", duration(ms)),
    }
}

/// Reads a duration of the command line: `500ms`, `30s`, `10m`, `2h`, in milliseconds.
pub fn parse_ms(text: &str) -> Result<u64, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let scale = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err("a duration looks like 500ms, 30s, 10m or 2h".into()),
    };
    let number: u64 = number.parse().map_err(|_| "a duration looks like 500ms, 30s, 10m or 2h".to_owned())?;
    number.checked_mul(scale).ok_or_else(|| "the duration is too long".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_their_largest_units() {
        let shown: Vec<String> = [49, 1_234, 59_999, 61_000, 3_720_000, 90_000_000].map(duration).to_vec();
        assert_eq!(shown, ["49 ms", "1.2 s", "59.9 s", "1 min 1 s", "1 h 2 min", "1 d 1 h"]);
        assert_eq!((parse_ms("500ms"), parse_ms("2h")), (Ok(500), Ok(7_200_000)));
        assert!(
            ["", "5", "s", "-1s", "5 s", "99999999999999999999s", "9999999999999999999h"]
                .iter()
                .all(|t| parse_ms(t).is_err())
        );
    }
}
