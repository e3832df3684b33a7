//! `GET /tasks/{id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::Task;

use crate::caller::Caller;
use crate::content::TaskPath;
use crate::refused::Answer;
use crate::server::Server;
use crate::{steps, view};

/// Show a task.
#[utoipa::path(
    get,
    path = "/tasks/{id}",
    tag = "tasks",
    params(("id" = String, Path, description = "A task")),
    responses((status = 200, description = "The task", body = Task)),
)]
pub async fn show(State(server): State<Arc<Server>>, caller: Caller, TaskPath(task): TaskPath) -> Answer<Json<Task>> {
    let look = server.look(&caller);
    let shown = view::task(&super::row(look, task).await?);
    Ok(Json(Task { spent: steps::spent(look, task).await?, ..shown }))
}
