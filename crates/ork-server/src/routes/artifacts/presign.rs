//! `POST /runs/{id}/artifacts/presign`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ork_api::{PresignUpload, Presigned};
use ork_core::blobs::LinkUse;
use ork_core::limits::{ARTIFACT_BYTES_MAX, UPLOAD_MS_MAX};

use super::create::sha256;
use super::keeper;
use crate::artifacts::{Upload, Wish, unkept};
use crate::caller::Caller;
use crate::content::{Content, RunPath};
use crate::refused::{Answer, Code, Refused};
use crate::routes::row_of_run;
use crate::server::Server;
use crate::view::moment;

/// How long an address may be used, when nobody says so.
const PRESIGNED_MS: u64 = 3_600_000;
/// How long bytes wait to be named once their address has ended.
const SLACK_MS: u64 = 600_000;

/// Prepare an upload that needs no token.
///
/// The answer says where the bytes go, with which method and which headers: right into the artifact store, where that has
/// such addresses, and otherwise to this server. Once they are there, `/artifacts/{id}/complete` reads them again and creates the
/// artifact. Of an upload that was prepared nothing is kept: bytes that nobody completes are removed. Preparing the same again is
/// another upload.
#[utoipa::path(
    post,
    path = "/runs/{id}/artifacts/presign",
    tag = "artifacts",
    params(("id" = String, Path, description = "A run")),
    request_body = PresignUpload,
    responses((status = 201, description = "It is prepared", body = Presigned)),
)]
pub async fn presign(
    State(server): State<Arc<Server>>,
    caller: Caller,
    RunPath(run): RunPath,
    Content(wish): Content<PresignUpload>,
) -> Answer<(StatusCode, Json<Presigned>)> {
    let keeper = keeper(&server, &caller, server.new_artifact_id());
    let blobs = server.blobs()?;
    row_of_run(keeper.look, run).await?;
    let PresignUpload { name, size, checksum, kind, content_type, task, meta, expires_in_ms } = wish;
    let checksum = sha256("/", &checksum)?;
    if size > ARTIFACT_BYTES_MAX {
        let detail = format!("an artifact has at most {ARTIFACT_BYTES_MAX} bytes");
        return Err(Refused::new(Code::OverLimit, detail));
    }
    let said = Wish { at: "/", name, kind, content_type, task, meta }.check(keeper.look, run).await?;
    let lasts_ms = expires_in_ms.unwrap_or(PRESIGNED_MS).min(UPLOAD_MS_MAX);
    let expires_at = keeper.look.now.plus_ms(lasts_ms);
    let (workspace, artifact) = (caller.workspace, keeper.id);
    let upload = Upload { workspace, run, artifact, expires_at, size, checksum, said: None };
    keeper.note(&upload.key(), expires_at.plus_ms(SLACK_MS)).await?;
    let own =
        blobs.link(&upload.key(), LinkUse::Put, lasts_ms.div_ceil(1_000)).await.map_err(|error| unkept(&error))?;
    let key = server.door.key();
    let url = own.unwrap_or_else(|| format!("/api/v1/uploads/{}", upload.write(&key, &mut server.fork_entropy())));
    let headers = BTreeMap::from([("content-length".to_owned(), size.to_string())]);
    let token = Upload { said: Some(said), ..upload }.write(&key, &mut server.fork_entropy());
    let presigned = Presigned {
        artifact_id: artifact.to_string(),
        url,
        method: "PUT".to_owned(),
        headers,
        expires_at: moment(expires_at),
        token,
    };
    Ok((StatusCode::CREATED, Json(presigned)))
}
