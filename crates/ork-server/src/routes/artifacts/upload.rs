//! `PUT /uploads/{token}`.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use ork_api::Uploaded;
use ork_core::blobs::{Blobs, Expected, Written};
use ork_core::store::{LooseBlob, Scope};

use crate::artifacts::{BodySource, UPLOAD_MS, Upload, refuse_length, unkept};
use crate::content::NamePath;
use crate::refused::{Answer, Code, Refused};
use crate::server::Server;

/// Send the bytes of an upload that was prepared.
///
/// Once, and as many as were announced, with the checksum that was announced. An address that has ended, was used, or was never
/// made is answered by 404 or 409.
#[utoipa::path(
    put,
    path = "/uploads/{token}",
    tag = "artifacts",
    params(("token" = String, Path, description = "The end of an address's path")),
    request_body(content = String, content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "They are there, and wait to be completed", body = Uploaded),
        (status = 411, description = "`length-required`", body = ork_api::Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn upload(
    State(server): State<Arc<Server>>,
    NamePath(token): NamePath,
    headers: HeaderMap,
    body: Body,
) -> Answer<(StatusCode, Json<Uploaded>)> {
    let now = server.clock.now();
    let found = server.door.read(now, |key| Upload::read(key, &token)).filter(|upload| now < upload.expires_at);
    let upload = found.ok_or_else(|| Refused::missing("upload like that"))?;
    let mut source = BodySource::new(body);
    let kept = keep(&server, &upload, &headers, &mut source).await;
    let Written { size, checksum } = source.judge(kept).await?;
    let uploaded = Uploaded { artifact_id: upload.artifact.to_string(), size, checksum };
    Ok((StatusCode::OK, Json(uploaded)))
}

async fn keep(server: &Server, upload: &Upload, headers: &HeaderMap, source: &mut BodySource) -> Answer<Written> {
    let declared = refuse_length(headers)?;
    if declared.is_some_and(|bytes| bytes != upload.size) {
        let detail = format!("{} bytes were announced, and {} come", upload.size, declared.unwrap_or_default());
        return Err(Refused::new(Code::WrongBytes, detail));
    }
    let (blobs, key): (&dyn Blobs, _) = (server.blobs()?.as_ref(), upload.key());
    let store = Arc::clone(&server.store).tenant(upload.workspace, None);
    // It was noted when the address was made; that is looked at again, because bytes that are doomed already would be lost.
    let kept_until = server.clock.now().plus_ms(UPLOAD_MS);
    let blob = LooseBlob { key: key.clone(), workspace: upload.workspace, kept_until };
    if !store.note_blob(Scope::One(upload.workspace), &blob).await? {
        return Err(Refused::missing("upload like that any more"));
    }
    if blobs.size(&key).await.map_err(|error| unkept(&error))?.is_some() {
        return Err(Refused::new(Code::Conflict, "the address was used already").hint("complete the upload"));
    }
    let expected = Expected { size: Some(upload.size), size_max: None, checksum: Some(upload.checksum.clone()) };
    blobs.put(&key, source, &expected).await.map_err(|error| unkept(&error))
}
