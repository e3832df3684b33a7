//! Why a request is not carried out.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ork_api::{Fault, Gate, Problem};
use ork_core::error::StoreError;
use ork_core::limits::NAME_BYTES_MAX;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $status:ident;)*) => {
        /// What kind of problem it is: a word that programs can rely on, and its HTTP status.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The word.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// The HTTP status.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self {
                    $(Self::$name => StatusCode::$status,)*
                }
            }
        }
    };
}

codes! {
    /// A part of the query, or a header, is wrong.
    InvalidRequest = "invalid-request", BAD_REQUEST;
    /// The body is not the JSON that is asked for.
    InvalidBody = "invalid-body", BAD_REQUEST;
    /// No token, or none that is valid.
    Unauthorized = "unauthorized", UNAUTHORIZED;
    /// The token's role may not do that.
    Forbidden = "forbidden", FORBIDDEN;
    /// A page of another site asks.
    ForeignOrigin = "foreign-origin", FORBIDDEN;
    /// There is no such thing.
    NotFound = "not-found", NOT_FOUND;
    /// Not with this method.
    MethodNotAllowed = "method-not-allowed", METHOD_NOT_ALLOWED;
    /// The body did not come in time.
    BodyTimeout = "body-timeout", REQUEST_TIMEOUT;
    /// It contradicts what is stored.
    Conflict = "conflict", CONFLICT;
    /// Somebody has decided already.
    GateDecided = "gate-decided", CONFLICT;
    /// The artifact is not in Ork's artifact store.
    ArtifactElsewhere = "artifact-elsewhere", CONFLICT;
    /// It is not what the request expected it to be.
    PreconditionFailed = "precondition-failed", PRECONDITION_FAILED;
    /// It is not kept any more.
    Pruned = "pruned", GONE;
    /// Nobody says how long the body is.
    LengthRequired = "length-required", LENGTH_REQUIRED;
    /// The body is over the limit.
    BodyTooLarge = "body-too-large", PAYLOAD_TOO_LARGE;
    /// The body is not declared as JSON.
    NotJson = "not-json", UNSUPPORTED_MEDIA_TYPE;
    /// The artifact has no such range of bytes.
    WrongRange = "wrong-range", RANGE_NOT_SATISFIABLE;
    /// The request is for another host.
    WrongHost = "wrong-host", MISDIRECTED_REQUEST;
    /// The workflow or its inputs are wrong.
    InvalidWorkflow = "invalid-workflow", UNPROCESSABLE_ENTITY;
    /// What is said of the artifact cannot be.
    InvalidArtifact = "invalid-artifact", UNPROCESSABLE_ENTITY;
    /// The bytes are not those that were announced.
    WrongBytes = "wrong-bytes", UNPROCESSABLE_ENTITY;
    /// Over a limit.
    OverLimit = "over-limit", UNPROCESSABLE_ENTITY;
    /// Over a quota of the workspace.
    OverQuota = "over-quota", TOO_MANY_REQUESTS;
    /// Too often in a short time.
    TooManyRequests = "too-many-requests", TOO_MANY_REQUESTS;
    /// A bug, or stored data that cannot be.
    Internal = "internal", INTERNAL_SERVER_ERROR;
    /// The bytes that are kept are not those that were written.
    CorruptArtifact = "corrupt-artifact", INTERNAL_SERVER_ERROR;
    /// This server has no artifact store.
    NoArtifactStore = "no-artifact-store", SERVICE_UNAVAILABLE;
    /// The artifact store does not answer.
    ArtifactStoreDown = "artifact-store-down", SERVICE_UNAVAILABLE;
    /// No room for another stream.
    TooManyStreams = "too-many-streams", SERVICE_UNAVAILABLE;
    /// The database does not answer.
    Unavailable = "unavailable", SERVICE_UNAVAILABLE;
}

