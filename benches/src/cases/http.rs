//! Calls over HTTP: our gateway, and a bare axum handler over a map that does the same work.
//!
//! Each server is a process of its own on the first core; the client has the last one.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use axum::extract::{Path as Parts, State};
use axum::routing::post;
use axum::{Json, Router};
use parking_lot::Mutex;

use super::actors::{Bell, Echo, Tally};
use super::http_client::Connection;
use super::plain::Shards;
use super::setting::{Setting, remove, spawn_on};
use crate::load;
use crate::machine;
use crate::report::Report;

const CONNECTIONS: usize = 64;
const KEYS: usize = 10_000;
const READY: &str = "ready: calls on http://";

/// Requests a second on 64 connections, each waiting for its answer before it asks again.
pub(crate) fn measure(system: &str, setting: &Setting) -> anyhow::Result<Report> {
    let folder = setting.folder.join("http");
    remove(&folder)?;
    let (_server, address) = Served::start(system, &folder)?;
    machine::pin_to_last_core()?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let mut done = load::run(CONNECTIONS, setting.span(), spawn_on(&runtime), |mut caller| {
        Box::pin(async move {
            let mut connection = Connection::open(address).await.expect("the server listens");
            while caller.goes_on() {
                let began = std::time::Instant::now();
                let key = caller.pick(KEYS);
                connection.add(key).await.expect("the server answers");
                caller.note(began);
            }
            caller.end();
        })
    });
    Ok(Report::of_load(&done).and_latencies(&mut done.latencies))
}

/// A server in a process of its own, which ends with this value.
pub(super) struct Served {
    process: Child,
    /// Kept open, so that the server may write more.
    lines: BufReader<ChildStdout>,
}

impl Served {
    pub(super) fn start(system: &str, folder: &Path) -> anyhow::Result<(Self, SocketAddr)> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["serve", system, "--folder"])
            .arg(folder)
            .stdout(Stdio::piped())
            .spawn()
            .context("could not start the server's process")?;
        let output = process.stdout.take();
        let mut server = Self { process, lines: BufReader::new(output.context("it is piped")?) };
        let address = server.read_address()?;
        Ok((server, address))
    }

    /// What the server holds in memory.
    pub(super) fn resident_bytes(&self) -> anyhow::Result<u64> {
        std::thread::sleep(std::time::Duration::from_millis(500));
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.process.id()))?;
        let pages = statm.split_ascii_whitespace().nth(1).context("no resident pages")?;
        Ok(pages.parse::<u64>()? * 4096)
    }

    fn read_address(&mut self) -> anyhow::Result<SocketAddr> {
        loop {
            let mut line = String::new();
            let length = self.lines.read_line(&mut line)?;
            ensure!(length > 0, "the server ended before it was ready");
            if let Some(rest) = line.strip_prefix(READY) {
                let address = rest.split([',', '\n']).next().unwrap_or_default();
                return address.parse().with_context(|| format!("no address: {line:?}"));
            }
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself; either way nothing of it is kept.
        let _: std::io::Result<()> = self.process.kill();
        let _: std::io::Result<_> = self.process.wait();
    }
}

/// Serves until it is killed.
pub(crate) fn serve(system: &str, folder: &Path) -> anyhow::Result<()> {
    machine::pin_to_first_core()?;
    match system {
        "tenure" => serve_tenure(folder),
        "axum" => serve_axum(),
        "axum-echo" => serve_axum_echo(),
        "bare-fan-out" => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(super::sockets::serve_bare_fan_out())
        }
        _ => bail!("there is no server `{system}`"),
    }
}

fn serve_tenure(folder: &Path) -> anyhow::Result<()> {
    let mut path = OsString::from("store.path=");
    path.push(folder);
    let plain = ["tenure-benches", "serve", "--set", "gateway.listen=127.0.0.1:0"];
    let plain = plain.into_iter().chain(["--set", "admin.listen=127.0.0.1:0", "--set"]);
    let arguments = plain.map(OsString::from).chain([path]);
    machine::allow_many_files()?;
    tenure::app().actor::<Tally>().actor::<Echo>().actor::<Bell>().run_with(arguments)?;
    Ok(())
}

/// Tells the case's process where a server listens.
pub(super) fn say_ready(at: SocketAddr) {
    println!("{READY}{at}");
}

/// The bare loop: each message comes back as it is.
fn serve_axum_echo() -> anyhow::Result<()> {
    use axum::extract::ws::{Message, WebSocketUpgrade};
    let upgrade = |upgrade: WebSocketUpgrade| async {
        upgrade.on_upgrade(|mut socket| async move {
            while let Some(Ok(message)) = socket.recv().await {
                if matches!(message, Message::Text(_)) && socket.send(message).await.is_err() {
                    return;
                }
            }
        })
    };
    let router = Router::new().route("/connection/websocket", axum::routing::get(upgrade));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        say_ready(listener.local_addr()?);
        let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
            stream.set_nodelay(true).expect("TCP");
        });
        axum::serve(listener, router).await?;
        Ok(())
    })
}

type Map = Arc<Shards<i64>>;

async fn add(
    State(map): State<Map>,
    Parts((key, _method)): Parts<(String, String)>,
    Json(by): Json<i64>,
) -> Json<i64> {
    let shard: &Mutex<HashMap<String, i64>> = map.of(&key);
    let mut states = shard.lock();
    let value = states.entry(key).or_default();
    *value += by;
    Json(*value)
}

fn serve_axum() -> anyhow::Result<()> {
    let map: Map = Arc::new(Shards::new());
    let router = Router::new().route("/v1/tally/{key}/{method}", post(add)).with_state(map);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("{READY}{}", listener.local_addr()?);
        let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
            stream.set_nodelay(true).expect("TCP");
        });
        axum::serve(listener, router).await?;
        Ok(())
    })
}
