//! Each answer, as the exact sentence that people read.

use std::collections::BTreeMap;

use super::{Around, Slots, Why, why_task};
use crate::access::Role;
use crate::attempt::{Failure, FailureKind};
use crate::clock::Timestamp;
use crate::graph::{Phase, ProcessEnd};
use crate::id::{GateId, RunId, TaskRef, WorkerId, WorkspaceId};
use crate::json::Json;
use crate::state::{Reason, RunStatus, TaskStatus};
use crate::step::{OnExpiry, StepKey};
use crate::store::{GateKind, GateRow, GateStatus, GroupRow, QueuePause, RunRow, TaskRow, WorkerRow};

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
    cause: Option<&'static str>,
    task: TaskRow,
    run: RunRow,
    group: GroupRow,
    parents: Vec<GroupRow>,
    workers: Vec<WorkerRow>,
    timeout_ms: Option<u64>,
    gone: Vec<WorkerRow>,
    paused: Option<(&'static str, Timestamp)>,
    pauses: Vec<QueuePause>,
    run_slots: Option<Slots>,
    slots: Option<Slots>,
    at_work: Option<u32>,
    gate: Option<GateRow>,
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
        owner: None,
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
        revision: None,
        acknowledged_at: None,
        acknowledged_by: None,
    }
}

