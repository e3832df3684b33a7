//! What a new run takes over from one that is over: a retry, and `--from`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use ork_core::graph::{Reuse, Reused};
use ork_core::id::{RunId, TaskRef};
use ork_core::json::Json;
use ork_core::plan::{Node, Plan};
use ork_core::state::TaskStatus;
use ork_core::store::{GroupRow, OutputRow, RunFilter};
use ork_workflow::Bound;

use crate::carry;
use crate::exit_code::Refusal;
use crate::ids::no_task;
use crate::names::number;
use crate::world::World;

/// Runs of a workflow that are looked at for one with everything that is needed.
const LOOK_MAX: u32 = 50;

/// The position of a node.
///
/// # Errors
/// When there is none of that name.
pub fn position(plan: &Plan, key: &str) -> Result<u32> {
    let keys = plan.nodes.iter().map(|node| node.key.as_str());
    Ok(plan.position(key).ok_or_else(|| no_task(&plan.name, key, keys))?)
}

/// What a run of `plan` can take over from `run`: the successes of which all that they need is taken over as well. The
/// nodes of `again` are not.
///
/// # Errors
/// When the run cannot be read.
pub async fn successes(world: &World, run: RunId, plan: &Plan, again: &BTreeSet<u32>) -> Result<Vec<Reuse>> {
    let groups = world.store.groups(world.scope(), run).await?;
    let wanted: Vec<u32> = groups.iter().map(|group| group.g).collect();
    let mut outputs: BTreeMap<u32, Vec<OutputRow>> = BTreeMap::new();
    for row in world.store.outputs(world.scope(), run, &wanted).await? {
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

/// What a run takes over, and from which one.
#[derive(Default)]
pub struct Base {
    pub run: Option<RunId>,
    pub reuse: Vec<Reuse>,
}

/// What a run takes over that begins at a task: from the newest run of the same workflow and folder that has all that
/// this task needs, unchanged.
///
/// # Errors
/// When there is no such task, or no such run.
pub async fn begin_at(world: &World, bound: &Bound, project: &str, key: &str) -> Result<Base> {
    let plan = &bound.plan;
    let from = position(plan, key)?;
    let input = Json::from_value(&bound.input)?;
    let filter = RunFilter { name: Some(plan.name.clone()), limit: LOOK_MAX, ..RunFilter::default() };
    let mut changed = None;
    for row in world.store.runs(world.scope(), &filter).await? {
        if !row.status.is_terminal() || row.project.as_deref() != Some(project) {
            continue;
        }
        let (stored, old) = carry::plan(world, row.id).await?;
        let mut again = differing(plan, &old, stored.input != input);
        again.insert(from);
        let reuse = successes(world, row.id, plan, &again).await?;
        let missing = ancestors(plan, from).into_iter().find(|g| !is_complete(*g, &reuse, plan));
        let Some(missing) = missing else { return Ok(Base { run: Some(row.id), reuse }) };
        if again.contains(&missing) && changed.is_none() {
            changed = Some((&plan.nodes[missing as usize].key, row.id));
        }
    }
    let name = &plan.name;
    Err(match changed {
        Some((node, run)) => Refusal::no_match(format!(
            "`{key}` needs `{node}`, and what that does, or its inputs, changed since `{run}`"
        ))
        .hint(format!("begin earlier: --from {node}")),
        None => Refusal::no_match(format!("no earlier run of `{name}` in this folder has all that `{key}` needs"))
            .hint("leave out --from once"),
    }
    .into())
}

/// Whether every task of a node is taken over.
fn is_complete(g: u32, reuse: &[Reuse], plan: &Plan) -> bool {
    let taken = reuse.iter().find(|reuse| reuse.g == g);
    // A condition that was false is evaluated again, on the same outputs.
    plan.nodes[g as usize].when.is_some() || taken.is_some_and(|reuse| reuse.done.len() == reuse.size as usize)
}

fn ancestors(plan: &Plan, from: u32) -> BTreeSet<u32> {
    let (mut found, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(g) = open.pop() {
        for parent in &plan.nodes[g as usize].depends_on {
            if found.insert(*parent) {
                open.push(*parent);
            }
        }
    }
    found
}

/// The nodes of a plan that are not in another one, or do something else there.
fn differing(plan: &Plan, other: &Plan, inputs_differ: bool) -> BTreeSet<u32> {
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
