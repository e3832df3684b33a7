//! `DELETE /webhook-endpoints/{id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::DeletedEndpoint;

use super::desk;
use crate::caller::Caller;
use crate::content::NamePath;
use crate::refused::Answer;
use crate::server::Server;

/// Delete an endpoint.
///
/// Its messages stay in the list; what was not sent fails.
#[utoipa::path(
    delete,
    path = "/webhook-endpoints/{id}",
    tag = "webhooks",
    operation_id = "delete_endpoint",
    params(("id" = String, Path, description = "An endpoint, by its id or its name")),
    responses((status = 200, description = "What became of it", body = DeletedEndpoint)),
)]
pub async fn delete(
    State(server): State<Arc<Server>>,
    caller: Caller,
    NamePath(name): NamePath,
) -> Answer<Json<DeletedEndpoint>> {
    let row = desk(&server, &caller).endpoint(&name).await?;
    let deleted = caller.store.delete_endpoint(caller.scope(), row.id).await?;
    Ok(Json(DeletedEndpoint { endpoint_id: row.id.to_string(), deleted }))
}
