//! One request whose body is sent as it comes, and an answer that is read as it comes, both bounded.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::{Request, Response};
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

use crate::call::CallError;
use crate::stream::{StreamError, StreamLimits};
use crate::transport::{BoxError, Transport, root_cause};

/// The body of an answer. Dropping it closes the connection.
pub struct Relayed {
    incoming: Incoming,
    limits: StreamLimits,
    until: Instant,
    bytes: u64,
    /// When it has been silent for too long.
    silence: Pin<Box<Sleep>>,
}

/// Without what it holds.
impl fmt::Debug for Relayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relayed").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Transport {
    /// Sends a request with a body that is sent as it comes, and waits for the head of the answer. `limits.first` is how long
    /// nothing may happen until then: while the body is being taken, it begins anew.
    ///
    /// # Errors
    /// [`CallError`], without the URL, which may hold a secret.
    pub async fn relay<B>(&self, request: Request<B>, limits: StreamLimits) -> Result<Response<Relayed>, CallError>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BoxError>,
    {
        let until = Instant::now() + limits.total;
        let taken = Arc::new(AtomicU64::new(0));
        let mut sending = Box::pin(self.send(request.map(|body| Watched { body, taken: taken.clone() })));
        let mut seen = 0;
        let response = loop {
            let within = (Instant::now() + limits.first).min(until);
            if let Ok(answered) = timeout_at(within, &mut sending).await {
                break answered?;
            }
            let now = taken.load(Ordering::Relaxed);
            if now == seen || within == until {
                return Err(CallError::TooSlow(limits.first.min(limits.total).as_millis()));
            }
            seen = now;
        };
        let silence = Box::pin(sleep_until((Instant::now() + limits.idle).min(until)));
        Ok(response.map(|incoming| Relayed { incoming, limits, until, bytes: 0, silence }))
    }
}

impl Body for Relayed {
    type Data = Bytes;
    type Error = StreamError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StreamError>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(cx) else {
            ready!(self.silence.as_mut().poll(cx));
            let error = match Instant::now() < self.until {
                true => StreamError::Silent(self.limits.idle.as_millis()),
                false => StreamError::TooSlow(self.limits.total.as_millis()),
            };
            return Poll::Ready(Some(Err(error)));
        };
        let frame = match frame {
            None => return Poll::Ready(None),
            Some(Err(error)) => return Poll::Ready(Some(Err(StreamError::Broken(root_cause(&error))))),
            Some(Ok(frame)) => frame,
        };
        self.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        if self.bytes > self.limits.bytes {
            return Poll::Ready(Some(Err(StreamError::TooLong(self.limits.bytes))));
        }
        let silent = (Instant::now() + self.limits.idle).min(self.until);
        self.silence.as_mut().reset(silent);
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

/// A body that tells how often it was asked for more.
struct Watched<B> {
    body: B,
    taken: Arc<AtomicU64>,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Watched<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        self.taken.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
