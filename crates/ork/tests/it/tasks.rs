//! Tasks, listed, shown, retried and cancelled; and runs that are paused.

use rustix::process::Signal;

use crate::home::Home;

const FLOW: &str = "\
on_failure: continue
tasks:
  list: {run: echo 3, output: stdout_json}
  cut: {depends_on: [list], count: \"{{ tasks.list.output }}\", run: 'test $ORK_TASK_INDEX != 1'}
  join: {depends_on: [cut], run: \"true\"}
";

fn with_a_run() -> Home {
    let home = Home::new();
    home.file("flow.yaml", FLOW);
    assert!(home.says("run flow.yaml").starts_with("exit 1\n"));
    home
}

#[test]
fn tasks_are_listed() {
    let home = with_a_run();
    insta::assert_snapshot!(home.says("tasks list"), @r"
    exit 0
    --- stdout
    success  list   TIME
    success  cut/0  TIME
    failed   cut/1  TIME
    success  cut/2  TIME
    skipped  join   what it needs did not succeed
    ");
    insta::assert_snapshot!(home.says("tasks list last --key cut --limit 2"), @r"
    exit 0
    --- stdout
    success  cut/0  TIME
    failed   cut/1  TIME
    --- stderr
    and more; all of them: ork tasks list run_ID --limit 0
    ");
    let rows = home.values("tasks list --status failed,skipped --json");
    assert_eq!(rows.iter().map(|row| row["key"].as_str().unwrap()).collect::<Vec<_>>(), ["cut", "join"]);
    assert_eq!(home.values("tasks list --limit 0 --json").len(), 5);
    assert_eq!(home.says("tasks list --status paused"), "exit 0\n--- stderr\nno task matches\n");
    assert_eq!(home.says("tasks list --status paused --json"), "exit 0\n");
    insta::assert_snapshot!(home.says("tasks list --key cat"), @r"
    exit 7
    --- stderr
    error: `run_ID` has no task `cat`
      try: did you mean `cut`?
    ");
    let said = home.says("tasks list --status sucess");
    assert!(said.starts_with("exit 2\n") && said.contains("did you mean `success`?"), "{said}");
}

#[test]
fn a_task_is_shown_by_either_noun() {
    let home = with_a_run();
    for json in ["", " --json"] {
        let by_task = home.says(&format!("tasks show last/cut/1{json}"));
        assert_eq!(by_task, home.says(&format!("runs show last/cut/1{json}")));
        assert!(by_task.starts_with("exit 0\n"), "{by_task}");
    }
    insta::assert_snapshot!(home.says("tasks show last"), @r"
    exit 2
    --- stderr
    error: `last` is a run: say which of its tasks
      try: last/list
    ");
    assert!(home.says("tasks show last/cut").starts_with("exit 2\n"));
    assert!(home.says("tasks show last/cut/3").starts_with("exit 7\n"));
    assert!(home.says("tasks show task_00000000-0000-7000-8000-000000000001").starts_with("exit 7\n"));
}

#[test]
fn a_wait_for_a_retry_can_be_ended() {
    let home = Home::new();
    home.file(
        "flow.yaml",
        "tasks:\n  a: {run: 'test $ORK_ATTEMPT -gt 1', retry: {max_attempts: 2, delay: 1h, max_delay: 1h}}\n",
    );
    let mut run = home.start("run flow.yaml");
    run.wait_for("retrying");
    assert_eq!(home.says("tasks retry last/a"), "exit 0\n--- stdout\nqueued: task_ID\n");
    assert!(run.end(&home).starts_with("exit 0\n"));
    insta::assert_snapshot!(home.says("tasks retry last/a"), @r"
    exit 2
    --- stderr
    error: `run_ID/a` does not wait for a retry: it is success
      try: ork runs retry run_ID
    ");
}

#[test]
fn a_task_is_cancelled_by_either_noun() {
    let home = Home::new();
    home.file("flow.yaml", "tasks:\n  a: {run: sleep 60}\n  b: {depends_on: [a], run: \"true\"}\n");
    let mut run = home.start("run flow.yaml");
    run.wait_for("started");
    assert_eq!(home.says("tasks cancel last/b"), "exit 0\n--- stdout\ncancelling: task_ID\n");
    assert_eq!(home.says("runs cancel last/b"), "exit 0\n--- stdout\nover, or told so already: task_ID\n");
    assert_eq!(home.values("tasks cancel last/a --json")[0]["asked"], true);
    assert!(run.end(&home).starts_with("exit 1\n"));
    assert!(home.says("tasks cancel last/c").starts_with("exit 7\n"));
}

#[test]
fn a_paused_run_starts_nothing_until_it_is_resumed() {
    let home = Home::new();
    home.file(
        "flow.yaml",
        "tasks:\n  a: {run: 'for i in $(seq 600); do test -f go && break; sleep 0.1; done'}\n  b: {depends_on: [a], run: \"true\"}\n",
    );
    let mut run = home.start("run flow.yaml");
    run.wait_for("started");
    insta::assert_snapshot!(home.says("runs pause last"), @r"
    exit 0
    --- stdout
    paused: run_ID
    --- stderr
    what is at work goes on to its end
    go on with: ork runs resume run_ID
    ");
    home.file("go", "");
    run.wait_for("waiting    the run is paused by `ada`");
    let again = &home.values("runs pause last --json")[0];
    assert_eq!((&again["asked"], &again["status"]), (&false.into(), &"paused".into()));
    assert_eq!(home.says("runs resume last"), "exit 0\n--- stdout\nresumed: run_ID\n");
    assert!(run.end(&home).starts_with("exit 0\n"));
    insta::assert_snapshot!(home.says("runs resume last"), @r"
    exit 2
    --- stderr
    error: `run_ID` is not paused: it is over with `success`
      try: ork runs retry run_ID
    ");
    assert_eq!(home.says("runs pause last"), "exit 2\n--- stderr\nerror: `run_ID` is over with `success`\n");
    assert!(home.says("doctor").starts_with("exit 0\n"));
}

/// A pause and a dead process are two things: each command names the other where that is what is meant.
#[test]
fn resuming_a_pause_and_replacing_a_process_point_at_each_other() {
    let home = Home::new();
    home.file(
        "flow.yaml",
        "tasks:\n  a: {run: 'test $ORK_ATTEMPT -gt 1 || sleep 60'}\n  b: {depends_on: [a], run: \"true\"}\n",
    );
    let mut run = home.start("run flow.yaml");
    run.wait_for("started");
    run.kill();
    insta::assert_snapshot!(home.says("runs resume last"), @r"
    exit 2
    --- stderr
    error: `run_ID` is not paused: the process that carried it is gone
      try: ork run --resume run_ID
    ");
    assert!(home.says("runs pause last").starts_with("exit 0\n"));
    let mut run = home.start("run --resume last");
    run.wait_for("the run is paused by `ada`");
    run.signal(Signal::TERM);
    assert!(run.end(&home).starts_with("exit 130\n"));
    insta::assert_snapshot!(home.says("runs resume last"), @r"
    exit 0
    --- stdout
    resumed: run_ID
    --- stderr
    the process that carried the run is gone; go on with: ork run --resume run_ID
    ");
    assert!(home.says("run --resume last").starts_with("exit 0\n"));
}

#[test]
fn without_a_history_there_is_nothing_to_do() {
    let home = Home::new();
    for line in ["tasks list", "tasks show last/a", "tasks retry last/a", "runs pause last", "runs diff last", "events"]
    {
        let said = home.says(line);
        assert!(said.starts_with("exit 7\n--- stderr\nerror: there is no run yet"), "{line}\n{said}");
    }
    assert!(!home.dir.join(".local").exists());
}
