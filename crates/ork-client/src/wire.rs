//! A request, its answer, and everything that can be wrong with it.

use std::fmt;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode};
use ork_api::{Fault, Problem};
use ork_http::{BoxError, Reach, Relayed, StreamLimits, Transport};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::address::Address;
use crate::error::{ClientError, ClientResult};
use crate::token::Token;

/// Bytes of an answer: a plan of 100,000 tasks has room in it.
const BODY_BYTES_MAX: usize = 64 << 20;
/// Bytes of an answer that is no success.
const PROBLEM_BYTES_MAX: usize = 1 << 20;
/// How long bytes may go to and fro: whoever takes nothing and says nothing is given up much earlier.
const LONG: Duration = Duration::from_secs(24 * 3_600);
/// Where the API begins.
const BASE: &str = "/api/v1";
/// What of a server's words is repeated, and how many faults of a request.
const WORDS_MAX: usize = 1_000;
const FAULTS_MAX: usize = 100;

/// How a server is asked.
#[derive(Debug, Clone)]
pub struct Options {
    /// Says who asks; a server may want none.
    pub token: Option<Token>,
    /// How long each call may take, from the first byte that is sent to the last that is read. 30 s by default.
    pub timeout: Duration,
    /// Who asks, for the server's log: `ork/0.1.0`.
    pub agent: String,
}

impl Default for Options {
    fn default() -> Self {
        let agent = concat!("ork-client/", env!("CARGO_PKG_VERSION")).to_owned();
        Self { token: None, timeout: Duration::from_secs(30), agent }
    }
}

/// A client of one server. It is cheap to clone, and clones share their connections.
#[derive(Clone)]
pub struct Client {
    http: Transport,
    address: Address,
    options: Options,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("address", &self.address).finish_non_exhaustive()
    }
}

/// What is asked.
pub(crate) struct Ask<'a> {
    pub method: Method,
    /// Below the base of the API, or with `/~` before it from the root.
    pub path: String,
    /// Names and values.
    pub query: Vec<(&'a str, String)>,
    /// JSON.
    pub body: Option<Vec<u8>>,
    /// The name under which it is carried out once.
    pub key: Option<&'a str>,
}

impl Ask<'_> {
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), query: Vec::new(), body: None, key: None }
    }

    pub fn post(path: impl Into<String>) -> Self {
        Self { method: Method::POST, ..Self::get(path) }
    }
}

impl Client {
    /// A client of the server at this address. Nothing is sent yet.
    ///
    /// # Errors
    /// When the token would go over an open line, or the certificates of this machine cannot be read.
    pub fn new(address: Address, options: Options) -> ClientResult<Self> {
        if options.token.is_some() && !address.is_encrypted() && !address.is_here() {
            return Err(ClientError::Plain { server: address.to_string() });
        }
        // Whoever calls has named the server, so it may be anywhere.
        let http = Transport::new(Reach::Anyone);
        if address.is_encrypted() {
            http.can_encrypt().map_err(|error| ClientError::Roots(error.to_string()))?;
        }
        Ok(Self { http, address, options })
    }

    /// The server.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// Sends a request, and reads the answer as what it must be.
    pub(crate) async fn call<T: DeserializeOwned>(&self, ask: Ask<'_>) -> ClientResult<T> {
        self.in_time(async {
            let response = self.send(ask).await?;
            self.read(response).await
        })
        .await
    }

    /// The same for what takes as long as it takes: the server reads much before it answers.
    pub(crate) async fn patient<T: DeserializeOwned>(&self, ask: Ask<'_>) -> ClientResult<T> {
        let long = Self { options: Options { timeout: LONG, ..self.options.clone() }, ..self.clone() };
        long.call(ask).await
    }

    /// Opens a stream of events: its beginning has a deadline, and what follows has none.
    pub(crate) async fn open(&self, ask: Ask<'_>) -> ClientResult<Response<Incoming>> {
        let response = self.in_time(self.send(ask)).await?;
        if is_of_type(&response, "text/event-stream") {
            return Ok(response);
        }
        Err(self.foreign("events were asked for, and something else came", None))
    }

