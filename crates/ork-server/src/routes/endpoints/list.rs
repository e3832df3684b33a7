//! `GET /webhook-endpoints`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Endpoint, Page};

use crate::caller::Caller;
use crate::refused::Answer;
use crate::server::Server;
use crate::webhooks::show;

/// List the endpoints that are told of runs, by name.
///
/// A workspace has at most 20, so they are one page.
#[utoipa::path(
    get,
    path = "/webhook-endpoints",
    tag = "webhooks",
    operation_id = "list_endpoints",
    responses((status = 200, description = "All of them", body = Page<Endpoint>)),
)]
pub async fn list(State(server): State<Arc<Server>>, caller: Caller) -> Answer<Json<Page<Endpoint>>> {
    let look = server.look(&caller);
    let rows = look.store.endpoints(look.scope).await?;
    Ok(Json(Page { items: rows.iter().map(show::endpoint).collect(), next_cursor: None }))
}
