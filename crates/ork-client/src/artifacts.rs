//! Calls about artifacts, whose bytes go to and fro as they come.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};
use ork_api::{Artifact, ArtifactVerified, CompleteUpload, NewArtifactByUrl, Page, PresignUpload, Presigned};
use ork_http::Relayed;
use tokio::sync::mpsc::Receiver;

use crate::calls::paged;
use crate::error::ClientResult;
use crate::wire::{Ask, Client, body, harmless};

/// A page of artifacts.
#[derive(Debug, Clone, Default)]
pub struct Artifacts {
    /// Only those of this run.
    pub run: Option<String>,
    /// Only those of this task, by its id.
    pub task: Option<String>,
    /// Only those of this kind.
    pub kind: Option<String>,
    /// Only those with this name.
    pub name: Option<String>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Rows of the page, 1 to 200.
    pub limit: u32,
}

/// An artifact whose bytes are to be sent.
#[derive(Debug, Clone, Default)]
pub struct NewUpload {
    /// A relative path.
    pub name: String,
    /// What it is, in a word.
    pub kind: Option<String>,
    /// Its media type.
    pub content_type: Option<String>,
    /// The task that it is of.
    pub task: Option<String>,
    /// A JSON object.
    pub meta: Option<String>,
    /// How many bytes come, when that is known.
    pub size: Option<u64>,
}

/// The bytes of an upload, as somebody reads them. One that ends with an error, or is dropped, breaks it off.
pub struct Pieces {
    /// `None` in it is the end: when the sender is gone without it, there was none.
    pieces: Receiver<Result<Option<Bytes>, String>>,
    left: Option<u64>,
    is_over: bool,
}

impl fmt::Debug for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pieces").field("left", &self.left).finish_non_exhaustive()
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = String;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, String>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let next = std::task::ready!(self.pieces.poll_recv(cx));
        self.is_over = !matches!(next, Some(Ok(Some(_))));
        Poll::Ready(match next {
            Some(Ok(Some(piece))) => {
                self.left = self.left.map(|left| left.saturating_sub(piece.len() as u64));
                Some(Ok(Frame::data(piece)))
            }
            Some(Ok(None)) => None,
            Some(Err(error)) => Some(Err(error)),
            None => Some(Err("what is sent broke off".to_owned())),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.is_over
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// The bytes of an artifact as they come.
pub struct Download {
    /// Bytes of the whole, when the server says so.
    pub size: Option<u64>,
    body: Relayed,
    client: Client,
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").field("size", &self.size).finish_non_exhaustive()
    }
}

impl Download {
    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// When the end does not come. What came before is no whole artifact.
    pub async fn chunk(&mut self) -> ClientResult<Option<Bytes>> {
        loop {
            let Some(frame) = self.body.frame().await else { return Ok(None) };
            let broken = |error| self.client.unreachable(harmless(&format!("the bytes broke off: {error}")));
            match frame.map_err(broken)?.into_data() {
                Ok(data) if !data.is_empty() => return Ok(Some(data)),
                _ => {}
            }
        }
    }
}

impl Client {
    /// A page of artifacts, newest first.
    ///
    /// # Errors
    /// As [`Self::version`]; the same for all that follow.
    pub async fn artifacts(&self, asked: &Artifacts) -> ClientResult<Page<Artifact>> {
        let mut query = paged(asked.cursor.as_deref(), asked.limit);
        let parts = [("run", &asked.run), ("task", &asked.task), ("kind", &asked.kind), ("name", &asked.name)];
        query.extend(parts.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
        self.call(Ask { query, ..Ask::get("/artifacts") }).await
    }

    /// An artifact.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn artifact(&self, artifact: &str) -> ClientResult<Artifact> {
        self.call(Ask::get(format!("/artifacts/{artifact}"))).await
    }

    /// The bytes of an artifact, all of them.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn content(&self, artifact: &str) -> ClientResult<Download> {
        let head = self.head(&Ask::get(format!("/artifacts/{artifact}/content")));
        let mut request = self.finish(head, Empty::<Bytes>::new())?;
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("*/*"));
        let response = self.relay(request).await?;
        if response.status() != StatusCode::OK {
            return Err(self.foreign("all bytes were asked for, and something else came", Some(response.status())));
        }
        let size = response.body().size_hint().exact();
        Ok(Download { size, body: response.into_body(), client: self.clone() })
    }

    /// Keeps an artifact of a run. Its bytes are those that `pieces` gives, until it gives `None`.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn upload(
        &self,
        run: &str,
        new: &NewUpload,
        pieces: Receiver<Result<Option<Bytes>, String>>,
    ) -> ClientResult<Artifact> {
        let mut query = vec![("name", new.name.clone())];
        let parts = [("kind", &new.kind), ("task", &new.task), ("meta", &new.meta)];
        query.extend(parts.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
        let head = self.head(&Ask { query, ..Ask::post(format!("/runs/{run}/artifacts")) });
        let kind = new.content_type.as_deref().unwrap_or("application/octet-stream");
        let body = Pieces { pieces, left: new.size, is_over: false };
        let request = self.finish(head.header(CONTENT_TYPE, kind), body)?;
        let response: Response<Relayed> = self.relay(request).await?;
        self.read(response).await
    }

    /// Keeps the address of something that is elsewhere.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn refer(&self, run: &str, new: &NewArtifactByUrl) -> ClientResult<Artifact> {
        self.call(Ask { body: body(new), ..Ask::post(format!("/runs/{run}/artifacts")) }).await
    }

    /// Prepares an upload whose bytes go where the answer says.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn presign(&self, run: &str, new: &PresignUpload) -> ClientResult<Presigned> {
        self.call(Ask { body: body(new), ..Ask::post(format!("/runs/{run}/artifacts/presign")) }).await
    }

    /// Completes an upload that was prepared, once its bytes are there. Asking again changes nothing.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn complete(&self, presigned: &Presigned) -> ClientResult<Artifact> {
        let sent = CompleteUpload { token: presigned.token.clone() };
        self.patient(Ask { body: body(&sent), ..Ask::post(format!("/artifacts/{}/complete", presigned.artifact_id)) })
            .await
    }

    /// Has the server read an artifact again.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn verify_artifact(&self, artifact: &str) -> ClientResult<ArtifactVerified> {
        self.patient(Ask::post(format!("/artifacts/{artifact}/verify"))).await
    }

    fn finish<B>(&self, head: hyper::http::request::Builder, body: B) -> ClientResult<Request<B>> {
        head.body(body).map_err(|error| self.unreachable(error.to_string()))
    }
}
