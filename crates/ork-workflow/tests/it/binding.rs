//! From a good file to a plan.

use std::collections::BTreeSet;

use ork_workflow::{references, references_of_result};
use serde_json::json;

use crate::yaml;

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
    let given = json!({"source": "match.mp4", "clips": 2}).as_object().cloned().unwrap();
    let bound = workflow.bind(&given).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(bound.input, json!({"source": "match.mp4", "clips": 2, "project": "home"}));
    insta::assert_snapshot!(serde_json::to_string_pretty(&bound.plan).unwrap());
    let [probe, cut, render] = bound.plan.nodes.as_slice() else { panic!("three nodes") };
    assert_eq!(references(probe), BTreeSet::new());
    assert_eq!(references(cut), BTreeSet::new());
    assert_eq!(references(render), ["cut", "probe"].map(str::to_owned).into());
    assert_eq!(references_of_result(&bound.plan), ["render".to_owned()].into());
}
