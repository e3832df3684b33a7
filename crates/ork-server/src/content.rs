//! What a request brings: its body, its query, the ids in its path.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use futures_util::StreamExt;
use ork_api::{Fault, Page};
use ork_core::id::{ArtifactId, BulkId, DeliveryId, GateId, IdError, RunId, TaskId, TaskRef, TokenId};
use ork_core::limits::{PAGE_MAX, REQUEST_BYTES_MAX, VALUE_BYTES_MAX};
use ork_core::suggest::nearest;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;
use tokio::time::timeout;
use utoipa::IntoParams;

use crate::caller::Caller;
use crate::refused::{Answer, Code, Refused};
use crate::server::Server;

/// How long a body may take to come.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// Rows of a page, when nobody says how many.
const PAGE: u32 = 50;
/// Bytes of the outputs or results on one page.
const VALUES_BYTES_MAX: usize = 4 * VALUE_BYTES_MAX;

/// A body of JSON.
pub struct Content<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Content<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, _: &S) -> Answer<Self> {
        let (parts, body) = request.into_parts();
        check_type(&parts.headers)?;
        let bytes = bytes(&parts.headers, body).await?;
        let text = std::str::from_utf8(&bytes).map_err(|error| {
            Refused::new(Code::InvalidBody, format!("the body is not UTF-8, from byte {} on", error.valid_up_to()))
        })?;
        parse(text).map(Self)
    }
}

/// A body byte for byte, whatever it is declared as: what is signed is this, and not what somebody reads in it.
pub struct RawContent(pub Vec<u8>);

impl<S: Sync> FromRequest<S> for RawContent {
    type Rejection = Refused;

    async fn from_request(request: Request, _: &S) -> Answer<Self> {
        let (parts, body) = request.into_parts();
        bytes(&parts.headers, body).await.map(Self)
    }
}

/// A body that is to be read whole.
pub async fn bytes(headers: &HeaderMap, body: Body) -> Answer<Vec<u8>> {
    timeout(BODY_TIMEOUT, read(headers, body)).await.unwrap_or_else(|_| {
        let detail = format!("the body did not come within {} s", BODY_TIMEOUT.as_secs());
        Err(Refused::new(Code::BodyTimeout, detail))
    })
}

/// A body of JSON that may be left out.
pub struct MaybeContent<T>(pub T);

impl<S: Sync, T: DeserializeOwned + Default> FromRequest<S> for MaybeContent<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Answer<Self> {
        let is_empty = request.body().size_hint().exact() == Some(0);
        if is_empty {
            return Ok(Self(T::default()));
        }
        Content::from_request(request, state).await.map(|Content(value)| Self(value))
    }
}

/// A form of another site's page can send any text, but none that is declared as JSON.
pub fn check_type(headers: &HeaderMap) -> Answer<()> {
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = declared.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Refused::new(Code::NotJson, "the body is not declared as JSON").hint("content-type: application/json"))
}

async fn read(headers: &HeaderMap, body: Body) -> Answer<Vec<u8>> {
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let too_large = || Refused::new(Code::BodyTooLarge, format!("a body has at most {REQUEST_BYTES_MAX} bytes"));
    if declared.is_some_and(|bytes| bytes > REQUEST_BYTES_MAX) {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let broken = |error| Refused::new(Code::InvalidBody, format!("the body broke off: {error}"));
        bytes.extend_from_slice(&piece.map_err(broken)?);
        if bytes.len() > REQUEST_BYTES_MAX {
            return Err(too_large());
        }
    }
    Ok(bytes)
}

/// JSON that is an object.
pub fn parse<T: DeserializeOwned>(text: &str) -> Answer<T> {
    // A shape could be read from a list as well, by position: nobody should rely on that.
    if !text.trim_start().starts_with('{') {
        let what = if text.trim().is_empty() { "the body is empty" } else { "the body is no JSON object" };
        return Err(Refused::new(Code::InvalidBody, what).hint("send a JSON object"));
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let fault = |error: &serde_json::Error, pointer: String| {
        let place = format!(" at line {} column {}", error.line(), error.column());
        let message = error.to_string().replace(&place, "");
        let position = |number: usize| u32::try_from(number).ok().filter(|number| *number > 0);
        let hint = repair(&message);
        let (line, column) = (position(error.line()), position(error.column()));
        let fault = Fault { pointer, code: None, message, hint, line, column };
        let detail = format!("the body cannot be read: {}", fault.message);
        Refused::new(Code::InvalidBody, detail).errors(vec![fault])
    };
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let pointer = error.path().iter().map(segment).collect();
        fault(error.inner(), pointer)
    })?;
    reader.end().map_err(|error| fault(&error, String::new()))?;
    Ok(value)
}

fn segment(segment: &Segment) -> String {
    match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => member(key),
        Segment::Enum { .. } | Segment::Unknown => String::new(),
    }
}

/// A member of an object in a JSON pointer (RFC 6901).
pub fn member(key: &str) -> String {
    format!("/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// The name that was meant by one that is not known: the message lists those that are.
fn repair(message: &str) -> Option<String> {
    let mut names = message.split_once("unknown field ")?.1.split('`').skip(1).step_by(2);
    let wrong = names.next()?;
    nearest(wrong, names).map(|near| format!("did you mean `{near}`?"))
}

/// The query.
pub struct Asking<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Asking<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Answer<Self> {
        let read = Query::<T>::try_from_uri(&parts.uri);
        read.map(|Query(query)| Self(query)).map_err(|rejection| {
            let message =
                std::error::Error::source(&rejection).map_or_else(|| rejection.to_string(), ToString::to_string);
            let refused = Refused::new(Code::InvalidRequest, format!("the query cannot be read: {message}"));
            match repair(&message) {
                Some(hint) => refused.hint(hint),
                None => refused,
            }
        })
    }
}

/// Which page of a list is wanted, where nothing else is asked.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Rows of the page, 1 to 200; 50 by default.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
}

