//! Calls over HTTP: our gateway, and a bare axum handler over a map that does the same work.
//!
//! Each server is a process of its own on the first core; the client has the last one.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use anyhow::bail;
use axum::extract::{Path as Parts, State};
use axum::routing::post;
use axum::{Json, Router};
use parking_lot::Mutex;

use super::actors::{Bell, Echo, Tally};
use super::http_client::Connection;
use super::plain::Shards;
use super::served::{Served, say_ready};
use super::setting::{Setting, remove, spawn_on};
use crate::load;
use crate::machine;
use crate::report::Report;

const CONNECTIONS: usize = 64;
const KEYS: usize = 10_000;

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
        say_ready(listener.local_addr()?);
        let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
            stream.set_nodelay(true).expect("TCP");
        });
        axum::serve(listener, router).await?;
        Ok(())
    })
}
