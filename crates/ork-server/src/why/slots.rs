//! Who has the slots that something waits for.

use std::collections::BTreeMap;

use ork_core::error::StoreResult;
use ork_core::id::TaskRef;
use ork_core::plan::Plan;
use ork_core::store::{RunRow, TaskRow};
use ork_core::why::Slots;

use crate::look::Look;
use crate::names::Names;

/// Holders of a key that are counted.
const COUNT_MAX: u32 = 1_000;

/// The slots that a held run waits for.
pub async fn of_run(look: Look<'_>, run: &RunRow, plan: &Plan) -> StoreResult<Option<Slots>> {
    let Some(own) = plan.concurrency.as_ref().filter(|_| run.held) else { return Ok(None) };
    let holders = look.store.slot_runs(look.scope, &own.key, COUNT_MAX).await?;
    let mut slots = Slots { limit: own.limit, taken: count(&holders), by: None, since_ms: None };
    if let Some(first) = holders.first() {
        slots.by = Some(first.to_string());
        let since = look.store.run(look.scope, *first).await?.and_then(|row| row.started_at);
        slots.since_ms = since.map(|at| look.now.since_ms(at));
    }
    Ok(Some(slots))
}

/// The slots that held tasks wait for, by key.
pub async fn of_tasks(look: Look<'_>, tasks: &[TaskRow], plan: &Plan) -> StoreResult<BTreeMap<String, Slots>> {
    let mut found = BTreeMap::new();
    for task in tasks.iter().filter(|task| task.held) {
        let own = plan.nodes.get(task.g as usize).and_then(|node| node.concurrency.as_ref());
        let (Some(own), Some(key)) = (own, &task.concurrency_key) else { continue };
        if found.contains_key(key) {
            continue;
        }
        let holders = look.store.slot_tasks(look.scope, key, COUNT_MAX).await?;
        let mut slots = Slots { limit: own.limit, taken: count(&holders), by: None, since_ms: None };
        if let Some(first) = holders.first() {
            (slots.by, slots.since_ms) = holder(look, *first).await?;
        }
        found.insert(key.clone(), slots);
    }
    Ok(found)
}

fn count<T>(holders: &[T]) -> u32 {
    u32::try_from(holders.len()).unwrap_or(u32::MAX)
}

/// What a task is called, and for how long a worker has had it.
async fn holder(look: Look<'_>, task: TaskRef) -> StoreResult<(Option<String>, Option<u64>)> {
    let Some(row) = look.store.task(look.scope, task).await? else { return Ok((None, None)) };
    let names = Names::read(look.store, look.scope, task.run).await?;
    let since = row.dispatched_at.filter(|_| row.status.is_leased()).map(|at| look.now.since_ms(at));
    Ok((Some(format!("{}/{}", task.run, names.of_task(&row))), since))
}
