//! `GET /secrets`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Page, Secret};

use crate::caller::Caller;
use crate::content::{Asking, Paging, limit, page};
use crate::refused::Answer;
use crate::secrets;
use crate::server::Server;

/// List secrets, by name.
#[utoipa::path(
    get,
    path = "/secrets",
    tag = "secrets",
    params(Paging),
    responses((status = 200, description = "A page of secrets, without what they are", body = Page<Secret>)),
)]
pub async fn list(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Asking(ask): Asking<Paging>,
) -> Answer<Json<Page<Secret>>> {
    let (look, limit) = (server.look(&caller), limit(ask.limit)?);
    let rows = look.store.secrets(look.scope, ask.cursor.as_deref(), limit + 1).await?;
    Ok(Json(page(rows, limit, |row| row.name.clone()).map(secrets::shape)))
}
