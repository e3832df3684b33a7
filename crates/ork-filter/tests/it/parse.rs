//! Text to a filter, or to an error with its place and its repair.

use ork_core::clock::Timestamp;
use ork_core::limits::FILTER_BYTES_MAX;
use ork_filter::Filter;
use proptest::prelude::*;

/// 2026-11-01T12:00:00Z
const NOW: Timestamp = Timestamp::from_micros(1_793_534_400_000_000);

fn wrong(text: &str) -> String {
    let error = text.parse::<Filter>().expect_err(text);
    let before = text[..error.at.start].chars().count();
    let width = text[error.at.clone()].chars().count().max(1);
    let hint = error.hint.map(|hint| format!("\n  {hint}")).unwrap_or_default();
    format!("{text}\n{}{}\n{}{hint}\n", " ".repeat(before), "^".repeat(width), error.message)
}

#[test]
fn words_say_what_is_wanted() {
    let text = " status:failed,cancelled  name:etl owner:ada@example.com label.team=media\tlabel.tier=\"a \\\"b\\\"\" is:retrying is:held \
                started>-2h created<2026-11-01 finished>2026-11-01T14:00:00+02:00 finished<2026-11-01T12:00:00.000001Z";
    let filter: Filter = text.parse().expect("a filter");
    insta::assert_snapshot!(filter, @r#"status:failed,cancelled is:held is:retrying name:etl owner:ada@example.com label.team=media label.tier="a \"b\"" created<2026-11-01 started>-2h finished>2026-11-01T12:00:00Z finished<2026-11-01T12:00:00.000001Z"#);
    insta::assert_debug_snapshot!(filter.runs(NOW), @r#"
    RunFilter {
        statuses: [
            Failed,
            Cancelled,
        ],
        name: Some(
            "etl",
        ),
        owner: Some(
            "ada@example.com",
        ),
        labels: {
            "team": "media",
            "tier": "a \"b\"",
        },
        created: Span {
            from: None,
            until: Some(
                Timestamp(
                    1793491200000000,
                ),
            ),
        },
        started: Span {
            from: Some(
                Timestamp(
                    1793527200000000,
                ),
            ),
            until: None,
        },
        finished: Span {
            from: Some(
                Timestamp(
                    1793534400000000,
                ),
            ),
            until: Some(
                Timestamp(
                    1793534400000001,
                ),
            ),
        },
        is_held: true,
        is_retrying: true,
        is_unacknowledged: false,
        before: None,
        limit: 200,
    }
    "#);
    assert_eq!("".parse(), Ok(Filter::default()));
    assert_eq!(" \n ".parse(), Ok(Filter::default()));
}

#[test]
fn what_is_wrong_is_shown_with_its_repair() {
    let texts = [
        "name:etl stauts:failed",
        "status:faild",
        "status:failed,retrying",
        "status:exploded",
        "status:failed status:success",
        "status=failed",
        "status:",
        "failed",
        "etl",
        "started",
        "run_0191e0c8",
        "-status:failed",
        "is:failed",
        "is:retryin",
        "is:waiting",
        "is:held,retrying",
        "is:blue",
        "name:etl*",
        "name:a name:b",
        "label:team=media",
        "label.team:media",
        "label.team=",
        "label.a=1 label.a=2",
        "label.ä=1",
        "team=media",
        "colour:red",
        "created:-2h",
        "created>2h",
        "created>=-2h",
        "created>yesterday",
        "created>-2x",
        "created>2026-13-01",
        "created>-1h created>-2h",
        "näme:ü label.a=\"open",
    ];
    insta::assert_snapshot!(texts.map(wrong).join("\n"));
}

#[test]
fn a_filter_has_a_limit() {
    let longest = format!("label.a={}", "x".repeat(FILTER_BYTES_MAX - 8));
    assert!(longest.parse::<Filter>().is_ok());
    assert!(format!("{longest}x").parse::<Filter>().is_err());
    let many: String = (0..65).map(|n| format!("label.l{n}=1 ")).collect();
    assert_eq!(many.parse::<Filter>().expect_err("too many").message, "a run has at most 64 labels");
}

#[test]
fn a_time_before_the_beginning_of_time_is_that() {
    let filter: Filter = "created>-4294967295w".parse().expect("a filter");
    assert!(filter.runs(NOW).created.from.expect("a bound") < Timestamp::from_micros(0));
}

proptest! {
    /// Whatever the text is, the answer is a filter or an error at a place of the text.
    #[test]
    fn no_text_is_too_much(text in r#"([a-z.]{0,8}|status|label\.a|created)[:=<>]{0,2}[-"\\a-z0-9é ]{0,12}( [^\r]{0,9})?"#) {
        match text.parse::<Filter>() {
            Ok(filter) => prop_assert_eq!(filter.to_string().parse::<Filter>(), Ok(filter)),
            Err(error) => prop_assert!(text.get(error.at).is_some()),
        }
    }
}
