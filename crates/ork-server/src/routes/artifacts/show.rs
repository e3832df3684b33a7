//! `GET /artifacts/{id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::Artifact;

use crate::artifacts;
use crate::caller::Caller;
use crate::content::ArtifactPath;
use crate::refused::Answer;
use crate::server::Server;

/// Show an artifact.
#[utoipa::path(
    get,
    path = "/artifacts/{id}",
    tag = "artifacts",
    params(("id" = String, Path, description = "An artifact")),
    responses((status = 200, description = "The artifact", body = Artifact)),
)]
pub async fn show(
    State(server): State<Arc<Server>>,
    caller: Caller,
    ArtifactPath(id): ArtifactPath,
) -> Answer<Json<Artifact>> {
    let look = server.look(&caller);
    Ok(Json(artifacts::shape_of(look, &artifacts::find(look, id).await?).await?))
}
