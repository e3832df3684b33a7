//! Requests of `object_store` by the one client of the house: no redirects, no proxies, bounded.

use std::time::Duration;

use async_trait::async_trait;
use http_body_util::BodyExt;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use object_store::{ClientConfigKey, ClientOptions};
use ork_core::limits::ARTIFACT_BYTES_MAX;
use ork_http::{CallError, Method, StreamError, StreamLimits, Transport};

/// How long nothing may happen while a body goes out, and until an answer begins: the last of what a slow line takes lies in the
/// kernel's buffers, where nobody sees it go.
const FIRST: Duration = Duration::from_secs(60);
/// How long an answer may say nothing.
const SILENCE: Duration = Duration::from_secs(30);
/// How long one request may take: the largest artifact at 1 MiB/s.
const WHOLE: Duration = Duration::from_secs(ARTIFACT_BYTES_MAX >> 20);
/// Bytes of an answer that is no object.
const WORDS_BYTES_MAX: u64 = 4 << 20;

/// Makes clients for `object_store`.
#[derive(Debug)]
pub struct Wire(pub Transport);

impl HttpConnector for Wire {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let may_be_plain = options.get_config_value(&ClientConfigKey::AllowHttp).is_some_and(|value| value == "true");
        Ok(HttpClient::new(Line { http: self.0.clone(), may_be_plain }))
    }
}

#[derive(Debug)]
struct Line {
    http: Transport,
    may_be_plain: bool,
}

#[async_trait]
impl HttpService for Line {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        if request.uri().scheme_str() != Some("https") && !self.may_be_plain {
            let error =
                CallError::Refused("it would go over an open line, and no endpoint with http:// was named".into());
            return Err(HttpError::new(HttpErrorKind::Unknown, error));
        }
        // Objects come by plain requests; lists and credentials are small.
        let may_be_large = request.method() == Method::GET && request.uri().query().is_none();
        let bytes = if may_be_large { ARTIFACT_BYTES_MAX } else { WORDS_BYTES_MAX };
        let limits = StreamLimits { first: FIRST, idle: SILENCE, total: WHOLE, bytes };
        let answer = self.http.relay(request, limits).await.map_err(unanswered)?;
        Ok(answer.map(|body| HttpResponseBody::new(body.map_err(broken))))
    }
}

fn unanswered(error: CallError) -> HttpError {
    let kind = match error {
        CallError::Refused(_) => HttpErrorKind::Unknown,
        CallError::Unconnected(_) => HttpErrorKind::Connect,
        // All that is asked here may be asked again: keys are written once.
        CallError::Unreachable(_) | CallError::TooSlow(_) => HttpErrorKind::Request,
    };
    HttpError::new(kind, error)
}

fn broken(error: StreamError) -> HttpError {
    HttpError::new(HttpErrorKind::Interrupted, error)
}
