//! `GET /workflows/{name}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use ork_api::Workflow;

use crate::caller::Caller;
use crate::content::NamePath;
use crate::refused::{Answer, Refused};
use crate::server::Server;
use crate::workflows;

/// Show a workflow with its text.
#[utoipa::path(
    get,
    path = "/workflows/{name}",
    tag = "workflows",
    params(
        ("name" = String, Path, description = "A workflow"),
        ("if-none-match" = Option<String>, Header, description = "The `ETag` of the one that you have"),
    ),
    responses(
        (status = 200, description = "The workflow", body = Workflow, headers(("etag" = String, description = "The newest revision"))),
        (status = 304, description = "It is the one that you have"),
    ),
)]
pub async fn show(
    State(server): State<Arc<Server>>,
    caller: Caller,
    NamePath(name): NamePath,
    headers: HeaderMap,
) -> Answer<Response> {
    let look = server.look(&caller);
    let row = super::row(look, &name).await?;
    if super::is_known(&headers, &row) {
        return Ok((StatusCode::NOT_MODIFIED, super::tag(&row)).into_response());
    }
    let source = look.store.revision_source(look.scope, row.revision.id).await?;
    let source = source.ok_or_else(|| Refused::missing(format_args!("text of `{name}`")))?;
    Ok((super::tag(&row), Json(workflows::workflow(&row, source))).into_response())
}