/// How many rows of a page are wanted.
pub fn limit(asked: Option<u32>) -> Answer<u32> {
    match asked {
        None => Ok(PAGE),
        Some(limit @ 1..=PAGE_MAX) => Ok(limit),
        Some(_) => Err(Refused::query("limit", format!("a page has 1 to {PAGE_MAX} rows"), None)),
    }
}

/// A page of rows, of which a store was asked for one more than are wanted: that one tells whether another page follows.
pub fn page<R>(mut rows: Vec<R>, limit: u32, cursor: impl Fn(&R) -> String) -> Page<R> {
    let is_last = rows.len() <= limit as usize;
    rows.truncate(limit as usize);
    let next_cursor = rows.last().filter(|_| !is_last).map(cursor);
    Page { items: rows, next_cursor }
}

/// Ends a page where the values of its rows are over the limit, behind one row at least.
pub fn shorten<T>(page: &mut Page<T>, bytes_of: impl Fn(&T) -> usize, cursor: impl Fn(&T) -> String) {
    let mut bytes = 0;
    let fits = |row: &T| {
        bytes += bytes_of(row);
        bytes <= VALUES_BYTES_MAX
    };
    let kept = page.items.iter().map(fits).take_while(|fits| *fits).count().max(1);
    if kept < page.items.len() {
        page.items.truncate(kept);
        page.next_cursor = page.items.last().map(cursor);
    }
}

/// A cursor of ours.
pub fn cursor<T: FromStr>(text: Option<&str>) -> Answer<Option<T>> {
    let read = |text: &str| text.parse().map_err(|_| Refused::query("cursor", "it is none of ours", None));
    text.map(read).transpose()
}

/// The run that a path names, if it is there for the caller.
pub struct RunPath(pub RunId);

impl FromRequestParts<Arc<Server>> for RunPath {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<Server>) -> Answer<Self> {
        let id: RunId = id(parts, server).await?;
        let caller = Caller::from_request_parts(parts, server).await?;
        caller.check_sees(server, id, || Refused::missing(format_args!("run `{id}`"))).await?;
        Ok(Self(id))
    }
}

/// The task that a path names, if its run is there for the caller.
pub struct TaskPath(pub TaskRef);

impl FromRequestParts<Arc<Server>> for TaskPath {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<Server>) -> Answer<Self> {
        let id: TaskId = id(parts, server).await?;
        let missing = || Refused::missing(format_args!("task `{id}`"));
        let n = id.n().ok_or_else(missing)?;
        let caller = Caller::from_request_parts(parts, server).await?;
        caller.check_sees(server, id.run(), missing).await?;
        Ok(Self(TaskRef { run: id.run(), n }))
    }
}

/// The token that a path names.
pub struct TokenPath(pub TokenId);

impl FromRequestParts<Arc<Server>> for TokenPath {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<Server>) -> Answer<Self> {
        id(parts, server).await.map(Self)
    }
}

/// The action on many runs that a path names.
#[derive(Clone, Copy)]
pub struct BulkPath(pub BulkId);

impl FromRequestParts<Arc<Server>> for BulkPath {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<Server>) -> Answer<Self> {
        id(parts, server).await.map(Self)
    }
}

/// The message that a path names.
pub struct DeliveryPath(pub DeliveryId);

impl FromRequestParts<Arc<Server>> for DeliveryPath {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<Server>) -> Answer<Self> {
        id(parts, server).await.map(Self)
    }
}

/// The gate that a path names.
pub struct GatePath(pub GateId);

impl FromRequestParts<Arc<Server>> for GatePath {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<Server>) -> Answer<Self> {
        id(parts, server).await.map(Self)
    }
}

/// The artifact that a path names.
pub struct ArtifactPath(pub ArtifactId);

impl FromRequestParts<Arc<Server>> for ArtifactPath {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<Server>) -> Answer<Self> {
        id(parts, server).await.map(Self)
    }
}

/// The name in a path. One that names nothing finds nothing; what creates something checks it.
pub struct NamePath(pub String);

impl FromRequestParts<Arc<Server>> for NamePath {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<Server>) -> Answer<Self> {
        path(parts, server).await.map(Self)
    }
}

/// The id in a path.
async fn id<T: FromStr<Err = IdError>>(parts: &mut Parts, server: &Arc<Server>) -> Answer<T> {
    let text = path(parts, server).await?;
    text.parse().map_err(|error: IdError| Refused::new(Code::NotFound, error.to_string()))
}

async fn path<S: Send + Sync>(parts: &mut Parts, state: &S) -> Answer<String> {
    let path = Path::<String>::from_request_parts(parts, state).await;
    path.map(|Path(text)| text).map_err(|_| Refused::new(Code::NotFound, "the path is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Time stands still but for what is waited for.
    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_not_waited_for_for_ever() {
        let body = Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
        let request = Request::post("/").header("content-type", "application/json").body(body).unwrap();
        let refused = Content::<serde_json::Value>::from_request(request, &()).await.err().unwrap();
        assert_eq!(refused.code, Code::BodyTimeout);
    }
}
