//! Plans of operations, and the commands that serve them.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::home::Home;
use crate::postgres::with_database;

const PLAN: &str = r#"{"jobs": [
  {"id": "job1", "type": "generate", "params": {"prompt": "a"}},
  {"id": "job2", "type": "generate", "params": {"prompt": "b {{ 1 }}; rm -rf ~"}},
  {"id": "job3", "type": "generate", "params": {"prompt": "$c"}},
  {"id": "film", "operation": "merge", "params": {"videos": ["$job1", "$job2.prompt", "$job3"], "fade": 2}}
], "result": "$film"}"#;

/// Answers with what it was given.
const ECHO: &str = "#!/bin/sh\ncp \"$ORK_PARAMS\" \"$ORK_OUTPUT\"\n";

fn program(home: &Home, name: &str, text: &str) {
    home.file(name, text);
    fs::set_permissions(home.project().join(name), fs::Permissions::from_mode(0o755)).unwrap();
}

/// A home with the plan, and a folder `tools` whose `ork.toml` serves its operations.
fn home() -> Home {
    let home = Home::new();
    fs::create_dir(home.project().join("tools")).unwrap();
    home.file("plan.json", PLAN);
    program(&home, "tools/generate.sh", ECHO);
    home.file(
        "ork.toml",
        "[operations]\ngenerate = [\"tools/generate.sh\"]\nmerge = 'cp \"$ORK_PARAMS\" \"$ORK_OUTPUT\"'\n",
    );
    home
}

fn merged() -> Value {
    json!({"videos": [{"prompt": "a"}, "b {{ 1 }}; rm -rf ~", {"prompt": "$c"}], "fade": 2})
}

