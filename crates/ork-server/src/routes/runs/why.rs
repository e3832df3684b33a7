//! `GET /runs/{id}/why`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::RunWhy;

use crate::caller::Caller;
use crate::content::RunPath;
use crate::refused::Answer;
use crate::server::Server;
use crate::{view, why};

/// Failed tasks that are shown.
const FAILURES_MAX: u32 = 5;

/// Say why a run is not over, or what failed in it.
#[utoipa::path(
    get,
    path = "/runs/{id}/why",
    tag = "runs",
    params(("id" = String, Path, description = "A run")),
    responses((status = 200, description = "The reasons", body = RunWhy)),
)]
pub async fn why(State(server): State<Arc<Server>>, caller: Caller, RunPath(id): RunPath) -> Answer<Json<RunWhy>> {
    let look = server.look(&caller);
    let run = super::row(look, id).await?;
    let reasons = why::all_of_run(look, id).await?;
    let failures = why::failures(look, id, FAILURES_MAX).await?;
    Ok(Json(view::run_why(&run, &reasons, &failures)))
}
