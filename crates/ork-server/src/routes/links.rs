//! Links: decisions of people who have no token.

mod decide;
mod show;

use std::sync::Arc;

use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::guard::{Need, needs};
use crate::links::{POLICY_HEADER, policy};
use crate::server::Server;

pub fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        // Who may is said by the signature of the link.
        .routes(needs(Need::Public, routes!(show::show)))
        .routes(needs(Need::Public, routes!(decide::decide)))
}

/// A page that nothing keeps, lists, frames or tells others of. Its form says where it is from, as it must on an open server.
fn page(status: StatusCode, html: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (HeaderName::from_static(POLICY_HEADER), policy()),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
    ];
    (status, headers, html).into_response()
}
