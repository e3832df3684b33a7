//! `GET /livez`.

/// Say that the process answers.
#[utoipa::path(
    get,
    path = "/livez",
    tag = "service",
    responses((status = 200, description = "It does", body = String, content_type = "text/plain")),
)]
pub async fn livez() -> &'static str {
    "ok\n"
}
