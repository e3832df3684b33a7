//! `GET /prompts`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Page, PromptSummary};

use crate::caller::Caller;
use crate::content::{Asking, Paging, limit, page};
use crate::prompts;
use crate::refused::Answer;
use crate::server::Server;

/// List prompts in their newest versions, by name, without their texts.
#[utoipa::path(
    get,
    path = "/prompts",
    tag = "prompts",
    params(Paging),
    responses((status = 200, description = "A page of prompts", body = Page<PromptSummary>)),
)]
pub async fn list(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Asking(ask): Asking<Paging>,
) -> Answer<Json<Page<PromptSummary>>> {
    let (look, limit) = (server.look(&caller), limit(ask.limit)?);
    let rows = look.store.prompts(caller.workspace, ask.cursor.as_deref(), limit + 1).await?;
    Ok(Json(page(rows, limit, |row| row.id.clone()).map(prompts::summary)))
}
