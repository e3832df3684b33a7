//! Where each task is: one place, with a reason.

use std::collections::BTreeMap;

use crate::graph::{Group, OpenAs, Phase};
use crate::state::TaskStatus;
use crate::store::{GateStatus, RunDump, TaskDump};

fn groups(dump: &RunDump) -> BTreeMap<u32, &Group> {
    dump.groups.iter().map(|group| (group.g, group)).collect()
}

fn live(dump: &RunDump) -> impl Iterator<Item = &TaskDump> {
    dump.tasks.iter().filter(|task| !task.row.status.is_terminal())
}

fn places(task: &TaskDump) -> u32 {
    u32::from(task.lease.is_some()) + task.ready + task.held + task.delayed
}

pub(super) fn one_place(dump: &RunDump, wrong: &mut Vec<String>) {
    for task in live(dump).filter(|task| places(task) > 1) {
        wrong.push(format!(
            "task {} is in {} places: {} leases, {} ready, {} held, {} delayed",
            task.row.task.n,
            places(task),
            u32::from(task.lease.is_some()),
            task.ready,
            task.held,
            task.delayed
        ));
    }
}

pub(super) fn terminal_has_no_place(dump: &RunDump, wrong: &mut Vec<String>) {
    for task in dump.tasks.iter().filter(|task| task.row.status.is_terminal() && places(task) > 0) {
        wrong.push(format!("task {} is {} and still leased or queued", task.row.task.n, task.row.status));
    }
}

pub(super) fn live_has_a_place(dump: &RunDump, wrong: &mut Vec<String>) {
    let groups = groups(dump);
    for task in live(dump) {
        let Some(group) = groups.get(&task.row.g) else { continue };
        let n = task.row.task.n;
        match (group.phase, places(task)) {
            (Phase::Waiting, 0) if group.parents_left == 0 && !dump.head.held => {
                wrong.push(format!("task {n} waits for parents, and none of them is left"));
            }
            (Phase::Released, 0) if !dump.head.paused && task.row.status != TaskStatus::Waiting => {
                wrong.push(format!("task {n} may run, and is neither leased nor queued nor delayed"));
            }
            (Phase::Waiting | Phase::Evaluating, 1..) => {
                wrong.push(format!("task {n} is queued while its group is {}", group.phase.word()));
            }
            _ => {}
        }
    }
}

pub(super) fn paused_queues_nothing(dump: &RunDump, wrong: &mut Vec<String>) {
    // What a run that is being cancelled has in the queue is to be put away, paused or not.
    if !dump.head.paused || dump.head.cancelling.is_some() {
        return;
    }
    for task in dump.tasks.iter().filter(|task| task.ready + task.held > 0) {
        wrong.push(format!("task {} is queued while its run is paused", task.row.task.n));
    }
}

/// It is queued so that the steps of its attempt are put away.
fn is_put_away(task: &TaskDump) -> bool {
    matches!(task.open_as, Some(OpenAs::Lost | OpenAs::Cancelled))
}

pub(super) fn cancelled_starts_nothing(dump: &RunDump, wrong: &mut Vec<String>) {
    if dump.head.cancelling.is_none() {
        return;
    }
    for task in live(dump).filter(|task| task.lease.is_none() && !is_put_away(task)) {
        wrong.push(format!("task {} is live without a lease while its run is being cancelled", task.row.task.n));
    }
}

pub(super) fn stopped_starts_nothing(dump: &RunDump, wrong: &mut Vec<String>) {
    if !dump.head.stopping || dump.head.cancelling.is_some() {
        return;
    }
    let groups = groups(dump);
    for task in live(dump).filter(|task| task.lease.is_none() && !is_put_away(task)) {
        if groups.get(&task.row.g).is_some_and(|group| group.spec.run_if.is_none()) {
            wrong.push(format!("task {} is live without a lease after its run stopped", task.row.task.n));
        }
    }
}

pub(super) fn held_starts_nothing(dump: &RunDump, wrong: &mut Vec<String>) {
    if !dump.head.held {
        return;
    }
    for group in dump.groups.iter().filter(|group| matches!(group.phase, Phase::Evaluating | Phase::Released)) {
        wrong.push(format!("group {} is {} while its run waits for a slot", group.g, group.phase.word()));
    }
}

pub(super) fn evaluations_match(dump: &RunDump, wrong: &mut Vec<String>) {
    for group in &dump.groups {
        let waits = dump.evaluations.contains(&group.g);
        if waits != (group.phase == Phase::Evaluating) {
            let is = if waits { "is" } else { "is not" };
            wrong.push(format!("group {} is {} and {is} among the evaluations", group.g, group.phase.word()));
        }
    }
    if dump.evaluations.windows(2).any(|pair| pair[0] >= pair[1]) {
        wrong.push("an evaluation is listed twice or out of order".into());
    }
}

/// A group that needs success is over as soon as one task that it needs ended badly.
pub(super) fn upstream_is_skipped(dump: &RunDump, wrong: &mut Vec<String>) {
    let groups = groups(dump);
    for parent in dump.groups.iter().filter(|group| group.is_bad()) {
        for child in parent.spec.children.iter().filter_map(|g| groups.get(g)) {
            if child.spec.run_if.is_none() && child.phase != Phase::Over {
                wrong.push(format!("group {} is {} although group {} failed", child.g, child.phase.word(), parent.g));
            }
        }
    }
}

pub(super) fn retry_has_a_time(dump: &RunDump, wrong: &mut Vec<String>) {
    for task in live(dump).filter(|task| task.delayed > 0 && task.row.available_at.is_none()) {
        wrong.push(format!("task {} waits for a retry that has no time", task.row.task.n));
    }
}

/// What a task's status is, given its places; what waits without one is `pending`.
pub(super) fn status_is_derived(dump: &RunDump, wrong: &mut Vec<String>) {
    for task in live(dump) {
        let expected = match &task.lease {
            Some(lease) if lease.started_at.is_some() => TaskStatus::Running,
            Some(_) => TaskStatus::Dispatched,
            None if task.gates.iter().any(|gate| gate.status == GateStatus::Open) => TaskStatus::Waiting,
            None if dump.head.paused && dump.head.cancelling.is_none() => TaskStatus::Paused,
            None if task.ready + task.held > 0 => TaskStatus::Queued,
            None if task.delayed > 0 => TaskStatus::Retrying,
            None => TaskStatus::Pending,
        };
        if task.row.status != expected || task.row.held != (task.held > 0) {
            wrong.push(format!("task {} shows {} and is {expected}", task.row.task.n, task.row.status));
        }
    }
}

pub(super) fn end_has_a_reason(dump: &RunDump, wrong: &mut Vec<String>) {
    for task in &dump.tasks {
        let (n, status) = (task.row.task.n, task.row.status);
        if status.is_terminal() != task.row.finished_at.is_some() {
            wrong.push(format!("task {n} is {status}, and when it ended says otherwise"));
        }
        let explained = match status {
            TaskStatus::Failed => task.row.error.is_some(),
            TaskStatus::Skipped | TaskStatus::Cancelled => task.row.reason.is_some(),
            _ => true,
        };
        if !explained {
            wrong.push(format!("task {n} is {status} and nothing says why"));
        }
    }
}
