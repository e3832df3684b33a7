//! `POST /tasks/{id}/retry`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::TaskAsked;

use crate::caller::Caller;
use crate::content::TaskPath;
use crate::refused::Answer;
use crate::server::Server;

/// End the wait of a task that is `retrying`.
///
/// Its attempts are counted as before. `asked` is false for a task that does not wait for a retry.
#[utoipa::path(
    post,
    path = "/tasks/{id}/retry",
    tag = "tasks",
    params(("id" = String, Path, description = "A task")),
    responses((status = 200, description = "What became of it", body = TaskAsked)),
)]
pub async fn retry(
    State(server): State<Arc<Server>>,
    caller: Caller,
    TaskPath(task): TaskPath,
) -> Answer<Json<TaskAsked>> {
    let look = server.look(&caller);
    let asked = look.store.retry_task_now(look.scope, task, &caller.actor, look.now).await?;
    super::asked(look, task, asked).await
}
