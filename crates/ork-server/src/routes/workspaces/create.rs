//! `POST /workspaces`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ork_api::{NewWorkspace, Workspace};
use ork_core::access::Settings;
use ork_core::id::WorkspaceId;
use ork_core::limits::is_name;
use ork_core::store::WorkspaceRow;

use crate::caller::Caller;
use crate::content::Content;
use crate::refused::{Answer, Code, Refused};
use crate::server::Server;
use crate::tokens::NAME_RULE;
use crate::view;

/// Make a workspace.
///
/// Only an admin of the workspace `default` may: it is that of whoever runs the server. The first token of the new one is
/// made on the server's machine: `ork tokens create NAME --role admin --workspace WORKSPACE`.
#[utoipa::path(
    post,
    path = "/workspaces",
    tag = "workspaces",
    request_body = NewWorkspace,
    responses((status = 201, description = "It was made", body = Workspace)),
)]
pub async fn create(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Content(new): Content<NewWorkspace>,
) -> Answer<(StatusCode, Json<Workspace>)> {
    if !caller.is_host() {
        return Err(Refused::new(Code::Forbidden, "only an admin of the workspace `default` makes workspaces"));
    }
    if !is_name(&new.name) {
        return Err(Refused::new(Code::InvalidBody, NAME_RULE));
    }
    let now = server.clock.now();
    let id = server.with_entropy(|entropy| WorkspaceId::new(now, entropy));
    let row = WorkspaceRow { id, name: new.name, settings: Settings::default(), created_at: now };
    server.store.create_workspace(&row).await?;
    Ok((StatusCode::CREATED, Json(view::workspace(&row))))
}