/// A request that is not carried out. The gate writes it as a problem, with the id of the request.
#[derive(Debug, Clone)]
pub struct Refused {
    /// What kind of problem it is.
    pub code: Code,
    /// What is wrong, in words.
    pub detail: String,
    /// What to do about it.
    pub hint: Option<String>,
    errors: Vec<Fault>,
    /// The gate that was decided already.
    gate: Option<Box<Gate>>,
    /// Seconds after which the same may succeed.
    retry_after_s: Option<u64>,
}

/// The answer to a request.
pub type Answer<T> = Result<T, Refused>;

impl Refused {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        let retry_after_s = match code {
            Code::Unavailable | Code::ArtifactStoreDown | Code::BodyTimeout | Code::TooManyStreams => Some(1),
            // When runs will be over, nobody knows.
            Code::OverQuota => Some(10),
            _ => None,
        };
        Self { code, detail: detail.into(), hint: None, errors: Vec::new(), gate: None, retry_after_s }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn errors(mut self, errors: Vec<Fault>) -> Self {
        self.errors = errors;
        self
    }

    pub(crate) fn gate(mut self, gate: Gate) -> Self {
        self.gate = Some(Box::new(gate));
        self
    }

    /// A thing that does not exist, or not for this caller.
    pub(crate) fn missing(what: impl std::fmt::Display) -> Self {
        Self::new(Code::NotFound, format!("no {what}"))
    }

    /// Nobody who is known. The same for no token and for every kind of wrong one.
    pub fn unknown_caller() -> Self {
        Self::new(Code::Unauthorized, "a valid token is needed").hint("authorization: Bearer ork_…")
    }

    /// Somebody who sent many wrong tokens.
    pub fn guesser(retry_after_s: u64) -> Self {
        let refused = Self::new(Code::TooManyRequests, "too many wrong tokens came from this address");
        Self { retry_after_s: Some(retry_after_s), ..refused }
    }

    /// Somebody who sent more requests than the workspace allows.
    pub(crate) fn too_often(per_minute: u32, retry_after_s: u64) -> Self {
        let refused = Self::new(Code::TooManyRequests, format!("at most {per_minute} requests a minute are taken"));
        Self { retry_after_s: Some(retry_after_s), ..refused }
    }

    /// A name that nothing can have.
    pub(crate) fn name(what: &str, name: &str) -> Self {
        Self::new(Code::NotFound, format!("no {what} can be called `{}`", name.escape_debug()))
            .hint(format!("1 to {NAME_BYTES_MAX} letters, digits, `.`, `_`, `-`"))
    }

    /// A part of the query that is wrong.
    pub(crate) fn query(name: &str, message: impl Into<String>, hint: Option<String>) -> Self {
        let fault = Fault { pointer: format!("?{name}"), message: message.into(), hint, ..Fault::default() };
        Self::new(Code::InvalidRequest, format!("`{name}` is wrong: {}", fault.message)).errors(vec![fault])
    }

    pub(crate) fn problem(self, request_id: &str) -> Problem {
        let (status, retryable) = (self.code.status(), self.is_retryable());
        Problem {
            kind: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or_default().to_owned(),
            status: status.as_u16(),
            detail: self.detail,
            code: self.code.word().to_owned(),
            request_id: request_id.to_owned(),
            retryable,
            hint: self.hint,
            errors: self.errors,
            gate: self.gate,
        }
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        self.retry_after_s.is_some()
    }

    /// Seconds after which the same may succeed.
    pub(crate) const fn retry_after_s(&self) -> Option<u64> {
        self.retry_after_s
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        let code = match error {
            StoreError::Unavailable(_) => Code::Unavailable,
            StoreError::Conflict(_) => Code::Conflict,
            StoreError::NotFound(_) => Code::NotFound,
            StoreError::Limit(_) => Code::OverLimit,
            StoreError::OverQuota(_) => Code::OverQuota,
            StoreError::Corrupt { .. } | StoreError::Incompatible(_) => Code::Internal,
        };
        Self::new(code, error.to_string())
    }
}
