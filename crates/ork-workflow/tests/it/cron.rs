//! Times by five fields, where clocks are put forward and back, and what is refused.

use std::fmt::Write as _;

use ork_core::clock::Timestamp;
use ork_workflow::Times;
use proptest::prelude::*;

use crate::{codes_of, yaml};

fn at(text: &str) -> Timestamp {
    Timestamp::from_micros(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
}

fn shown(at: Timestamp, zone: &str) -> String {
    let at = jiff::Timestamp::from_microsecond(at.micros()).unwrap();
    at.in_tz(zone).unwrap().strftime("%a %Y-%m-%d %H:%M%:z").to_string()
}

/// The times after a moment, by the clock of the place.
fn check(cron: &str, zone: &str, after: &str, expected: &[&str]) {
    let times = Times::new(cron, zone).unwrap();
    let found: Vec<String> = times.all_after(at(after)).take(expected.len()).map(|at| shown(at, zone)).collect();
    assert_eq!(found, expected, "{cron} in {zone}");
}

#[test]
fn fields_are_those_of_crontab() {
    let after = "2026-01-01T00:00:00Z"; // A Thursday.
    check(
        "*/20 8-9 * * *",
        "UTC",
        after,
        &[
            "Thu 2026-01-01 08:00+00:00",
            "Thu 2026-01-01 08:20+00:00",
            "Thu 2026-01-01 08:40+00:00",
            "Thu 2026-01-01 09:00+00:00",
        ],
    );
    check("0 0 * * *", "UTC", after, &["Fri 2026-01-02 00:00+00:00", "Sat 2026-01-03 00:00+00:00"]);
    check(
        "30 3 * * mon-fri",
        "UTC",
        "2026-01-02T04:00:00Z",
        &["Mon 2026-01-05 03:30+00:00", "Tue 2026-01-06 03:30+00:00"],
    );
    check("0 12 * * 7", "UTC", after, &["Sun 2026-01-04 12:00+00:00"]);
    check(
        "0 12 * * 5-7",
        "UTC",
        after,
        &[
            "Fri 2026-01-02 12:00+00:00",
            "Sat 2026-01-03 12:00+00:00",
            "Sun 2026-01-04 12:00+00:00",
            "Fri 2026-01-09 12:00+00:00",
        ],
    );
    check("0 0 1,15 JAN,jul *", "UTC", after, &["Thu 2026-01-15 00:00+00:00", "Wed 2026-07-01 00:00+00:00"]);
    check(
        "5/25 0 1 1 *",
        "UTC",
        after,
        &["Thu 2026-01-01 00:05+00:00", "Thu 2026-01-01 00:30+00:00", "Thu 2026-01-01 00:55+00:00"],
    );
    // Of two fields for days either one is enough; a star restricts nothing.
    check(
        "0 0 13 * fri",
        "UTC",
        after,
        &["Fri 2026-01-02 00:00+00:00", "Fri 2026-01-09 00:00+00:00", "Tue 2026-01-13 00:00+00:00"],
    );
    check("0 0 */2 * mon", "UTC", after, &["Mon 2026-01-05 00:00+00:00", "Mon 2026-01-19 00:00+00:00"]);
    check("@hourly", "UTC", "2026-01-01T00:59:59.999999Z", &["Thu 2026-01-01 01:00+00:00"]);
    check("@weekly", "UTC", after, &["Sun 2026-01-04 00:00+00:00"]);
    // Never the moment itself.
    check("0 * * * *", "UTC", after, &["Thu 2026-01-01 01:00+00:00"]);
}

#[test]
fn leap_days_come_in_leap_years() {
    check("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", &["Tue 2028-02-29 00:00+00:00", "Sun 2032-02-29 00:00+00:00"]);
    // 2100 is none.
    check("0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", &["Fri 2104-02-29 00:00+00:00"]);
    check("0 0 31 * *", "UTC", "2026-01-31T00:00:00Z", &["Tue 2026-03-31 00:00+00:00", "Sun 2026-05-31 00:00+00:00"]);
}

#[test]
fn a_time_that_the_clock_leaves_out_comes_when_it_is_put_forward() {
    // Paris: 02:00 becomes 03:00 on March 29.
    check(
        "30 2 * * *",
        "Europe/Paris",
        "2026-03-28T00:00:00Z",
        &["Sat 2026-03-28 02:30+01:00", "Sun 2026-03-29 03:00+02:00", "Mon 2026-03-30 02:30+02:00"],
    );
    check(
        "0,30 2 * * *",
        "Europe/Paris",
        "2026-03-28T12:00:00Z",
        &["Sun 2026-03-29 03:00+02:00", "Mon 2026-03-30 02:00+02:00"],
    );
    check(
        "0 2,3 * * *",
        "Europe/Paris",
        "2026-03-28T12:00:00Z",
        &["Sun 2026-03-29 03:00+02:00", "Mon 2026-03-30 02:00+02:00"],
    );
    // New York: on March 8.
    check(
        "30 2 * * *",
        "America/New_York",
        "2026-03-08T00:00:00Z",
        &["Sun 2026-03-08 03:00-04:00", "Mon 2026-03-09 02:30-04:00"],
    );
    // Lord Howe Island puts it by half an hour: 02:00 becomes 02:30 on October 4.
    check(
        "15 2 * * *",
        "Australia/Lord_Howe",
        "2026-10-03T00:00:00Z",
        &["Sun 2026-10-04 02:30+11:00", "Mon 2026-10-05 02:15+11:00"],
    );
    // Beirut: midnight itself is left out on March 29.
    check(
        "0 0 * * *",
        "Asia/Beirut",
        "2026-03-27T23:00:00Z",
        &["Sun 2026-03-29 01:00+03:00", "Mon 2026-03-30 00:00+03:00"],
    );
    // Samoa left out a whole day.
    check(
        "0 12 * * *",
        "Pacific/Apia",
        "2011-12-29T12:00:00Z",
        &["Thu 2011-12-29 12:00-10:00", "Sat 2011-12-31 00:00+14:00", "Sat 2011-12-31 12:00+14:00"],
    );
}

#[test]
fn a_time_that_comes_twice_is_the_first() {
    // Paris: 03:00 becomes 02:00 on October 25.
    check(
        "30 2 * * *",
        "Europe/Paris",
        "2026-10-24T12:00:00Z",
        &["Sun 2026-10-25 02:30+02:00", "Mon 2026-10-26 02:30+01:00"],
    );
    // Between the two it is past.
    check("30 2 * * *", "Europe/Paris", "2026-10-25T01:00:00Z", &["Mon 2026-10-26 02:30+01:00"]);
    check(
        "30 1 * * *",
        "America/New_York",
        "2026-11-01T00:00:00Z",
        &["Sun 2026-11-01 01:30-04:00", "Mon 2026-11-02 01:30-05:00"],
    );
    check(
        "45 1 * * *",
        "Australia/Lord_Howe",
        "2026-04-04T00:00:00Z",
        &["Sun 2026-04-05 01:45+11:00", "Mon 2026-04-06 01:45+10:30"],
    );
    // Havana: 01:00 becomes 00:00 on November 1.
    check(
        "0 0 * * *",
        "America/Havana",
        "2026-10-31T12:00:00Z",
        &["Sun 2026-11-01 00:00-04:00", "Mon 2026-11-02 00:00-05:00"],
    );
}

#[test]
fn every_hour_is_every_hour_that_passes() {
    check(
        "0 * * * *",
        "Europe/Paris",
        "2026-03-29T00:30:00Z",
        &["Sun 2026-03-29 03:00+02:00", "Sun 2026-03-29 04:00+02:00"],
    );
    check(
        "30 * * * *",
        "Europe/Paris",
        "2026-10-25T00:00:00Z",
        &["Sun 2026-10-25 02:30+02:00", "Sun 2026-10-25 02:30+01:00", "Sun 2026-10-25 03:30+01:00"],
    );
    for (zone, from, hours) in [
        ("Europe/Paris", "2026-10-25T00:00:00Z", 4),
        ("America/New_York", "2026-03-08T05:00:00Z", 4),
        ("Australia/Lord_Howe", "2026-10-03T12:00:00Z", 6),
    ] {
        let times = Times::new("*/15 * * * *", zone).unwrap();
        let begin = at(from);
        let found: Vec<Timestamp> =
            times.all_after(begin).take_while(|at| *at <= begin.plus_ms(hours * 3_600_000)).collect();
        let gaps: Vec<u64> = found.windows(2).map(|pair| pair[1].since_ms(pair[0])).collect();
        assert!(gaps.iter().all(|gap| *gap == 900_000), "{zone}: {gaps:?}");
        assert_eq!(found.len() as u64, hours * 4, "{zone}");
    }
}

#[test]
fn the_last_time_is_found_from_the_other_end() {
    let last = |cron: &str, from: &str, until: &str| {
        let times = Times::new(cron, "Europe/Paris").unwrap();
        times.last(at(from), at(until)).map(|at| shown(at, "Europe/Paris"))
    };
    let long_ago = "2001-01-01T00:00:00Z";
    assert_eq!(last("* * * * *", long_ago, "2026-03-01T10:00:30Z").as_deref(), Some("Sun 2026-03-01 11:00+01:00"));
    assert_eq!(last("0 3 * * *", long_ago, "2026-03-01T01:00:00Z").as_deref(), Some("Sat 2026-02-28 03:00+01:00"));
    assert_eq!(last("0 0 29 2 *", long_ago, "2026-03-01T01:00:00Z").as_deref(), Some("Thu 2024-02-29 00:00+01:00"));
    assert_eq!(
        last("0 3 * * *", "2026-03-01T02:00:00Z", "2026-03-01T02:00:00Z").as_deref(),
        Some("Sun 2026-03-01 03:00+01:00"),
        "both ends count"
    );
    assert_eq!(last("0 3 * * *", "2026-03-01T02:00:01Z", "2026-03-01T10:00:00Z"), None);
}

#[test]
fn what_is_no_time_is_refused() {
    let mut text = String::new();
    for cron in [
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * * 13 *",
        "* * * * 8",
        "*/0 * * * *",
        "*/61 * * * *",
        "5-1 * * * *",
        "1,,2 * * * *",
        "a * * * *",
        "* * * jen *",
        "-1 * * * *",
        "1-2-3 * * * *",
        "@reboot",
        "0 0 30 2 *",
        "0 0 31 2,4,6,9,11 *",
        "? * * * *",
        "* * L * *",
        "* * * * 5#2",
        "+1 * * * *",
        "1.5 * * * *",
        "0x1 * * * *",
    ] {
        let file = format!("schedule: {{cron: '{cron}'}}\ntasks: {{a: {{command: [work]}}}}\n");
        let error = yaml(&file).unwrap_err();
        assert_eq!(codes_of(Err(error.clone())), ["ORK-E0211"], "{cron}");
        let hint = error.items[0].hint.as_deref().unwrap_or_default();
        writeln!(text, "{cron:22} {}: {} ({hint})", error.items[0].code, error.items[0].message).unwrap();
    }
    insta::with_settings!({omit_expression => true}, { insta::assert_snapshot!("cron_refused", text); });
}

#[test]
fn a_schedule_must_be_able_to_begin_runs() {
    let file = |schedule: &str| {
        format!(
            "inputs: {{size: {{type: integer, required: true}}}}\nschedule: {schedule}\ntasks: {{a: {{command: [work], count: '{{{{ inputs.size }}}}'}}}}\n"
        )
    };
    let check = |schedule: &str, expected: &[&str]| assert_eq!(codes_of(yaml(&file(schedule))), expected, "{schedule}");
    check("{cron: '0 3 * * *', input: {size: 3}}", &[]);
    check("{cron: '0 3 * * *'}", &["ORK-E0502"]);
    check("{cron: '0 3 * * *', input: {size: many}}", &["ORK-E0503"]);
    check("{cron: '0 3 * * *', input: {size: 3, sice: 4}}", &["ORK-E0501"]);
    check("{cron: '0 3 * * *', input: {size: -3}}", &["ORK-E0508"]);
    check("{timezone: UTC, input: {size: 3}}", &["ORK-E0203"]);
    check("{cron: '0 3 * * *', timezone: Europe/Pariss, input: {size: 3}}", &["ORK-E0212"]);
    check("{cron: '0 3 * * *', timezone: '', input: {size: 3}}", &["ORK-E0212"]);
    check("{cron: '0 3 * * *', timezone: ../../etc/passwd, input: {size: 3}}", &["ORK-E0212"]);
    check("{cron: '0 3 * * *', overlap: maybe, input: {size: 3}}", &["ORK-E0208"]);
    check("{cron: '0 3 * * *', catch_up: some, input: {size: 3}}", &["ORK-E0208"]);
    check("{cron: [1, 2], input: {size: 3}}", &["ORK-E0202"]);
    check("{cron: '0 3 * * *', input: [3]}", &["ORK-E0202"]);
}

#[test]
fn years_have_an_end() {
    let times = Times::new("0 0 1 1 *", "UTC").unwrap();
    assert_eq!(times.all_after(at("9998-06-01T00:00:00Z")).count(), 1);
    assert_eq!(times.next(Timestamp::from_micros(i64::MAX)), None);
    assert_eq!(times.last(Timestamp::from_micros(i64::MIN), Timestamp::from_micros(i64::MIN)), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever the fields and wherever: times only go forward, and each is one by the clock or the moment at which the clock changes.
    #[test]
    fn times_go_forward(minute in 0..60u8, hour in prop::option::of(0..24u8), zone in 0..6usize, day in 0..3_650u64) {
        let zone = ["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut", "America/Havana", "Africa/Casablanca"][zone];
        let hour = hour.map_or("*".to_owned(), |hour| hour.to_string());
        let times = Times::new(&format!("{minute} {hour} * * *"), zone).unwrap();
        let mut before = at("2020-01-01T00:00:00Z").plus_ms(day * 86_400_000);
        for _ in 0..50 {
            let next = times.next(before).unwrap();
            prop_assert!(next > before);
            prop_assert!(next.since_ms(before) <= 49 * 3_600_000, "{} {}", shown(before, zone), shown(next, zone));
            prop_assert_eq!(times.next(Timestamp::from_micros(next.micros() - 1)), Some(next), "nothing lies between");
            before = next;
        }
    }
}
