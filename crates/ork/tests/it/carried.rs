//! Runs that go on, side by side, and why.

use crate::home::Home;

#[test]
fn two_runs_share_a_data_folder() {
    let home = Home::new();
    home.file("a.yaml", "tasks:\n  wait: {run: 'while ! test -f go && test -d .; do sleep 0.1; done'}\n");
    home.file("b.yaml", "tasks:\n  many: {count: 20, run: \"true\"}\n");
    let mut first = home.start("run a.yaml");
    first.wait_for("started");
    let said = home.says("run b.yaml");
    assert!(said.starts_with("exit 0\n"), "{said}");
    home.file("go", "");
    let said = first.end(&home);
    assert!(said.starts_with("exit 0\n"), "{said}");
    assert_eq!(home.values("runs list --status success --json").len(), 2);
    assert!(home.says("doctor").contains("2 runs checked: nothing is wrong"));
}

#[test]
fn why_names_the_blocker() {
    let home = Home::new();
    home.file(
        "flow.yaml",
        "concurrency: {key: one, limit: 1}\non_failure: continue\ntasks:\n  wait: {run: 'while ! test -f go && test -d .; do sleep 0.1; done'}\n\
         \x20 after: {depends_on: [wait], run: \"true\"}\n\
         \x20 again: {run: test -f go, retry: {max_attempts: 2, delay: 1h, max_delay: 1h}}\n",
    );
    let mut first = home.start("run flow.yaml --jobs 2");
    first.wait_for("retrying");
    insta::assert_snapshot!(home.says("why last/after"), @r"
    exit 0
    --- stdout
    pending  after: waits for `wait`
    ");
    let said = home.says("why last/again");
    assert!(said.contains("retrying  again: failure 1 of 2 (exited with code 1), again in "), "{said}");
    assert_eq!(home.values("why last/again --json")[0]["code"], "retry");
    assert_eq!(home.values("why last/wait --json")[0]["code"], "running");
    let id = home.last();
    let mut second = home.start("run flow.yaml --jobs 2");
    second.wait_for("waiting");
    insta::assert_snapshot!(home.says("why last"), @r"
    exit 0
    --- stdout
    pending  flow  run_ID
      the run waits for a slot of `one`: 1 of 1 taken by run_ID, for TIME
    ");
    assert_eq!(home.values("why last --json")[0]["reasons"][0]["code"], "run_held");
    let said = home.says(&format!("runs cancel {id}"));
    assert!(said.starts_with("exit 0\n--- stdout\ncancelling: run_ID"), "{said}");
    assert!(first.end(&home).starts_with("exit 3\n"));
    let second_id = home.last();
    home.says(&format!("runs cancel {second_id}"));
    assert!(second.end(&home).starts_with("exit 3\n"));
    assert!(home.says("doctor").starts_with("exit 0\n"));
}

#[test]
fn one_task_can_be_cancelled() {
    let home = Home::new();
    home.file("flow.yaml", "on_failure: continue\ntasks:\n  wait: {run: sleep 60}\n  other: {run: \"true\"}\n");
    let mut run = home.start("run flow.yaml --jobs 2");
    run.wait_for("started");
    assert!(home.says("runs cancel last/wait").starts_with("exit 0\n--- stdout\ncancelling: task_ID\n"));
    let said = run.end(&home);
    assert!(said.starts_with("exit 1\n") && said.contains("  cancelled  wait"), "{said}");
}

#[test]
fn a_worker_serves_a_database_file() {
    let home = Home::new();
    home.file("flow.yaml", "tasks:\n  a: {run: echo a}\n");
    assert!(home.says("runs submit flow.yaml").starts_with("exit 0\n--- stdout\nrun_ID\n"));
    let said = home.says("run --resume last");
    assert!(said.starts_with("exit 2\n") && said.contains("any `ork worker` goes on with it"), "{said}");
    let mut worker = home.start("worker");
    worker.wait_for("ready");
    assert!(home.says("runs watch last").starts_with("exit 0\n"));
    let said = home.says("runs retry last --all");
    assert!(said.starts_with("exit 0\n--- stdout\nrun_ID\n"), "{said}");
    assert!(home.says("runs watch last").starts_with("exit 0\n"));
    worker.signal(rustix::process::Signal::INT);
    assert!(worker.end(&home).contains("stopped: everything is settled"));
    assert!(home.says("worker --queues a@b").starts_with("exit 2\n"));
}
