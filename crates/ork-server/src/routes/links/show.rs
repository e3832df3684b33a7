//! `GET /links/{token}`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::page;
use crate::content::NamePath;
use crate::links::{Open, nothing};
use crate::refused::Answer;
use crate::server::Server;

/// Show what a link asks, as a page with a form.
///
/// That changes nothing, however often programs look at it. A link that has ended, was used, or was never made shows the same
/// page with 404.
#[utoipa::path(
    get,
    path = "/links/{token}",
    tag = "gates",
    params(("token" = String, Path, description = "The end of a link's path")),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 404, description = "No such link, or not any more", body = String, content_type = "text/html"),
    ),
)]
pub async fn show(State(server): State<Arc<Server>>, NamePath(token): NamePath) -> Answer<Response> {
    Ok(match Open::find(&server, &token).await? {
        Some(open) => page(StatusCode::OK, open.page()),
        None => page(StatusCode::NOT_FOUND, nothing()),
    })
}
