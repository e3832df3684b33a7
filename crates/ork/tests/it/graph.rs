//! `ork graph`: files and runs, drawn.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::home::Home;

const FLOW: &str = "\
inputs: {parts: {type: integer, required: true}, more: {type: integer, required: true}}
tasks:
  list: {run: \"echo '[1]'\", output: stdout_json}
  cut: {depends_on: [list], count: \"{{ inputs.parts }}\", run: \"true\"}
  add: {depends_on: [list], count: \"{{ inputs.more + 1 }}\", run: \"true\"}
  join: {depends_on: [cut, add], when: \"tasks.list.output | length > 0\", run: \"true\"}
";

#[test]
fn an_example_is_drawn() {
    let home = Home::new();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/logs.yaml");
    home.file("logs.yaml", &fs::read_to_string(example).unwrap());
    insta::assert_snapshot!(home.says("graph logs.yaml"), @r#"
    exit 0
    --- stdout
    ---
    title: "logs"
    ---
    flowchart TB
      n0["split"]
      n1[["count ×?"]]
      n2["merge"]
      n0 --> n1
      n1 --> n2
    "#);
    insta::assert_snapshot!(home.says("graph logs.yaml --format dot"), @r#"
    exit 0
    --- stdout
    digraph "logs" {
      node [shape=box, style=rounded, fontname=monospace, fontsize=11];
      n0 [label="split"];
      n1 [label="count ×?", peripheries=2];
      n2 [label="merge"];
      n0 -> n1;
      n1 -> n2;
    }
    "#);
    insta::assert_snapshot!(home.says("graph logs.yaml --format svg"));
    insta::assert_snapshot!(home.says("graph logs.yaml --json"));
    assert_eq!(home.says("graph logs.yaml --json"), home.says("graph logs.yaml --format json"));
    assert!(!home.dir.join(".local").exists(), "something was created");
}

#[test]
fn what_is_known_without_all_inputs_is_drawn() {
    let home = Home::new();
    home.file("flow.yaml", FLOW);
    let sizes = |args: &str| {
        let value = home.values(&format!("graph flow.yaml --json{args}")).remove(0);
        value["nodes"].as_array().unwrap().iter().map(|node| node["size"].clone()).collect::<Vec<Value>>()
    };
    assert_eq!(sizes(""), [json!(1), json!(null), json!(null), json!(1)]);
    assert_eq!(sizes(" -i parts=3"), [json!(1), json!(3), json!(null), json!(1)]);
    assert_eq!(sizes(" -i parts=3 -i more=1"), [json!(1), json!(3), json!(2), json!(1)]);
    insta::assert_snapshot!(home.says("graph flow.yaml -i parts=3"), @r#"
    exit 0
    --- stdout
    ---
    title: "flow"
    ---
    flowchart TB
      n0["list"]
      n1[["cut ×3"]]
      n2[["add ×?"]]
      n3["join<br/>when tasks.list.output #124; length #62; 0"]
      n0 --> n1
      n0 --> n2
      n1 --> n3
      n2 --> n3
    "#);
    assert!(home.says("graph flow.yaml -i parts=x").starts_with("exit 2\n"));
    assert!(home.says("graph flow.yaml -i many=3").contains("many"));
}

#[test]
fn a_run_is_drawn_with_its_states() {
    let home = Home::new();
    let flow = "on_failure: continue\ntasks:\n  one: {run: \"true\"}\n  \
        many: {depends_on: [one], each: [a, b, c], run: \"test $ORK_TASK_INDEX -ne 1\"}\n  \
        after: {depends_on: [many], run: \"true\"}\n  tidy: {depends_on: [many], run_if: always, run: \"true\"}\n";
    home.file("flow.yaml", flow);
    assert!(home.says("run flow.yaml").starts_with("exit 1\n"));
    insta::assert_snapshot!(home.says("graph last"), @r#"
    exit 0
    --- stdout
    ---
    title: "flow, failed"
    ---
    flowchart TB
      n0["one<br/>success"]:::success
      n1[["many ×3<br/>2 success, 1 failed"]]:::failed
      n2["after<br/>skipped"]
      n3["tidy<br/>runs always<br/>success"]:::success
      n0 --> n1
      n1 --> n2
      n1 --> n3
      classDef failed stroke:#e5484d,stroke-width:2px
      classDef success stroke:#2da44e,stroke-width:2px
    "#);
    let drawn = &home.values("graph last --json")[0];
    assert_eq!(
        (&drawn["status"], &drawn["nodes"][1]["tasks"]),
        (&"failed".into(), &json!({"success": 2, "failed": 1}))
    );
    assert_eq!(home.says(&format!("graph {}", home.last())), home.says("graph last"));
    let svg = home.says("graph last --format svg");
    assert!(svg.contains("<title>many ×3, 2 success, 1 failed</title>"), "{svg}");
    assert!(svg.contains("<title>after, skipped</title>"), "{svg}");
    assert!(home.says("graph last -i a=1").starts_with("exit 2\n"));
}

#[test]
fn the_name_of_the_output_says_its_form() {
    let home = Home::new();
    home.file("flow.yaml", "tasks:\n  a: {run: \"true\"}\n");
    for (name, start) in [("a.svg", "<svg "), ("a.gv", "digraph "), ("a.json", "{\"name\""), ("a.md", "---\n")] {
        assert_eq!(home.says(&format!("graph flow.yaml -o {name}")), format!("exit 0\n--- stderr\nwrote {name}\n"));
        assert!(fs::read_to_string(home.project().join(name)).unwrap().starts_with(start), "{name}");
    }
    assert!(home.says("graph flow.yaml -o a.svg --format dot").starts_with("exit 0\n"));
    assert!(fs::read_to_string(home.project().join("a.svg")).unwrap().starts_with("digraph "));
    insta::assert_snapshot!(home.says("graph flow.yaml -o a.png"), @r"
    exit 2
    --- stderr
    error: no graph can be written as `png`: the endings are svg, dot, mmd, json
      try: -o a.svg
    ");
    assert!(!home.project().join("a.png").exists());
    assert!(home.says("graph flow.yaml -o no/where.svg").contains("failed to write `no/where.svg`"));
}

#[test]
fn what_cannot_be_drawn_is_told() {
    let home = Home::new();
    home.file("bad.yaml", "tasks:\n  a: {run: \"true\", depends_on: [c]}\n");
    insta::assert_snapshot!(home.says("graph bad.yaml"), @r#"
    exit 2
    --- stderr
    error[ORK-E0303]: task `a` depends on `c`, which does not exist
     --> bad.yaml:2:33
      |
    2 |   a: {run: "true", depends_on: [c]}
      |                                 ^

    `bad.yaml` has 1 error; nothing was run. More about one: ork explain ORK-E0303
    "#);
    assert_eq!(home.values("graph bad.yaml --json")[0]["errors"][0]["code"], "ORK-E0303");
    home.file("good.yaml", "tasks:\n  a: {run: \"true\"}\n");
    assert!(home.says("graph good.yaml --format png").starts_with("exit 2\n"));
    assert!(home.says("graph missing.yaml").contains("failed to read `missing.yaml`"));
    assert!(home.says("graph last").starts_with("exit 7\n"));
    assert!(home.says("run good.yaml").starts_with("exit 0\n"));
    assert!(home.says("graph 0123456789").starts_with("exit 7\n"));
    assert!(home.says("graph xyz").starts_with("exit 2\n"));
}
