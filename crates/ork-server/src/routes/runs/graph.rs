//! `GET /runs/{id}/graph`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::Snapshot;
use serde_json::Value;

use crate::caller::Caller;
use crate::content::RunPath;
use crate::graph::of_run;
use crate::refused::{Answer, Refused};
use crate::server::Server;

/// Draw a run.
///
/// A node for each task of the workflow with its place, and how many of its siblings are in which status: the answer is as
/// long as the workflow, however wide the fan-out.
#[utoipa::path(
    get,
    path = "/runs/{id}/graph",
    tag = "runs",
    params(("id" = String, Path, description = "A run")),
    responses((status = 200, description = "Nodes and edges with their places", body = Snapshot<Object>)),
)]
pub async fn graph(
    State(server): State<Arc<Server>>,
    caller: Caller,
    RunPath(id): RunPath,
) -> Answer<Json<Snapshot<Value>>> {
    let look = server.look(&caller);
    let graph = async {
        let graph = of_run(look, id).await?;
        Ok(graph.ok_or_else(|| Refused::missing(format_args!("run `{id}`")))?.to_json())
    };
    look.snapshot(graph).await.map(Json)
}
