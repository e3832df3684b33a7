//! `POST /runs/{id}/acknowledge`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::Asked;

use crate::caller::Caller;
use crate::content::RunPath;
use crate::refused::Answer;
use crate::server::Server;

/// Take note of the end of a run.
///
/// It is left out of `/runs/unacknowledged` from then on. A run that is not over cannot be acknowledged.
#[utoipa::path(
    post,
    path = "/runs/{id}/acknowledge",
    tag = "runs",
    params(("id" = String, Path, description = "A run")),
    responses((status = 200, description = "What became of it", body = Asked)),
)]
pub async fn acknowledge(
    State(server): State<Arc<Server>>,
    caller: Caller,
    RunPath(id): RunPath,
) -> Answer<Json<Asked>> {
    let look = server.look(&caller);
    let asked = look.store.acknowledge_run(look.scope, id, &caller.actor, look.now).await?;
    super::asked(look, id, asked).await
}
