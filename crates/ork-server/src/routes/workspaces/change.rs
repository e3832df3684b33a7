//! `PATCH /workspaces/{name}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{ChangeWorkspace, Workspace};

use crate::caller::Caller;
use crate::content::{Content, NamePath};
use crate::refused::Answer;
use crate::server::Server;
use crate::view;

/// Change what a workspace decides for itself.
///
/// It holds from now on here, and on other servers within 5 s.
#[utoipa::path(
    patch,
    path = "/workspaces/{name}",
    tag = "workspaces",
    params(("name" = String, Path, description = "A workspace")),
    request_body = ChangeWorkspace,
    responses((status = 200, description = "The workspace as it is now", body = Workspace)),
)]
pub async fn change(
    State(server): State<Arc<Server>>,
    caller: Caller,
    NamePath(name): NamePath,
    Content(wanted): Content<ChangeWorkspace>,
) -> Answer<Json<Workspace>> {
    let mut row = super::row(&server, &caller, &name).await?;
    let settings = &mut row.settings;
    settings.isolate_owners = wanted.isolate_owners.unwrap_or(settings.isolate_owners);
    settings.live_runs_max = wanted.live_runs_max.unwrap_or(settings.live_runs_max);
    settings.live_tasks_max = wanted.live_tasks_max.unwrap_or(settings.live_tasks_max);
    settings.keep_days = wanted.keep_days.unwrap_or(settings.keep_days);
    settings.requests_per_minute = wanted.requests_per_minute.unwrap_or(settings.requests_per_minute);
    settings.token_requests_per_minute = wanted.token_requests_per_minute.unwrap_or(settings.token_requests_per_minute);
    server.store.set_workspace(row.id, &row.settings).await?;
    server.door.forget_all();
    Ok(Json(view::workspace(&row)))
}
