use ork_core::plan::Action;
use serde_json::json;

use super::*;
use crate::expressions::TaskView;

fn scope() -> Scope {
    let output = json!({"files": ["a", "b", "c"], "n": 3, "text": "3", "ok": false});
    let view = TaskView::One { output, status: "success".into() };
    Scope { inputs: json!({"n": 2}), run: json!({}), tasks: [("list".to_owned(), view)].into(), ..Scope::default() }
}

fn check(fan: Fan, when: Option<&str>, expected: &str) {
    let node = Node { fan, when: when.map(str::to_owned), ..Node::new("cut", Action::default()) };
    let shown = match expand(&node, &scope()) {
        Ok(Expansion::Siblings { size, items, .. }) => {
            items.map_or_else(|| size.to_string(), |items| format!("{size} of {}", items.as_str()))
        }
        Ok(Expansion::Skipped) => "skipped".into(),
        Ok(Expansion::Failed(failure)) | Err(failure) => format!("failed: {}", failure.message),
    };
    assert!(shown.starts_with(expected), "{shown}\nexpected {expected}");
}

fn count_of(text: &str) -> Fan {
    Fan::CountOf(text.into())
}

fn each_of(text: &str) -> Fan {
    Fan::EachOf(text.into())
}

#[test]
fn conditions() {
    check(Fan::One, Some("inputs.n == 2"), "1");
    check(Fan::Count(4), Some("inputs.n == 2"), "4");
    check(Fan::One, Some("tasks.list.output.ok"), "skipped");
    check(Fan::One, Some("inputs.n"), "failed: ");
    check(Fan::One, Some("tasks.list.output.none.at_all"), "failed: ");
    // A condition that is false keeps the size from being evaluated.
    check(count_of("tasks.list.output.nothing"), Some("tasks.list.output.ok"), "skipped");
}

#[test]
fn sizes() {
    check(count_of("tasks.list.output.n"), None, "3");
    check(count_of("tasks.list.output.n / 1"), None, "3");
    check(count_of("tasks.list.output.n - 3"), None, "0");
    check(count_of("tasks.list.output.n - 4"), None, "failed: `count` gave -1: it must be a whole number");
    check(count_of("tasks.list.output.n / 2"), None, "failed: `count` gave 1.5: it must be a whole number");
    check(count_of("tasks.list.output.text"), None, "failed: `count` gave \"3\"");
    check(count_of("100001"), None, "failed: 100001 siblings: a run has at most 100000 tasks");
    check(each_of("tasks.list.output.files"), None, "3 of [\"a\",\"b\",\"c\"]");
    check(each_of("tasks.list.output.n"), None, "failed: `each` must give a list");
    check(Fan::Count(0), None, "0");
}
