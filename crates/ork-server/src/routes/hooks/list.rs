//! `GET /hooks`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Hook, Page};

use crate::caller::Caller;
use crate::hooks::shape;
use crate::refused::Answer;
use crate::server::Server;

/// List hooks, by name.
///
/// A workspace has at most 100, so they are one page.
#[utoipa::path(
    get,
    path = "/hooks",
    tag = "hooks",
    responses((status = 200, description = "All of them", body = Page<Hook>)),
)]
pub async fn list(State(server): State<Arc<Server>>, caller: Caller) -> Answer<Json<Page<Hook>>> {
    let look = server.look(&caller);
    let rows = look.store.hooks(look.scope).await?;
    Ok(Json(Page { items: rows.iter().map(shape).collect(), next_cursor: None }))
}
