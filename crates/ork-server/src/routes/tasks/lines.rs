//! `GET /tasks/{id}/logs/lines`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::LogLines;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::caller::Caller;
use crate::content::{Asking, TaskPath};
use crate::logs::{self, Wish};
use crate::refused::Answer;
use crate::server::Server;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Ask {
    /// The attempt, from 1; the last one by default.
    attempt: Option<u32>,
    /// Only lines behind so many; 0 by default.
    after_line: Option<u64>,
    /// Only the last so many lines, instead of `after_line`.
    #[param(minimum = 1, maximum = 1_000)]
    tail: Option<u64>,
    /// Lines of the answer, 1 to 1,000; 200 by default.
    #[param(minimum = 1, maximum = 1_000)]
    limit: Option<u64>,
    /// Only lines that hold this text, of at most 1,024 bytes.
    grep: Option<String>,
    /// `grep` is a regular expression of one line.
    #[serde(default)]
    regex: bool,
    /// `grep` does not tell capital letters from small ones.
    #[serde(default)]
    ignore_case: bool,
}

/// Read lines of a task's log.
///
/// Lines are numbered from 1 over both streams and Ork's own notes, as they came. Whoever reads on sends `after_line` of the answer:
/// that is behind all lines that were looked at and are complete. While the attempt is at work, asking again and again follows its
/// log. A search that takes long answers how far it came.
#[utoipa::path(
    get,
    path = "/tasks/{id}/logs/lines",
    tag = "tasks",
    params(("id" = String, Path, description = "A task"), Ask),
    responses((status = 200, description = "Lines of the log", body = LogLines)),
)]
pub async fn lines(
    State(server): State<Arc<Server>>,
    caller: Caller,
    TaskPath(task): TaskPath,
    Asking(ask): Asking<Ask>,
) -> Answer<Json<LogLines>> {
    let Ask { attempt, after_line, tail, limit, grep, regex, ignore_case } = ask;
    let attempt = super::attempt(&super::row(server.look(&caller), task).await?, attempt)?;
    let wish = Wish { tail, after_line, limit, grep, regex, ignore_case };
    let page = logs::lines(&logs::reader(&server, &caller), (task, attempt), &wish).await?;
    Ok(Json(logs::lines_shape(attempt, &page)))
}
