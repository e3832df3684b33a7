//! `PUT /prompts/{id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ork_api::{PromptVersion, PutPrompt};

use crate::caller::Caller;
use crate::content::{Content, NamePath};
use crate::prompts;
use crate::refused::Answer;
use crate::server::Server;

/// Store a prompt.
///
/// Another text or other variables are a new version; runs keep the version that they began with. What is there already changes
/// nothing.
#[utoipa::path(
    put,
    path = "/prompts/{id}",
    tag = "prompts",
    params(("id" = String, Path, description = "The prompt's name")),
    request_body = PutPrompt,
    responses(
        (status = 200, description = "The newest version", body = PromptVersion),
        (status = 201, description = "The prompt is new", body = PromptVersion),
    ),
)]
pub async fn put(
    State(server): State<Arc<Server>>,
    caller: Caller,
    NamePath(id): NamePath,
    Content(sent): Content<PutPrompt>,
) -> Answer<(StatusCode, Json<PromptVersion>)> {
    let look = server.look(&caller);
    let new = prompts::new((caller.workspace, &id), sent, (&caller.actor, look.now))?;
    let is_new = look.store.prompt(caller.workspace, &id, None).await?.is_none();
    let row = look.store.put_prompt(&new).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(prompts::shape(&row))))
}
