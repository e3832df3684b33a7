//! `GET /workflows/{name}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use ork_api::Workflow;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::caller::Caller;
use crate::content::{Asking, NamePath};
use crate::refused::{Answer, Refused};
use crate::server::Server;
use crate::workflows;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Ask {
    /// This revision, by its number; the newest by default.
    revision: Option<u32>,
}

/// Show a workflow with its text.
#[utoipa::path(
    get,
    path = "/workflows/{name}",
    tag = "workflows",
    params(
        ("name" = String, Path, description = "A workflow"),
        Ask,
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
    Asking(ask): Asking<Ask>,
    headers: HeaderMap,
) -> Answer<Response> {
    let look = server.look(&caller);
    let row = super::row(look, &name).await?;
    if ask.revision.is_none() && super::is_known(&headers, &row) {
        return Ok((StatusCode::NOT_MODIFIED, super::tag(&row)).into_response());
    }
    let found = workflows::show(look, &name, ask.revision).await?;
    let found = found.ok_or_else(|| Refused::missing(format_args!("such revision of `{name}`")))?;
    let tag = super::tag_of(found.summary.revision.number);
    Ok((tag, Json(found)).into_response())
}
