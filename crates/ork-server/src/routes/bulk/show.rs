//! `GET /bulk/{id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::Bulk;

use crate::bulk::shape;
use crate::caller::Caller;
use crate::content::BulkPath;
use crate::refused::Answer;
use crate::server::Server;

/// Show an action on many runs, and how far it is.
#[utoipa::path(
    get,
    path = "/bulk/{id}",
    tag = "bulk",
    params(("id" = String, Path, description = "An action on many runs")),
    responses((status = 200, description = "The action", body = Bulk)),
)]
pub async fn show(State(server): State<Arc<Server>>, caller: Caller, id: BulkPath) -> Answer<Json<Bulk>> {
    Ok(Json(shape(&super::row(server.look(&caller), id).await?)))
}
