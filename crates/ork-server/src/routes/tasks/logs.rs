//! `GET /tasks/{id}/logs`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
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
}

/// Read the log of a task.
///
/// As it was written, both streams together, as far as there is one.
#[utoipa::path(
    get,
    path = "/tasks/{id}/logs",
    tag = "tasks",
    params(("id" = String, Path, description = "A task"), Ask),
    responses((status = 200, description = "The log", body = String, content_type = "text/plain")),
)]
pub async fn logs(
    State(server): State<Arc<Server>>,
    caller: Caller,
    TaskPath(task): TaskPath,
    Asking(ask): Asking<Ask>,
) -> Answer<impl IntoResponse> {
    super::stream_log(&server, &caller, task, ask.attempt).await
}
