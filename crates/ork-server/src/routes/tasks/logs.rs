//! `GET /tasks/{id}/logs`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use ork_api::{LogPiece, Page};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::caller::Caller;
use crate::content::{Asking, TaskPath};
use crate::refused::Answer;
use crate::server::Server;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Ask {
    /// The attempt, from 1; the last one by default.
    attempt: Option<u32>,
    /// `text`, which is the default: as it was written, to its end; or `json`: pages of pieces.
    format: Option<String>,
    /// The position of the first piece that is wanted; `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Read the log of a task.
///
/// As it was written, both streams together, as far as there is one. With `format=json` in pages; of a task that is at work
/// the last page has no `next_cursor` either, and more may come after its last position.
#[utoipa::path(
    get,
    path = "/tasks/{id}/logs",
    tag = "tasks",
    params(("id" = String, Path, description = "A task"), Ask),
    responses((status = 200, description = "The log", content((String = "text/plain"), (Page<LogPiece> = "application/json")))),
)]
pub async fn logs(
    State(server): State<Arc<Server>>,
    caller: Caller,
    TaskPath(task): TaskPath,
    Asking(ask): Asking<Ask>,
) -> Answer<Response> {
    let ask = super::LogAsk::of(ask.attempt, ask.format.as_deref(), ask.cursor.as_deref())?;
    super::log(&server, &caller, task, ask).await
}
