//! Which bytes of an artifact a request wants (RFC 9110, 14).

use std::ops::Range;

use axum::http::{HeaderMap, header};

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// All bytes.
    Whole,
    /// These.
    Part(Range<u64>),
    /// What there is not, or more than one range, or no range at all.
    Nothing,
}

/// Which of so many bytes are wanted. A range that was asked for if the artifact has this tag is the whole when it has not.
pub fn wanted(headers: &HeaderMap, size: u64, tag: &str) -> Wanted {
    let mut asked = headers.get_all(header::RANGE).iter();
    let Some(first) = asked.next() else { return Wanted::Whole };
    if headers.get(header::IF_RANGE).is_some_and(|own| own.as_bytes() != tag.as_bytes()) {
        return Wanted::Whole;
    }
    let only = first.to_str().ok().filter(|_| asked.next().is_none());
    only.and_then(|text| part(text, size)).map_or(Wanted::Nothing, Wanted::Part)
}

fn part(text: &str, size: u64) -> Option<Range<u64>> {
    let (unit, range) = text.trim().split_once('=')?;
    let (first, last) = range.trim().split_once('-').filter(|_| unit.eq_ignore_ascii_case("bytes"))?;
    let range = match (first, last) {
        ("", last) => size.saturating_sub(number(last)?)..size,
        (first, "") => number(first)?..size,
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            first..last.saturating_add(1).min(size)
        }
    };
    (range.start < range.end).then_some(range)
}

/// A number that may be larger than any; whatever else is in it makes it none.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.len() < 40 && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

/// Whether a reader has these bytes already.
pub fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let tags = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    tags.split(',').map(str::trim).any(|own| own == "*" || own.strip_prefix("W/").unwrap_or(own) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[(&'static str, &str)], size: u64) -> Wanted {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        wanted(&headers, size, "\"tag\"")
    }

    /// Attack 31.
    #[test]
    fn one_range_that_there_is_is_answered() {
        let range = |text: &str, size| check(&[("range", text)], size);
        for (text, size, expected) in [
            ("bytes=0-0", 10, 0..1),
            ("bytes=2-4", 10, 2..5),
            ("bytes=2-", 10, 2..10),
            ("bytes=-3", 10, 7..10),
            ("bytes=-30", 10, 0..10),
            ("bytes=9-99999999999999999999999", 10, 9..10),
            ("Bytes=0-9", 10, 0..10),
        ] {
            assert_eq!(range(text, size), Wanted::Part(expected), "{text}");
        }
        let huge = format!("bytes=0-{}", "9".repeat(50));
        for wrong in [
            "bytes=10-",
            "bytes=10-20",
            "bytes=99999999999999999999999-",
            "bytes=4-2",
            "bytes=-0",
            "bytes=--1",
            "bytes=-1-2",
            "bytes=0-1,3-4",
            "bytes=0-5,2-7",
            "bytes=0-0,-1",
            "bytes=",
            "bytes",
            "bytes=-",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=0x1-2",
            "bytes= 1 - 2",
            "items=0-1",
            "0-1",
            "bytes=1-2;q=1",
            "",
            &huge,
        ] {
            assert_eq!(range(wrong, 10), Wanted::Nothing, "{wrong}");
        }
        assert_eq!(range("bytes=0-", 0), Wanted::Nothing);
        assert_eq!(range("bytes=-1", 0), Wanted::Nothing);
        assert_eq!(check(&[("range", "bytes=0-1"), ("range", "bytes=3-4")], 10), Wanted::Nothing);
    }

    #[test]
    fn a_range_of_something_else_is_the_whole() {
        assert_eq!(check(&[], 10), Wanted::Whole);
        assert_eq!(check(&[("range", "bytes=0-1"), ("if-range", "\"tag\"")], 10), Wanted::Part(0..2));
        for other in ["\"other\"", "W/\"tag\"", "Wed, 21 Oct 2026 07:28:00 GMT"] {
            assert_eq!(check(&[("range", "bytes=0-1"), ("if-range", other)], 10), Wanted::Whole, "{other}");
        }
    }
}
