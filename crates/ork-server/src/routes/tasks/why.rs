//! `GET /tasks/{id}/why`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::Reason;

use crate::caller::Caller;
use crate::content::TaskPath;
use crate::refused::{Answer, Refused};
use crate::server::Server;
use crate::{view, why};

/// Say why a task is where it is.
#[utoipa::path(
    get,
    path = "/tasks/{id}/why",
    tag = "tasks",
    params(("id" = String, Path, description = "A task")),
    responses((status = 200, description = "The reason", body = Reason)),
)]
pub async fn why(State(server): State<Arc<Server>>, caller: Caller, TaskPath(task): TaskPath) -> Answer<Json<Reason>> {
    let reason = why::of_task(server.look(&caller), task).await?;
    let reason = reason.ok_or_else(|| Refused::missing(format_args!("task `{}`", task.id())))?;
    Ok(Json(view::reason(&reason)))
}
