//! `POST /runs/{id}/pause`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::Asked;

use crate::caller::Caller;
use crate::content::RunPath;
use crate::refused::Answer;
use crate::server::Server;

/// Pause a run.
///
/// Nothing of it is begun any more; what is at work goes on.
#[utoipa::path(
    post,
    path = "/runs/{id}/pause",
    tag = "runs",
    params(("id" = String, Path, description = "A run")),
    responses((status = 200, description = "What became of it", body = Asked)),
)]
pub async fn pause(State(server): State<Arc<Server>>, caller: Caller, RunPath(id): RunPath) -> Answer<Json<Asked>> {
    let look = server.look(&caller);
    let asked = look.store.pause_run(look.scope, id, &caller.actor, look.now).await?;
    super::asked(look, id, asked).await
}
