//! `GET /version`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::Version;

use crate::server::Server;

/// Say which version this is.
#[utoipa::path(
    get,
    path = "/version",
    tag = "service",
    responses((status = 200, description = "The version", body = Version)),
)]
pub async fn version(State(server): State<Arc<Server>>) -> Json<Version> {
    Json(Version { version: server.version.to_owned(), api: "v1".to_owned() })
}
