//! What a run that begins at a task takes over from an earlier one.

use std::collections::BTreeSet;

use anyhow::Result;
use ork_core::graph::Reuse;
use ork_core::id::RunId;
use ork_core::json::Json;
use ork_core::plan::Plan;
use ork_core::store::RunFilter;
use ork_server::reuse::{differing, successes};
use ork_workflow::Bound;

use crate::carry;
use crate::exit_code::Refusal;
use crate::ids::no_task;
use crate::world::World;

/// Runs of a workflow that are looked at for one with everything that is needed.
const LOOK_MAX: u32 = 50;

/// There is no task of this name in a plan.
pub fn no_node(plan: &Plan, key: &str) -> Refusal {
    no_task(&plan.name, key, plan.nodes.iter().map(|node| node.key.as_str()))
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
    let from = plan.position(key).ok_or_else(|| no_node(plan, key))?;
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
        let reuse = successes(world.look(), row.id, plan, &again).await?;
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
