//! A bounded HTTP/1.1 server: what `calls` and `admin` stand on.
//!
//! One task accepts, one task drives each connection. Both only carry bytes and count; what a
//! request means is decided by the function that answers it.

mod connection;
mod link;
mod listener;
mod registry;
mod socket;
mod stream;
mod tls;

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::upgrade::Upgraded;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tenure_actor::host::HostHandle;
use tenure_observe::{Counter, MetricError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

use crate::config::ServerLimits;
use registry::{Registry, Stage};
use socket::Socket;
pub use tls::{Tls, TlsError};

/// Why a server did not start. Nothing is listening.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// A page cannot be served. Nothing was started.
    #[error("the page {path:?}: {why}")]
    Page {
        /// Its path.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The listener has no address.
    #[error("could not read the address of the HTTP listener")]
    Listener(#[from] std::io::Error),
    /// The server's metrics could not be registered.
    #[error("could not register the metrics of the HTTP server")]
    Metrics(#[from] MetricError),
    /// Two actor types have one name.
    #[error("two actor types are named {name}; rename one with #[actor(name = \"..\")]")]
    DuplicateType {
        /// The name.
        name: &'static str,
    },
}

/// What became of the connections of a drained server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were still busy when the budget ended, and were closed.
    pub cut: usize,
}

/// A running server. Dropping it closes the listener and every connection at once.
#[derive(Debug)]
pub struct Server {
    registry: Arc<Registry>,
    address: SocketAddr,
}

impl Server {
    /// Where the server listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Open connections.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.registry.len()
    }

    /// Stops accepting, lets requests that are being answered end, and closes every connection.
    ///
    /// Who has connected is served: the listener takes all who wait, and is closed before anybody is told to come
    /// back. For a moment ([`ServerLimits::drain_linger`]) open connections are still served, each
    /// answer telling the client to close; then idle connections are closed. What is not done
    /// when `budget` ends is cut off.
    ///
    /// # Cancel safety
    /// Dropping the future closes every connection at once.
    pub async fn drain(self, budget: Duration) -> Drained {
        let host = &self.registry.host;
        let start = host.clock().now();
        let linger = self.registry.limits.drain_linger.min(budget);
        self.registry.enter(Stage::Refusing);
        self.registry.wait_deaf_until(start + linger).await;
        self.registry.enter(Stage::Lingering);
        self.registry.wait_empty_until(start + linger).await;
        self.registry.enter(Stage::Closing);
        self.registry.wait_empty_until(start + budget).await;
        Drained { cut: self.registry.len() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.registry.enter(Stage::Cut);
    }
}

/// Starts a server on the host's tasks. `connect` is asked once for each connection, and answers
/// with the function that answers its requests. `refused` counts the connections over the bound.
/// With `tls` clients must speak it.
pub(crate) fn start<Connect, Answer, Reply, Content>(
    listener: TcpListener,
    limits: ServerLimits,
    host: HostHandle,
    refused: Option<Arc<Counter>>,
    tls: Option<Arc<Tls>>,
    connect: Connect,
) -> Result<Server, ServeError>
where
    Connect: Fn(SocketAddr) -> Answer + Send + Sync + 'static,
    Answer: Fn(Request<Incoming>) -> Reply + Send + Sync + 'static,
    Reply: Future<Output = Result<Response<Content>, Infallible>> + Send + 'static,
    Content: Body + Send + 'static,
    Content::Data: Send,
    Content::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let address = listener.local_addr()?;
    let registry = Arc::new(Registry::new(host, limits));
    let task = listener::accept_all(listener, Arc::clone(&registry), refused, tls, connect);
    registry.host.tasks().spawn("http-accept", Box::pin(task));
    Ok(Server { registry, address })
}

/// The bytes of a connection that speaks another protocol now, and those that came with its upgrade.
pub(crate) fn take_socket(
    upgraded: Upgraded,
) -> Option<(impl AsyncRead + AsyncWrite + Unpin + Send, Vec<u8>)> {
    let parts = upgraded.downcast::<TokioIo<Socket>>().ok()?;
    // A copy, for the original is a part of the whole read buffer of HTTP.
    Some((parts.io.into_inner(), parts.read_buf.to_vec()))
}

impl Server {
    /// Counts the open connections, for a gauge.
    pub(crate) fn connection_count(&self) -> impl Fn() -> f64 + Send + Sync + 'static {
        let registry = Arc::clone(&self.registry);
        move || registry.len() as f64
    }
}
