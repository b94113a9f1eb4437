//! WebSockets: calls over many of them, many that lie idle, and one event for all.
//!
//! The server is a process of its own on the first core; the clients have the last one.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::served::{Served, say_ready};
use super::setting::{Setting, remove, spawn_on};
use crate::load;
use crate::machine;
use crate::report::{BYTES_EACH, P50_US, Report};

/// Sockets that are opened at a time.
const OPENING: usize = 64;
/// Events whose way to all is timed.
const EVENTS: usize = 21;

type Socket = WebSocketStream<TcpStream>;

async fn open(at: SocketAddr) -> anyhow::Result<Socket> {
    let stream = TcpStream::connect(at).await?;
    stream.set_nodelay(true)?;
    let config = WebSocketConfig::default().read_buffer_size(2_048).write_buffer_size(0);
    let url = format!("ws://{at}/connection/websocket");
    Ok(client_async_with_config(url, stream, Some(config)).await?.0)
}

/// Says something and gives the answer.
async fn ask(socket: &mut Socket, text: String) -> anyhow::Result<String> {
    socket.send(Message::text(text)).await?;
    loop {
        match socket.next().await.context("the socket ended")?? {
            // Pings of the protocol are answered by whoever waits for long; none here does.
            Message::Text(text) if text.as_str() == "{}" => {}
            Message::Text(text) => return Ok(text.to_string()),
            other => bail!("{other:?}"),
        }
    }
}

