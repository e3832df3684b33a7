//! A run as a graph, with how many tasks of each node are in which status.

use ork_core::error::StoreResult;
use ork_core::id::RunId;
use ork_core::limits::PAGE_MAX;
use ork_core::store::TaskFilter;
use ork_graph::{Graph, States};

use crate::look::Look;
use crate::names::Names;
use crate::why::plan;

/// A run's graph; `None` when the run does not exist.
///
/// # Errors
/// When the store cannot be read.
pub async fn of_run(look: Look<'_>, run: RunId) -> StoreResult<Option<Graph>> {
    let (store, scope) = (look.store, look.scope);
    let Some(stored) = store.plans(scope, &[run]).await?.pop() else { return Ok(None) };
    let mut graph = Graph::of_plan(&plan(&stored)?);
    // The status first: should the run end meanwhile, no task is behind it.
    graph.status = store.run(scope, run).await?.map(|row| row.status);
    for group in Names::read(store, scope, run).await?.groups() {
        if let Some(node) = graph.nodes.get_mut(group.g as usize) {
            (node.size, node.states) = (group.size, Some(States::default()));
        }
    }
    let mut filter = TaskFilter { limit: PAGE_MAX, ..TaskFilter::default() };
    loop {
        let tasks = store.tasks(scope, run, &filter).await?;
        for task in &tasks {
            if let Some(states) = graph.nodes.get_mut(task.g as usize).and_then(|node| node.states.as_mut()) {
                states.add(task.status);
            }
        }
        filter.after = tasks.last().map(|task| task.task.n);
        if tasks.len() < PAGE_MAX as usize {
            return Ok(Some(graph));
        }
    }
}
