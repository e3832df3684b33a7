//! `GET /runs/{id}/plan`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::RunPlan;

use crate::caller::Caller;
use crate::content::RunPath;
use crate::refused::{Answer, Refused};
use crate::server::Server;
use crate::view;

/// Show what a run was made of: its plan and its inputs.
#[utoipa::path(
    get,
    path = "/runs/{id}/plan",
    tag = "runs",
    params(("id" = String, Path, description = "A run")),
    responses((status = 200, description = "The plan", body = RunPlan)),
)]
pub async fn plan(State(server): State<Arc<Server>>, caller: Caller, RunPath(id): RunPath) -> Answer<Json<RunPlan>> {
    let look = server.look(&caller);
    let stored = look.store.plans(look.scope, &[id]).await?.pop();
    let stored = stored.ok_or_else(|| Refused::missing(format_args!("run `{id}`")))?;
    Ok(Json(view::run_plan(&stored)))
}