async fn connect(at: SocketAddr) -> anyhow::Result<Socket> {
    let mut socket = open(at).await?;
    let answer = ask(&mut socket, r#"{"id":1,"connect":{}}"#.to_owned()).await?;
    anyhow::ensure!(answer.contains("\"connect\""), "{answer}");
    Ok(socket)
}

async fn follow(at: SocketAddr, topic: String) -> anyhow::Result<Socket> {
    let mut socket = connect(at).await?;
    let wish = format!(r#"{{"id":2,"subscribe":{{"channel":"{topic}"}}}}"#);
    let answer = ask(&mut socket, wish).await?;
    anyhow::ensure!(answer.contains("\"epoch\""), "{answer}");
    Ok(socket)
}

async fn open_all<T, F: Future<Output = anyhow::Result<T>>>(
    count: usize,
    open: impl Fn(usize) -> F,
) -> anyhow::Result<Vec<T>> {
    let all = futures_util::stream::iter(0..count).map(open).buffer_unordered(OPENING);
    let all: Vec<_> = all.collect().await;
    all.into_iter().collect()
}

fn clients() -> anyhow::Result<tokio::runtime::Runtime> {
    machine::pin_to_last_core()?;
    machine::allow_many_files()?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(1).enable_all().build().context("no runtime")
}

/// Messages a second, each answered: by a live actor's method, or by a bare loop.
pub(crate) fn echo(system: &str, sockets: usize, setting: &Setting) -> anyhow::Result<Report> {
    let folder = setting.folder.join("sockets");
    remove(&folder)?;
    let (_server, at) = Served::start(system, &folder)?;
    let runtime = clients()?;
    let is_bare = system != "tenure";
    let mut done = load::run(sockets, setting.span(), spawn_on(&runtime), |mut caller| {
        Box::pin(async move {
            let opened = if is_bare { open(at).await } else { connect(at).await };
            let mut socket = opened.expect("the server listens");
            while caller.goes_on() {
                let began = Instant::now();
                let key = caller.pick(1_000);
                let text = format!(
                    r#"{{"id":{},"rpc":{{"method":"echo/k{key}/say","data":"hello there"}}}}"#,
                    caller.pick(1_000_000) + 1,
                );
                ask(&mut socket, text).await.expect("the server answers");
                caller.note(began);
            }
            caller.end();
        })
    });
    Ok(Report::of_load(&done).and_latencies(&mut done.latencies))
}

/// Bytes of the server for each socket that follows an actor of its own and lies idle.
pub(crate) fn idle(count: usize, setting: &Setting) -> anyhow::Result<Report> {
    let folder = setting.folder.join("sockets");
    remove(&folder)?;
    let (server, at) = Served::start("tenure", &folder)?;
    let runtime = clients()?;
    // What the first ones bring into being is not theirs.
    let first =
        runtime.block_on(open_all(100, |index| follow(at, format!("bell:first{index}"))))?;
    let before = server.resident_bytes()?;
    let sockets =
        runtime.block_on(open_all(count, |index| follow(at, format!("bell:k{index}"))))?;
    let after = server.resident_bytes()?;
    anyhow::ensure!(sockets.len() == count && first.len() == 100, "sockets are missing");
    Ok(Report::of(BYTES_EACH, after.saturating_sub(before) as f64 / count as f64))
}

/// How long one event takes to the last of those who follow, in microseconds.
pub(crate) fn fan_out(count: usize, setting: &Setting) -> anyhow::Result<Report> {
    let folder = setting.folder.join("sockets");
    remove(&folder)?;
    let (_server, at) = Served::start("tenure", &folder)?;
    let runtime = clients()?;
    runtime.block_on(async {
        let mut sockets = open_all(count, |_| follow(at, "bell:one".to_owned())).await?;
        let mut ringer = connect(at).await?;
        let mut took = Vec::new();
        for _ in 0..EVENTS {
            let began = Instant::now();
            ask(&mut ringer, r#"{"id":3,"rpc":{"method":"bell/one/ring"}}"#.to_owned()).await?;
            for socket in &mut sockets {
                loop {
                    let message = socket.next().await.context("the socket ended")??;
                    if message.to_text()?.contains("\"pub\"") {
                        break;
                    }
                }
            }
            took.push(u64::try_from(began.elapsed().as_nanos())?);
        }
        Ok(Report::default().and_latencies(&mut took))
    })
}

/// The same bytes from a loop that writes them to bare sockets, one after the other.
pub(crate) fn bare_fan_out(count: usize, setting: &Setting) -> anyhow::Result<Report> {
    let folder = setting.folder.join("sockets");
    let (_server, at) = Served::start("bare-fan-out", &folder)?;
    let runtime = clients()?;
    runtime.block_on(async {
        let listen = |_| async move {
            let mut stream = TcpStream::connect(at).await?;
            let mut known = [LISTENER];
            stream.write_all(&known).await?;
            stream.read_exact(&mut known).await?;
            Ok(stream)
        };
        let mut sockets = open_all(count, listen).await?;
        let mut ringer = TcpStream::connect(at).await?;
        let (mut took, mut event) = (Vec::new(), [0; EVENT.len()]);
        for _ in 0..EVENTS {
            let began = Instant::now();
            ringer.write_all(&[RINGER]).await?;
            for socket in &mut sockets {
                socket.read_exact(&mut event).await?;
            }
            took.push(u64::try_from(began.elapsed().as_nanos())?);
        }
        Ok(Report::default().and_latencies(&mut took))
    })
}

/// As long as an event of `bell` in its frame.
const EVENT: &[u8] = br#"..{"push":{"channel":"bell:one","pub":{"data":{"rung":12},"offset":12}}}"#;
/// What a socket says first: it listens, or it wants all who do to get [`EVENT`], now and whenever it
/// says so again.
const LISTENER: u8 = b'l';
const RINGER: u8 = b'r';

/// Serves [`bare_fan_out`].
pub(super) async fn serve_bare_fan_out() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    say_ready(listener.local_addr()?);
    let mut listeners: Vec<TcpStream> = Vec::new();
    loop {
        let (mut stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let mut said = [0];
        stream.read_exact(&mut said).await?;
        if said[0] == LISTENER {
            stream.write_all(&said).await?;
            listeners.push(stream);
            continue;
        }
        loop {
            for listener in &mut listeners {
                listener.write_all(EVENT).await?;
            }
            stream.read_exact(&mut said).await?;
        }
    }
}

/// The median is what is compared.
pub(crate) const FAN_OUT: &str = P50_US;
