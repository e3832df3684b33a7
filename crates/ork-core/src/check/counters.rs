//! Counters, recomputed from what they count.

use std::collections::BTreeMap;

use crate::event::TaskSet;
use crate::graph::{Group, Phase};
use crate::state::{Reason, RunStatus, TaskStatus, is_bad_end};
use crate::store::{RunDump, TaskDump};

fn count<'a>(tasks: impl IntoIterator<Item = &'a TaskDump>, wanted: impl Fn(&TaskDump) -> bool) -> u32 {
    u32::try_from(tasks.into_iter().filter(|task| wanted(task)).count()).unwrap_or(u32::MAX)
}

fn is_live(task: &TaskDump) -> bool {
    !task.row.status.is_terminal()
}

fn is_bad(task: &TaskDump) -> bool {
    is_bad_end(task.row.status, task.row.reason)
}

fn is_unmet(task: &TaskDump) -> bool {
    task.row.status == TaskStatus::Skipped && !is_bad(task)
}

pub(super) fn ids_agree(dump: &RunDump, wrong: &mut Vec<String>) {
    let run = dump.head.run;
    if dump.row.id != run || dump.row.workspace != dump.head.workspace {
        wrong.push(format!("row {} of {} and head {run} of {}", dump.row.id, dump.row.workspace, dump.head.workspace));
    }
    if run.task(0).run() != run {
        wrong.push(format!("{run} does not end in 32 zero bits"));
    }
    for task in dump.tasks.iter().filter(|task| task.row.task.run != run) {
        wrong.push(format!("task {} belongs to {}", task.row.task.n, task.row.task.run));
    }
    for event in dump.events.iter().filter(|event| event.run != run) {
        wrong.push(format!("event {} belongs to {}", event.seq, event.run));
    }
}

pub(super) fn groups_hold_their_tasks(dump: &RunDump, wrong: &mut Vec<String>) {
    for (at, group) in (0_u32..).zip(&dump.groups) {
        if group.g != at {
            wrong.push(format!("group {} stands at place {at}", group.g));
        }
        let indexes: BTreeMap<u32, u32> =
            dump.tasks.iter().filter(|t| t.row.g == group.g).map(|t| (t.row.task_index, t.row.task.n)).collect();
        let expected: BTreeMap<u32, u32> = (0..group.rows()).map(|index| (index, group.task(index))).collect();
        if indexes != expected {
            wrong.push(format!("group {} has tasks {indexes:?} by index, and should have {expected:?}", group.g));
        }
    }
    for (n, task) in (0_u32..).zip(&dump.tasks) {
        if task.row.task.n != n || task.row.g as usize >= dump.groups.len() {
            wrong.push(format!("task {} of group {} stands at place {n}", task.row.task.n, task.row.g));
        }
    }
}

pub(super) fn group_counters(dump: &RunDump, wrong: &mut Vec<String>) {
    for group in &dump.groups {
        let tasks: Vec<&TaskDump> = dump.tasks.iter().filter(|task| task.row.g == group.g).collect();
        let all = || tasks.iter().copied();
        let counted = (group.tasks_left, group.tasks_bad, group.tasks_unmet);
        let actual = (count(all(), is_live), count(all(), is_bad), count(all(), is_unmet));
        if counted != actual {
            wrong.push(format!("group {} counts {counted:?} tasks left, bad, unmet; they are {actual:?}", group.g));
        }
        if (group.phase == Phase::Over) != (actual.0 == 0) {
            wrong.push(format!("group {} is {} with {} tasks left", group.g, group.phase.word(), actual.0));
        }
        let ended = TaskSet::of(all().filter(|task| !is_live(task)).map(|task| task.row.task.n).collect());
        if matches!(group.phase, Phase::Waiting | Phase::Evaluating) && group.ended != ended {
            wrong.push(format!("group {} lists `{}` as ended early; they are `{ended}`", group.g, group.ended));
        }
    }
}

pub(super) fn parent_counters(dump: &RunDump, wrong: &mut Vec<String>) {
    let mut parents: BTreeMap<u32, Vec<&Group>> = BTreeMap::new();
    for group in &dump.groups {
        for child in &group.spec.children {
            parents.entry(*child).or_default().push(group);
        }
    }
    for group in &dump.groups {
        let parents = parents.remove(&group.g).unwrap_or_default();
        let sum = |wanted: &dyn Fn(&Group) -> bool| {
            u32::try_from(parents.iter().filter(|parent| wanted(parent)).count()).unwrap_or(u32::MAX)
        };
        let over = |parent: &Group| parent.phase == Phase::Over;
        let actual = (
            sum(&|_| true),
            sum(&|parent| !over(parent)),
            sum(&|parent| over(parent) && parent.is_bad()),
            sum(&|parent| over(parent) && !parent.is_bad() && parent.is_unmet()),
        );
        let counted = (group.spec.parents, group.parents_left, group.parents_bad, group.parents_unmet);
        if counted != actual {
            wrong.push(format!("group {} counts {counted:?} parents, left, bad, unmet; they are {actual:?}", group.g));
        }
    }
}

pub(super) fn head_counters(dump: &RunDump, wrong: &mut Vec<String>) {
    let head = &dump.head;
    let failed = |task: &TaskDump| matches!(task.row.status, TaskStatus::Failed | TaskStatus::Cancelled);
    let actual = (count(&dump.tasks, |_| true), count(&dump.tasks, is_live), count(&dump.tasks, failed));
    for (name, counted) in [
        ("head", (head.tasks_total, head.tasks_left, head.tasks_bad)),
        ("row", (dump.row.tasks_total, dump.row.tasks_left, dump.row.tasks_bad)),
    ] {
        if counted != actual {
            wrong.push(format!("the run's {name} counts {counted:?} tasks, left, bad; they are {actual:?}"));
        }
    }
}

/// The run is over exactly when its tasks are, unless its result is still to be evaluated; and it ends as they did.
pub(super) fn run_ends_with_its_tasks(dump: &RunDump, wrong: &mut Vec<String>) {
    let (head, row) = (&dump.head, &dump.row);
    let left = count(&dump.tasks, is_live);
    let bad = dump.tasks.iter().any(|t| matches!(t.row.status, TaskStatus::Failed | TaskStatus::Cancelled));
    let over = head.status.is_terminal();
    let may_await_result = left == 0 && head.has_result && !bad && head.cancelling.is_none() && !over;
    if dump.evaluates_result != may_await_result {
        wrong.push(format!(
            "the run is {} with {left} tasks left, and its result is {}",
            head.status,
            if dump.evaluates_result { "to be evaluated" } else { "not to be evaluated" }
        ));
    } else if over != (left == 0) && !may_await_result {
        wrong.push(format!("the run is {} with {left} tasks left", head.status));
    }
    if over {
        let fits = match head.cancelling {
            Some(Reason::Deadline) => head.status == RunStatus::Failed,
            Some(_) => head.status == RunStatus::Cancelled,
            None if bad => head.status == RunStatus::Failed,
            None if head.has_result => matches!(head.status, RunStatus::Success | RunStatus::Failed),
            None => head.status == RunStatus::Success,
        };
        if !fits || head.paused || head.held {
            wrong.push(format!("the run ended as {}, and its tasks and requests say otherwise", head.status));
        }
    }
    let leased = dump.tasks.iter().any(|task| task.lease.is_some());
    let shown = if head.shown() == RunStatus::Pending && leased { RunStatus::Running } else { head.shown() };
    if row.status != shown || row.finished_at.is_some() != over {
        wrong.push(format!("the run shows {} and is {shown}", row.status));
    }
}
