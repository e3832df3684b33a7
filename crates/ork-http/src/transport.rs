//! Requests over connections that are kept.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body, Bytes, Incoming};
use hyper::{Request, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use crate::connect::{Connector, Resolve, SystemResolver};
use crate::egress::Egress;
use crate::roots::{self, RootsError};
use crate::url::{Refused, Target};

/// How long a connection may take, the name's addresses included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a body cannot be sent to its end.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Whom calls may reach.
#[derive(Clone)]
pub enum Reach {
    /// Anybody: whoever runs this program said the address.
    Anyone,
    /// What everybody reaches, and what is named.
    Public(Egress),
}

/// Sends requests. It is cheap to clone, and clones share their connections.
#[derive(Clone)]
pub struct Transport {
    client: Client<HttpsConnector<Connector>, UnsyncBoxBody<Bytes, BoxError>>,
    guard: Option<Arc<Egress>>,
    roots: Result<(), RootsError>,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("guard", &self.guard).finish_non_exhaustive()
    }
}

/// Why a request got no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The address is not one that may be called; nothing was sent.
    #[error("{0}")]
    Refused(String),
    /// No connection came about; nothing was sent.
    #[error("{0}")]
    Unconnected(String),
    /// Nobody answered. Whether the request was carried out is not known.
    #[error("{0}")]
    Unreachable(String),
}

impl From<Refused> for TransportError {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused.0)
    }
}

impl Transport {
    /// A client that asks this machine's resolver. Nothing is sent yet.
    #[must_use]
    pub fn new(reach: Reach) -> Self {
        Self::with_resolver(reach, Arc::new(SystemResolver))
    }

    /// As [`Self::new`], with another resolver.
    #[must_use]
    pub fn with_resolver(reach: Reach, resolver: Arc<dyn Resolve>) -> Self {
        let guard = match reach {
            Reach::Anyone => None,
            Reach::Public(egress) => Some(Arc::new(egress)),
        };
        let (config, roots) = roots::config();
        let connector = Connector { resolver, guard: guard.clone(), timeout: CONNECT_TIMEOUT };
        let tls = HttpsConnectorBuilder::new().with_tls_config(config);
        let https = tls.https_or_http().enable_http1().wrap_connector(connector);
        let mut builder = Client::builder(TokioExecutor::new());
        if guard.is_some() {
            // Each call is checked anew: a kept connection would go on where an address was allowed once.
            builder.pool_max_idle_per_host(0);
        }
        Self { client: builder.build(https), guard, roots }
    }

    /// Whether servers can be told from others, which calls over https need.
    ///
    /// # Errors
    /// When the certificates of this machine cannot be read.
    pub fn can_encrypt(&self) -> Result<(), RootsError> {
        self.roots.clone()
    }

    /// Sends a request. The answer's body is read by the caller, who bounds it and the whole in time.
    ///
    /// # Errors
    /// [`TransportError`]; the URL is not repeated, because it may hold a secret.
    pub async fn send<B>(&self, request: Request<B>) -> Result<Response<Incoming>, TransportError>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let target = Target::of(request.uri().clone())?;
        if target.is_encrypted {
            self.can_encrypt().map_err(|error| TransportError::Unconnected(error.to_string()))?;
        }
        let request = request.map(|body| body.map_err(Into::into).boxed_unsync());
        self.client.request(request).await.map_err(|error| told(&error))
    }
}

fn told(error: &hyper_util::client::legacy::Error) -> TransportError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        // An `io::Error` shows what it holds, not as its source but by itself.
        let held = inner.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(refused) = held.and_then(|held| held.downcast_ref::<Refused>()) {
            return TransportError::Refused(refused.0.clone());
        }
        cause = inner.source();
    }
    match error.is_connect() {
        true => TransportError::Unconnected(root_cause(error)),
        false => TransportError::Unreachable(root_cause(error)),
    }
}

/// The innermost reason: what is around it says only that a request failed.
#[must_use]
pub fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
