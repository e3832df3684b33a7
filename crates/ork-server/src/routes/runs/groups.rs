//! `GET /runs/{id}/groups`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Group, Page};

use crate::caller::Caller;
use crate::content::RunPath;
use crate::refused::Answer;
use crate::server::Server;
use crate::view;

/// List the nodes of a run's plan, each with its siblings counted. There is one page.
#[utoipa::path(
    get,
    path = "/runs/{id}/groups",
    tag = "runs",
    params(("id" = String, Path, description = "A run")),
    responses((status = 200, description = "The groups", body = Page<Group>)),
)]
pub async fn groups(
    State(server): State<Arc<Server>>,
    caller: Caller,
    RunPath(id): RunPath,
) -> Answer<Json<Page<Group>>> {
    let look = server.look(&caller);
    super::row(look, id).await?;
    let rows = look.store.groups(look.scope, id).await?;
    Ok(Json(Page { items: rows.iter().map(|row| view::group(id, row)).collect(), next_cursor: None }))
}
