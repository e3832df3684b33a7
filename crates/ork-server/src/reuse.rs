//! What a new run takes over from one that is over.

use std::collections::{BTreeMap, BTreeSet};

use ork_core::error::StoreResult;
use ork_core::graph::{Reuse, Reused};
use ork_core::id::{RunId, TaskRef};
use ork_core::plan::{Node, Plan};
use ork_core::state::TaskStatus;
use ork_core::store::{GroupRow, OutputRow};

use crate::look::Look;
use crate::names::number;

/// What a run of `plan` can take over from `run`: the successes of which all that they need is taken over as well. The
/// nodes of `again` are not.
///
/// # Errors
/// When the run cannot be read.
pub async fn successes(look: Look<'_>, run: RunId, plan: &Plan, again: &BTreeSet<u32>) -> StoreResult<Vec<Reuse>> {
    let groups = look.store.groups(look.scope, run).await?;
    let wanted: Vec<u32> = groups.iter().map(|group| group.g).collect();
    let mut outputs: BTreeMap<u32, Vec<OutputRow>> = BTreeMap::new();
    for row in look.store.outputs(look.scope, run, &wanted).await? {
        outputs.entry(row.g).or_default().push(row);
    }
    // The file may have changed since: nodes are known by their names.
    let known = |group: GroupRow| {
        let g = plan.position(&group.key).filter(|g| !again.contains(g))?;
        let ends = outputs.remove(&group.g)?;
        Some((g, (group, ends)))
    };
    let mut ends: BTreeMap<u32, (GroupRow, Vec<OutputRow>)> = groups.into_iter().filter_map(known).collect();
    let firm = firm(&plan.nodes, &ends);
    let reuse = (0..).zip(&plan.nodes).filter_map(|(g, node)| {
        let stands = node.depends_on.iter().all(|parent| firm.contains(parent));
        let (group, ends) = ends.remove(&g).filter(|_| stands)?;
        taken_over(run, g, &group, ends)
    });
    Ok(reuse.collect())
}

fn taken_over(run: RunId, g: u32, group: &GroupRow, ends: Vec<OutputRow>) -> Option<Reuse> {
    let done: Vec<Reused> = ends
        .into_iter()
        .filter(|row| row.status == TaskStatus::Success)
        .map(|row| Reused {
            index: row.task_index,
            from: TaskRef { run, n: number(group, row.task_index) },
            output: row.output,
        })
        .collect();
    let size = group.size.filter(|_| !done.is_empty())?;
    Some(Reuse { g, size, items: group.items.clone(), done })
}

/// The nodes all of whose tasks ended well, and so did those of all that they need. What needs anything else saw
/// outputs that the new run may not have, so it runs again although it succeeded: a clean-up, for instance.
fn firm(nodes: &[Node], ends: &BTreeMap<u32, (GroupRow, Vec<OutputRow>)>) -> BTreeSet<u32> {
    let is_good = |row: &OutputRow| matches!(row.status, TaskStatus::Success | TaskStatus::Skipped);
    let good = |g: u32| ends.get(&g).is_some_and(|(_, ends)| ends.iter().all(is_good));
    let mut firm = BTreeSet::new();
    let mut is_growing = true;
    // A node may stand in the file before what it needs.
    while is_growing {
        is_growing = false;
        for (g, node) in (0..).zip(nodes) {
            if !firm.contains(&g) && good(g) && node.depends_on.iter().all(|parent| firm.contains(parent)) {
                firm.insert(g);
                is_growing = true;
            }
        }
    }
    firm
}

/// The nodes of a plan that are not in another one, or do something else there.
#[must_use]
pub fn differing(plan: &Plan, other: &Plan, inputs_differ: bool) -> BTreeSet<u32> {
    let work = |plan: &Plan, node: &Node| {
        let parents: BTreeSet<&str> =
            node.depends_on.iter().map(|parent| plan.nodes[*parent as usize].key.as_str()).collect();
        serde_json::json!([node.action, node.fan, node.when, node.run_if, parents]).to_string()
    };
    let is_same = |node: &Node| {
        let old = other.nodes.iter().find(|old| old.key == node.key);
        // Inputs are filled in already, but where the same expression reads a task as well.
        old.is_some_and(|old| {
            let now = work(plan, node);
            now == work(other, old) && !(inputs_differ && now.contains("inputs"))
        })
    };
    (0..).zip(&plan.nodes).filter(|(_, node)| !is_same(node)).map(|(g, _)| g).collect()
}
