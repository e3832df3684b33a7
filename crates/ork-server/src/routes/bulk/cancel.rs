//! `POST /bulk/{id}/cancel`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::BulkAsked;

use crate::caller::Caller;
use crate::content::BulkPath;
use crate::refused::Answer;
use crate::server::Server;

/// Stop an action on many runs.
///
/// The piece that is being carried out is ended; what was done stays done.
#[utoipa::path(
    post,
    path = "/bulk/{id}/cancel",
    tag = "bulk",
    params(("id" = String, Path, description = "An action on many runs")),
    responses((status = 200, description = "What became of it", body = BulkAsked)),
)]
pub async fn cancel(State(server): State<Arc<Server>>, caller: Caller, id: BulkPath) -> Answer<Json<BulkAsked>> {
    let look = server.look(&caller);
    let asked = look.store.cancel_bulk(look.scope, id.0, look.now).await?;
    let status = super::row(look, id).await?.status.word().to_owned();
    Ok(Json(BulkAsked { id: id.0.to_string(), asked, status }))
}
