//! `GET /docs`.

use axum::http::header;
use axum::response::IntoResponse;

/// The page loads the document from this server, and nothing from anywhere else.
const POLICY: &str = "default-src 'none'; connect-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
                      frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Show the API as a page.
#[utoipa::path(
    get,
    path = "/docs",
    tag = "service",
    responses((status = 200, description = "The page", body = String, content_type = "text/html")),
)]
pub async fn docs() -> impl IntoResponse {
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, POLICY)];
    (headers, include_str!("docs.html"))
}
