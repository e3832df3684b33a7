//! `ork why`: each reason that a run can have on one machine, with its blocker.

use rustix::process::Signal;

use crate::home::{Background, Home};

/// A workflow; how it is started; a line of its talk to wait for; what is done then; a task, and what is said of it.
struct Case {
    tasks: &'static str,
    start: &'static str,
    until: &'static str,
    then: &'static [&'static str],
    task: &'static str,
    code: &'static str,
    says: &'static str,
}

const WAIT: &str = "{run: 'for i in $(seq 600); do test -f go && break; sleep 0.1; done'}";

const CASES: &[Case] = &[
    Case {
        tasks: "  a: WAIT\n  b: {depends_on: [a], run: \"true\"}",
        start: "run flow.yaml",
        until: "started",
        then: &[],
        task: "b",
        code: "parents",
        says: "pending  b: waits for `a`",
    },
    Case {
        tasks: "  a: {count: 3, run: 'test $ORK_TASK_INDEX != 0 || sleep 60'}\n  b: {depends_on: [a], run: \"true\"}",
        start: "run flow.yaml --jobs 1",
        until: "started",
        then: &[],
        task: "b",
        code: "parents",
        says: "pending  b: waits for `a` (0 of 3 done)",
    },
    Case {
        tasks: "  a: {timeout: 10m, run: sleep 60}",
        start: "run flow.yaml",
        until: "started",
        then: &[],
        task: "a",
        code: "running",
        says: "running  a: attempt 1 has been running on worker `ork-run-PID` for TIME, of at most 10 min",
    },
    Case {
        tasks: "  a: {run: \"trap '' TERM; sleep 60\"}",
        start: "run flow.yaml",
        until: "started",
        then: &["runs cancel last"],
        task: "a",
        code: "running",
        says: "running  a: attempt 1 has been running on worker `ork-run-PID` for TIME; `ada` asked the worker to end it",
    },
    Case {
        tasks: "  a: {run: \"false\", retry: {max_attempts: 3, delay: 1h, max_delay: 1h, jitter: 0}}",
        start: "run flow.yaml",
        until: "retrying",
        then: &[],
        task: "a",
        code: "retry",
        says: "retrying  a: failure 1 of 3 (exited with code 1), again in 59 min",
    },
    Case {
        tasks: "  a: {count: 2, concurrency: {key: gpu, limit: 1}, run: sleep 60}",
        start: "run flow.yaml --jobs 2",
        until: "started",
        then: &[],
        task: "a/1",
        code: "slot_taken",
        says: "queued  a/1: waits for a slot of `gpu`: 1 of 1 taken by run_ID/a/0, for TIME",
    },
    Case {
        tasks: "  a: {run: sleep 60}\n  b: {run: sleep 60}",
        start: "run flow.yaml --jobs 1",
        until: "started",
        then: &[],
        task: "b",
        code: "queued",
        says: "queued  b: waits for its turn in the process that carries the run, with 1 of 1 tasks at work",
    },
    Case {
        tasks: "  a: WAIT\n  b: {depends_on: [a], run: \"true\"}",
        start: "run flow.yaml",
        until: "started",
        then: &["runs pause last"],
        task: "b",
        code: "paused",
        says: "paused  b: the run is paused by `ada`, for TIME so far; go on with: ork runs resume run_ID",
    },
    Case {
        tasks: "  a: {run: \"true\", queue: render}",
        start: "runs submit flow.yaml --anywhere",
        until: "queued",
        then: &[],
        task: "a",
        code: "no_worker",
        says: "queued  a: waits for a worker: nobody serves the queue `render`; start one with: ork worker --queues render",
    },
    Case {
        tasks: "  a: {run: \"true\"}",
        start: "runs submit flow.yaml",
        until: "queued",
        then: &[],
        task: "a",
        code: "other_host",
        says: "queued  a: waits for a worker: nobody serves the queue `default` on host `HOST`; start one there with: ork worker --queues default",
    },
    Case {
        tasks: "  a: {run: \"true\", when: \"inputs.go == 'x'\"}\ninputs: {go: {type: string, default: x}}",
        start: "runs submit flow.yaml --anywhere",
        until: "queued",
        then: &[],
        task: "a",
        code: "no_worker",
        says: "nobody serves the queue `default`",
    },
    Case {
        tasks: "  a: {run: \"false\"}\n  b: {depends_on: [a], run: \"true\"}",
        start: "run flow.yaml",
        until: "next:",
        then: &[],
        task: "b",
        code: "over",
        says: "skipped  b: it is over with `skipped`: it needs `a`, and that did not succeed",
    },
    Case {
        tasks: "  a: {run: \"false\"}\n  b: {depends_on: [a], run: \"true\"}\n  c: {depends_on: [b], run: \"true\"}",
        start: "run flow.yaml",
        until: "next:",
        then: &[],
        task: "c",
        code: "over",
        says: "skipped  c: it is over with `skipped`: it needs `b`, and that did not succeed because `a` failed",
    },
    Case {
        tasks: "  a: {run: \"false\"}\n  b: {run: sleep 60}\n  c: {depends_on: [b], run: \"true\"}",
        start: "run flow.yaml",
        until: "failed",
        then: &[],
        task: "c",
        code: "over",
        says: "cancelled  c: it is over with `cancelled`: `a` failed, and the run stops on failure",
    },
    Case {
        tasks: "  a: {run: sleep 60}\n  b: {depends_on: [a], run: \"true\"}",
        start: "run flow.yaml",
        until: "started",
        then: &["runs cancel last"],
        task: "b",
        code: "over",
        says: "cancelled  b: it is over with `cancelled`: `ada` asked for its end",
    },
];

