//! The date of an HTTP header.

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Seconds since 1970 of a date as RFC 9110 (5.6.7) has it: `Sun, 06 Nov 1994 08:49:37 GMT`. The two older forms are written by nobody
/// any more.
pub fn seconds(text: &str) -> Option<i64> {
    let (_, text) = text.split_once(", ")?;
    let words: Vec<&str> = text.split(' ').collect();
    let [day, month, year, time, "GMT"] = words[..] else { return None };
    let month = MONTHS.iter().position(|name| *name == month)?;
    let number = |text: &str, most: i64| text.parse::<i64>().ok().filter(|number| (0..=most).contains(number));
    let (day, year) = (number(day, 31)?, number(year, 9999)?);
    let time: Vec<&str> = time.split(':').collect();
    let [hour, minute, second] = time[..] else { return None };
    // A leap second is the last of its minute.
    let seconds = number(hour, 23)? * 3_600 + number(minute, 59)? * 60 + number(second, 60)?;
    Some(days(year, i64::try_from(month).ok()?, day) * 86_400 + seconds)
}

/// Days since 1970 of the proleptic Gregorian calendar; the month from 0. A year begins in March here, so that the day that not every
/// year has is its last one.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month < 2 { (year - 1, month + 10) } else { (year, month - 2) };
    let in_year = (153 * month + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + in_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_a_number_of_seconds() {
        for (text, expected) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Tue, 29 Feb 2000 23:59:59 GMT", Some(951_868_799)),
            ("Wed, 01 Mar 2000 00:00:00 GMT", Some(951_868_800)),
            ("Fri, 31 Dec 2100 23:59:60 GMT", Some(4_133_980_800)),
            ("Sun, 06 Nov 1994 08:49:37 CET", None),
            ("Sun, 06 Now 1994 08:49:37 GMT", None),
            ("Sun, 32 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08:49 GMT", None),
            ("Sun Nov  6 08:49:37 1994", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
