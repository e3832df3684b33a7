//! `GET /prompts/{id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::Prompt;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::caller::Caller;
use crate::content::{Asking, NamePath};
use crate::prompts;
use crate::refused::Answer;
use crate::server::Server;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Ask {
    /// This version; the newest by default.
    version: Option<u32>,
}

/// Show a prompt with its text, and the stored workflows that use it.
#[utoipa::path(
    get,
    path = "/prompts/{id}",
    tag = "prompts",
    params(("id" = String, Path, description = "A prompt"), Ask),
    responses((status = 200, description = "The prompt", body = Prompt)),
)]
pub async fn show(
    State(server): State<Arc<Server>>,
    caller: Caller,
    NamePath(id): NamePath,
    Asking(ask): Asking<Ask>,
) -> Answer<Json<Prompt>> {
    let look = server.look(&caller);
    let found = prompts::show(look, (caller.workspace, &id), ask.version).await?;
    found.map(Json).ok_or_else(|| super::missing(&id))
}
