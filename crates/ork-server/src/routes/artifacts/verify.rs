//! `POST /artifacts/{id}/verify`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::ArtifactVerified;

use crate::artifacts;
use crate::caller::Caller;
use crate::content::ArtifactPath;
use crate::refused::Answer;
use crate::server::Server;

/// Read an artifact again, and say whether its bytes are those that were written.
///
/// The answer comes when all of them were read. One that is elsewhere is not asked.
#[utoipa::path(
    post,
    path = "/artifacts/{id}/verify",
    tag = "artifacts",
    params(("id" = String, Path, description = "An artifact")),
    responses((status = 200, description = "What was found", body = ArtifactVerified)),
)]
pub async fn verify(
    State(server): State<Arc<Server>>,
    caller: Caller,
    ArtifactPath(id): ArtifactPath,
) -> Answer<Json<ArtifactVerified>> {
    let row = artifacts::find(server.look(&caller), id).await?;
    let found = artifacts::verify(server.blobs()?.as_ref(), &row).await?;
    super::tell(&server, &found);
    Ok(Json(found))
}
