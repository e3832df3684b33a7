//! `POST /runs/{id}/resume`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::Asked;

use crate::caller::Caller;
use crate::content::RunPath;
use crate::refused::Answer;
use crate::server::Server;

/// Let a paused run go on.
#[utoipa::path(
    post,
    path = "/runs/{id}/resume",
    tag = "runs",
    params(("id" = String, Path, description = "A run")),
    responses((status = 200, description = "What became of it", body = Asked)),
)]
pub async fn resume(State(server): State<Arc<Server>>, caller: Caller, RunPath(id): RunPath) -> Answer<Json<Asked>> {
    let look = server.look(&caller);
    let asked = look.store.resume_run(look.scope, id, &caller.actor, look.now).await?;
    super::asked(look, id, asked).await
}
