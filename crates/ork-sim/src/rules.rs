//! What must hold at the moment when an execution starts.

pub mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ork_core::id::{RunId, TaskRef};
use ork_core::plan::Node;
use ork_core::state::{Reason, TaskStatus};
use ork_core::step::{StepKey, StepPhase};
use ork_core::store::{Scope, TaskFilter, TaskRow, Tasks};

use crate::clock::ms_of;
use crate::scenario::Mode;
use crate::witness::End;
use crate::world::{World, lock};

/// How far clocks of nodes may be apart, and how long a request may be under way.
const TOLERANCE_MS: u64 = 1_500;
/// How soon after a cancel nothing of a run starts any more, on a node that can reach the database.
const CANCEL_MS: u64 = 2_000;

/// Compares an execution that is about to start with what is stored and with what was seen.
pub async fn check_start(
    world: &Arc<World>,
    task: TaskRef,
    attempt: u32,
    step: Option<StepKey>,
    place: (usize, u32),
) {
    let Ok(Some(row)) = world.store.task(Scope::All, task).await else {
        return world.problem(format!("{}: starts and is not stored", world.name(task)));
    };
    let Some(known) = world.known(task.run) else {
        return world.problem(format!("{}: starts and was never submitted", world.name(task)));
    };
    let Some(node) = known.plan.nodes.get(row.g as usize) else { return };
    if node.at_most_once && was_interrupted(world, task, step.map_or(u32::MAX, |key| key.attempt)).await {
        world.problem(format!("{}: was interrupted, may not be repeated, and starts again", world.name(task)));
    }
    if lock(&world.witness).of_attempt(task, attempt).any(|execution| execution.step == step) {
        let what = step.map_or_else(|| format!("attempt {attempt}"), |key| format!("{key:?}"));
        world.problem(format!("{}: {what} starts twice", world.name(task)));
    }
    let is_leased = row.status.is_leased() && row.attempt == attempt;
    if !is_leased {
        if !lock(&world.weather).is_excused(place.0) {
            world.problem(format!("{}: attempt {attempt} starts without a lease", world.name(task)));
        }
        return lock(&world.witness).mark("started without a lease");
    }
    // What was begun is put away whatever was asked for since.
    let is_cleanup = step
        .and_then(|key| node.action.steps.get(key.position as usize))
        .is_some_and(|step| step.phase == StepPhase::Cleanup);
    if !is_cleanup {
        check_requests(world, &row);
    }
    check_parents(world, node, &row).await;
    check_slots(world, node, &row).await;
    if let Some(key) = step {
        steps::check_step(world, &row, node, key, place).await;
    }
}

/// Whether an execution of the task in an attempt before this one went any other way than to its own end or to its time limit.
async fn was_interrupted(world: &World, task: TaskRef, before: u32) -> bool {
    let rows = world.store.attempts(Scope::All, task).await.unwrap_or_default();
    let failed = |attempt: u32| {
        let outcome = rows.iter().find(|row| row.attempt == attempt).and_then(|row| row.outcome.as_deref());
        matches!(outcome, Some("failed" | "timeout"))
    };
    let witness = lock(&world.witness);
    witness.of_task(task).any(|execution| execution.attempt < before && !failed(execution.attempt))
}

/// Nothing is claimed while its run is paused, or after it was cancelled.
fn check_requests(world: &World, row: &TaskRow) {
    let name = world.name(row.task);
    let dispatched_ms = row.dispatched_at.map_or(0, ms_of);
    let (paused, cancelled) = {
        let witness = lock(&world.witness);
        let of = |since: &BTreeMap<RunId, u64>| since.get(&row.task.run).copied();
        (of(&witness.paused_since_ms), of(&witness.cancelled_since_ms))
    };
    if paused.is_some_and(|since| dispatched_ms > since + TOLERANCE_MS) {
        world.problem(format!("{name}: was claimed while its run was paused"));
    }
    let Some(cancelled_ms) = cancelled else { return };
    if dispatched_ms > cancelled_ms + TOLERANCE_MS {
        world.problem(format!("{name}: was claimed after its run was cancelled"));
    }
    if world.scenario.mode == Mode::Recovery && world.clock.ms() > cancelled_ms + CANCEL_MS {
        world.problem(format!("{name}: starts {} ms after its run was cancelled", world.clock.ms() - cancelled_ms));
    }
}

/// A task that needs others starts after every execution of theirs has succeeded.
async fn check_parents(world: &World, node: &Node, row: &TaskRow) {
    for parent in &node.depends_on {
        let filter = TaskFilter { g: Some(*parent), limit: u32::MAX, ..TaskFilter::default() };
        let rows = world.store.tasks(Scope::All, row.task.run, &filter).await.unwrap_or_default();
        for parent in &rows {
            let (name, above) = (world.name(row.task), world.name(parent.task));
            if !parent.status.is_terminal() {
                world.problem(format!("{name}: starts while {above}, which it needs, is {}", parent.status));
            }
            if node.run_if.is_none() && !is_satisfied(world, parent) {
                world.problem(format!("{name}: starts although {above}, which it needs, did not succeed"));
            }
        }
    }
}

fn is_satisfied(world: &World, parent: &TaskRow) -> bool {
    match parent.status {
        // Taken over, or the placeholder of no siblings at all.
        TaskStatus::Success if parent.attempt == 0 || world.has_steps(parent.task) => true,
        TaskStatus::Success => {
            let witness = lock(&world.witness);
            witness.of_task(parent.task).any(|execution| matches!(execution.stopped, Some((_, End::Success))))
        }
        TaskStatus::Skipped => parent.reason == Some(Reason::Condition),
        _ => false,
    }
}

/// Never more executions of a key under a valid lease than its limit.
async fn check_slots(world: &World, node: &Node, row: &TaskRow) {
    let Some(concurrency) = &node.concurrency else { return };
    let running: BTreeSet<(TaskRef, u32)> = {
        let witness = lock(&world.witness);
        let live = witness.executions.iter().filter(|execution| execution.stopped.is_none());
        live.map(|execution| (execution.task, execution.attempt)).collect()
    };
    let mut count = 1;
    for (task, attempt) in running {
        let Ok(Some(other)) = world.store.task(Scope::All, task).await else { continue };
        let is_valid = other.attempt == attempt && other.status.is_leased();
        let has_key = other.concurrency_key.as_ref() == Some(&concurrency.key);
        count += u32::from(is_valid && has_key && task != row.task);
    }
    if count > concurrency.limit {
        let (name, key) = (world.name(row.task), &concurrency.key);
        world.problem(format!("{name}: is number {count} of `{key}` at work, and the limit is {}", concurrency.limit));
    }
}
