//! The bytes of a request as they come.

use std::time::Duration;

use async_trait::async_trait;
use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, header};
use futures_util::StreamExt;
use ork_core::blobs::{BlobError, BlobResult, ByteSource};
use ork_core::limits::ARTIFACT_BYTES_MAX;
use tokio::time::timeout;

use crate::refused::{Answer, Code, Refused};

/// How long an upload may say nothing.
const IDLE: Duration = Duration::from_secs(30);
/// What is read of an upload that is refused, so that the client hears why, and for how long: who sends more than that sees
/// the connection close.
const DRAINED_BYTES: u64 = 4 << 20;
const DRAIN: Duration = Duration::from_secs(2);

/// A body that is kept, however long it is: never whole in memory, and never waited for in vain.
pub struct BodySource {
    pieces: BodyDataStream,
    /// Bytes so far.
    bytes: u64,
    /// Bytes at the most.
    bytes_max: u64,
    /// Why it came to no end. What keeps bytes knows only that it broke off.
    failure: Option<Refused>,
}

impl BodySource {
    /// The body of an upload.
    pub fn new(body: Body) -> Self {
        Self { pieces: body.into_data_stream(), bytes: 0, bytes_max: ARTIFACT_BYTES_MAX, failure: None }
    }

    /// What became of keeping it, in the words of whatever went wrong first. What was refused halfway is read on for a moment.
    pub async fn judge<T>(&mut self, kept: Answer<T>) -> Answer<T> {
        let Err(refused) = kept else { return kept };
        if let Some(own) = self.failure.take() {
            return Err(own);
        }
        let until = self.bytes.saturating_add(DRAINED_BYTES);
        let drain = async {
            while self.bytes < until
                && let Ok(Some(_)) = self.next().await
            {}
        };
        // Whatever becomes of it, the answer is the same.
        timeout(DRAIN, drain).await.ok();
        Err(refused)
    }

    fn fail<T>(&mut self, code: Code, detail: String) -> BlobResult<T> {
        self.failure = Some(Refused::new(code, detail.clone()));
        Err(BlobError::Refused(detail))
    }
}

#[async_trait]
impl ByteSource for BodySource {
    async fn next(&mut self) -> BlobResult<Option<Vec<u8>>> {
        loop {
            let piece = match timeout(IDLE, self.pieces.next()).await {
                Err(_) => return self.fail(Code::BodyTimeout, format!("nothing came for {} s", IDLE.as_secs())),
                Ok(None) => return Ok(None),
                Ok(Some(Err(error))) => {
                    return self.fail(Code::InvalidBody, format!("the body broke off: {error}"));
                }
                Ok(Some(Ok(piece))) => piece,
            };
            self.bytes += piece.len() as u64;
            if self.bytes > self.bytes_max {
                return self.fail(Code::BodyTooLarge, too_large());
            }
            if !piece.is_empty() {
                return Ok(Some(piece.to_vec()));
            }
        }
    }
}

fn too_large() -> String {
    format!("an artifact has at most {ARTIFACT_BYTES_MAX} bytes")
}

/// How many bytes a request announces. One that neither says so nor comes in pieces with an end of their own is none.
pub fn refuse_length(headers: &HeaderMap) -> Answer<Option<u64>> {
    if headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        let detail = "bytes are kept as they come: `Content-Encoding` is not taken";
        return Err(Refused::new(Code::InvalidRequest, detail));
    }
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    match length {
        Some(bytes) if bytes > ARTIFACT_BYTES_MAX => Err(Refused::new(Code::BodyTooLarge, too_large())),
        None if !headers.contains_key(header::TRANSFER_ENCODING) => {
            let detail = "an upload says how long it is: `Content-Length`, or `Transfer-Encoding: chunked`";
            Err(Refused::new(Code::LengthRequired, detail))
        }
        length => Ok(length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Time stands still but for what is waited for.
    #[tokio::test(start_paused = true)]
    async fn a_body_that_says_nothing_is_not_waited_for_for_ever() {
        let body = Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
        let mut source = BodySource::new(body);
        let broken = source.next().await.unwrap_err();
        let refused = source.judge::<()>(Err(Refused::new(Code::WrongBytes, "other words"))).await.unwrap_err();
        assert_eq!((refused.code, broken), (Code::BodyTimeout, BlobError::Refused("nothing came for 30 s".into())));
    }

    #[tokio::test]
    async fn what_is_over_the_limit_is_no_end() {
        let mut source = BodySource { bytes_max: 3, ..BodySource::new(Body::from("four")) };
        assert!(source.next().await.is_err());
        assert_eq!(
            source.judge::<()>(Err(Refused::new(Code::WrongBytes, ""))).await.unwrap_err().code,
            Code::BodyTooLarge
        );
    }

    #[test]
    fn an_upload_says_how_long_it_is() {
        let check = |lines: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, value.parse().unwrap());
            }
            refuse_length(&headers).map_err(|refused| refused.code)
        };
        assert_eq!(check(&[("content-length", "7")]), Ok(Some(7)));
        assert_eq!(check(&[("transfer-encoding", "chunked")]), Ok(None));
        assert_eq!(check(&[]), Err(Code::LengthRequired));
        assert_eq!(check(&[("content-length", "99999999999999")]), Err(Code::BodyTooLarge));
        assert_eq!(check(&[("content-length", "7"), ("content-encoding", "gzip")]), Err(Code::InvalidRequest));
    }
}
