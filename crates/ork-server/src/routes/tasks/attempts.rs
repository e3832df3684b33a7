//! `GET /tasks/{id}/attempts`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Attempt, Page};

use crate::caller::Caller;
use crate::content::TaskPath;
use crate::refused::Answer;
use crate::server::Server;
use crate::view;

/// List the attempts of a task, by number. There is one page.
#[utoipa::path(
    get,
    path = "/tasks/{id}/attempts",
    tag = "tasks",
    params(("id" = String, Path, description = "A task")),
    responses((status = 200, description = "The attempts", body = Page<Attempt>)),
)]
pub async fn attempts(
    State(server): State<Arc<Server>>,
    caller: Caller,
    TaskPath(task): TaskPath,
) -> Answer<Json<Page<Attempt>>> {
    let look = server.look(&caller);
    super::row(look, task).await?;
    let rows = look.store.attempts(look.scope, task).await?;
    Ok(Json(Page { items: rows.iter().map(view::attempt).collect(), next_cursor: None }))
}
