//! `GET /tasks/{id}/logs/chunks`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::LogPage;
use ork_core::store::LogQuery;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::caller::Caller;
use crate::content::{Asking, TaskPath};
use crate::refused::Answer;
use crate::server::Server;
use crate::view;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Ask {
    /// The attempt, from 1; the last one by default.
    attempt: Option<u32>,
    /// Only chunks from this position on.
    #[serde(default)]
    from: u32,
    /// At most about so many bytes, and at least one chunk; 262,144 by default and at most.
    #[param(maximum = 262_144)]
    bytes: Option<usize>,
}

/// Read a part of a task's log, stream by stream.
///
/// The pieces are as the worker brought them. Whoever reads on sends the last `position` plus one as `from`.
#[utoipa::path(
    get,
    path = "/tasks/{id}/logs/chunks",
    tag = "tasks",
    params(("id" = String, Path, description = "A task"), Ask),
    responses((status = 200, description = "A part of the log", body = LogPage)),
)]
pub async fn chunks(
    State(server): State<Arc<Server>>,
    caller: Caller,
    TaskPath(task): TaskPath,
    Asking(ask): Asking<Ask>,
) -> Answer<Json<LogPage>> {
    let look = server.look(&caller);
    let attempt = super::attempt(&super::row(look, task).await?, ask.attempt)?;
    let bytes_max = ask.bytes.unwrap_or(super::PAGE_BYTES).min(super::PAGE_BYTES);
    let page = look.store.logs(look.scope, LogQuery { task, attempt, from: ask.from, bytes_max }).await?;
    Ok(Json(view::log_page(attempt, &page)))
}
