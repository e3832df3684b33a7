use ork_core::plan::Action;

use super::*;
use crate::expressions::TaskView;

fn scope() -> Scope {
    let output = json!({"files": ["a", "b", "c"], "n": 3, "text": "3", "ok": false});
    let view = TaskView::One { output, status: "success".into() };
    Scope { inputs: json!({"n": 2}), run: json!({}), task: None, tasks: [("list".to_owned(), view)].into() }
}

async fn check(fan: Fan, when: Option<&str>, expected: &str) {
    let node = Node { fan, when: when.map(str::to_owned), ..Node::new("cut", Action::default()) };
    let shown = match expand(&node, scope()).await {
        Ok(Expansion::Siblings { size, items, unmet }) => {
            let items = items.map_or_else(String::new, |items| format!(" items {}", items.as_str()));
            format!("size {size}{items} unmet {unmet:?}")
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

#[tokio::test]
async fn conditions() {
    check(Fan::One, Some("inputs.n == 2"), "size 1 unmet []").await;
    check(Fan::One, Some("tasks.list.output.ok"), "skipped").await;
    check(Fan::Count(4), Some("task.index > 1"), "size 4 unmet [0, 1]").await;
    check(Fan::Count(4), Some("task.index > 9"), "skipped").await;
    check(Fan::Each(vec![json!("x"), json!("y")]), Some("task.item == 'y'"), "size 2 unmet [0]").await;
    check(Fan::One, Some("inputs.n"), "failed: ").await;
    check(Fan::One, Some("tasks.list.output.none.at_all"), "failed: ").await;
    // A condition that is false for all keeps the size from being evaluated.
    check(count_of("tasks.list.output.nothing"), Some("tasks.list.output.ok"), "skipped").await;
}

#[tokio::test]
async fn sizes() {
    check(count_of("tasks.list.output.n"), None, "size 3 unmet []").await;
    check(count_of("{{ tasks.list.output.n + 1 }}"), None, "size 4 unmet []").await;
    check(count_of("tasks.list.output.n - 3"), None, "size 0 unmet []").await;
    check(count_of("tasks.list.output.n - 4"), None, "failed: `count` gave -1: it must be a whole number").await;
    check(count_of("tasks.list.output.text"), None, "failed: `count` gave \"3\"").await;
    check(count_of("100001"), None, "failed: 100001 siblings: a run has at most 100000 tasks").await;
    check(each_of("tasks.list.output.files"), None, "size 3 items [\"a\",\"b\",\"c\"] unmet []").await;
    check(each_of("tasks.list.output.files"), Some("task.item != 'b'"), "size 3 items [\"a\",\"b\",\"c\"] unmet [1]")
        .await;
    check(each_of("tasks.list.output.n"), None, "failed: `each` must give a list").await;
    check(Fan::Count(0), None, "size 0 unmet []").await;
}
