//! Ctrl-C, SIGTERM and `kill -9`.

use rustix::process::Signal;

use crate::home::Home;

const STUBBORN: &str =
    "tasks:\n  a: {run: 'trap \"\" TERM; sleep 60 & wait; sleep 60'}\n  b: {depends_on: [a], run: echo b}\n";
const LONG: &str = "tasks:\n  a: {run: 'test $ORK_ATTEMPT -gt 1 || sleep 60'}\n  b: {depends_on: [a], run: echo b}\n";

fn home(file: &str) -> Home {
    let home = Home::new();
    home.file("flow.yaml", file);
    home
}

#[test]
fn the_first_ctrl_c_cancels_and_says_so() {
    let home = home(LONG);
    let mut run = home.start("run flow.yaml");
    run.wait_for("started");
    run.signal(Signal::INT);
    insta::assert_snapshot!(run.end(&home), @r"
    exit 3
    --- stderr
    flow  run_ID  2 tasks
    cancelling: 1 task at work, with 5 s to stop; Ctrl-C again kills
      cancelled  b
      cancelled  a
    ✗ cancelled  flow  run_ID in TIME: 2 of 2 tasks failed or cancelled
    history: HOME/.local/share/ork/ork.db (ork runs show run_ID)
    next: ork runs retry run_ID
    ");
    assert!(home.says("doctor").starts_with("exit 0\n"));
}

#[test]
fn the_second_ctrl_c_kills() {
    let home = home(STUBBORN);
    let mut run = home.start("run flow.yaml");
    run.wait_for("started");
    run.signal(Signal::INT);
    run.wait_for("cancelling");
    run.signal(Signal::INT);
    let said = run.end(&home);
    assert!(said.starts_with("exit 130\n") && said.contains("killing what runs"), "{said}");
    let pid = home.values("runs show last/a --json")[0]["execution_name"].as_str().unwrap().to_owned();
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    // Its death was waited for, and so it is cancelled as any other task is.
    insta::assert_snapshot!(home.says("why last/a"), @r"
    exit 0
    --- stdout
    cancelled  a: it is over with `cancelled`: `ada` asked for its end
    ");
    assert!(home.says("doctor").starts_with("exit 0\n"));
}

#[test]
fn sigterm_hands_back_and_resume_goes_on() {
    let home = home(LONG);
    let mut run = home.start("run flow.yaml");
    run.wait_for("started");
    run.signal(Signal::TERM);
    insta::assert_snapshot!(run.end(&home), @r"
    exit 130
    --- stderr
    flow  run_ID  2 tasks
    stopping: what runs is stopped and handed back
    interrupted; go on with: ork run --resume run_ID
    ");
    insta::assert_snapshot!(home.says("why last"), @r"
    exit 0
    --- stdout
    running  flow  run_ID
      the process that carried the run is gone; go on with: ork run --resume run_ID
    ");
    insta::assert_snapshot!(home.says("run --resume last"), @r"
    exit 0
    --- stderr
    flow  run_ID  2 of 2 tasks left
      success    a  TIME
      success    b  TIME
    ✓ success  flow  run_ID in TIME
    history: HOME/.local/share/ork/ork.db (ork runs show run_ID)
    ");
    // Handing back burns no attempt (G9).
    let task = &home.values("runs show last/a --json")[0];
    assert_eq!((&task["attempt"], &task["failures"]), (&2.into(), &0.into()));
}

#[test]
fn a_killed_run_is_resumed_and_what_it_left_is_killed() {
    let home = home(LONG);
    let mut run = home.start("run flow.yaml");
    run.wait_for("started");
    let said = home.says("run --resume last");
    insta::assert_snapshot!(said, @r"
    exit 2
    --- stderr
    error: `run_ID` is carried by `ork-run-PID` on `HOST`, last heard of AGO
      try: ork runs watch run_ID
    ");
    let pid = home.values("runs show last/a --json")[0]["execution_name"].as_str().unwrap().to_owned();
    run.kill();
    assert!(std::path::Path::new(&format!("/proc/{pid}")).exists());
    insta::assert_snapshot!(home.says("run --resume last"), @r"
    exit 0
    --- stderr
    flow  run_ID  2 of 2 tasks left
      queued     a  its worker died; again
      success    a  TIME
      success    b  TIME
    ✓ success  flow  run_ID in TIME
    history: HOME/.local/share/ork/ork.db (ork runs show run_ID)
    ");
    let left = std::fs::read_dir(home.dir.join(".local/share/ork/ork.db-workers")).unwrap().count();
    assert_eq!(left, 0, "the dead worker's lock goes with it");
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "its child lives on: {stat}");
    assert!(home.says("doctor").starts_with("exit 0\n"));
}

#[test]
fn a_run_whose_process_is_gone_is_followed_no_longer() {
    let home = home(LONG);
    let mut run = home.start("run flow.yaml");
    run.wait_for("started");
    assert!(!home.says("runs list").contains("gone"));
    run.kill();
    insta::assert_snapshot!(home.says("runs watch last"), @r"
    exit 1
    --- stderr
    flow  run_ID  running
    error: the process that carried the run is gone
      try: ork run --resume run_ID
    ");
    assert_eq!(home.values("runs watch last --json").last().unwrap()["exit_code"], 1);
    insta::assert_snapshot!(home.says("runs logs last/a --follow"), @r"
    exit 1
    --- stderr
    error: the process that carried the run is gone
      try: ork run --resume run_ID
    ");
    insta::assert_snapshot!(home.says("runs retry last"), @r"
    exit 2
    --- stderr
    error: `run_ID` is running, its process is gone: only a run that is over can be repeated
      try: ork run --resume run_ID
    ");
    insta::assert_snapshot!(home.says("runs list"), @r"
    exit 0
    --- stdout
    run_ID  running  flow  0/2 tasks, its process is gone  TIME  AGE
    ");
    insta::assert_snapshot!(home.says("doctor"), @r"
    exit 0
    --- stdout
    1 run checked: nothing is wrong
    --- stderr
    1 run has lost its process; go on with: ork run --resume run_ID
    ");
    assert_eq!(home.values("doctor --json")[0]["without_process"][0], home.last());
}

#[test]
fn a_killed_run_can_be_cancelled() {
    let home = home(LONG);
    let mut run = home.start("run flow.yaml");
    run.wait_for("started");
    run.kill();
    let said = home.says("runs cancel last");
    assert!(said.starts_with("exit 0\n") && said.contains("✗ cancelled"), "{said}");
    let said = home.says("run --resume last");
    assert!(said.starts_with("exit 3\n"), "{said}");
}

#[test]
fn ctrl_c_only_stops_watching() {
    let home = home(LONG);
    let mut run = home.start("run flow.yaml");
    run.wait_for("started");
    let mut watch = home.start("runs watch");
    watch.wait_for("started");
    watch.signal(Signal::INT);
    let said = watch.end(&home);
    assert!(said.starts_with("exit 130\n") && said.contains("the run goes on: ork runs watch run_ID"), "{said}");
    let said = home.says("runs watch --timeout 1ms");
    assert!(said.starts_with("exit 5\n"), "{said}");
    run.signal(Signal::INT);
    assert!(run.end(&home).starts_with("exit 3\n"));
}
