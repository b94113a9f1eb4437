//! An echo on the driver of sockets, for `cargo xtask clients`: what it is told, it says.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "it is a program of its own, with real time and tasks"
)]

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use tenure_actor::host::{Host, HostHandle, PendingCall, QueuedCall, Started, TimerKey};
use tenure_actor::{CallId, Target};
use tenure_types::{BoxFuture, CallError, Clock, Instant, Tasks};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::socket::drive;
use super::speaker::Speaker;
use crate::session::{Client, Close, Item, SessionConfig};

/// The largest message of the cases that are run.
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// What stands before a text and a binary message while it waits.
const TEXT: u8 = b't';
const BINARY: u8 = b'b';

struct Echo {
    client: Arc<Client>,
    host: HostHandle,
    config: SessionConfig,
}

impl Speaker for Echo {
    fn client(&self) -> &Arc<Client> {
        &self.client
    }

    fn host(&self) -> &HostHandle {
        &self.host
    }

    fn config(&self) -> &SessionConfig {
        &self.config
    }

    fn is_connected(&self) -> bool {
        true
    }

    fn expires_at(&self) -> Option<Instant> {
        None
    }

    fn receive(self: &Arc<Self>, message: &Message) -> Result<Vec<BoxFuture<'static, ()>>, Close> {
        let (kind, bytes) = match message {
            Message::Text(text) => (TEXT, text.as_bytes()),
            Message::Binary(bytes) => (BINARY, &bytes[..]),
            _ => return Ok(Vec::new()),
        };
        let mut item = BytesMut::with_capacity(bytes.len() + 1);
        item.put_u8(kind);
        item.put_slice(bytes);
        self.client.push(Item::Text(item.freeze()));
        Ok(Vec::new())
    }

    fn ping(&self) {}

    fn write(item: &Item) -> Message {
        let Item::Text(item) = item else { unreachable!("an echo follows nobody") };
        let said = item.slice(1..);
        match item[0] {
            TEXT => Message::Text(said.try_into().expect("it came as a text")),
            _ => Message::Binary(said),
        }
    }

    fn ended(&self) {}
}

/// Real time, and tasks of tokio; there are no actors.
struct NoActors(std::time::Instant);

impl Host for NoActors {
    fn start(&self, _: &Target, _: &mut dyn PendingCall) -> Started {
        unreachable!("nobody is called")
    }

    fn start_at(&self, _: Instant, _: Target, _: Arc<dyn QueuedCall>) -> Result<(), CallError> {
        unreachable!("nobody is called")
    }

    fn clock(&self) -> &dyn Clock {
        self
    }

    fn tasks(&self) -> &dyn Tasks {
        self
    }

    fn call_id(&self) -> CallId {
        CallId(1)
    }

    fn deadline_default(&self) -> Duration {
        Duration::from_secs(30)
    }

    fn wake_at(&self, at: Instant, waker: Waker) -> TimerKey {
        let rings = self.sleep_until(at);
        self.spawn(
            "timer",
            Box::pin(async move {
                rings.await;
                waker.wake();
            }),
        );
        TimerKey { index: 0, generation: 0 }
    }

    fn forget(&self, _: TimerKey) {}
}

impl Clock for NoActors {
    fn now(&self) -> Instant {
        Instant::ZERO + Duration::from_secs(3_600) + self.0.elapsed()
    }

    fn coarse(&self) -> Instant {
        self.now()
    }

    fn unix_ms(&self) -> u64 {
        0
    }
}

impl Tasks for NoActors {
    fn spawn(&self, _: &'static str, task: BoxFuture<'static, ()>) {
        tokio::spawn(task);
    }

    fn sleep_until(&self, at: Instant) -> BoxFuture<'static, ()> {
        let after = at.saturating_since(self.now());
        Box::pin(async move {
            let _ = tokio::time::timeout(after, std::future::pending::<()>()).await;
        })
    }

    fn is_worker(&self) -> bool {
        true
    }

    fn poll_share(&self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

/// Answers an upgrade that is taken on trust, and gives what came after it.
async fn shake_hands(stream: &mut TcpStream) -> Option<Bytes> {
    let mut read = BytesMut::new();
    let end = loop {
        if let Some(at) = read.windows(4).position(|it| it == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    };
    let rest = read.split_off(end).freeze();
    let head = String::from_utf8_lossy(&read).into_owned();
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.trim())
    })?;
    let accept = derive_accept_key(key.as_bytes());
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-accept: {accept}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.ok()?;
    Some(rest)
}

async fn echo(io: impl AsyncRead + AsyncWrite + Unpin + Send, read: Vec<u8>, host: HostHandle) {
    let config = SessionConfig {
        message_bytes_max: MESSAGE_BYTES_MAX,
        outbox_bytes_max: 4 * MESSAGE_BYTES_MAX,
        ..SessionConfig::default()
    };
    let began = host.clock().now();
    let remote = ([127, 0, 0, 1], 0).into();
    let client = Arc::new(Client::new(String::new(), remote, "echo", began, config.outbox()));
    drive(io, read, Arc::new(Echo { client, host, config })).await;
}

/// Not a test: serves until its standard input ends.
#[test]
#[ignore = "cargo xtask clients runs it"]
fn serve() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let host = HostHandle::new(Arc::new(NoActors(std::time::Instant::now())));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // As a program that serves actors says it.
        let address = listener.local_addr().unwrap();
        println!("\nready: calls on http://{address}, admin on nothing");
        let mut end = Box::pin(tokio::task::spawn_blocking(|| {
            let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        }));
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = &mut end => return,
            };
            let (mut stream, _) = accepted.unwrap();
            let host = host.fork();
            tokio::spawn(async move {
                let Some(read) = shake_hands(&mut stream).await else { return };
                echo(stream, read.to_vec(), host).await;
            });
        }
    });
}
