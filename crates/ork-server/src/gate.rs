//! What every request passes: it must be meant for this server, it gets an id, and whatever was refused becomes a problem.
//!
//! A web page that the user looks at can send requests to this address too. By a name that its owner points at 127.0.0.1
//! it would be the same origin and could read the answers: the `Host` gives that away. From its own origin it can send,
//! but not read; the `Origin` gives that away. Nothing here answers a preflight, so a JSON body cannot be sent at all.
//!
//! Both are looked at only where somebody without a token is let in. Where a token is needed, such a page has none, and no
//! browser adds one by itself, as it would a cookie; what a server is called from outside is then nobody's business here.

use std::sync::Arc;

use axum::Json;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ork_core::clock::Timestamp;

use crate::refused::{Code, Refused};
use crate::server::Server;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Bytes of an id that a request may bring.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// A request and its answer, for the log.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// The request's id.
    pub request_id: &'a str,
    /// The method.
    pub method: &'a str,
    /// The path, without the query.
    pub path: &'a str,
    /// The status of the answer.
    pub status: u16,
    /// How long it took until the answer began.
    pub took_ms: u64,
    /// The answer's code, when it is a problem.
    pub code: Option<&'static str>,
    /// When it was answered.
    pub at: Timestamp,
}

/// The gate of a server that listens on this port.
#[derive(Clone)]
pub struct Gate {
    pub server: Arc<Server>,
    pub port: u16,
}

/// The middleware.
pub async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let server = &gate.server;
    let began = server.clock.now();
    let request_id = brought(request.headers()).unwrap_or_else(|| server.new_request_id());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let route = request.extensions().get::<MatchedPath>().cloned();
    // When nobody can tell whether it is open, it is looked at as if it were.
    let is_open = server.door.is_open(server).await.unwrap_or(true);
    let checked = if is_open { gate.check(request.uri(), request.headers()) } else { Ok(()) };
    // What can be done with the path alone is nobody's who reads the log.
    let path =
        route.as_ref().map(MatchedPath::as_str).filter(|route| route.contains("{token}")).map_or(path, str::to_owned);
    let answered = match checked {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    };
    let (mut response, code) = finish(answered, &request_id);
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    let at = server.clock.now();
    let status = response.status().as_u16();
    #[allow(clippy::cast_precision_loss, reason = "milliseconds of a request")]
    let seconds = at.since_ms(began) as f64 / 1e3;
    server.metrics.answered(method.as_str(), route.as_ref().map(MatchedPath::as_str), status, seconds);
    (server.log)(&Exchange {
        request_id: &request_id,
        method: method.as_str(),
        path: &path,
        status,
        took_ms: at.since_ms(began),
        code: code.map(Code::word),
        at,
    });
    response
}

/// Writes what was refused as a problem.
fn finish(mut response: Response, request_id: &str) -> (Response, Option<Code>) {
    let Some(refused) = response.extensions_mut().remove::<Refused>() else { return (response, None) };
    let (code, retry_after_s) = (refused.code, refused.retry_after_s());
    let mut problem = (code.status(), Json(refused.problem(request_id))).into_response();
    let headers = problem.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Some(seconds) = retry_after_s {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    if code == Code::Unauthorized {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    for name in [header::ALLOW, header::CONTENT_RANGE] {
        if let Some(value) = response.headers_mut().remove(&name) {
            headers.insert(name, value);
        }
    }
    (problem, Some(code))
}

/// The id that a request brings, if it can be repeated without harm.
fn brought(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    (!id.is_empty() && id.len() <= REQUEST_ID_BYTES_MAX && id.bytes().all(is_plain)).then(|| id.to_owned())
}

impl Gate {
    fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Refused> {
        let mut hosts = headers.get_all(header::HOST).iter().map(|host| host.to_str().unwrap_or_default());
        let host = hosts.next().unwrap_or_default();
        let named = uri.authority().map_or(host, axum::http::uri::Authority::as_str);
        if hosts.next().is_some() || !self.is_own(host) || !self.is_own(named) {
            let detail = format!("this server is not `{}`", host.chars().take(100).collect::<String>());
            return Err(Refused::new(Code::WrongHost, detail).hint(format!("http://127.0.0.1:{}", self.port)));
        }
        let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
        let origin = origin.to_str().unwrap_or_default();
        if origin.strip_prefix("http://").is_some_and(|own| self.is_own(own)) {
            return Ok(());
        }
        Err(Refused::new(Code::ForeignOrigin, "pages of other sites may not use this server"))
    }

    /// Whether these are a name of the loopback address and this port.
    fn is_own(&self, host: &str) -> bool {
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !host.ends_with(']') => (name, port.parse().ok()),
            _ => (host, Some(80)),
        };
        port == Some(self.port) && ["localhost", "127.0.0.1", "[::1]"].iter().any(|own| own.eq_ignore_ascii_case(name))
    }
}
