//! `POST /runs/{id}/cancel`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::Asked;
use ork_core::state::Reason;

use crate::caller::Caller;
use crate::content::RunPath;
use crate::refused::Answer;
use crate::server::Server;

/// Ask for the end of a run.
///
/// What has not begun is cancelled at once; what is at work is told to stop, and the run is `cancelled` once it has.
#[utoipa::path(
    post,
    path = "/runs/{id}/cancel",
    tag = "runs",
    params(("id" = String, Path, description = "A run")),
    responses((status = 200, description = "What became of it", body = Asked)),
)]
pub async fn cancel(State(server): State<Arc<Server>>, caller: Caller, RunPath(id): RunPath) -> Answer<Json<Asked>> {
    let look = server.look(&caller);
    let asked = look.store.cancel_run(look.scope, id, Reason::Cancel, &caller.actor, look.now).await?;
    super::asked(look, id, asked).await
}
