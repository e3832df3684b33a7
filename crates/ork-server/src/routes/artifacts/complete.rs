//! `POST /artifacts/{id}/complete`.

use std::sync::Arc;

use axum::extract::State;
use ork_api::{Artifact, CompleteUpload};
use ork_core::id::ArtifactId;

use super::{Created, created, keeper};
use crate::artifacts::Upload;
use crate::caller::Caller;
use crate::content::{Content, NamePath};
use crate::refused::{Answer, Code, Refused};
use crate::server::Server;

/// Complete an upload that was prepared.
///
/// Its bytes are read again, and become the artifact if they are those that were announced. Asking again changes nothing and gives
/// the same answer.
#[utoipa::path(
    post,
    path = "/artifacts/{id}/complete",
    tag = "artifacts",
    params(("id" = String, Path, description = "The `artifact_id` of the answer that prepared it")),
    request_body = CompleteUpload,
    responses((status = 201, description = "It is kept", body = Artifact, headers(("location" = String, description = "The artifact")))),
)]
pub async fn complete(
    State(server): State<Arc<Server>>,
    caller: Caller,
    NamePath(id): NamePath,
    Content(sent): Content<CompleteUpload>,
) -> Answer<Created> {
    let missing = || Refused::missing(format_args!("upload `{}`", id.escape_debug()));
    let id: ArtifactId = id.parse().map_err(|_| missing())?;
    let now = server.clock.now();
    let upload = server.door.read(now, |key| Upload::read(key, &sent.token));
    let Some(mut upload) = upload.filter(|upload| upload.workspace == caller.workspace) else {
        return Err(missing());
    };
    let Some(said) = upload.said.take().filter(|_| upload.artifact == id) else {
        let detail = "the token is of another upload: send the one that came with this `artifact_id`";
        return Err(Refused::new(Code::InvalidBody, detail));
    };
    caller.check_sees(&server, upload.run, missing).await?;
    let keeper = keeper(&server, &caller, id);
    let row = keeper.complete(server.blobs()?.as_ref(), &upload, said).await?;
    created(keeper.look, &row).await
}
