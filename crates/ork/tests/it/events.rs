//! `ork events`.

use crate::home::Home;

#[test]
fn events_are_printed() {
    let home = Home::new();
    home.file("flow.yaml", "tasks:\n  a: {run: \"false\"}\n  b: {count: 2, depends_on: [a], run: \"true\"}\n");
    assert!(home.says("run flow.yaml").starts_with("exit 1\n"));
    insta::assert_snapshot!(home.says("events"), @r"
    exit 0
    --- stdout
        1  MOMENT  run.created            tasks=3  by ada
        2  MOMENT  run.running
        3  MOMENT  task.dispatched        a  attempt=1
        4  MOMENT  task.failed            a  attempt=1
        5  MOMENT  task.skipped           b/0  reason=upstream
        6  MOMENT  task.skipped           b/1  reason=upstream
        7  MOMENT  run.failed
    ");
    insta::assert_snapshot!(home.says("events last --type run,task.failed --after 2"), @r"
    exit 0
    --- stdout
        4  MOMENT  task.failed            a  attempt=1
        7  MOMENT  run.failed
    ");
    let own = home.values("run flow.yaml --json");
    let (_, told) = own.split_last().unwrap();
    assert_eq!(home.values("events --json"), told, "as `ork run --json` writes them");
    assert_eq!(home.values("events --after 5 --json"), told[5..], "within a batch");
    assert_eq!(home.values("events --follow --json"), told, "a run that is over ends");
    assert_eq!(home.says("events --after 7"), "exit 0\n--- stderr\nno event matches\n");
    assert_eq!(home.says("events --after 7 --follow --json"), "exit 0\n");
    let said = home.says("events --type task.faild");
    assert!(said.starts_with("exit 2\n") && said.contains("did you mean `task.failed`?"), "{said}");
    assert!(home.says("events ffff").starts_with("exit 7\n"));
}

#[test]
fn events_are_followed_to_the_end() {
    let home = Home::new();
    home.file("flow.yaml", "tasks:\n  a: {run: 'for i in $(seq 600); do test -f go && break; sleep 0.1; done'}\n");
    let mut run = home.start("run flow.yaml");
    run.wait_for("started");
    let follower = home.start("events last --follow --type run.success --json");
    home.file("go", "");
    let said = follower.end(&home);
    assert!(said.starts_with("exit 0\n--- stdout\n{\"type\":\"run.success\""), "{said}");
    assert!(run.end(&home).starts_with("exit 0\n"));
}
