//! Listening, until it is told to stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;

use crate::patience::{PatientListener, Peer};
use crate::routes::router;
use crate::server::Server;

/// Binds an address, and gives the one that it came to with what serves it until `stop` ends. Requests that are being
/// answered by then are answered, and streams end.
///
/// # Errors
/// When the address is taken.
pub async fn listen(
    address: SocketAddr,
    server: Arc<Server>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<(SocketAddr, impl Future<Output = io::Result<()>> + Send + 'static)> {
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    let routes = router(Arc::clone(&server), bound.port()).into_make_service_with_connect_info::<Peer>();
    let live = Arc::clone(&server);
    let stop = async move {
        stop.await;
        server.live.close();
    };
    let serving = axum::serve(PatientListener(listener), routes).with_graceful_shutdown(stop).into_future();
    let both = async move {
        tokio::select! {
            served = serving => served,
            () = live.live.follow(live.store.as_ref()) => Ok(()),
        }
    };
    Ok((bound, both))
}
