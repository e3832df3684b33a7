//! `ork runs diff`.

use serde_json::json;

use crate::home::Home;

const FLOW: &str = "\
inputs: {size: {type: integer, default: 1}}
tasks:
  a: {run: \"echo '{\\\"n\\\": '$SIZE'}'\", output: stdout_json, env: {SIZE: \"{{ inputs.size }}\"}}
  b: {depends_on: [a], run: test -f there, retry: {max_attempts: 2, delay: 1ms}}
result: \"{{ tasks.a.output }}\"
";

#[test]
fn a_retry_is_compared_with_what_it_repeats() {
    let home = Home::new();
    home.file("flow.yaml", FLOW);
    assert!(home.says("run flow.yaml").starts_with("exit 1\n"));
    home.file("there", "");
    assert!(home.says("runs retry last").starts_with("exit 0\n"));
    assert_eq!(home.says("runs diff"), home.says("runs diff last"));
    insta::assert_snapshot!(home.says("runs diff last"), @r#"
    exit 0
    --- stdout
    failed   flow  run_ID  2 tasks  AGE
    success  flow  run_ID  2 tasks  AGE  a retry
    same plan, same input

    tasks
      b  failed → success, attempts 2 → 1

    result
      null → {"n":1}
    "#);
    assert!(home.says("runs retry last --from b").starts_with("exit 0\n"));
    insta::assert_snapshot!(home.says("runs diff last"), @r"
    exit 0
    --- stdout
    success  flow  run_ID  2 tasks  AGE  a retry
    success  flow  run_ID  2 tasks  AGE  a retry
    same plan, same input, and every task went the same way
    ");
}

#[test]
fn two_runs_differ_in_input_plan_and_output() {
    let home = Home::new();
    home.file("flow.yaml", FLOW);
    home.file("there", "");
    assert!(home.says("run flow.yaml").starts_with("exit 0\n"));
    let first = home.last();
    let long = "echo this is a line that is far too long to be shown whole in one line";
    let other = FLOW.replace("test -f there", &format!("{long} again")).replace("max_attempts: 2", "max_attempts: 3");
    home.file("flow.yaml", &format!("{other}on_failure: continue\n"));
    assert!(home.says("run flow.yaml -i size=2").starts_with("exit 0\n"));
    home.file("flow.yaml", &format!("{}on_failure: continue\n", other.replace("  b: {", "  c: {")));
    insta::assert_snapshot!(home.says(&format!("runs diff {first} last")), @r#"
    exit 0
    --- stdout
    success  flow  run_ID  2 tasks  AGE
    success  flow  run_ID  2 tasks  AGE

    input
      size  1 → 2

    plan
      the workflow  on_failure          "stop" → "continue"
      a             action.env.SIZE     "1" → "2"
      b             retry.max_attempts  2 → 3
      b             action.run          "test -f there" → "echo this is a line that is far too lon…

    outputs
      a  n  1 → 2

    result
      n  1 → 2
    "#);
    let second = home.last();
    assert!(home.says("run flow.yaml -i size=2").starts_with("exit 0\n"));
    let diff = &home.values(&format!("runs diff {second} last --json"))[0];
    let changes = diff["plan"].as_array().unwrap().iter().map(|node| (node["key"].clone(), node["change"].clone()));
    let changes: Vec<_> = changes.collect();
    assert_eq!(changes, [(json!("b"), json!("removed")), (json!("c"), json!("added"))]);
    assert_eq!((&diff["same_input"], &diff["same_plan"], &diff["outputs"]), (&json!(true), &json!(false), &json!([])));
    let tasks: Vec<_> = diff["tasks"].as_array().unwrap().iter().map(|task| task["task"].clone()).collect();
    assert_eq!(tasks, ["c", "b"]);
    insta::assert_snapshot!(home.says("runs diff last"), @r"
    exit 2
    --- stderr
    error: `run_ID` repeats no other run: say which to compare it with
      try: ork runs diff run_ID run_ID
    ");
    assert!(home.says("runs diff last last").starts_with("exit 2\n--- stderr\nerror: both are `run_ID`\n"));
    assert!(home.says("runs diff last ffff").starts_with("exit 7\n"));
}
