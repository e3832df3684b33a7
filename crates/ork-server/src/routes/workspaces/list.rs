//! `GET /workspaces`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Page, Workspace};
use serde::Deserialize;
use utoipa::IntoParams;

use super::known;
use crate::caller::Caller;
use crate::content::{Asking, limit};
use crate::refused::Answer;
use crate::server::Server;
use crate::view;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Ask {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows of the page, 1 to 200; 50 by default.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// List workspaces, by name.
///
/// An admin of the workspace `default` sees all of them, everybody else their own.
#[utoipa::path(
    get,
    path = "/workspaces",
    tag = "workspaces",
    params(Ask),
    responses((status = 200, description = "A page of workspaces", body = Page<Workspace>)),
)]
pub async fn list(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Asking(ask): Asking<Ask>,
) -> Answer<Json<Page<Workspace>>> {
    let limit = limit(ask.limit)?;
    let rows = server.store.workspaces(known(&caller), ask.cursor.as_deref(), limit).await?;
    let is_full = rows.len() == limit as usize;
    let next_cursor = rows.last().filter(|_| is_full).map(|row| row.name.clone());
    Ok(Json(Page { items: rows.iter().map(view::workspace).collect(), next_cursor }))
}
