//! `GET /workspaces/{name}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::Workspace;

use crate::caller::Caller;
use crate::content::NamePath;
use crate::refused::Answer;
use crate::server::Server;
use crate::view;

/// Show a workspace.
#[utoipa::path(
    get,
    path = "/workspaces/{name}",
    tag = "workspaces",
    params(("name" = String, Path, description = "A workspace")),
    responses((status = 200, description = "The workspace", body = Workspace)),
)]
pub async fn show(
    State(server): State<Arc<Server>>,
    caller: Caller,
    NamePath(name): NamePath,
) -> Answer<Json<Workspace>> {
    Ok(Json(view::workspace(&super::row(&server, &caller, &name).await?)))
}
