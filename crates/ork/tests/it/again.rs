//! What a run would do, beginning at a task, and running again when files change.

use rustix::process::Signal;

use crate::home::Home;

const FLOW: &str = "\
name: reel
inputs:
  clips: {type: integer, default: 5}
tasks:
  list: {run: \"echo '[1, 2]'; echo list >>done\", output: stdout_json}
  cut:
    depends_on: [list]
    count: \"{{ inputs.clips }}\"
    command: [sh, -c, 'echo cut >>done', \"{{ task.index }}\"]
    env: {FIRST: \"{{ tasks.list.output[0] }}\", QUOTED: \"it's {{ inputs.clips }}\"}
    retry: {max_attempts: 3, delay: 2s}
    timeout: 10m
  merge: {depends_on: [cut], run: echo merge >>done; test -f there}
  tidy: {depends_on: [merge], run_if: always, run: echo tidy >>done}
";

fn home() -> Home {
    let home = Home::new();
    home.file("flow.yaml", FLOW);
    home
}

/// What ran since the last time, sorted.
fn done(home: &Home) -> String {
    let path = home.project().join("done");
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    std::fs::remove_file(&path).ok();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines.join(" ")
}

#[test]
fn a_dry_run_says_what_would_be_run_and_creates_nothing() {
    let home = home();
    insta::assert_snapshot!(home.says("run flow.yaml --dry-run --jobs 2"), @r"
    exit 0
    --- stdout
    reel: 8 tasks, at most 2 at work at once; nothing is run
    inputs: clips=5

    list
      run       echo '[1, 2]'; echo list >>done
      output    stdout_json

    cut ×5
      needs     list
      retry     up to 3 attempts, the second after TIME
      timeout   TIME
      env       FIRST='{{ tasks.list.output[0] }}'
                QUOTED='it'\''s 5'
      cut/0
      command   sh -c 'echo cut >>done' 0
      cut/1
      command   sh -c 'echo cut >>done' 1
      cut/2
      command   sh -c 'echo cut >>done' 2
      and 2 more; all: --dry-run --json

    merge
      needs     cut
      run       echo merge >>done; test -f there

    tidy
      needs     merge
      run if    what it needs is over, however it ended
      run       echo tidy >>done
    ");
    assert!(!home.dir.join(".local").exists() && done(&home).is_empty());
    let plan = &home.values("run flow.yaml --dry-run --json -i clips=2")[0];
    assert_eq!(plan["tasks"][1]["siblings"][1]["command"], serde_json::json!(["sh", "-c", "echo cut >>done", "1"]));
    assert_eq!(plan["tasks"][1]["siblings"][1]["env"]["FIRST"], "{{ tasks.list.output[0] }}");
    assert!(home.says("run flow.yaml --dry-run -i clips=many").starts_with("exit 2\n"));
}

#[test]
fn a_run_begins_at_a_task_with_what_was_done_before() {
    let home = home();
    assert!(home.says("run flow.yaml --from merge").starts_with("exit 7\n"), "there is no earlier run");
    assert!(home.says("run flow.yaml -i clips=2").starts_with("exit 1\n"));
    assert_eq!(done(&home), "cut cut list merge tidy");
    home.file("there", "");
    let said = home.says("run flow.yaml -i clips=2 --from merge --dry-run");
    assert!(said.contains("cut ×2  taken over from run_ID\n") && said.contains("\nmerge\n"), "{said}");
    let said = home.says("run flow.yaml -i clips=2 --from merge");
    assert!(said.contains("reel  run_ID  5 tasks, 3 taken over from run_ID\n"), "{said}");
    let said = home.says("runs diff last");
    assert!(said.starts_with("exit 0\n--- stdout\nfailed   reel  run_ID"), "{said}");
    assert_eq!(done(&home), "merge tidy");
    assert!(home.says("run flow.yaml -i clips=2 --from cut").starts_with("exit 0\n"));
    assert_eq!(done(&home), "cut cut merge tidy");
    insta::assert_snapshot!(home.says("run flow.yaml --from merge -i clips=3"), @r"
    exit 7
    --- stderr
    error: `merge` needs `cut`, and what that does, or its inputs, changed since `run_ID`
      try: begin earlier: --from cut
    ");
    insta::assert_snapshot!(home.says("run flow.yaml --from merg"), @r"
    exit 7
    --- stderr
    error: `reel` has no task `merg`
      try: did you mean `merge`?
    ");
    home.file("flow.yaml", &FLOW.replace("echo list >>done", "echo list >>done # changed"));
    assert!(
        home.says("run flow.yaml -i clips=2 --from merge")
            .contains("`merge` needs `list`, and what that does, or its inputs, changed since")
    );
    assert!(home.says("doctor").starts_with("exit 0\n"));
}

#[test]
fn a_retry_does_a_task_again_that_succeeded() {
    let home = home();
    home.file("there", "");
    assert!(home.says("run flow.yaml -i clips=2").starts_with("exit 0\n"));
    done(&home);
    let said = home.says("runs retry last --from merge");
    assert!(said.starts_with("exit 0\n") && said.contains("3 of 5 tasks taken over"), "{said}");
    assert_eq!(done(&home), "merge tidy");
    assert!(home.says("runs retry last --from mrge").starts_with("exit 7\n"));
}

#[test]
fn files_that_change_run_it_again() {
    let home = Home::new();
    home.file("flow.yaml", "tasks:\n  a: {run: cat part; touch written}\n");
    home.file("part", "");
    // At one stroke: of a file that is written in two, a busy machine sees two changes.
    let replace = |name: &str, text: &str| {
        home.file(".new", text);
        std::fs::rename(home.project().join(".new"), home.project().join(name)).unwrap();
    };
    let mut run = home.start("run flow.yaml --watch-files");
    run.wait_for("watching");
    home.file(".hidden", "");
    replace("part", "more");
    run.wait_for("changed: part");
    run.wait_for("watching");
    replace("flow.yaml", "tasks:\n  a: {run: exit 1}\n");
    run.wait_for("changed: flow.yaml");
    run.wait_for("failed: a");
    run.wait_for("watching");
    // As editors write.
    home.file("a-new-file", "tasks:\n  a: {run: exit 2}\n");
    std::fs::rename(home.project().join("a-new-file"), home.project().join("flow.yaml")).unwrap();
    run.wait_for("changed: flow.yaml");
    run.wait_for("exited with code 2");
    run.wait_for("watching");
    replace("flow.yaml", "tasks: nonsense\n");
    run.wait_for("nothing was run");
    run.wait_for("watching");
    run.signal(Signal::INT);
    assert!(run.end(&home).starts_with("exit 130\n"));
    assert_eq!(home.values("runs list --json").len(), 4);
    assert!(home.says("run --watch-files -").starts_with("exit 2\n"));
}
