//! From a good file to a plan.

use std::collections::BTreeSet;

use ork_workflow::{references, references_of_result};
use serde_json::json;

use crate::yaml;

fn given(value: &serde_json::Value) -> serde_json::Map<String, serde_json::Value> {
    value.as_object().cloned().unwrap()
}

/// What binding says to these inputs.
fn refusal(value: &serde_json::Value) -> String {
    let workflow = yaml(REEL).unwrap_or_else(|errors| panic!("{errors}"));
    workflow.bind(&given(value)).map_or_else(|errors| errors.to_string(), |_| "bound".into())
}

/// The example of the interface, without what this build cannot run.
const REEL: &str = r#"
name: highlight-reel
description: Cut, caption and merge clips
inputs:
  source:  {type: string, required: true}
  clips:   {type: integer, default: 3, minimum: 1}
  project: {type: string, enum: [home, away], default: home}
labels: {project_id: "{{ inputs.project }}"}
retry: {max_attempts: 4, delay: 1s, factor: 2, max_delay: 60s, jitter: 0.2}
on_failure: stop
concurrency: {key: "{{ inputs.project }}", limit: 1}
env: {MODE: fast, LEVEL: 1.10}
tasks:
  probe:
    command: [ffprobe, -v, error, -of, json, -show_format, "{{ inputs.source }}"]
    output: stdout_json
  cut:
    depends_on: [probe]
    count: "{{ inputs.clips }}"
    run: ./cut.sh
    env: {START: "{{ task.index * 5 }}", MODE: slow}
    timeout: 10m
    priority: 5
  render:
    depends_on: cut
    when: "tasks.probe.output.format.duration | float > 10.0"
    operation: render
    with: {endpoint: abc123, input: {clips: "{{ tasks.cut.outputs }}", of: "{{ inputs.source }}"}}
    retry: {max_attempts: 2, retry_on: [75, timeout]}
result: "{{ tasks.render.output }}"
"#;

#[test]
fn the_example_becomes_a_plan() {
    let workflow = yaml(REEL).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!((workflow.name(), workflow.inputs().len()), ("highlight-reel", 3));
    let bound =
        workflow.bind(&given(&json!({"source": "match.mp4", "clips": 2}))).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(bound.input, json!({"source": "match.mp4", "clips": 2, "project": "home"}));
    insta::assert_snapshot!(serde_json::to_string_pretty(&bound.plan).unwrap());
    let [probe, cut, render] = bound.plan.nodes.as_slice() else { panic!("three nodes") };
    assert_eq!(references(probe), BTreeSet::new());
    assert_eq!(references(cut), BTreeSet::new());
    assert_eq!(references(render), ["cut", "probe"].map(str::to_owned).into());
    assert_eq!(references_of_result(&bound.plan), ["render".to_owned()].into());
}

#[test]
fn inputs_that_do_not_fit_are_refused_at_their_declaration() {
    insta::assert_snapshot!(refusal(&json!({"clips": 0, "project": "hme", "sorce": 1})));
    insta::assert_snapshot!(refusal(&json!({"source": 5, "clips": "3"})));
    assert_eq!(refusal(&json!({"source": "x", "clips": 3.0})), "bound");
}

#[test]
fn codes_of_bad_inputs() {
    let text = "inputs: {n: {}, l: {type: array, default: []}, s: {pattern: ^a+$}}\ntasks:\n  a: {run: ls, count: \"{{ inputs.n }}\", each: [x]}\n";
    let text = text.replace(", each: [x]", "");
    let workflow = yaml(&text).unwrap_or_else(|errors| panic!("{errors}"));
    let check = |value: serde_json::Value, code: &str| {
        let errors = workflow.bind(&given(&value)).expect_err(code);
        assert_eq!(errors.items.iter().map(|item| item.code).collect::<Vec<_>>(), [code], "{errors}");
    };
    check(json!({"n": "many"}), "ORK-E0508");
    check(json!({"x": 1, "n": "1"}), "ORK-E0501");
    check(json!({"n": "1", "s": "b"}), "ORK-E0506");
    let required = yaml("inputs: {n: {required: true}}\ntasks: {a: {run: ls}}\n").unwrap();
    assert_eq!(required.bind(&serde_json::Map::new()).expect_err("required").items[0].code, "ORK-E0502");
}

#[test]
fn counts_and_lists_of_inputs_are_settled_and_folded() {
    let text = "inputs: {n: {default: 3}, l: {default: [a, {b: 1}]}}\ntasks:\n  a: {run: ls, count: \"{{ inputs.n - 3 }}\"}\n  b: {run: ls, each: \"{{ inputs.l }}\"}\n  c: {run: ls, each: [1, \"{{ inputs.n }}\"]}\n  d: {run: ls, depends_on: b, count: \"{{ tasks.b.outputs | length }}\"}\n  e: {run: ls, depends_on: b, each: \"{{ tasks.b.outputs }}\"}\n";
    let plan = yaml(text).unwrap_or_else(|errors| panic!("{errors}")).bind(&serde_json::Map::new()).unwrap().plan;
    let fans: Vec<String> = plan.nodes.iter().map(|node| format!("{:?}", node.fan)).collect();
    insta::assert_snapshot!(fans.join("\n"));
}

#[test]
fn what_an_input_holds_is_never_a_template() {
    let text = "inputs: {evil: {type: string}, all: {default: {}}}\nlabels: {l: \"{{ inputs.evil }}\"}\ntasks:\n  a:\n    command: [echo, \"{{ inputs.evil }}\", \"x {{ inputs.evil }}\", \"{{ run.id }} {{ inputs.evil }}\"]\n    env: {E: \"{{ inputs.evil }}\"}\n    params: {p: [\"{{ inputs.evil }}\"], all: \"{{ inputs.all }}\"}\n";
    let evil = "{{ run.id }} {% x %} \"quoted\" \\ {#";
    let workflow = yaml(text).unwrap_or_else(|errors| panic!("{errors}"));
    let bound =
        workflow.bind(&given(&json!({"evil": evil, "all": {"k": [evil]}}))).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(bound.plan.labels["l"], evil);
    let scope = ork_workflow::Scope { inputs: bound.input, run: json!({"id": "run_1"}), ..Default::default() };
    let action = &bound.plan.nodes[0].action;
    let render = |value: serde_json::Value| ork_workflow::render(&value, &scope).unwrap();
    assert_eq!(render(json!(action.command)), json!(["echo", evil, format!("x {evil}"), format!("run_1 {evil}")]));
    assert_eq!(render(json!(action.env)), json!({"E": evil}));
    assert_eq!(render(action.params.clone()), json!({"p": [evil], "all": {"k": [evil]}}));
}
