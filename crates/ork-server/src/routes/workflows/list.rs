//! `GET /workflows`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Page, WorkflowSummary};

use crate::caller::Caller;
use crate::content::{Asking, Paging, limit, page};
use crate::refused::Answer;
use crate::server::Server;
use crate::workflows;

/// List stored workflows, by name.
#[utoipa::path(
    get,
    path = "/workflows",
    tag = "workflows",
    params(Paging),
    responses((status = 200, description = "A page of workflows", body = Page<WorkflowSummary>)),
)]
pub async fn list(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Asking(ask): Asking<Paging>,
) -> Answer<Json<Page<WorkflowSummary>>> {
    let (look, limit) = (server.look(&caller), limit(ask.limit)?);
    let rows = look.store.workflows(look.scope, ask.cursor.as_deref(), limit + 1).await?;
    Ok(Json(page(rows, limit, |row| row.name.clone()).map(workflows::summary)))
}