fn gate() -> GateRow {
    GateRow {
        id: GateId::from_uuid(uuid::Uuid::from_u128(9)),
        workspace: WorkspaceId::DEFAULT,
        task: TaskRef { run: id(), n: 0 },
        task_key: "cut".into(),
        task_index: 0,
        run_name: "reel".into(),
        owner: None,
        started_by: "ada".into(),
        step: StepKey { attempt: 1, round: 1, position: 4, tried: 1 },
        step_name: "approve".into(),
        kind: GateKind::Approval,
        status: GateStatus::Open,
        role: Role::Operator,
        allow_self: true,
        message: None,
        opened_at: NOW,
        expires_at: None,
        on_expiry: OnExpiry::Reject,
        decided_by: None,
        comment: None,
        decided_at: None,
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
        timeout_ms: None,
        gone: Vec::new(),
        paused: None,
        pauses: Vec::new(),
        run_slots: None,
        slots: None,
        at_work: None,
        gate: None,
        cause: None,
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
        cause: scene.cause,
        workers: &scene.workers,
        timeout_ms: scene.timeout_ms,
        gone: &scene.gone,
        paused: scene.paused,
        pauses: &scene.pauses,
        run_slots: scene.run_slots.as_ref(),
        slots: scene.slots.as_ref(),
        at_work: scene.at_work,
        gate: scene.gate.as_ref(),
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
fn what_is_over_names_who_brought_that_about() {
    let skipped = |s: &mut Scene| {
        (s.task.status, s.task.reason) = (TaskStatus::Skipped, Some(Reason::Upstream));
        s.parents[0].tasks_bad = 2;
    };
    check(skipped, "over", "it is over with `skipped`: it needs `probe`, and that did not succeed");
    let further = |s: &mut Scene| {
        skipped(s);
        s.cause = Some("list");
    };
    let words = "it is over with `skipped`: it needs `probe`, and that did not succeed because `list` failed";
    check(further, "over", words);
    let stopped = |s: &mut Scene| {
        (s.task.status, s.task.reason) = (TaskStatus::Cancelled, Some(Reason::Stop));
        s.run.error = Some(Json::from_stored(r#"{"task":"list","kind":"exit","message":"exited with code 1"}"#));
    };
    check(stopped, "over", "it is over with `cancelled`: `list` failed, and the run stops on failure");
    let asked = |s: &mut Scene| {
        (s.task.status, s.task.reason) = (TaskStatus::Cancelled, Some(Reason::Cancel));
        s.run.cancel_requested_by = Some("ada".into());
    };
    check(asked, "over", "it is over with `cancelled`: `ada` asked for its end");
    let reused = |s: &mut Scene| {
        (s.task.status, s.task.reason) = (TaskStatus::Success, Some(Reason::Reused));
        s.task.reused_from = Some(TaskRef { run: id(), n: 3 });
    };
    check(reused, "over", &format!("it is over with `success`: taken over from {RUN}"));
}

#[test]
fn what_runs_names_its_worker() {
    let sentence = "attempt 1 has been running on worker `box-1` for 90 min";
    let running = |s: &mut Scene| s.task.status = TaskStatus::Running;
    check(running, "running", sentence);
    let limited = |s: &mut Scene| (s.task.status, s.timeout_ms) = (TaskStatus::Running, Some(7_200_000));
    check(limited, "running", &format!("{sentence}, of at most 2 h"));
    let cancelling = |s: &mut Scene| (s.task.status, s.run.cancelling) = (TaskStatus::Running, Some(Reason::Deadline));
    check(cancelling, "running", &format!("{sentence}; the worker was asked to end it"));
    let asked = |s: &mut Scene| {
        cancelling(s);
        s.run.cancel_requested_by = Some("ada".into());
    };
    check(asked, "running", &format!("{sentence}; `ada` asked the worker to end it"));
    let given = |s: &mut Scene| {
        (s.task.status, s.task.started_at) = (TaskStatus::Dispatched, None);
        s.task.dispatched_at = Some(Timestamp::from_micros(NOW.micros() - 3_000_000));
    };
    check(given, "running", "attempt 1 was given to worker `box-1` 3 s ago, and has not begun");
    let unknown = |s: &mut Scene| {
        running(s);
        s.workers.clear();
    };
    let id = worker_id();
    check(unknown, "running", &format!("attempt 1 has been running on worker `{id}` for 90 min"));
}

#[test]
fn a_worker_that_is_gone_is_no_worker() {
    let gone = |s: &mut Scene| {
        s.task.status = TaskStatus::Running;
        s.gone = std::mem::take(&mut s.workers);
        s.gone[0].heartbeat_at = Timestamp::from_micros(NOW.micros() - 9_000_000);
    };
    let sentence = "attempt 1 was on worker `box-1`, which is gone: last heard of 9 s ago";
    let alone = format!("{sentence}, and nobody else lives; start a worker with: ork worker --queues video");
    assert!(check(gone, "worker_gone", &alone).ends_in_command());
    let replaced = |s: &mut Scene| {
        gone(s);
        s.workers = vec![WorkerRow { id: WorkerId::from_uuid(uuid::Uuid::from_u128(8)), ..s.gone[0].clone() }];
    };
    let why = check(replaced, "worker_gone", &format!("{sentence}; it is given to another as soon as that is certain"));
    assert!(!why.ends_in_command());
    let carried = |s: &mut Scene| {
        gone(s);
        (s.run.in_process, s.task.lane) = (true, format!("#{RUN}"));
    };
    let sentence = format!("the process that carried the run is gone; go on with: ork run --resume {RUN}");
    check(carried, "carrier_gone", &sentence);
    let waiting = |s: &mut Scene| {
        carried(s);
        (s.task.status, s.group.phase) = (TaskStatus::Pending, Phase::Waiting);
    };
    check(waiting, "carrier_gone", &sentence);
}

#[test]
fn the_run_comes_before_the_task() {
    let paused = |s: &mut Scene| {
        (s.run.status, s.task.status) = (RunStatus::Paused, TaskStatus::Paused);
        s.paused = Some(("ada", Timestamp::from_micros(NOW.micros() - 3_000_000)));
    };
    check(paused, "paused", &format!("the run is paused by `ada`, for 3 s so far; go on with: ork runs resume {RUN}"));
    let unknown = |s: &mut Scene| s.run.status = RunStatus::Paused;
    check(unknown, "paused", &format!("the run is paused; go on with: ork runs resume {RUN}"));
    check(|s| s.run.held = true, "run_held", "the run waits for a slot of `home`");
    let taken = |s: &mut Scene| {
        s.run.held = true;
        s.run_slots = Some(Slots { limit: 1, taken: 1, by: Some("run_1".into()), since_ms: Some(200_000) });
    };
    check(taken, "run_held", "the run waits for a slot of `home`: 1 of 1 taken by run_1, for 3 min");
    let free = |s: &mut Scene| {
        s.run.held = true;
        s.run_slots = Some(Slots { limit: 1, taken: 0, by: None, since_ms: None });
    };
    check(free, "run_held", "the run waits for a slot of `home`: 0 of 1 taken");
    let nobody = |s: &mut Scene| {
        free(s);
        s.workers.clear();
    };
    let sentence = "waits for a worker: nobody serves the queue `video`; start one with: ork worker --queues video";
    check(nobody, "no_worker", sentence);
}

#[test]
fn a_paused_queue_holds_back_whoever_serves_it() {
    let paused = |s: &mut Scene| {
        s.task.lane = "video@box".into();
        let at = Timestamp::from_micros(NOW.micros() - 65_000_000);
        s.pauses = vec![QueuePause { workspace: s.run.workspace, queue: "video".into(), by: "ada".into(), at }];
    };
    let sentence = "the queue `video` is paused by `ada`, for 65 s so far; go on with: ork queues resume video";
    check(paused, "queue_paused", sentence);
    let nobody = |s: &mut Scene| {
        paused(s);
        s.workers.clear();
    };
    check(nobody, "queue_paused", sentence);
    let other = |s: &mut Scene| {
        paused(s);
        s.task.lane = "videos".into();
    };
    let sentence = "waits for a worker: nobody serves the queue `videos`; start one with: ork worker --queues videos";
    check(other, "no_worker", sentence);
}

#[test]
fn what_waits_says_for_what() {
    let parents = |s: &mut Scene| {
        s.group.phase = Phase::Waiting;
        s.parents.push(group("list", Phase::Released, 1));
        s.parents.push(GroupRow { tasks_left: 1, ..group("split", Phase::Released, 3) });
        s.parents.push(GroupRow { size: None, ..group("cut", Phase::Waiting, 1) });
    };
    check(parents, "parents", "waits for `list`, `split` (2 of 3 done), `cut`");
    let many = |s: &mut Scene| {
        s.group.phase = Phase::Waiting;
        s.parents = (0..5).map(|at| group(&format!("p{at}"), Phase::Waiting, 1)).collect();
    };
    check(many, "parents", "waits for `p0`, `p1`, `p2` and 2 more");
    let evaluating = |s: &mut Scene| s.group.phase = Phase::Evaluating;
    check(evaluating, "evaluation", "its condition or its number of siblings is being evaluated");
    let outside = |s: &mut Scene| s.task.status = TaskStatus::Waiting;
    check(outside, "outside", "waits for something outside");
    let retry = |s: &mut Scene| (s.task.status, s.task.available_at) = (TaskStatus::Retrying, Some(NOW.plus_ms(400)));
    check(retry, "retry", "failure 1 of 3, again in 400 ms");
    let due = |s: &mut Scene| {
        (s.task.status, s.task.available_at) = (TaskStatus::Retrying, Some(NOW));
        s.task.error = Some(Failure::new(FailureKind::Exit { code: 2 }, "exited with code 2"));
    };
    check(due, "retry", "failure 1 of 3 (exited with code 2), again now");
    let nobody = |set: fn(&mut Scene)| {
        move |s: &mut Scene| {
            set(s);
            s.workers.clear();
        }
    };
    check(nobody(retry), "retry", "failure 1 of 3, again in 400 ms");
    let sentence = "waits for a worker: nobody serves the queue `video`; start one with: ork worker --queues video";
    check(nobody(due), "no_worker", sentence);
    check(nobody(evaluating), "no_worker", sentence);
    let unserved = |s: &mut Scene| {
        (s.task.status, s.task.available_at) = (TaskStatus::Retrying, Some(NOW.plus_ms(12_000)));
        s.task.error = Some(Failure::new(FailureKind::Unserved, "worker `w` does not serve the operation `merge`"));
    };
    let sentence = "worker `w` does not serve the operation `merge`; workers may take it again in 12 s";
    check(unserved, "unserved", sentence);
}

#[test]
fn what_is_queued_says_who_could_take_it() {
    let slots = |taken| Some(Slots { limit: 2, taken, by: Some("run_1/cut".into()), since_ms: None });
    let slot = |s: &mut Scene| (s.task.held, s.slots) = (true, slots(2));
    check(slot, "slot_taken", "waits for a slot of `gpu`: 2 of 2 taken by run_1/cut, and 1 other");
    check(|s| s.task.held = true, "slot_taken", "waits for a slot of `gpu`");
    let nobody = "waits for a worker: nobody serves the queue `video`; start one with: ork worker --queues video";
    assert!(check(|s| s.workers.clear(), "no_worker", nobody).ends_in_command());
    let ended = |s: &mut Scene| s.workers[0].ended_at = Some(NOW);
    check(ended, "no_worker", nobody);
    let pinned = |s: &mut Scene| s.task.lane = "video@mill".into();
    let sentence = "waits for a worker: nobody serves the queue `video` on host `mill`; start one there with: ork worker --queues video";
    check(pinned, "other_host", sentence);
    let carried = |s: &mut Scene| (s.run.in_process, s.task.lane) = (true, format!("#{RUN}"));
    let sentence = format!("the process that carried the run is gone; go on with: ork run --resume {RUN}");
    check(carried, "carrier_gone", &sentence);
    let sentence = "waits for a worker: 1 serves the queue `video`";
    check(|_| (), "queued", &format!("{sentence}, with room for 4 tasks at once"));
    check(|s| s.at_work = Some(4), "queued", &format!("{sentence}, with 4 of 4 tasks at work"));
    let next = |s: &mut Scene| (s.at_work, s.task.lane) = (Some(0), "video@box".into());
    check(next, "queued", &format!("{sentence}, and has room: 0 of 4 tasks at work"));
    let turn = |s: &mut Scene| {
        carried(s);
        (s.workers[0].lanes, s.at_work) = (vec![s.task.lane.clone()], Some(4));
    };
    check(turn, "queued", "waits for its turn in the process that carries the run, with 4 of 4 tasks at work");
}

#[test]
fn what_waits_for_a_decision_says_whose() {
    let waits = |gate: GateRow| {
        move |s: &mut Scene| (s.task.status, s.gate, s.run.in_process) = (TaskStatus::Waiting, Some(gate), true)
    };
    let command = "decide with: ork gates approve gate_00000000-0000-0000-0000-000000000009";
    let plain = format!("`approve` waits for a decision; the role `operator` decides, or a higher one; {command}");
    assert!(check(waits(gate()), "gate", &plain).ends_in_command());
    check(
        |s| s.gate = Some(gate()),
        "queued",
        "waits for a worker: 1 serves the queue `video`, with room for 4 tasks at once",
    );
    let strict = GateRow {
        allow_self: false,
        role: Role::Admin,
        message: Some("Publish?\nIt is final.".into()),
        expires_at: Some(NOW.plus_ms(7_200_000)),
        ..gate()
    };
    let sentence = format!(
        "`approve` waits for a decision: Publish?; the role `admin` decides, or a higher one, but not `ada`, who started \
         the run, within 2 h, or it counts as rejected; {command}"
    );
    check(waits(strict), "gate", &sentence);
    let budget = GateRow { kind: GateKind::Budget, on_expiry: OnExpiry::Hold, expires_at: Some(NOW), ..gate() };
    let sentence = format!(
        "`approve` waits for leave to use more than the run's budget; the role `operator` decides, or a higher one, and \
         should have by now; {command}"
    );
    check(waits(budget), "gate", &sentence);
    check(|s| s.task.status = TaskStatus::Waiting, "outside", "waits for something outside");
}
