//! Listening, until it is told to stop.
//!
//! Connections are counted and their requests must begin in time, so that a client that says nothing, or says it a byte at a
//! time, takes a place for seconds only.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tower_service::Service;

use crate::patience::Patient;
use crate::routes::router;
use crate::server::Server;

/// Connections at once, at the most. Others wait in the kernel until one ends.
pub const CONNECTIONS_MAX: usize = 4_096;
/// How long the head of a request may take; a connection that is kept for another request is closed after it too.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a request's head.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// How long to wait when the system has no room for another connection.
const NO_ROOM: Duration = Duration::from_millis(50);

/// The other end of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// Binds an address, and gives the one that it came to with what serves it until `stop` ends: so many connections at once, and
/// no more than [`CONNECTIONS_MAX`]. Requests that are being answered by then are answered, and streams end.
///
/// # Errors
/// When the address is taken.
pub async fn listen(
    address: SocketAddr,
    server: Arc<Server>,
    connections_max: usize,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<(SocketAddr, impl Future<Output = io::Result<()>> + Send + 'static)> {
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    let routes = router(Arc::clone(&server), bound.port());
    let serving = async move {
        let connections = GracefulShutdown::new();
        tokio::select! {
            () = accept(&listener, &routes, &connections, connections_max) => {}
            () = server.live.follow(server.store.as_ref()) => {}
            () = stop => {}
        }
        drop(listener);
        server.live.close();
        connections.shutdown().await;
        Ok(())
    };
    Ok((bound, serving))
}

/// Takes connections and serves each in a task of its own.
async fn accept(listener: &TcpListener, routes: &Router, connections: &GracefulShutdown, connections_max: usize) {
    let places = Arc::new(Semaphore::new(connections_max.clamp(1, CONNECTIONS_MAX)));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            // The client has gone already, or there are too many open files: either passes.
            Err(_) => {
                sleep(NO_ROOM).await;
                continue;
            }
        };
        let serving = connections.watch(connection(stream, Peer(peer.ip()), routes.clone()));
        tokio::spawn(async move {
            // How a connection ends is its client's business.
            serving.await.ok();
            drop(place);
        });
    }
}

fn connection(stream: TcpStream, peer: Peer, routes: Router) -> impl GracefulConnection<Error = hyper::Error> + Send {
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        routes.clone().call(request)
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(Patient::new(stream)), service)
}
