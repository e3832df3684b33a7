//! Plans of the older JSON form.

use ork_workflow::{Format, Source, parse};
use serde_json::{Map, json};

fn plan(text: &str) -> String {
    let source = Source { name: "plan.json", text, format: Format::Json };
    match parse(&source).map(|workflow| workflow.bind(&Map::new())) {
        Ok(Ok(bound)) => {
            let nodes =
                bound.plan.nodes.iter().map(|node| json!([node.key, node.depends_on, node.queue, node.action.params]));
            nodes.map(|node| node.to_string()).collect::<Vec<_>>().join("\n")
        }
        Ok(Err(errors)) | Err(errors) => errors.to_string(),
    }
}

#[test]
fn jobs_become_tasks_and_markers_become_templates() {
    let text = r#"{"jobs": [
        {"id": "job1", "type": "generateVideo", "params": {"prompt": "a $dog for {{ nobody }}", "price": "$5"}, "output": "video"},
        {"id": "job2", "operation": "generateVideo", "params": {"seed": 7}},
        {"id": "job3", "operation": "merge", "params": {"videos": ["$job1", "$job2.url"]}, "dependsOn": ["job2"]},
        {"id": "job4", "operation": "notify", "dependencies": ["job3"]}
    ], "baseExecutionId": null}"#;
    insta::assert_snapshot!(plan(text));
}

#[test]
fn what_is_wrong_with_jobs_is_told_in_their_words() {
    let text = r#"{"jobs": [
  {"operation": "merge"},
  {"id": "a"},
  {"id": "b", "operation": "x", "dependsOn": ["c"], "parms": {}},
  {"id": "b", "operation": "x"},
  {"id": "d", "type": "x", "params": ["$d"]}
], "baseExecutionId": "e1"}"#;
    insta::assert_snapshot!(plan(text));
}
