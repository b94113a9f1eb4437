//! A network between the engine and its server that does what a test says.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::support::until;

/// Who sent the bytes that a fault counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    Client,
    Server,
}

/// What happens to a connection that commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It ends in order, for both.
    Cut,
    /// It is reset, for both.
    Reset,
    /// What follows stays in the network until it is delivered.
    Hold,
}

/// A network in front of one server. Its faults meet connections that commit, the others pass.
#[derive(Clone)]
pub(super) struct Proxy {
    pub(super) port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    armed: Option<(From, usize, Fault)>,
    /// How many faults happened.
    hits: usize,
    /// How many bytes of the client passed.
    passed: usize,
    /// Whether something lies in the network now, and how much of it.
    held: Option<usize>,
    /// How many held bytes may go on.
    released: usize,
    /// How often clients of connections that were there lost them.
    abandoned: usize,
    delay: Duration,
}

impl Proxy {
    /// In front of a server on this machine.
    pub(super) async fn start(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let shared = Arc::<Shared>::default();
        let proxy = Self { port, shared: Arc::clone(&shared) };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(connection(Arc::clone(&shared), client, server));
            }
        });
        proxy
    }

    /// After exactly `after` more bytes from there the fault happens, once.
    pub(super) fn arm(&self, from: From, after: usize, fault: Fault) {
        self.shared.state.lock().armed = Some((from, after, fault));
    }

    /// Takes back what was armed.
    pub(super) fn disarm(&self) {
        self.shared.state.lock().armed = None;
    }

    /// How many faults happened.
    pub(super) fn hits(&self) -> usize {
        self.shared.state.lock().hits
    }

    /// How many bytes of connections that commit went from their clients to the server.
    pub(super) fn passed(&self) -> usize {
        self.shared.state.lock().passed
    }

    /// Waits until something is held.
    pub(super) async fn holds(&self) {
        until("something is held", || self.shared.state.lock().held.is_some()).await;
    }

    /// The client of what is held finds its connection ended; the server does not.
    pub(super) fn abandon(&self) {
        self.shared.state.lock().abandoned += 1;
        self.shared.changed.notify_waiters();
    }

    /// Delivers this many of the bytes that are held, and waits until it is done or the server has
    /// ended the connection.
    pub(super) async fn deliver(&self, bytes: usize) {
        self.shared.state.lock().released = bytes;
        self.shared.changed.notify_waiters();
        until("it is delivered", || self.shared.state.lock().released == 0).await;
    }

    /// How many bytes are held.
    pub(super) fn held(&self) -> usize {
        self.shared.state.lock().held.unwrap_or(0)
    }

    /// Every piece takes this long from now on, both ways.
    pub(super) fn delay(&self, delay: Duration) {
        self.shared.state.lock().delay = delay;
    }
}

/// How a connection ends.
enum End {
    Order,
    Reset,
}

