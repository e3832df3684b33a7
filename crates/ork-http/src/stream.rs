//! One request and an answer that is read as it comes, within limits.

use std::fmt;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use tokio::time::{Instant, timeout, timeout_at};

use crate::call::{self, Call, CallError};
use crate::transport::{Transport, root_cause};

/// How much an answer may be that is read as it comes.
#[derive(Debug, Clone, Copy)]
pub struct StreamLimits {
    /// How long the answer may take to begin, from the name's look-up on.
    pub first: Duration,
    /// How long it may say nothing.
    pub idle: Duration,
    /// How long all of it may take.
    pub total: Duration,
    /// Bytes of the body.
    pub bytes: u64,
}

/// An answer whose head has come. Dropping it closes the connection.
pub struct Streaming {
    /// The HTTP status; a redirect is one like others.
    pub status: u16,
    /// Names in lower case, and values, those that are text.
    pub headers: Vec<(String, String)>,
    incoming: Incoming,
    limits: StreamLimits,
    until: Instant,
    bytes: u64,
}

/// Without the headers, which may hold secrets.
impl fmt::Debug for Streaming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streaming").field("status", &self.status).finish_non_exhaustive()
    }
}

/// Why an answer that has begun does not come to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// The connection broke.
    #[error("{0}")]
    Broken(String),
    /// Nothing came for too long.
    #[error("nothing came for {0} ms")]
    Silent(u128),
    /// All of it takes too long.
    #[error("it was not over within {0} ms")]
    TooSlow(u128),
    /// It has more bytes than it may.
    #[error("it is longer than {0} bytes")]
    TooLong(u64),
}

impl Transport {
    /// Sends a request and waits for the head of its answer.
    ///
    /// # Errors
    /// [`CallError`], without the URL, which may hold a secret.
    pub async fn stream(&self, call: Call, limits: StreamLimits) -> Result<Streaming, CallError> {
        let request = call::request(call)?;
        let until = Instant::now() + limits.total;
        let first = limits.first.min(limits.total);
        let too_slow = |_| CallError::TooSlow(first.as_millis());
        let response = timeout(first, self.send(request)).await.map_err(too_slow)??;
        let (head, incoming) = response.into_parts();
        let headers = call::texts(&head.headers);
        Ok(Streaming { status: head.status.as_u16(), headers, incoming, limits, until, bytes: 0 })
    }
}

impl Streaming {
    /// The first header of this name, which is in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        call::header(&self.headers, name)
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// When the end does not come. What came before is no whole answer.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, StreamError> {
        loop {
            let next = timeout(self.limits.idle, self.incoming.frame());
            let frame = match timeout_at(self.until, next).await {
                Err(_) => return Err(StreamError::TooSlow(self.limits.total.as_millis())),
                Ok(Err(_)) => return Err(StreamError::Silent(self.limits.idle.as_millis())),
                Ok(Ok(None)) => return Ok(None),
                Ok(Ok(Some(Err(error)))) => return Err(StreamError::Broken(root_cause(&error))),
                Ok(Ok(Some(Ok(frame)))) => frame,
            };
            let Ok(data) = frame.into_data() else { continue };
            self.bytes += data.len() as u64;
            if self.bytes > self.limits.bytes {
                return Err(StreamError::TooLong(self.limits.bytes));
            }
            if !data.is_empty() {
                return Ok(Some(data));
            }
        }
    }

    /// Reads the rest, or as much of it as `bytes_max`; whatever breaks ends it there.
    pub async fn rest(&mut self, bytes_max: usize) -> Vec<u8> {
        let mut body = Vec::new();
        while body.len() < bytes_max
            && let Ok(Some(data)) = self.chunk().await
        {
            body.extend_from_slice(&data[..data.len().min(bytes_max - body.len())]);
        }
        body
    }
}
