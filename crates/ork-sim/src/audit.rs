//! Compares what is stored with Ork's own invariants, and with what the witness saw.

mod steps;

use std::collections::BTreeMap;

use ork_core::check::check;
use ork_core::id::RunId;
use ork_core::seal::verify;
use ork_core::state::{Reason, TaskStatus};
use ork_core::store::{Inspect, RunDump, Runs, Scope, TaskDump};

use self::steps::Sum;
use crate::blobs::without_bytes;
use crate::nodes::vault;
use crate::reader::is_prefix;
use crate::scenario::Mode;
use crate::witness::{End, Loss};
use crate::world::{World, lock};

/// Looks at the whole database again and again.
#[derive(Debug, Default)]
pub struct Auditor {
    /// What was found right, by the number of its last event: a run that nothing happened to is not looked at again.
    seen: BTreeMap<RunId, u64>,
}

/// Runs of a world at the most.
const RUNS_MAX: u32 = 1_000;

impl Auditor {
    /// Reports everything that is wrong. True when every run is over.
    pub async fn look(&mut self, world: &World, everything: bool) -> bool {
        let ids = world.store.run_ids(Scope::All, None, RUNS_MAX).await.unwrap_or_default();
        let lost: Vec<RunId> =
            lock(&world.witness).submitted.iter().filter(|run| !ids.contains(run)).copied().collect();
        for run in lost {
            world.problem(format!("`{run}` was accepted and is not stored"));
        }
        let mut all_over = true;
        let mut sum = Sum::default();
        for id in ids {
            let Ok(Some(row)) = world.store.run(Scope::All, id).await else {
                world.problem(format!("`{id}` cannot be read"));
                continue;
            };
            all_over &= row.status.is_terminal();
            if self.seen.insert(id, row.seq) == Some(row.seq) && !everything {
                continue;
            }
            match world.store.dump(Scope::All, id).await {
                Ok(Some(dump)) => {
                    report(world, &dump);
                    sum.add(&dump);
                    if everything {
                        look_at_seals(world, id).await;
                    }
                }
                _ => world.problem(format!("`{id}` cannot be dumped")),
            }
        }
        if everything {
            sum.compare(world).await;
        }
        for (key, limit, count) in world.store.overbooked(Scope::All).await.unwrap_or_default() {
            world.problem(format!("{count} tasks of `{key}` have slots, and the limit is {limit}"));
        }
        all_over
    }
}

/// Events that were sealed are what they were, whichever nodes have sealed them, and however often.
async fn look_at_seals(world: &World, run: RunId) {
    let vault = vault();
    let keys = |id: &str| vault.event_key_of(id);
    match verify(world.store.as_ref(), Scope::All, run, &keys, None).await {
        Ok(Some(verdict)) => {
            if verdict.sealed > 0 {
                lock(&world.witness).mark("sealed");
            }
            for finding in verdict.findings {
                world.problem(format!("`{run}`: {finding}"));
            }
        }
        _ => world.problem(format!("the events of `{run}` cannot be verified")),
    }
}

fn report(world: &World, dump: &RunDump) {
    let number = world.known(dump.row.id).map_or(0, |known| known.number);
    if dump.tasks.iter().any(|task| task.row.reason == Some(Reason::Poison)) {
        lock(&world.witness).mark("quarantined");
    }
    if !is_prefix(lock(&world.read).get(&dump.row.id).map_or(&[], Vec::as_slice), &dump.events) {
        world.problem(format!("r{number}: a reader with a cursor has read other events than are stored"));
    }
    for violation in check(dump) {
        world.problem(format!("r{number}: {violation}"));
    }
    for problem in without_bytes(world, dump) {
        world.problem(format!("r{number}: {problem}"));
    }
    for task in &dump.tasks {
        for problem in compare(world, task).into_iter().chain(steps::compare(world, task)) {
            world.problem(format!("{}: {problem}", world.name(task.row.task)));
        }
    }
}

