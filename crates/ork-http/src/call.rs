//! One request and its whole answer, within limits.

use std::fmt;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request};
use tokio::time::{Instant, timeout_at};

use crate::transport::{Transport, TransportError};
use crate::url::Target;

/// A request.
#[derive(Clone)]
pub struct Call {
    /// `GET`, `POST`, …
    pub method: String,
    /// Where to.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Vec<u8>,
}

/// Only the method: a secret may be anywhere else.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("method", &self.method).finish_non_exhaustive()
    }
}

/// How much an answer may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long all of it may take, from the name's look-up to the last byte that is read.
    pub time: Duration,
    /// Bytes of the body that are read; what comes after them is not, and the answer is cut there. What is compressed is
    /// not decompressed, so that these are the bytes that came.
    pub bytes: usize,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status; a redirect is one like others.
    pub status: u16,
    /// Names in lower case, and values, those that are text.
    pub headers: Vec<(String, String)>,
    /// The body, as it came.
    pub body: Vec<u8>,
    /// The body was longer, or did not come to its end in time.
    pub is_cut: bool,
}

impl Answer {
    /// The first header of this name, which is in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

/// The first header of this name.
pub(crate) fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
}

/// Those that are text.
pub(crate) fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |(name, value): (&HeaderName, &HeaderValue)| Some((name.to_string(), value.to_str().ok()?.to_owned()));
    headers.iter().filter_map(text).collect()
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The request is none, or goes where it must not; nothing was sent.
    #[error("{0}")]
    Refused(String),
    /// No connection came about; nothing was sent.
    #[error("{0}")]
    Unconnected(String),
    /// Nobody answered. Whether the request was carried out is not known.
    #[error("{0}")]
    Unreachable(String),
    /// The answer did not begin in time.
    #[error("no answer within {0} ms")]
    TooSlow(u128),
}

impl From<TransportError> for CallError {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Refused(why) => Self::Refused(why),
            TransportError::Unconnected(why) => Self::Unconnected(why),
            TransportError::Unreachable(why) => Self::Unreachable(why),
        }
    }
}

impl Transport {
    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// [`CallError`], without the URL, which may hold a secret.
    pub async fn call(&self, call: Call, limits: Limits) -> Result<Answer, CallError> {
        let request = request(call)?;
        let until = Instant::now() + limits.time;
        let too_slow = |_| CallError::TooSlow(limits.time.as_millis());
        let response = timeout_at(until, self.send(request)).await.map_err(too_slow)??;
        let (head, incoming) = response.into_parts();
        let headers = texts(&head.headers);
        let mut body = Vec::new();
        // What was said before the body came counts, whatever becomes of that.
        let is_whole = timeout_at(until, read(incoming, &mut body, limits.bytes)).await.unwrap_or(false);
        Ok(Answer { status: head.status.as_u16(), headers, body, is_cut: !is_whole })
    }
}

pub(crate) fn request(call: Call) -> Result<Request<Full<Bytes>>, CallError> {
    let target = Target::parse(&call.url).map_err(|refused| CallError::Refused(refused.0))?;
    let no = |what: &str| CallError::Refused(what.to_owned());
    let method = Method::from_bytes(call.method.as_bytes()).map_err(|_| no("its method is none"))?;
    let mut request = Request::new(Full::new(Bytes::from(call.body)));
    *request.method_mut() = method;
    *request.uri_mut() = target.uri;
    for (name, value) in call.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| no("a header's name is none"))?;
        let value = HeaderValue::from_str(&value).map_err(|_| no("a header holds a control character"))?;
        request.headers_mut().append(name, value);
    }
    Ok(request)
}

/// Reads up to so many bytes; whether that was all.
async fn read(mut incoming: Incoming, body: &mut Vec<u8>, bytes_max: usize) -> bool {
    while let Some(frame) = incoming.frame().await {
        let Ok(frame) = frame else { return false };
        let Ok(data) = frame.into_data() else { continue };
        let room = bytes_max - body.len();
        body.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            return false;
        }
    }
    true
}
