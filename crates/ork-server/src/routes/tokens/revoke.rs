//! `DELETE /tokens/{id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::Revoked;

use crate::caller::Caller;
use crate::content::TokenPath;
use crate::refused::Answer;
use crate::server::Server;
use crate::view;

/// Take a token back.
///
/// This server refuses it from now on, any other one within 5 s. Tokens that were made with it stay.
#[utoipa::path(
    delete,
    path = "/tokens/{id}",
    tag = "tokens",
    params(("id" = String, Path, description = "A token")),
    responses((status = 200, description = "What became of it", body = Revoked)),
)]
pub async fn revoke(
    State(server): State<Arc<Server>>,
    caller: Caller,
    TokenPath(id): TokenPath,
) -> Answer<Json<Revoked>> {
    let look = server.look(&caller);
    let asked = look.store.revoke_token(look.scope, id, look.now).await?;
    server.door.forget(id);
    Ok(Json(view::revoked(id, asked)))
}
