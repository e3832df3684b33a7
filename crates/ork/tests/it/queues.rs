//! `ork queues` and `ork workers`.

use rustix::process::Signal;
use serde_json::json;

use crate::home::Home;

const FLOW: &str = "\
on_failure: continue
tasks:
  wait: {run: 'for i in $(seq 600); do test -f $FLAG && break; sleep 0.1; done', env: {FLAG: \"{{ inputs.flag }}\"}}
  gpu: {count: 3, run: \"true\", concurrency: {key: gpu, limit: 1}}
  again: {run: \"false\", retry: {max_attempts: 2, delay: 1h, max_delay: 1h}}
  other: {run: \"true\", queue: render}
inputs: {flag: {type: string}}
";

#[test]
fn a_queue_without_a_worker_says_so() {
    let home = Home::new();
    insta::assert_snapshot!(home.says("queues"), @r"
    exit 0
    --- stderr
    no queue holds anything, and no worker lives; start one with: ork worker
    ");
    assert_eq!(home.says("queues --json"), "exit 0\n");
    home.file("flow.yaml", FLOW);
    assert!(home.says("runs submit flow.yaml --anywhere -i flag=x").starts_with("exit 0\n"));
    home.file("here.yaml", "tasks:\n  a: {run: \"true\"}\n");
    assert!(home.says("runs submit here.yaml").starts_with("exit 0\n"));
    insta::assert_snapshot!(squeezed(&home.says("queues").replace(&host(&home), "HOST")), @r"
    exit 0
    --- stdout
    default  2 queued  3 held  oldest TIME  no worker serves it: ork worker --queues default
    default on HOST  1 queued  oldest TIME  no worker there serves it: ork worker --queues default
    render  1 queued  oldest TIME  no worker serves it: ork worker --queues render
    ");
    assert_eq!(home.values("queues --json").len(), 3);
}

/// With two blanks between columns: how wide they are depends on the machine and the moment.
fn squeezed(said: &str) -> String {
    let line =
        |line: &str| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join("  ");
    said.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// What `ork queues` calls this machine.
fn host(home: &Home) -> String {
    let pinned = home.values("queues --json").into_iter().find_map(|row| row["host"].as_str().map(str::to_owned));
    pinned.unwrap_or_else(|| "no host".into())
}

#[test]
fn workers_are_counted_and_their_death_is_seen() {
    let home = Home::new();
    insta::assert_snapshot!(home.says("workers"), @r"
    exit 0
    --- stderr
    no worker lives; start one with: ork worker
    ");
    home.file("flow.yaml", FLOW);
    let flag = home.project().join("go");
    assert!(home.says(&format!("runs submit flow.yaml --anywhere -i flag={}", flag.display())).starts_with("exit 0\n"));
    let mut worker = home.start("worker --name w1 --capacity 2");
    worker.wait_for("ready");
    home.wait_until("tasks list --status retrying --json", |rows| rows.len() == 1);
    home.wait_until("tasks list --status success --key gpu --json", |rows| rows.len() == 3);
    insta::assert_snapshot!(squeezed(&home.says("queues")), @r"
    exit 0
    --- stdout
    default  1 retrying  1 at work  1 worker takes 2 at once
    render  1 queued  oldest TIME  no worker serves it: ork worker --queues render
    ");
    let queue = &home.values("queues --json")[0];
    let expected = json!({
        "queue": "default", "host": null, "queued": 0, "held": 0, "retrying": 1, "at_work": 1, "more": [],
        "oldest_queued_at": null, "paused": null, "workers": ["w1"], "capacity": 2
    });
    assert_eq!(*queue, expected);
    let row = &home.values("workers --json")[0];
    assert_eq!((&row["status"], &row["at_work"], &row["queues"]), (&json!("alive"), &json!(1), &json!(["default"])));
    let name = row["host"].as_str().unwrap().to_owned();
    let said = home.says("workers").replace(&name, "HOST");
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        said,
        format!("exit 0\n--- stdout\nalive  w1  HOST  default  1 of 2 at work  heard of AGE  {version}\n")
    );
    worker.kill();
    assert_eq!(home.values("workers --json")[0]["status"], "dead");
    let said = squeezed(&home.says("queues"));
    assert!(
        said.contains("default  1 retrying  1 at work  no worker serves it: ork worker --queues default"),
        "{said}"
    );
    home.file("go", "");
    let mut worker = home.start("worker --name w2 --queues default,render");
    worker.wait_for("ready");
    home.wait_until("tasks list --status success --json", |rows| rows.len() == 5);
    worker.signal(Signal::TERM);
    assert!(worker.end(&home).starts_with("exit 0\n"));
    assert_eq!(home.values("workers --json").len(), 0);
}

#[test]
fn a_run_in_this_process_is_a_worker_and_no_queue() {
    let home = Home::new();
    home.file("flow.yaml", "tasks:\n  a: {run: sleep 60}\n  b: {run: sleep 60}\n");
    let mut run = home.start("run flow.yaml --jobs 1");
    run.wait_for("started");
    assert_eq!(home.values("queues --json").len(), 0);
    let row = &home.values("workers --json")[0];
    assert_eq!((&row["in_process"], &row["queues"]), (&json!(true), &json!([home.last()])));
    run.signal(Signal::TERM);
    run.end(&home);
}
