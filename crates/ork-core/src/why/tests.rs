//! Each answer, as the exact sentence that people read.

use std::collections::BTreeMap;

use super::{Around, Slots, Why, why_task};
use crate::attempt::{Failure, FailureKind};
use crate::clock::Timestamp;
use crate::graph::{Phase, ProcessEnd};
use crate::id::{RunId, TaskRef, WorkerId, WorkspaceId};
use crate::state::{Reason, RunStatus, TaskStatus};
use crate::store::{GroupRow, RunRow, TaskRow, WorkerRow};

const NOW: Timestamp = Timestamp::from_micros(1_000_000_000_000);
const RUN: &str = "run_01920000-0000-7000-8000-000000000000";

fn id() -> RunId {
    RUN.parse().unwrap()
}

fn worker_id() -> WorkerId {
    WorkerId::from_uuid(uuid::Uuid::from_u128(7))
}

/// A queued task of a running run, a worker that serves its queue, and one parent that is over.
struct Scene {
    task: TaskRow,
    run: RunRow,
    group: GroupRow,
    parents: Vec<GroupRow>,
    workers: Vec<WorkerRow>,
    paused: Option<(&'static str, Timestamp)>,
    slots: Option<Slots>,
    ahead: Option<u32>,
}

fn group(key: &str, phase: Phase, tasks_left: u32) -> GroupRow {
    GroupRow {
        g: 0,
        key: key.into(),
        phase,
        size: Some(tasks_left.max(1)),
        items: None,
        tasks_left,
        tasks_bad: 0,
        tasks_unmet: 0,
        parents_left: 0,
        first: 0,
        rest: 1,
    }
}

fn task() -> TaskRow {
    TaskRow {
        task: TaskRef { run: id(), n: 0 },
        g: 0,
        key: "cut".into(),
        task_index: 0,
        status: TaskStatus::Queued,
        reason: None,
        attempt: 1,
        failures: 1,
        lost: 0,
        max_attempts: 3,
        lane: "video".into(),
        concurrency_key: Some("gpu".into()),
        held: false,
        available_at: None,
        output: None,
        error: None,
        progress: None,
        worker: Some(worker_id()),
        execution_name: None,
        end: ProcessEnd::default(),
        reused_from: None,
        dispatched_at: None,
        started_at: Some(Timestamp::from_micros(NOW.micros() - 5_400_000_000)),
        finished_at: None,
        cancel_requested_at: None,
    }
}

fn run() -> RunRow {
    RunRow {
        id: id(),
        workspace: WorkspaceId::DEFAULT,
        external_id: None,
        name: "reel".into(),
        status: RunStatus::Running,
        cancelling: None,
        held: false,
        priority: 0,
        labels: BTreeMap::new(),
        result: None,
        error: None,
        triggered_by: "manual".into(),
        retry_of: None,
        host: None,
        in_process: false,
        project: None,
        concurrency_key: Some("home".into()),
        tasks_total: 1,
        tasks_left: 1,
        tasks_bad: 0,
        progress: 0,
        seq: 1,
        deadline_at: None,
        cancel_requested_at: None,
        cancel_requested_by: None,
        created_at: NOW,
        started_at: None,
        finished_at: None,
    }
}

fn scene() -> Scene {
    let worker = WorkerRow {
        id: worker_id(),
        name: "box-1".into(),
        host: "box".into(),
        lanes: vec!["video".into(), "video@box".into()],
        capacity: 4,
        version: "0.1.0".into(),
        started_at: NOW,
        heartbeat_at: NOW,
        ended_at: None,
    };
    Scene {
        task: task(),
        run: run(),
        group: group("cut", Phase::Released, 1),
        parents: vec![group("probe", Phase::Over, 0)],
        workers: vec![worker],
        paused: None,
        slots: None,
        ahead: None,
    }
}

#[track_caller]
fn check(set: impl FnOnce(&mut Scene), code: &str, sentence: &str) -> Why {
    let mut scene = scene();
    set(&mut scene);
    let why = why_task(Around {
        task: &scene.task,
        run: &scene.run,
        group: &scene.group,
        parents: &scene.parents,
        workers: &scene.workers,
        paused: scene.paused,
        slots: scene.slots,
        ahead: scene.ahead,
        now: NOW,
    });
    assert_eq!((why.code(), why.to_string().as_str()), (code, sentence));
    assert_eq!(serde_json::to_value(&why).unwrap()["code"], code);
    why
}

#[test]
fn what_is_over_says_how_and_why() {
    check(|s| s.task.status = TaskStatus::Success, "over", "it is over with `success`");
    check(
        |s| {
            s.task.status = TaskStatus::Failed;
            s.task.error = Some(Failure::new(FailureKind::Exit { code: 2 }, "exit code 2"));
        },
        "over",
        "it is over with `failed`; exit code 2",
    );
    for (reason, words) in [
        (Reason::Condition, "its condition was false, or all that it needs was skipped that way"),
        (Reason::Upstream, "something that it needs failed, was cancelled or was skipped"),
        (Reason::Stop, "another task failed, and the run stops on failure"),
        (Reason::Cancel, "somebody asked for its end"),
        (Reason::Deadline, "the run passed its deadline"),
        (Reason::Unproven, "its worker was lost before it could prove that the work had ended"),
        (Reason::Poison, "too many workers died with it"),
        (Reason::Interrupted, "it was interrupted, and may run at most once"),
        (Reason::Template, "an expression could not be evaluated"),
        (Reason::Reused, "taken over from an earlier run"),
    ] {
        let set = |s: &mut Scene| (s.task.status, s.task.reason) = (TaskStatus::Cancelled, Some(reason));
        check(set, "over", &format!("it is over with `cancelled`: {words}"));
    }
}

#[test]
fn what_runs_names_its_worker() {
    let sentence = "attempt 1 has been running on worker `box-1` for 90 min";
    check(|s| s.task.status = TaskStatus::Running, "running", sentence);
    let cancelling = |s: &mut Scene| (s.task.status, s.run.cancelling) = (TaskStatus::Running, Some(Reason::Cancel));
    check(cancelling, "running", &format!("{sentence}, and the worker was asked to end it"));
    let gone = |s: &mut Scene| {
        s.task.status = TaskStatus::Dispatched;
        s.workers.clear();
    };
    let id = worker_id();
    check(gone, "running", &format!("attempt 1 has been running on worker `{id}` for 90 min"));
}

#[test]
fn the_run_comes_before_the_task() {
    let paused = |s: &mut Scene| {
        (s.run.status, s.task.status) = (RunStatus::Paused, TaskStatus::Paused);
        s.paused = Some(("ada", Timestamp::from_micros(NOW.micros() - 3_000_000)));
    };
    check(paused, "paused", &format!("the run is paused by `ada`, for 3 s so far; go on with `ork runs resume {RUN}`"));
    let unknown = |s: &mut Scene| s.run.status = RunStatus::Paused;
    check(unknown, "paused", &format!("the run is paused; go on with `ork runs resume {RUN}`"));
    check(|s| s.run.held = true, "run_held", "the run waits for a slot of the concurrency key `home`");
}

#[test]
fn what_waits_says_for_what() {
    let parents = |s: &mut Scene| {
        s.group.phase = Phase::Waiting;
        s.parents.push(group("list", Phase::Released, 1));
        s.parents.push(group("split", Phase::Waiting, 40));
    };
    check(parents, "parents", "it needs `list`, `split` (40 tasks left) to be over");
    let many = |s: &mut Scene| {
        s.group.phase = Phase::Waiting;
        s.parents = (0..5).map(|at| group(&format!("p{at}"), Phase::Waiting, 1)).collect();
    };
    check(many, "parents", "it needs `p0`, `p1`, `p2` and 2 more to be over");
    let evaluating = |s: &mut Scene| s.group.phase = Phase::Evaluating;
    check(evaluating, "evaluation", "its condition or its number of siblings is being evaluated");
    let outside = |s: &mut Scene| s.task.status = TaskStatus::Waiting;
    check(outside, "outside", "it waits for something outside");
    let retry = |s: &mut Scene| (s.task.status, s.task.available_at) = (TaskStatus::Retrying, Some(NOW.plus_ms(400)));
    check(retry, "retry", "attempt 1 of 3 failed; the next one comes in 400 ms");
    let due = |s: &mut Scene| (s.task.status, s.task.available_at) = (TaskStatus::Retrying, Some(NOW));
    check(due, "retry", "attempt 1 of 3 failed; the next one is due now");
    let unserved = |s: &mut Scene| {
        (s.task.status, s.task.available_at) = (TaskStatus::Retrying, Some(NOW.plus_ms(12_000)));
        s.task.error = Some(Failure::new(FailureKind::Unserved, "worker `w` does not serve the operation `merge`"));
    };
    let sentence = "worker `w` does not serve the operation `merge`; workers may take it again in 12 s";
    check(unserved, "unserved", sentence);
}

#[test]
fn what_is_queued_says_who_could_take_it() {
    let slot = |s: &mut Scene| (s.task.held, s.slots) = (true, Some(Slots { limit: 2, taken: 2 }));
    check(slot, "slot_taken", "it waits for a slot of the concurrency key `gpu`: 2 of 2 are taken");
    check(|s| s.task.held = true, "slot_taken", "it waits for a slot of the concurrency key `gpu`");
    check(|s| s.workers.clear(), "no_worker", "no worker serves the queue `video`");
    let ended = |s: &mut Scene| s.workers[0].ended_at = Some(NOW);
    check(ended, "no_worker", "no worker serves the queue `video`");
    let pinned = |s: &mut Scene| s.task.lane = "video@mill".into();
    let sentence = "the run is pinned to host `mill`, and no worker there serves the queue `video`";
    check(pinned, "other_host", sentence);
    let carried = |s: &mut Scene| (s.run.in_process, s.task.lane) = (true, format!("#{RUN}"));
    let sentence = format!("the process that carried the run is gone; go on with `ork run --resume {RUN}`");
    check(carried, "carrier_gone", &sentence);
    let tail = "1 worker that takes 4 tasks at once";
    check(|_| (), "queued", &format!("it is queued in `video`; {tail}"));
    check(|s| s.ahead = Some(12), "queued", &format!("it is queued in `video` behind 12 others; {tail}"));
    let next = |s: &mut Scene| (s.ahead, s.task.lane) = (Some(0), "video@box".into());
    check(next, "queued", &format!("it is next in the queue `video`; {tail}"));
}
