//! `GET /workspaces`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Page, Workspace};

use super::known;
use crate::caller::Caller;
use crate::content::{Asking, Paging, limit, page};
use crate::refused::Answer;
use crate::server::Server;
use crate::view;

/// List workspaces, by name.
///
/// An admin of the workspace `default` sees all of them, everybody else their own.
#[utoipa::path(
    get,
    path = "/workspaces",
    tag = "workspaces",
    params(Paging),
    responses((status = 200, description = "A page of workspaces", body = Page<Workspace>)),
)]
pub async fn list(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Asking(ask): Asking<Paging>,
) -> Answer<Json<Page<Workspace>>> {
    let limit = limit(ask.limit)?;
    let rows = server.store.workspaces(known(&caller), ask.cursor.as_deref(), limit + 1).await?;
    Ok(Json(page(rows, limit, |row| row.name.clone()).map(view::workspace)))
}
