//! From a URL to a connection: resolved, checked, and connected to what was checked.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_service::Service;

use crate::egress::Egress;
use crate::url::{Refused, Target};

/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 16;

/// The addresses of a name, when they are there.
pub type Resolving = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Who knows the addresses of names.
pub trait Resolve: Send + Sync {
    /// Asks for the addresses of a name.
    fn resolve(&self, host: &str) -> Resolving;
}

/// The resolver of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, host: &str) -> Resolving {
        let host = host.to_owned();
        Box::pin(async move { Ok(tokio::net::lookup_host((host, 0)).await?.map(|found| found.ip()).collect()) })
    }
}

/// Makes connections; one that is not guarded goes anywhere.
#[derive(Clone)]
pub struct Connector {
    pub resolver: Arc<dyn Resolve>,
    pub guard: Option<Arc<Egress>>,
    pub timeout: Duration,
}

impl Connector {
    async fn connect(self, uri: Uri) -> io::Result<TokioIo<TcpStream>> {
        let target = Target::of(uri).map_err(io::Error::other)?;
        let within = self.timeout;
        match timeout(within, self.reach(&target)).await {
            Ok(reached) => reached.map(TokioIo::new),
            Err(_) => Err(io::Error::other(format!("no connection within {} ms", within.as_millis()))),
        }
    }

    async fn reach(&self, target: &Target) -> io::Result<TcpStream> {
        let addresses = match target.literal() {
            Some(address) => vec![address],
            None => self.resolver.resolve(&target.host).await?,
        };
        self.check(target, &addresses)?;
        let mut failed = io::Error::other("the name has no address");
        // Each has its share of the time, so that one that swallows everything leaves some for the next.
        let share = self.timeout / u32::try_from(addresses.len().clamp(1, ADDRESSES_MAX)).unwrap_or(1);
        for address in addresses.into_iter().take(ADDRESSES_MAX) {
            match timeout(share, TcpStream::connect(SocketAddr::new(address, target.port))).await {
                Ok(Ok(stream)) => {
                    stream.set_nodelay(true)?;
                    return Ok(stream);
                }
                Ok(Err(error)) => failed = error,
                Err(_) => {
                    failed = io::Error::other(format!("no connection to {address} within {} ms", share.as_millis()))
                }
            }
        }
        Err(failed)
    }

    /// One bad address is enough: a name that is half public is an attempt to get past this.
    fn check(&self, target: &Target, addresses: &[IpAddr]) -> io::Result<()> {
        let Some(guard) = &self.guard else { return Ok(()) };
        let refused = guard
            .refuses_port(&target.host, target.port)
            .or_else(|| addresses.iter().find_map(|address| guard.refuses(&target.host, target.port, *address)));
        refused.map_or(Ok(()), |why| Err(io::Error::other(Refused(why))))
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TokioIo<TcpStream>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}
