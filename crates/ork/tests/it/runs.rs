//! Runs that are over, looked at by each command, for people and as JSON.

use serde_json::{Value, json};

use crate::home::Home;

const FAILING: &str = "\
tasks:
  one: {run: echo fine}
  two: {depends_on: [one], run: \"echo working; echo 'no such file: data.csv' >&2; exit 3\", retry: {max_attempts: 2, delay: 10ms}}
  three: {depends_on: [two], run: echo never}
  tidy: {depends_on: [two], run_if: always, run: echo tidy}
";

fn failed() -> Home {
    let home = Home::new();
    home.file("flow.yaml", FAILING);
    assert!(home.says("run flow.yaml").starts_with("exit 1\n"));
    home
}

#[test]
fn a_success_gives_its_result_on_stdout() {
    let home = Home::new();
    home.file(
        "flow.yaml",
        "tasks:\n  a: {run: echo 42, output: stdout_json}\nresult: {answer: \"{{ tasks.a.output }}\"}\n",
    );
    insta::assert_snapshot!(home.says("run flow.yaml"), @r#"
    exit 0
    --- stdout
    {
      "answer": 42
    }
    --- stderr
    flow  run_ID  1 task
      success    a  TIME
    ✓ success  flow  run_ID in TIME
    history: HOME/.local/share/ork/ork.db (ork runs show run_ID)
    "#);
}

#[test]
fn a_failure_says_what_why_and_where() {
    let home = Home::new();
    home.file("flow.yaml", FAILING);
    insta::assert_snapshot!(home.says("run flow.yaml"), @r"
    exit 1
    --- stderr
    flow  run_ID  4 tasks
      success    one  TIME
      retrying   two  exited with code 3; failure 1 of 2
      failed     two  exited with code 3 after TIME, attempt 2
      skipped    three  what it needs did not succeed
      success    tidy  TIME

    failed: two: exited with code 3 after TIME, attempt 2
      | working
      | no such file: data.csv
    ✗ failed  flow  run_ID in TIME: 1 of 4 tasks failed or cancelled
    history: HOME/.local/share/ork/ork.db (ork runs show run_ID)
    next: ork runs retry run_ID
      or, with the file as it is by then: ork run flow.yaml --from two
    ");
}

#[test]
fn a_run_as_json_is_its_events_and_then_itself() {
    let home = Home::new();
    home.file("flow.yaml", FAILING);
    let output = home.output(&["run", "flow.yaml", "--json"]);
    assert_eq!((output.status.code(), output.stderr.len()), (Some(1), 0));
    let text = String::from_utf8(output.stdout).unwrap();
    let values: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (last, events) = values.split_last().unwrap();
    let seqs: Vec<u64> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=events.len() as u64).collect::<Vec<_>>(), "contiguous from 1 (G6)");
    let ends: Vec<String> = events
        .iter()
        .filter(|event| matches!(event["type"].as_str(), Some("task.success" | "task.failed" | "task.skipped")))
        .map(|event| format!("{} {}", event["type"].as_str().unwrap(), event["key"].as_str().unwrap()))
        .collect();
    assert_eq!(ends, ["task.success one", "task.failed two", "task.skipped three", "task.success tidy"]);
    assert_eq!((&last["type"], &last["status"], &last["exit_code"]), (&"run".into(), &"failed".into(), &1.into()));
    assert_eq!(last["failures"][0]["log_tail"], json!(["working", "no such file: data.csv"]));
    assert_eq!(last["failures"][0]["error"], json!({"kind": "exit", "code": 3, "message": "exited with code 3"}));
}

#[test]
fn runs_are_listed_and_shown() {
    let home = failed();
    insta::assert_snapshot!(home.says("runs list"), @r"
    exit 0
    --- stdout
    run_ID  failed  flow  4/4 tasks  TIME  AGE
    ");
    assert_eq!(home.values("runs list --status success --json"), Vec::<Value>::new());
    assert_eq!(home.values("runs list --status failed --name flow --json").len(), 1);
    assert!(home.says("runs list --status exploded").starts_with("exit 2\n"));
    insta::assert_snapshot!(home.says("runs show last"), @r"
    exit 0
    --- stdout
    failed  flow  run_ID
      created   AGE, took TIME
      tasks     4 of 4 done, 1 failed or cancelled
      project   HOME/project

      success  one    TIME
      failed   two    TIME, attempt 2
      skipped  three  what it needs did not succeed
      success  tidy   TIME
    --- stderr

    failed: two: exited with code 3 after TIME, attempt 2
      | working
      | no such file: data.csv

    history: HOME/.local/share/ork/ork.db (ork runs logs run_ID)
    ");
    let shown = &home.values("runs show last --json")[0];
    assert_eq!((&shown["status"], shown["tasks"].as_array().unwrap().len()), (&"failed".into(), 4));
    insta::assert_snapshot!(home.says("runs show last/two"), @r"
    exit 0
    --- stdout
    failed  two  task_ID
      why       it is over with `failed`; exited with code 3
      attempt   1  failed  TIME: exited with code 3
      attempt   2  failed  TIME: exited with code 3
    ");
    let attempts = &home.values("runs show last/two --json")[0]["attempts"];
    assert_eq!((&attempts[0]["exit_code"], &attempts[1]["attempt"]), (&3.into(), &2.into()));
}

#[test]
fn why_tells_a_failure_and_a_skip() {
    let home = failed();
    insta::assert_snapshot!(home.says("why"), @r"
    exit 0
    --- stdout
    failed  flow  run_ID
      1 of 4 tasks failed or cancelled
    --- stderr

    failed: two: exited with code 3 after TIME, attempt 2
      | working
      | no such file: data.csv
    ");
    insta::assert_snapshot!(home.says("why last/three"), @r"
    exit 0
    --- stdout
    skipped  three: it is over with `skipped`: it needs `two`, and that did not succeed
    ");
    insta::assert_snapshot!(home.says("runs logs last/three"), @r"
    exit 7
    --- stderr
    error: `three` has had 0 attempts
      try: ork why last/three
    ");
    assert_eq!(home.values("why last/three --json")[0]["code"], "over");
    assert_eq!(home.values("why last --json")[0]["failures"][0]["key"], "two");
}

#[test]
fn logs_of_a_run_have_siblings_together() {
    let home = Home::new();
    let tasks = "
  size: {run: 'echo 3', output: stdout_json}
  each: {depends_on: [size], count: '{{ tasks.size.output }}', run: 'echo $ORK_TASK_INDEX'}
  last: {depends_on: [each], run: echo over}";
    home.file("flow.yaml", &format!("tasks:{tasks}\n"));
    assert!(home.says("run flow.yaml").starts_with("exit 0\n"));
    let said = home.says("runs logs last");
    assert_eq!(said, "exit 0\n--- stdout\nsize | 3\neach/0 | 0\neach/1 | 1\neach/2 | 2\nlast | over\n");
}

#[test]
fn logs_are_what_was_written() {
    let home = failed();
    assert_eq!(home.says("runs logs last/two"), "exit 0\n--- stdout\nworking\nno such file: data.csv\n");
    assert_eq!(home.says("runs logs last/two --attempt 1 --tail 1"), "exit 0\n--- stdout\nno such file: data.csv\n");
    assert_eq!(home.says("runs logs last/two --follow --tail 1"), "exit 0\n--- stdout\nno such file: data.csv\n");
    insta::assert_snapshot!(home.says("runs logs last"), @r"
    exit 0
    --- stdout
    one | fine
    two | working
    two | no such file: data.csv
    tidy | tidy
    ");
    let line = &home.values("runs logs last/two --json")[1];
    assert_eq!((&line["stream"], &line["text"]), (&"stderr".into(), &"no such file: data.csv".into()));
    assert_eq!((&line["line"], &line["offset"]), (&2.into(), &8.into()));
    assert!(home.says("runs logs last/two --attempt 3").starts_with("exit 7\n"));
}

#[test]
fn the_tail_of_a_long_log_is_its_end() {
    let home = Home::new();
    let script = "i=0; while [ $i -lt 30000 ]; do echo line $i; i=$((i + 1)); done; exit 1";
    home.file("flow.yaml", &format!("tasks:\n  a: {{run: \"{script}\"}}\n"));
    let said = home.says("run flow.yaml");
    assert!(said.contains("  | line 29988\n") && said.contains("  | line 29999\n"), "{said}");
    assert!(!said.contains("line 29987\n") && said.contains("whole log: ork runs logs run_ID/a"), "{said}");
    let said = home.says("runs logs last/a --tail 20000");
    assert_eq!(said.lines().nth(2), Some("line 10000"));
    assert_eq!(home.says("runs logs last/a").lines().count(), 30_002);
}

#[test]
fn a_wide_fan_out_is_counted_and_not_listed() {
    let home = Home::new();
    home.file("flow.yaml", "tasks:\n  many: {count: 300, run: 'test $ORK_TASK_INDEX != 7'}\non_failure: continue\n");
    let said = home.says("run flow.yaml");
    assert!(said.starts_with("exit 1\n") && said.contains("failed     many/7  exited with code 1"), "{said}");
    assert!(said.contains("1 of 300 tasks failed") && said.lines().count() < 30, "{said}");
    let said = home.says("runs show last");
    assert!(said.contains("  failed  many (300 tasks)  299 success, 1 failed\n"), "{said}");
    let said = home.says("why last/many");
    assert!(said.starts_with("exit 2\n") && said.contains("`many` has 300 tasks: say which"), "{said}");
    assert!(home.says("why last/many/300").starts_with("exit 7\n"));
}

#[test]
fn a_retry_takes_over_what_succeeded() {
    let home = Home::new();
    let file = "tasks:\n  one: {run: echo 1, output: stdout_json}\n  two: {depends_on: [one], run: test -f there}\n\
                \x20 tidy: {depends_on: [two], run_if: always, run: echo tidy}\nresult: \"{{ tasks.one.output }}\"\n";
    home.file("flow.yaml", file);
    assert!(home.says("run flow.yaml").starts_with("exit 1\n"));
    home.file("there", "");
    insta::assert_snapshot!(home.says("runs retry last"), @r"
    exit 0
    --- stdout
    1
    --- stderr
    flow  run_ID  retry of run_ID, 1 of 3 tasks taken over
      success    one  taken over from the run before
      success    two  TIME
      success    tidy  TIME
    ✓ success  flow  run_ID in TIME
    history: HOME/.local/share/ork/ork.db (ork runs show run_ID)
    ");
    let said = home.says("runs retry last --all");
    assert!(said.contains("0 of 3 tasks taken over"), "{said}");
    assert!(home.says("doctor").starts_with("exit 0\n--- stdout\n3 runs checked: nothing is wrong\n"));
    assert_eq!(home.values("doctor --json"), [json!({"runs": 3, "findings": [], "without_process": []})]);
}

#[test]
fn ids_may_be_cut_and_must_be_clear() {
    let home = failed();
    assert!(home.says("run flow.yaml").starts_with("exit 1\n"));
    let id = home.last();
    let digits: String = id["run_".len()..].chars().filter(|c| *c != '-').collect();
    for part in [&id, &id["run_".len()..], &digits[..24], &digits[16..24], &format!("run_{}", &digits[..24]), "@last"] {
        let shown = home.values(&format!("runs show {part} --json"));
        assert_eq!(shown[0]["id"], id.as_str(), "{part}");
    }
    for (part, expected) in [
        (&digits[..6], "exit 2\n--- stderr\nerror: `"),
        ("abc", "exit 2\n--- stderr\nerror: `abc` is too short"),
        ("zzzz", "exit 2\n--- stderr\nerror: `zzzz` is not a run"),
        ("run_00000000-0000-7000-8000-000000000000", "exit 7\n--- stderr\nerror: nothing matches"),
        ("last/four", "exit 7\n--- stderr\nerror: `run_ID` has no task `four`"),
    ] {
        let said = home.says(&format!("runs show {part}"));
        assert!(said.starts_with(expected), "{part}\n{said}");
    }
}

#[test]
fn without_a_history_nothing_is_made_by_looking() {
    let home = Home::new();
    insta::assert_snapshot!(home.says("runs list"), @r"
    exit 0
    --- stderr
    no run yet; start one with: ork run FILE
    ");
    insta::assert_snapshot!(home.says("why"), @r"
    exit 7
    --- stderr
    error: there is no run yet: `HOME/.local/share/ork/ork.db` does not exist
      try: ork run FILE
    ");
    assert!(home.says("db status").starts_with("exit 1\n"));
    assert!(home.says("doctor").starts_with("exit 0\n"));
    assert!(!home.dir.join(".local").exists());
}

#[test]
fn a_database_that_cannot_be_made_is_no_bug() {
    let home = Home::new();
    home.file("flow.yaml", "tasks:\n  a: {run: echo a}\n");
    home.file("file", "");
    insta::assert_snapshot!(home.says("run flow.yaml --database sqlite:file/ork.db"), @r"
    exit 8
    --- stderr
    error: failed to make the folder `HOME/project/file`: File exists (os error 17)
      try: --database sqlite:PATH
    ");
    let said = home.says("runs list --database sqlite:file/ork.db");
    assert!(said.starts_with("exit 8\n") && said.contains("try: --database sqlite:PATH"), "{said}");
}

#[test]
fn a_database_that_is_removed_during_a_run_is_missed() {
    let home = Home::new();
    home.file("flow.yaml", "tasks:\n  a: {run: rm ../.local/share/ork/ork.db}\n");
    insta::assert_snapshot!(home.says("run flow.yaml --progress none"), @r"
    exit 8
    --- stderr
    flow  run_ID  1 task
    error: `HOME/.local/share/ork/ork.db` was removed or replaced during the run: it ended with `success`, and is forgotten
    ");
}

#[test]
fn a_history_that_may_only_be_read_can_be_read() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    let home = failed();
    let (folder, uid) = (home.dir.join("copy"), rustix::process::getuid());
    std::fs::create_dir(&folder).unwrap();
    std::fs::copy(home.dir.join(".local/share/ork/ork.db"), folder.join("ork.db")).unwrap();
    for (path, mode) in [(folder.join("ork.db"), 0o444), (folder, 0o555)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let ork = |line: &str| {
        let mut command = home.program(crate::home::ORK);
        command.args(line.split(' ')).args(["--database", "sqlite:../copy/ork.db"]);
        if uid.is_root() {
            // Root may write whatever the mode is.
            command.uid(65_534);
        }
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    for (line, code, expected) in [
        ("runs list", 0, "failed"),
        ("runs show last", 0, "no such file: data.csv"),
        ("runs logs last", 0, "two | no such file: data.csv"),
        ("why last/three", 0, "it needs `two`"),
        ("runs retry last", 8, "readonly"),
    ] {
        let (found, said) = ork(line);
        assert!(found == Some(code) && said.contains(expected), "{line}: {found:?} {said}");
    }
    std::fs::set_permissions(home.dir.join("copy"), std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_database_is_looked_after() {
    let home = Home::new();
    assert!(home.says("db migrate --database sqlite:a.db").starts_with("exit 0\n--- stdout\napplied: "));
    let said = home.says("db migrate --database sqlite:a.db");
    assert_eq!(said, "exit 0\n--- stdout\nsqlite:HOME/project/a.db is up to date\n");
    assert_eq!(home.values("db status --database sqlite:a.db --json")[0]["migrations"][0]["status"], "applied");
    assert_eq!(home.values("db verify --database sqlite:a.db --json")[0]["problems"], json!([]));
    assert!(home.says("db status --database mysql:x").starts_with("exit 2\n"));
    assert!(home.says("runs list --database postgres://x@127.0.0.1:1/x").starts_with("exit 8\n"));
    std::fs::write(home.project().join("b.db"), "this is not a database, whatever its name says").unwrap();
    let said = home.says("doctor --database sqlite:b.db");
    assert!(!said.starts_with("exit 0\n"), "{said}");
}
