use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::bounds::{MEMORY_BACKLOG_MAX, MEMORY_PIPE_BYTES};

/// A connection, of whatever it is made.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for T {}

pub(crate) type BoxStream = Box<dyn Stream>;

/// What connections are made of: TCP, or the memory of one process, for tests.
#[derive(Clone, Debug, Default)]
pub struct Network(Kind);

#[derive(Clone, Default)]
enum Kind {
    #[default]
    Tcp,
    Memory(Arc<Mutex<HashMap<String, mpsc::Sender<DuplexStream>>>>),
}

impl Network {
    /// TCP.
    #[must_use]
    pub fn tcp() -> Self {
        Self(Kind::Tcp)
    }

    /// A new network in memory. Transports that are given clones of it reach each other, by any text as
    /// an address. It does no I/O, so time passes in it only as tokio's clock does, which a test may
    /// pause: then it goes through minutes at once, and only the pauses before new attempts are drawn.
    #[must_use]
    pub fn memory() -> Self {
        Self(Kind::Memory(Arc::default()))
    }

    /// Connects to `address`. [`io::ErrorKind::ConnectionRefused`]: nobody listens there.
    pub(crate) async fn dial(&self, address: &str) -> io::Result<(BoxStream, Option<IpAddr>)> {
        match &self.0 {
            Kind::Tcp => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                let ip = stream.peer_addr()?.ip();
                Ok((Box::new(stream), Some(ip)))
            }
            Kind::Memory(listeners) => {
                let listener = listeners.lock().get(address).cloned();
                let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
                let (own, theirs) = duplex(MEMORY_PIPE_BYTES);
                listener.and_then(|it| it.try_send(theirs).ok()).ok_or_else(refused)?;
                Ok((Box::new(own), None))
            }
        }
    }

    /// Listens on `address`; with TCP, port 0 takes any.
    pub(crate) async fn listen(&self, address: &str) -> io::Result<Listener> {
        match &self.0 {
            Kind::Tcp => Ok(Listener::Tcp(TcpListener::bind(address).await?)),
            Kind::Memory(listeners) => {
                let mut listeners = listeners.lock();
                if listeners.get(address).is_some_and(|it| !it.is_closed()) {
                    return Err(io::ErrorKind::AddrInUse.into());
                }
                let (sender, accepted) = mpsc::channel(MEMORY_BACKLOG_MAX);
                listeners.insert(address.to_owned(), sender);
                Ok(Listener::Memory { address: address.to_owned(), accepted })
            }
        }
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Tcp => "Tcp",
            Kind::Memory(_) => "Memory",
        })
    }
}

/// Where connections come from.
pub(crate) enum Listener {
    Tcp(TcpListener),
    Memory { address: String, accepted: mpsc::Receiver<DuplexStream> },
}

impl Listener {
    /// The address to dial, with the port that was taken.
    pub(crate) fn address(&self) -> io::Result<String> {
        match self {
            Listener::Tcp(listener) => Ok(listener.local_addr()?.to_string()),
            Listener::Memory { address, .. } => Ok(address.clone()),
        }
    }

    /// Whether only this machine can connect.
    pub(crate) fn is_local(&self) -> io::Result<bool> {
        match self {
            Listener::Tcp(listener) => Ok(listener.local_addr()?.ip().is_loopback()),
            Listener::Memory { .. } => Ok(true),
        }
    }

    /// The next connection, and from where.
    ///
    /// # Cancel safety
    /// No connection is lost.
    pub(crate) async fn accept(&mut self) -> io::Result<(BoxStream, Option<SocketAddr>)> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok((Box::new(stream), Some(address)))
            }
            Listener::Memory { accepted, .. } => match accepted.recv().await {
                Some(stream) => Ok((Box::new(stream), None)),
                // The network forgets a listener only when another one takes its place.
                None => Err(io::ErrorKind::NotConnected.into()),
            },
        }
    }
}
