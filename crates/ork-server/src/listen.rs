//! Listening, until it is told to stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;

use crate::patience::PatientListener;
use crate::routes::router;
use crate::server::Server;

/// Why no other address is taken.
pub const LOOPBACK_ONLY: &str =
    "without tokens whoever reaches the server may run commands, so it listens on a loopback address only";

/// Binds an address, and gives the one that it came to with what serves it until `stop` ends. Requests that are being
/// answered by then are answered, and streams end.
///
/// # Errors
/// When the address is taken, or is not a loopback address.
pub async fn listen(
    address: SocketAddr,
    server: Arc<Server>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<(SocketAddr, impl Future<Output = io::Result<()>> + Send + 'static)> {
    if !address.ip().is_loopback() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, LOOPBACK_ONLY));
    }
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    let (live, router) = (Arc::clone(&server), router(Arc::clone(&server), bound.port()));
    let stop = async move {
        stop.await;
        server.live.close();
    };
    let serving = axum::serve(PatientListener(listener), router).with_graceful_shutdown(stop).into_future();
    let both = async move {
        tokio::select! {
            served = serving => served,
            () = live.live.follow(live.store.as_ref()) => Ok(()),
        }
    };
    Ok((bound, both))
}
