//! `GET /webhook-endpoints/{id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::Endpoint;

use super::desk;
use crate::caller::Caller;
use crate::content::NamePath;
use crate::refused::Answer;
use crate::server::Server;
use crate::webhooks::show as shapes;

/// An endpoint, but for its secret.
#[utoipa::path(
    get,
    path = "/webhook-endpoints/{id}",
    tag = "webhooks",
    operation_id = "show_endpoint",
    params(("id" = String, Path, description = "An endpoint, by its id or its name")),
    responses((status = 200, description = "The endpoint", body = Endpoint)),
)]
pub async fn show(
    State(server): State<Arc<Server>>,
    caller: Caller,
    NamePath(name): NamePath,
) -> Answer<Json<Endpoint>> {
    let row = desk(&server, &caller).endpoint(&name).await?;
    Ok(Json(shapes::endpoint(&row)))
}
