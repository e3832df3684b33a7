//! `POST /tasks/{id}/cancel`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::TaskAsked;

use crate::caller::Caller;
use crate::content::TaskPath;
use crate::refused::Answer;
use crate::server::Server;

/// Ask for the end of a task.
///
/// One that is at work is told to stop, and is `cancelled` once it has. What needs it is skipped.
#[utoipa::path(
    post,
    path = "/tasks/{id}/cancel",
    tag = "tasks",
    params(("id" = String, Path, description = "A task")),
    responses((status = 200, description = "What became of it", body = TaskAsked)),
)]
pub async fn cancel(
    State(server): State<Arc<Server>>,
    caller: Caller,
    TaskPath(task): TaskPath,
) -> Answer<Json<TaskAsked>> {
    let look = server.look(&caller);
    let asked = look.store.cancel_task(look.scope, task, &caller.actor, look.now).await?;
    super::asked(look, task, asked).await
}
