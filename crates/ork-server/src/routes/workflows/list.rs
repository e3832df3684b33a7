//! `GET /workflows`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Page, WorkflowSummary};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::caller::Caller;
use crate::content::{Asking, limit, page};
use crate::refused::Answer;
use crate::server::Server;
use crate::workflows;

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

/// List stored workflows, by name.
#[utoipa::path(
    get,
    path = "/workflows",
    tag = "workflows",
    params(Ask),
    responses((status = 200, description = "A page of workflows", body = Page<WorkflowSummary>)),
)]
pub async fn list(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Asking(ask): Asking<Ask>,
) -> Answer<Json<Page<WorkflowSummary>>> {
    let (look, limit) = (server.look(&caller), limit(ask.limit)?);
    let rows = look.store.workflows(look.scope, ask.cursor.as_deref(), limit + 1).await?;
    Ok(Json(page(rows, limit, |row| row.name.clone()).map(workflows::summary)))
}
