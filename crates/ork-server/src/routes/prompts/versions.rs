//! `GET /prompts/{id}/versions`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Page, PromptVersion};

use crate::caller::Caller;
use crate::content::{Asking, NamePath, Paging, cursor, limit, page, shorten};
use crate::prompts;
use crate::refused::Answer;
use crate::server::Server;

/// List the versions of a prompt with their texts, newest first.
#[utoipa::path(
    get,
    path = "/prompts/{id}/versions",
    tag = "prompts",
    params(("id" = String, Path, description = "A prompt"), Paging),
    responses((status = 200, description = "A page of versions", body = Page<PromptVersion>)),
)]
pub async fn versions(
    State(server): State<Arc<Server>>,
    caller: Caller,
    NamePath(id): NamePath,
    Asking(ask): Asking<Paging>,
) -> Answer<Json<Page<PromptVersion>>> {
    let (look, before) = (server.look(&caller), cursor(ask.cursor.as_deref())?);
    let limit = limit(ask.limit)?;
    let rows = look.store.prompt_versions(caller.workspace, &id, before, limit + 1).await?;
    if rows.is_empty() && before.is_none() {
        return Err(super::missing(&id));
    }
    let mut page = page(rows, limit, |row| row.version.to_string());
    shorten(&mut page, |row| row.text.len(), |row| row.version.to_string());
    Ok(Json(page.map(prompts::shape)))
}
