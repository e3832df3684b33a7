//! `GET /gates/{id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::Gate;

use crate::caller::Caller;
use crate::content::GatePath;
use crate::gates;
use crate::refused::Answer;
use crate::server::Server;

/// Show a gate.
#[utoipa::path(
    get,
    path = "/gates/{id}",
    tag = "gates",
    params(("id" = String, Path, description = "A gate")),
    responses((status = 200, description = "The gate", body = Gate)),
)]
pub async fn show(State(server): State<Arc<Server>>, caller: Caller, GatePath(id): GatePath) -> Answer<Json<Gate>> {
    Ok(Json(gates::shape(&gates::find(server.look(&caller), id).await?)))
}
