//! `GET /openapi.json`.

use axum::http::header;
use axum::response::IntoResponse;

/// Describe this API: OpenAPI 3.1.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "service",
    responses((status = 200, description = "The document", body = Object)),
)]
pub async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], crate::routes::openapi())
}