async fn connection(shared: Arc<Shared>, mut client: TcpStream, server: u16) {
    let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    // The first message names the connection.
    let mut hello = vec![0; 4_096];
    let Ok(length) = client.read(&mut hello).await else { return };
    let is_lane = hello[..length].windows(6).any(|part| part == b" lane ");
    if server.write_all(&hello[..length]).await.is_err() {
        return;
    }
    if !is_lane {
        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
        return;
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let before = shared.state.lock().abandoned;
    let end = tokio::select! {
        end = forth(&shared, from_client, &to_server, before) => end,
        end = back(&shared, from_server, to_client, before) => end,
    };
    {
        let mut state = shared.state.lock();
        (state.held, state.released) = (None, 0);
    }
    if matches!(end, Some(End::Reset)) {
        let _ = to_server.as_ref().set_zero_linger();
    }
}

impl Shared {
    /// How many of these bytes go on, and what happens then. What is held waits for a byte to hold.
    fn way(&self, from: From, bytes: usize) -> (usize, Option<Fault>) {
        let mut state = self.state.lock();
        let Some((armed, left, fault)) = &mut state.armed else { return (bytes, None) };
        if *armed != from {
            return (bytes, None);
        }
        let (passed, fault) = (bytes.min(*left), *fault);
        *left -= passed;
        if *left > 0 || (fault == Fault::Hold && passed == bytes) {
            return (passed, None);
        }
        state.armed = None;
        state.hits += 1;
        (passed, Some(fault))
    }
}

async fn forth(
    shared: &Shared,
    mut from: OwnedReadHalf,
    to: &OwnedWriteHalf,
    before: usize,
) -> Option<End> {
    let mut bytes = vec![0; 1 << 16];
    loop {
        let length = from.read(&mut bytes).await.ok().filter(|length| *length > 0)?;
        delay(shared).await;
        let (passed, fault) = shared.way(From::Client, length);
        write(to, &bytes[..passed]).await?;
        shared.state.lock().passed += passed;
        match fault {
            None => {}
            Some(Fault::Cut) => return Some(End::Order),
            Some(Fault::Reset) => return reset(from.as_ref()),
            Some(Fault::Hold) => {
                let first = bytes[passed..length].to_vec();
                from = hold(shared, from, first, to, before).await?;
            }
        }
    }
}

fn reset(client: &TcpStream) -> Option<End> {
    let _ = client.set_zero_linger();
    Some(End::Reset)
}

/// Keeps what has come, and what comes, until it is to be delivered.
async fn hold(
    shared: &Shared,
    from: OwnedReadHalf,
    mut held: Vec<u8>,
    to: &OwnedWriteHalf,
    before: usize,
) -> Option<OwnedReadHalf> {
    let mut more = vec![0; 1 << 16];
    let mut from = Some(from);
    while !held.is_empty() {
        let changed = shared.changed.notified();
        let released = {
            let mut state = shared.state.lock();
            state.held = Some(held.len());
            if state.abandoned > before {
                from = None;
            }
            state.released.min(held.len())
        };
        if released > 0 {
            write(to, &held[..released]).await?;
            held.drain(..released);
            let left = (!held.is_empty()).then_some(held.len());
            let mut state = shared.state.lock();
            (state.released, state.held) = (0, left);
            continue;
        }
        let read = async {
            match &mut from {
                Some(from) => from.read(&mut more).await.unwrap_or(0),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = changed => {}
            length = read => match length {
                // The client is gone; what it sent is still on its way.
                0 => from = None,
                length => held.extend_from_slice(&more[..length]),
            },
        }
    }
    match from {
        Some(from) => Some(from),
        // The server learns that the client is gone only when it has answered.
        None => std::future::pending().await,
    }
}

async fn back(
    shared: &Shared,
    mut from: OwnedReadHalf,
    to: OwnedWriteHalf,
    before: usize,
) -> Option<End> {
    let mut bytes = vec![0; 1 << 16];
    let mut to = Some(to);
    loop {
        let changed = shared.changed.notified();
        if shared.state.lock().abandoned > before
            && let Some(client) = to.take()
        {
            let _ = client.as_ref().set_zero_linger();
        }
        let length = tokio::select! {
            () = changed => continue,
            length = from.read(&mut bytes) => length.ok().filter(|length| *length > 0)?,
        };
        let Some(to) = &to else { continue };
        delay(shared).await;
        let (passed, fault) = shared.way(From::Server, length);
        write(to, &bytes[..passed]).await?;
        match fault {
            None => {}
            Some(Fault::Reset) => return reset(to.as_ref()),
            Some(Fault::Cut | Fault::Hold) => return Some(End::Order),
        }
    }
}

async fn write(to: &OwnedWriteHalf, mut bytes: &[u8]) -> Option<()> {
    while !bytes.is_empty() {
        to.writable().await.ok()?;
        match to.try_write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
    }
    Some(())
}

async fn delay(shared: &Shared) {
    let delay = shared.state.lock().delay;
    if !delay.is_zero() {
        let _ = tokio::time::timeout(delay, std::future::pending::<()>()).await;
    }
}
