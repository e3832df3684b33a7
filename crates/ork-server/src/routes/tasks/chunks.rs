//! `GET /tasks/{id}/logs/chunks`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::LogPage;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::caller::Caller;
use crate::content::{Asking, TaskPath};
use crate::logs::reader;
use crate::refused::Answer;
use crate::server::Server;
use crate::view;

/// Bytes of one answer.
const BYTES_MAX: usize = 256 << 10;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Ask {
    /// The attempt, from 1; the last one by default.
    attempt: Option<u32>,
    /// Only what comes behind so many bytes.
    #[serde(default)]
    from: u64,
    /// So many bytes at the most; 262,144 by default and at most.
    #[param(maximum = 262_144)]
    bytes: Option<usize>,
}

/// Read a part of a task's log, stream by stream.
///
/// The pieces are bytes of one stream each, in the order in which they came. Whoever reads on sends `next` as `from`, or the end of the
/// last piece when there was none.
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
    let attempt = super::attempt(&super::row(server.look(&caller), task).await?, ask.attempt)?;
    let bytes_max = ask.bytes.unwrap_or(BYTES_MAX).min(BYTES_MAX);
    // No log is so long, and no store can be asked for it.
    let from = ask.from.min(i64::MAX.unsigned_abs());
    let pieces = reader(&server, &caller).pieces((task, attempt), from, bytes_max).await?;
    Ok(Json(view::log_page(attempt, &pieces)))
}