    async fn in_time<T>(&self, answer: impl Future<Output = ClientResult<T>>) -> ClientResult<T> {
        match timeout(self.options.timeout, answer).await {
            Ok(answered) => answered,
            Err(_) => Err(self.unreachable(format!("no whole answer within {} ms", self.options.timeout.as_millis()))),
        }
    }

    async fn send(&self, ask: Ask<'_>) -> ClientResult<Response<Incoming>> {
        let request = self.request(ask)?;
        let sent = self.http.send(request).await;
        self.judge(sent.map_err(|error| self.unreachable(harmless(&error.to_string())))?).await
    }

    /// Sends a request whose body is sent as it comes. The answer has a deadline once all of it was taken; what follows its head
    /// is read as it comes.
    pub(crate) async fn relay<B>(&self, request: Request<B>) -> ClientResult<Response<Relayed>>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BoxError>,
    {
        let limits =
            StreamLimits { first: self.options.timeout, idle: self.options.timeout, total: LONG, bytes: u64::MAX };
        let sent = self.http.relay(request, limits).await;
        self.judge(sent.map_err(|error| self.unreachable(harmless(&error.to_string())))?).await
    }

    /// What somebody answered, if it is a success.
    async fn judge<B>(&self, response: Response<B>) -> ClientResult<Response<B>>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        if status.is_redirection() {
            let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default();
            let reason = format!("it sends callers to `{}`, and none is followed", harmless(to));
            return Err(self.foreign(reason, Some(status)));
        }
        let is_problem = is_of_type(&response, "application/problem+json");
        let whole = Limited::new(response.into_body(), PROBLEM_BYTES_MAX).collect().await.ok();
        let problem = whole.filter(|_| is_problem).and_then(|body| serde_json::from_slice(&body.to_bytes()).ok());
        let Some(problem) = problem.filter(|problem: &Problem| problem.status == status.as_u16()) else {
            return Err(self.foreign(format!("it says {status}"), Some(status)));
        };
        Err(ClientError::Refused(Box::new(tame(problem))))
    }

    fn request(&self, ask: Ask<'_>) -> ClientResult<Request<Full<Bytes>>> {
        let mut request = self.head(&ask);
        if ask.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = Full::new(Bytes::from(ask.body.unwrap_or_default()));
        request.body(body).map_err(|error| self.unreachable(error.to_string()))
    }

    /// A request without its body.
    pub(crate) fn head(&self, ask: &Ask<'_>) -> hyper::http::request::Builder {
        let base = if ask.path.starts_with("/~") { "" } else { BASE };
        let path = ask.path.strip_prefix("/~").unwrap_or(&ask.path);
        let pairs: Vec<String> = ask.query.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let query = if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) };
        let mut request = Request::builder()
            .method(&ask.method)
            .uri(format!("{}{base}{path}{query}", self.address))
            .header(ACCEPT, "application/json, application/problem+json, text/event-stream")
            .header(USER_AGENT, &self.options.agent);
        if let Some(token) = self.options.token.as_ref().and_then(Token::header) {
            request = request.header(AUTHORIZATION, token);
        }
        if let Some(key) = ask.key {
            request = request.header(HeaderName::from_static("idempotency-key"), key);
        }
        request
    }

    pub(crate) async fn read<T, B>(&self, response: Response<B>) -> ClientResult<T>
    where
        T: DeserializeOwned,
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        if !is_of_type(&response, "application/json") {
            let declared = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let reason = format!("JSON was asked for, and `{}` came", harmless(declared.unwrap_or("nothing")));
            return Err(self.foreign(reason, None));
        }
        let body = Limited::new(response.into_body(), BODY_BYTES_MAX).collect().await.map_err(|error| {
            if error.is::<http_body_util::LengthLimitError>() {
                self.foreign(format!("the answer is over {} MiB", BODY_BYTES_MAX >> 20), None)
            } else {
                self.unreachable(format!("the answer broke off: {}", root_cause(error.as_ref())))
            }
        })?;
        let wrong =
            |error: serde_json::Error| self.foreign(format!("the answer is not as it should be: {error}"), None);
        // By way of a value: numbers of any length and fields of an object within another do not go together else.
        let value: serde_json::Value = serde_json::from_slice(&body.to_bytes()).map_err(wrong)?;
        serde_json::from_value(value).map_err(wrong)
    }

    pub(crate) fn unreachable(&self, reason: String) -> ClientError {
        ClientError::Unreachable { server: self.address.to_string(), reason }
    }

    /// Somebody answered, but not as a server of Ork does.
    #[must_use]
    pub fn foreign(&self, reason: impl Into<String>, status: Option<StatusCode>) -> ClientError {
        let (server, status) = (self.address.to_string(), status.map(|status| status.as_u16()));
        ClientError::Foreign { server, reason: reason.into(), status }
    }
}

