//! `GET /tasks/{id}/logs`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::caller::Caller;
use crate::content::{Asking, TaskPath};
use crate::logs::Wish;
use crate::refused::Answer;
use crate::server::Server;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Ask {
    /// The attempt, from 1; the last one by default.
    attempt: Option<u32>,
    /// Only the last so many lines.
    tail: Option<u64>,
    /// Only lines behind so many, instead of `tail`.
    after_line: Option<u64>,
    /// So many lines at the most.
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

/// Read the log of a task.
///
/// As it was written, both streams and Ork's own notes together, as far as there is one: all of it, one range of its bytes, or
/// some of its lines.
#[utoipa::path(
    get,
    path = "/tasks/{id}/logs",
    tag = "tasks",
    params(
        ("id" = String, Path, description = "A task"),
        ("range" = Option<String>, Header, description = "One range: `bytes=FIRST-LAST`, `bytes=FIRST-`, `bytes=-LENGTH`; not with lines"),
        Ask,
    ),
    responses(
        (status = 200, description = "The log", body = String, content_type = "text/plain"),
        (status = 206, description = "The range", body = String, content_type = "text/plain"),
        (status = 416, description = "`wrong-range`", body = ork_api::Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn logs(
    State(server): State<Arc<Server>>,
    caller: Caller,
    TaskPath(task): TaskPath,
    headers: HeaderMap,
    Asking(ask): Asking<Ask>,
) -> Answer<Response> {
    let Ask { attempt, tail, after_line, limit, grep, regex, ignore_case } = ask;
    let wish = Wish { tail, after_line, limit, grep, regex, ignore_case };
    super::log_text(&server, &caller, (task, attempt), (&wish, &headers)).await
}