/// What the attempts of a task say, against its executions.
fn compare(world: &World, task: &TaskDump) -> Vec<String> {
    let has_steps = world.has_steps(task.row.task);
    let witness = lock(&world.witness);
    let mut wrong = Vec::new();
    for row in &task.attempts {
        let ends: Vec<Option<End>> =
            witness.of_attempt(task.row.task, row.attempt).map(|e| e.stopped.map(|(_, end)| end)).collect();
        let fits = match row.outcome.as_deref() {
            // What a step may run that nobody waits for is told by the rules for steps.
            _ if has_steps => true,
            Some("success") => ends.contains(&Some(End::Success)),
            Some("timeout") => !ends.is_empty() && !ends.contains(&None),
            // An expression that failed, or a request to end it, can come before its beginning.
            Some("failed" | "cancelled" | "handed_back") => !ends.contains(&None),
            _ => true,
        };
        if !fits {
            wrong.push(format!("attempt {} is {:?}, and its executions ended as {ends:?}", row.attempt, row.outcome));
        }
    }
    for attempt in witness.accepted_of(task.row.task) {
        // An attempt with steps may have more leases before it.
        let is_open = has_steps && !task.row.status.is_terminal() && task.row.attempt == attempt;
        if !is_open && !task.attempts.iter().any(|row| row.attempt == attempt) {
            wrong.push(format!("the outcome of attempt {attempt} was accepted and is not stored"));
        }
    }
    let highest = witness.of_task(task.row.task).map(|execution| execution.attempt).max().unwrap_or(0);
    if highest > task.row.attempt {
        wrong.push(format!("attempt {highest} was executed, and the last that is stored is {}", task.row.attempt));
    }
    let is_executed = task.row.status == TaskStatus::Success && task.row.attempt > 0 && !has_steps;
    let succeeded = witness.of_task(task.row.task).any(|e| matches!(e.stopped, Some((_, End::Success))));
    if is_executed && !succeeded {
        wrong.push("is a success, and no execution of it was one".into());
    }
    wrong
}

/// Reports tasks of killed nodes that are not running again in time.
pub async fn check_recovery(world: &World) {
    if world.scenario.mode != Mode::Recovery {
        return;
    }
    let bound_ms = if world.scenario.knows_deaths { 2_000 } else { 20_000 };
    let late: Vec<Loss> = {
        let mut witness = lock(&world.witness);
        let is_late = |loss: &Loss| loss.at.elapsed().as_millis() > bound_ms;
        let late = witness.losses.iter().copied().filter(is_late).collect();
        witness.losses.retain(|loss| !is_late(loss));
        if witness.recovery_ms_max > u64::try_from(bound_ms).unwrap_or(u64::MAX) {
            let took = witness.recovery_ms_max;
            witness.problems.push(format!("a task was running again {took} ms after its node was killed"));
        }
        late
    };
    for loss in late {
        let dump = world.store.dump(Scope::All, loss.task.run).await.ok().flatten();
        let Some(dump) = dump else { continue };
        let Some(task) = dump.tasks.iter().find(|task| task.row.task == loss.task) else { continue };
        let waits = task.held > 0 || task.delayed > 0 || dump.head.paused;
        if !task.row.status.is_terminal() && !waits {
            let (name, status) = (world.name(loss.task), task.row.status);
            world.problem(format!("{name}: {status} and not running again {bound_ms} ms after its node was killed"));
        }
    }
}

/// What keeps runs from ending, for the report.
pub async fn why_not_over(world: &World) -> Vec<String> {
    let mut why = Vec::new();
    for id in world.store.run_ids(Scope::All, None, RUNS_MAX).await.unwrap_or_default() {
        let Ok(Some(dump)) = world.store.dump(Scope::All, id).await else { continue };
        if dump.head.status.is_terminal() {
            continue;
        }
        let number = world.known(id).map_or(0, |known| known.number);
        let live: Vec<String> = dump
            .tasks
            .iter()
            .filter(|task| !task.row.status.is_terminal())
            .map(|task| format!("{}:{}", task.row.task.n, task.row.status))
            .collect();
        let (paused, held) = (dump.head.paused, dump.head.held);
        why.push(format!("r{number} did not end: paused {paused}, held {held}, tasks {live:?}"));
    }
    why
}