#[test]
fn a_plan_of_operations_runs_by_its_settings_alone() {
    let home = home();
    insta::assert_snapshot!(home.says("run plan.json --jobs 1"), @r#"
    exit 0
    --- stdout
    {
      "videos": [
        {
          "prompt": "a"
        },
        "b {{ 1 }}; rm -rf ~",
        {
          "prompt": "$c"
        }
      ],
      "fade": 2
    }
    --- stderr
    plan  run_ID  4 tasks
      success    job1  TIME
      success    job2  TIME
      success    job3  TIME
      success    film  TIME
    ✓ success  plan  run_ID in TIME
    history: HOME/.local/share/ork/ork.db (ork runs show run_ID)
    "#);
    let run = home.values("runs show last --json").remove(0);
    assert_eq!((&run["status"], &run["result"]), (&json!("success"), &merged()));
    let film = home.values("runs show last/film --json").remove(0);
    assert_eq!((&film["output"], &film["attempt"]), (&merged(), &json!(1)));
}

#[test]
fn an_operation_that_nothing_serves_is_refused_before_anything_is_created() {
    let home = home();
    fs::remove_file(home.project().join("ork.toml")).unwrap();
    insta::assert_snapshot!(home.says("run plan.json"), @r#"
    exit 2
    --- stderr
    error: nothing here serves the operations `generate`, `merge`
      try: name commands for them in `ork.toml`:
          [operations]
          generate = ["./generate.sh"]
          merge = ["./merge.sh"]
      or: ork runs submit plan.json, for workers that serve them
    "#);
    insta::assert_snapshot!(home.says("run plan.json --operation merge=true --operation generat=true"), @r"
    exit 2
    --- stderr
    error: nothing here serves the operation `generate`
      try: `generat` is served: did you mean that by `generate`?
    ");
    assert!(home.values("run plan.json --json")[0]["hint"].as_str().unwrap().contains("merge = [\"./merge.sh\"]"));
    assert!(!home.dir.join(".local").exists(), "something was created");
    for (given, expected) in [
        ("merge", "`--operation merge`: it has no command\n  try: --operation merge=COMMAND"),
        ("a/b=true", "`--operation a/b=true`: an operation's name has 1 to 128 characters"),
    ] {
        let said = home.says(&format!("run plan.json --operation {given}"));
        assert!(said.starts_with("exit 2\n") && said.contains(expected), "{said}");
    }
    let said = home.says("run plan.json --operation merge=true --operation merge=false");
    assert!(said.contains("`--operation merge=false`: the operation has a command already"), "{said}");
}

#[test]
fn what_fails_is_repeated_with_what_is_served_then() {
    let home = home();
    let said = home.ork(&["run", "plan.json", "--operation", "merge=echo no codec >&2; exit 3"]);
    assert!(said.starts_with("exit 1\n") && said.contains("no codec"), "{said}");
    let said = home.says("runs retry last");
    assert!(said.starts_with("exit 0\n") && said.contains("3 of 4 tasks taken over"), "{said}");
    fs::remove_file(home.project().join("ork.toml")).unwrap();
    let before = home.values("runs list --json").len();
    let said = home.says("runs retry last --all");
    assert!(said.starts_with("exit 2\n") && said.contains("nothing here serves the operations `generate`, `merge`"));
    assert_eq!(home.values("runs list --json").len(), before);
}

#[test]
fn a_run_goes_on_only_where_its_operations_are_served() {
    let home = home();
    home.file("plan.json", r#"{"jobs": [{"id": "a", "type": "wait"}]}"#);
    program(&home, "wait.sh", "#!/bin/sh\ntest $ORK_ATTEMPT -gt 1 || sleep 60\n");
    let mut run = home.start("run plan.json --operation wait=./wait.sh");
    run.wait_for("started");
    run.kill();
    let said = home.says("run --resume last");
    assert!(said.starts_with("exit 2\n") && said.contains("nothing here serves the operation `wait`"), "{said}");
    let said = home.says("run --resume last --operation wait=./wait.sh");
    assert!(said.starts_with("exit 0\n"), "{said}");
}

/// Submits the plan to workers that each serve one operation.
fn serve(at: &str) {
    let home = home();
    fs::rename(home.project().join("ork.toml"), home.project().join("tools/ork.toml")).unwrap();
    assert!(home.says(&format!("runs submit plan.json --anywhere{at}")).starts_with("exit 0\n"));
    let said = home.says(&format!("why last{at}"));
    assert!(said.contains("nobody serves the queue `generate`"), "{said}");
    let mut generate = home.start(&format!("worker --operation generate=tools/generate.sh{at}"));
    generate.wait_for("serves default, generate of");
    let mut merge = home.start(&format!("worker --queues merge --operation merge=tools/generate.sh{at}"));
    merge.wait_for("serves merge of");
    let said = home.says(&format!("runs watch last{at}"));
    assert!(said.starts_with("exit 0\n"), "{said}");
    assert_eq!(home.values(&format!("runs show last --json{at}"))[0]["result"], merged());
    assert!(home.says(&format!("doctor{at}")).starts_with("exit 0\n"));
}

#[test]
fn workers_take_operations_from_the_queues_of_their_names() {
    serve("");
    with_database(|url| {
        let at = format!(" --database {url}");
        assert!(Home::new().says(&format!("db migrate{at}")).starts_with("exit 0\n"));
        serve(&at);
    });
}

#[test]
fn a_worker_that_cannot_do_what_it_took_gives_it_back() {
    let home = home();
    fs::remove_file(home.project().join("ork.toml")).unwrap();
    assert!(home.says("runs submit plan.json").starts_with("exit 0\n"));
    let mut worker = home.start("worker --queues generate --name idle");
    worker.wait_for("/job1/0, attempt 1: worker `idle` does not serve");
    let said = home.says("why last/job1");
    let expected =
        "retrying  job1: worker `idle` does not serve the operation `generate`; workers may take it again in";
    assert!(said.starts_with("exit 0\n") && said.contains(expected), "{said}");
    assert_eq!(home.values("why last/job1 --json")[0]["code"], "unserved");
    let said = home.says("runs show last");
    assert!(said.contains("retrying  job1  given back\n"), "{said}");
    worker.signal(Signal::TERM);
    assert!(worker.end(&home).starts_with("exit 0\n"));
}
