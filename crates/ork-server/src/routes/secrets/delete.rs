//! `DELETE /secrets/{name}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::DeletedSecret;

use crate::caller::Caller;
use crate::content::NamePath;
use crate::refused::{Answer, Refused};
use crate::server::Server;

/// Delete a secret.
///
/// A task that reads it fails when it begins.
#[utoipa::path(
    delete,
    path = "/secrets/{name}",
    tag = "secrets",
    params(("name" = String, Path, description = "A secret")),
    responses((status = 200, description = "It is deleted", body = DeletedSecret)),
)]
pub async fn delete(
    State(server): State<Arc<Server>>,
    caller: Caller,
    NamePath(name): NamePath,
) -> Answer<Json<DeletedSecret>> {
    let look = server.look(&caller);
    if !look.store.delete_secret(caller.workspace, &name).await? {
        return Err(Refused::missing(format_args!("secret `{name}`")).hint("GET /secrets lists them"));
    }
    Ok(Json(DeletedSecret { name, deleted: true }))
}
