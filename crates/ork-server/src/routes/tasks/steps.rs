//! `GET /tasks/{id}/steps`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Page, Step};

use crate::caller::Caller;
use crate::content::{Asking, Paging, TaskPath, cursor, limit, page};
use crate::refused::Answer;
use crate::server::Server;
use crate::steps::{self, Place};

/// List the steps of a task: by attempt, round, place in the plan, and try.
///
/// Those that have not begun are not there.
#[utoipa::path(
    get,
    path = "/tasks/{id}/steps",
    tag = "tasks",
    params(("id" = String, Path, description = "A task"), Paging),
    responses((status = 200, description = "A page of steps", body = Page<Step>)),
)]
pub async fn steps(
    State(server): State<Arc<Server>>,
    caller: Caller,
    TaskPath(task): TaskPath,
    Asking(ask): Asking<Paging>,
) -> Answer<Json<Page<Step>>> {
    let look = server.look(&caller);
    let (after, limit) = (cursor::<Place>(ask.cursor.as_deref())?, limit(ask.limit)?);
    super::row(look, task).await?;
    let rows = look.store.steps(look.scope, task, after.map(|place| place.0), limit + 1).await?;
    Ok(Json(page(rows, limit, |row| Place(row.key).to_string()).map(steps::shape)))
}