/// A shape as the body of a request. Their keys are names, so that they can always be written.
pub(crate) fn body(shape: &impl Serialize) -> Option<Vec<u8>> {
    serde_json::to_vec(shape).ok()
}

fn is_of_type<B>(response: &Response<B>, wanted: &str) -> bool {
    let declared = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let essence = declared.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
    essence.eq_ignore_ascii_case(wanted.as_bytes())
}

/// The innermost reason of a failure, without anything that a terminal would obey.
pub(crate) fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    harmless(&ork_http::root_cause(error))
}

/// A value of a query, or a part of a path (RFC 3986).
pub(crate) fn encoded(value: &str) -> String {
    let mut text = String::new();
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
            _ => text += &format!("%{byte:02X}"),
        }
    }
    text
}

/// Words of a server in one line, without anything that a terminal would obey.
pub(crate) fn harmless(text: &str) -> String {
    let is_shown = |c: char| !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let plain = text.chars().map(|c| if is_shown(c) { c } else { ' ' });
    let mut shown: String = plain.clone().take(WORDS_MAX).collect();
    if plain.count() > WORDS_MAX {
        shown.push('…');
    }
    shown
}

fn tame(problem: Problem) -> Problem {
    Problem {
        detail: harmless(&problem.detail),
        code: harmless(&problem.code),
        request_id: harmless(&problem.request_id),
        hint: problem.hint.map(|hint| harmless(&hint)),
        errors: problem.errors.into_iter().take(FAULTS_MAX).map(tame_fault).collect(),
        ..problem
    }
}

fn tame_fault(fault: Fault) -> Fault {
    Fault {
        pointer: harmless(&fault.pointer),
        code: fault.code.map(|code| harmless(&code)),
        message: harmless(&fault.message),
        hint: fault.hint.map(|hint| harmless(&hint)),
        ..fault
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_encoded_and_words_are_harmless() {
        assert_eq!(encoded("last/cut a&b=ä"), "last%2Fcut%20a%26b%3D%C3%A4");
        assert_eq!(harmless("a\x1b[2J\nb\u{202e}"), "a [2J b ");
        assert_eq!(harmless(&"x".repeat(5_000)).chars().count(), WORDS_MAX + 1);
    }

    #[test]
    fn a_token_goes_over_no_open_line() {
        let client = |address: &str| {
            let options = Options { token: Some(Token::new("secret").unwrap()), ..Options::default() };
            Client::new(address.parse().unwrap(), options)
        };
        assert!(client("http://127.0.0.1:1").is_ok());
        let refused = client("http://ork.example.com").unwrap_err().to_string();
        assert!(refused.contains("over https only") && !refused.contains("secret"), "{refused}");
        assert!(!format!("{:?}", client("http://localhost").unwrap()).contains("secret"));
    }
}