fn begin(tasks: &str, start: &str, until: &str) -> (Home, Background) {
    let home = Home::new();
    home.file("flow.yaml", &format!("tasks:\n{}\n", tasks.replace("WAIT", WAIT)));
    let mut run = home.start(start);
    run.wait_for(until);
    (home, run)
}

#[test]
fn each_reason_names_its_blocker() {
    for case in CASES {
        let (home, run) = begin(case.tasks, case.start, case.until);
        for line in case.then {
            assert!(home.says(line).starts_with("exit 0\n"), "{line}");
        }
        let said = home.says(&format!("why last/{}", case.task));
        assert!(said.starts_with("exit 0\n") && said.contains(case.says), "{} is not in\n{said}", case.says);
        assert_eq!(home.values(&format!("why last/{} --json", case.task))[0]["code"], case.code, "{said}");
        // What it runs must not outlive the test.
        run.signal(Signal::TERM);
        run.end(&home);
    }
}

#[test]
fn a_process_that_died_is_named_by_every_task() {
    let tasks = "  a: {run: sleep 60}\n  b: {depends_on: [a], run: \"true\"}\n  c: {run: sleep 60}";
    let (home, run) = begin(tasks, "run flow.yaml --jobs 1", "started");
    run.kill();
    for task in ["a", "b", "c"] {
        let said = home.says(&format!("why last/{task}"));
        let expected = "the process that carried the run is gone; go on with: ork run --resume run_ID";
        assert!(said.contains(expected), "{task}\n{said}");
    }
    assert!(home.says("runs cancel last").contains("cancelling: run_ID"));
}

#[test]
fn a_worker_that_died_is_named() {
    let home = Home::new();
    home.file("flow.yaml", "tasks:\n  a: {run: sleep 60}\n  b: {run: sleep 60}\n");
    home.says("runs submit flow.yaml");
    let worker = home.start("worker --name w1 --capacity 1");
    home.wait_until("tasks list --status running --json", |rows| rows.len() == 1);
    let said = home.says("why last/b");
    assert!(
        said.contains("queued  b: waits for a worker: 1 serves the queue `default`, with 1 of 1 tasks at work"),
        "{said}"
    );
    worker.kill();
    insta::assert_snapshot!(home.says("why last/a"), @r"
    exit 0
    --- stdout
    running  a: attempt 1 was on worker `w1`, which is gone: last heard of AGO, and nobody else lives; start a worker with: ork worker --queues default
    ");
    let text = home.says("why last/b --database sqlite:../.local/share/ork/ork.db");
    assert!(text.contains("ork worker --queues default --database sqlite:"), "the same database: {text}");
}

#[test]
fn a_run_names_the_run_before_it() {
    let home = Home::new();
    let tasks = "  a: {run: sleep 60}";
    home.file("flow.yaml", &format!("concurrency: {{key: one, limit: 1}}\ntasks:\n{tasks}\n"));
    let mut first = home.start("run flow.yaml");
    first.wait_for("started");
    let id = home.last();
    let mut second = home.start("run flow.yaml");
    second.wait_for("waiting");
    let why = &home.values("why last --json")[0]["reasons"][0];
    assert_eq!(
        (&why["code"], &why["slots"]["taken"], &why["slots"]["by"]),
        (&"run_held".into(), &1.into(), &id.into())
    );
    for run in [first, second] {
        run.signal(Signal::TERM);
        run.end(&home);
    }
}
