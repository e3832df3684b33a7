//! `GET /budgets`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Budget, Page};

use crate::budgets;
use crate::caller::Caller;
use crate::refused::Answer;
use crate::server::Server;

/// List the budgets of the workspace, and how they stand. There is one page.
#[utoipa::path(
    get,
    path = "/budgets",
    tag = "budgets",
    responses((status = 200, description = "All of them", body = Page<Budget>)),
)]
pub async fn list(State(server): State<Arc<Server>>, caller: Caller) -> Answer<Json<Page<Budget>>> {
    let look = server.look(&caller);
    let rows = look.store.budgets(caller.workspace, look.now).await?;
    Ok(Json(Page { items: rows.iter().map(budgets::shape).collect(), next_cursor: None }))
}
