//! A run as a graph, with how many tasks of each node are in which status.

use ork_core::error::StoreResult;
use ork_core::id::RunId;
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
    for count in store.counts(scope, run).await? {
        if let Some(states) = graph.nodes.get_mut(count.g as usize).and_then(|node| node.states.as_mut()) {
            states.add_many(count.status, count.count);
        }
    }
    Ok(Some(graph))
}
