//! `GET /prices`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Page, Price};

use crate::budgets::price_shape;
use crate::caller::Caller;
use crate::refused::Answer;
use crate::server::Server;

/// List what models cost, by name.
///
/// A workspace has at most 1,000 prices, so they are one page. Amounts are US dollars for a million tokens.
#[utoipa::path(
    get,
    path = "/prices",
    tag = "prices",
    responses((status = 200, description = "All of them", body = Page<Price>)),
)]
pub async fn list(State(server): State<Arc<Server>>, caller: Caller) -> Answer<Json<Page<Price>>> {
    let rows = server.look(&caller).store.prices(caller.workspace).await?;
    Ok(Json(Page { items: rows.iter().map(price_shape).collect(), next_cursor: None }))
}
