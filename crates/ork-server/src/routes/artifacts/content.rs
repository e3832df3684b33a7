//! `GET /artifacts/{id}/content`.
//!
//! Whatever somebody has put into an artifact, a browser that is led here must not carry it out: it is a file to be saved, of
//! the type that is said and no other, and with no rights should it be shown all the same.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use ork_core::artifact::{ArtifactAt, ArtifactRow, OCTETS};
use ork_core::blobs::{BlobError, ByteSource};

use crate::artifacts::{self, Checked, Wanted, elsewhere, is_known, repr_digest, wanted};
use crate::caller::Caller;
use crate::content::ArtifactPath;
use crate::refused::{Answer, Code, Refused};
use crate::server::Server;

const POLICY: &str = "sandbox; default-src 'none'";
const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");

/// Read the bytes of an artifact.
///
/// As they were written, or one range of them. They are hashed while they are read: when they are not those that were written, the
/// connection is cut before the last of them, so that what ended as it should is right. Of a range only the number is known;
/// `Repr-Digest` has the checksum of the whole. An artifact that is elsewhere is not fetched: 409 `artifact-elsewhere` has its
/// address as `hint`.
#[utoipa::path(
    get,
    path = "/artifacts/{id}/content",
    tag = "artifacts",
    params(
        ("id" = String, Path, description = "An artifact"),
        ("range" = Option<String>, Header, description = "One range: `bytes=FIRST-LAST`, `bytes=FIRST-`, `bytes=-LENGTH`"),
        ("if-range" = Option<String>, Header, description = "The `ETag` that it must have; otherwise all bytes come"),
        ("if-none-match" = Option<String>, Header, description = "The `ETag` of what you have"),
    ),
    responses(
        (status = 200, description = "All bytes", body = String, content_type = "*/*"),
        (status = 206, description = "The range", body = String, content_type = "*/*"),
        (status = 304, description = "You have it"),
        (status = 409, description = "`artifact-elsewhere`", body = ork_api::Problem, content_type = "application/problem+json"),
        (status = 416, description = "`wrong-range`", body = ork_api::Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn content(
    State(server): State<Arc<Server>>,
    caller: Caller,
    ArtifactPath(id): ArtifactPath,
    method: Method,
    headers: HeaderMap,
) -> Answer<Response> {
    let row = artifacts::find(server.look(&caller), id).await?;
    let (size, checksum) = match &row.artifact.at {
        ArtifactAt::Kept { size, checksum, .. } => (*size, checksum),
        ArtifactAt::Elsewhere { url, .. } => return Err(elsewhere(&row, url)),
    };
    let tag = format!("\"{checksum}\"");
    if is_known(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, fixed(&row, &tag, checksum)).into_response());
    }
    let (status, range) = match wanted(&headers, size, &tag) {
        Wanted::Whole => (StatusCode::OK, None),
        Wanted::Part(range) => (StatusCode::PARTIAL_CONTENT, Some(range)),
        Wanted::Nothing => {
            let detail = format!("one range of 0 to {} can be read", size.saturating_sub(1));
            let mut refused = Refused::new(Code::WrongRange, detail).into_response();
            refused.headers_mut().insert(header::CONTENT_RANGE, value(&format!("bytes */{size}")));
            return Ok(refused);
        }
    };
    let mut answer = HeaderMap::new();
    if let Some(range) = &range {
        answer.insert(header::CONTENT_RANGE, value(&format!("bytes {}-{}/{size}", range.start, range.end - 1)));
    }
    let bytes = range.as_ref().map_or(size, |range| range.end - range.start);
    answer.insert(header::CONTENT_LENGTH, bytes.into());
    let body = if method == Method::HEAD { Body::empty() } else { body(&server, row.clone(), range).await? };
    Ok((status, fixed(&row, &tag, checksum), answer, body).into_response())
}

/// What is said of the bytes, whichever of them come.
fn fixed(row: &ArtifactRow, tag: &str, checksum: &str) -> HeaderMap {
    let disposition = format!("attachment; {}", file_name(&row.artifact.name));
    [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_str(&row.artifact.content_type).unwrap_or(HeaderValue::from_static(OCTETS)),
        ),
        (header::CONTENT_DISPOSITION, value(&disposition)),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CACHE_CONTROL, HeaderValue::from_static("private")),
        (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        (header::ETAG, value(tag)),
        (REPR_DIGEST, value(&repr_digest(checksum))),
    ]
    .into_iter()
    .collect()
}

/// Everything that is put into a header here is printable.
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

/// What the file is to be called: twice, because old programs know no other letters (RFC 6266).
fn file_name(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or_default();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let plain: String = last.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let mut encoded = String::new();
    for byte in last.bytes() {
        match byte {
            b if is_plain(char::from(b)) && b.is_ascii() => encoded.push(char::from(b)),
            b => encoded += &format!("%{b:02X}"),
        }
    }
    format!("filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

/// The bytes as they are read. What is found to be wrong before anything was sent is answered; later the connection is cut.
async fn body(server: &Arc<Server>, row: ArtifactRow, range: Option<std::ops::Range<u64>>) -> Answer<Body> {
    let server = Arc::clone(server);
    let mut bytes = Checked::open(server.blobs()?.as_ref(), &row, range).await.inspect_err(|refused| {
        alarm(&server, &row, &refused.detail);
    })?;
    let first = bytes.next().await.map_err(|error| {
        alarm(&server, &row, &error.to_string());
        artifacts::damaged(&row, &error)
    })?;
    let Some(first) = first else { return Ok(Body::empty()) };
    let rest = unfold(Some((Some(first), bytes)), move |state| {
        let (server, row) = (Arc::clone(&server), row.clone());
        async move {
            let (first, mut bytes) = state?;
            let piece = match first {
                Some(first) => Ok(Some(first)),
                None => bytes.next().await,
            };
            match piece {
                Ok(None) => None,
                Ok(Some(piece)) => Some((Ok::<_, BlobError>(piece), Some((None, bytes)))),
                Err(error) => {
                    alarm(&server, &row, &error.to_string());
                    Some((Err(error), None))
                }
            }
        }
    });
    Ok(Body::from_stream(rest))
}

fn alarm(server: &Server, row: &ArtifactRow, what: &str) {
    let (id, name, run) = (row.artifact.id, row.artifact.name.escape_debug(), row.artifact.run);
    (server.alarm)(&format!("artifact {id} (`{name}`) of {run} cannot be read: {what}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Attack 48.
    #[test]
    fn no_name_gets_out_of_its_header() {
        let check = |name: &str, expected: &str| assert_eq!(file_name(name), expected, "{name}");
        check("out/clip.mp4", "filename=\"clip.mp4\"; filename*=UTF-8''clip.mp4");
        check("ä b.txt", "filename=\"__b.txt\"; filename*=UTF-8''%C3%A4%20b.txt");
        check("a\"; x=\"y", "filename=\"a___x__y\"; filename*=UTF-8''a%22%3B%20x%3D%22y");
        check("a\r\nSet-Cookie: x", "filename=\"a__Set-Cookie__x\"; filename*=UTF-8''a%0D%0ASet-Cookie%3A%20x");
        check("<script>'%", "filename=\"_script___\"; filename*=UTF-8''%3Cscript%3E%27%25");
    }
}
