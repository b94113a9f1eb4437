//! How many requests a second the gateway answers, beside a bare axum handler over a map that
//! does the same work.
//!
//! `cargo run --release -p tenure-gateway --example http_ratio -- [ms a round] [server threads] [full]`.
//! Both servers run in this process, one after the other, round by round; the load comes from one
//! thread with 64 keep-alive connections, each waiting for its answer before it asks again. With `full`
//! the gateway also asks for an API key, answers a page of another site, and writes an access log, to
//! nowhere.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "a program that measures"
)]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::routing::post;
use axum::{Json, Router};
use parking_lot::Mutex;
use tenure_actor::ActorType;
use tenure_actor::host::HostHandle;
use tenure_gateway::{ApiKeys, Calls, Cors, Credentials, GatewayConfig, serve_calls};
use tenure_observe::Metrics;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

#[path = "../tests/gateway/world/counter.rs"]
mod counter;
#[path = "../tests/gateway/world/host.rs"]
mod host;

const CONNECTIONS: usize = 64;
/// The name by which the servers' threads are found again.
const SERVER_THREAD: &str = "server";
const API_KEY: &str = "0123456789abcdef";
const ORIGIN: &str = "https://app.example";
const KEYS: usize = 10_000;
const ROUNDS: usize = 21;

type Map = Arc<Vec<Mutex<HashMap<String, i64>>>>;

async fn add(
    State(map): State<Map>,
    Path((key, _method)): Path<(String, String)>,
    Json(by): Json<i64>,
) -> Json<i64> {
    let shard = tenure_types::actor_hash("counter", &key) as usize % map.len();
    let mut states = map[shard].lock();
    let value = states.entry(key).or_default();
    *value += by;
    Json(*value)
}

fn main() {
    let is_full = std::env::args().any(|text| text == "full");
    let mut arguments = std::env::args()
        .skip(1)
        .filter(|text| text != "full")
        .map(|text| text.parse::<u64>().expect("a number"));
    let duration = Duration::from_millis(arguments.next().unwrap_or(500));
    let threads = arguments.next().unwrap_or(1) as usize;
    let servers = Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name(SERVER_THREAD)
        .enable_all()
        .build()
        .unwrap();
    let bare = start_bare(&servers);
    let (gateway, _server) = start_gateway(&servers, is_full);
    let load = Builder::new_current_thread().enable_all().build().unwrap();
    // The first round warms up.
    let (_, _) = (measure(&load, bare, duration), measure(&load, gateway, duration));
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push((measure(&load, bare, duration), measure(&load, gateway, duration)));
    }
    let over = |what: &dyn Fn(&(Measured, Measured)) -> f64| {
        let mut values: Vec<_> = rounds.iter().map(what).collect();
        values.sort_unstable_by(f64::total_cmp);
        [values[ROUNDS / 4], values[ROUNDS / 2], values[ROUNDS * 3 / 4]]
    };
    println!("medians of {ROUNDS} rounds of {duration:?}, {threads} server threads");
    let [_, rate, _] = over(&|(bare, _)| bare.rate);
    let [_, cpu, _] = over(&|(bare, _)| bare.cpu_us);
    println!("axum:    {rate:.0} requests/s, {cpu:.2} us of server CPU each");
    let [_, rate, _] = over(&|(_, gateway)| gateway.rate);
    let [_, cpu, _] = over(&|(_, gateway)| gateway.cpu_us);
    println!("gateway: {rate:.0} requests/s, {cpu:.2} us of server CPU each");
    let [low, middle, high] = over(&|(bare, gateway)| gateway.rate / bare.rate);
    println!("ratio of rates {middle:.2} (middle half of the rounds: {low:.2} to {high:.2})");
    let [low, middle, high] = over(&|(bare, gateway)| bare.cpu_us / gateway.cpu_us);
    println!("ratio of CPU   {middle:.2} (middle half of the rounds: {low:.2} to {high:.2})");
}

fn start_bare(runtime: &Runtime) -> SocketAddr {
    let map: Map = Arc::new((0..64).map(|_| Mutex::default()).collect());
    let router = Router::new().route("/v1/counter/{key}/{method}", post(add)).with_state(map);
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serve = axum::serve(
            axum::serve::ListenerExt::tap_io(listener, |stream| {
                stream.set_nodelay(true).unwrap();
            }),
            router,
        );
        tokio::spawn(async move { serve.await });
        address
    })
}

fn start_gateway(runtime: &Runtime, is_full: bool) -> (SocketAddr, tenure_gateway::Gateway) {
    let mut config = GatewayConfig::default();
    let mut credentials = None;
    if is_full {
        config.access_log = true;
        config.cors = Cors::new(vec![ORIGIN.into()], false).unwrap();
        let keys = ApiKeys::parse(&format!("bench {API_KEY}")).unwrap();
        credentials = Some(Arc::new(Credentials::new(keys, None)));
        tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::sink).init();
    }
    let host = Arc::new(host::MapHost::new(runtime.handle().clone()));
    let calls = Calls {
        host: HostHandle::new(host),
        types: vec![ActorType::of::<counter::Counter>().unwrap()],
        metrics: Arc::new(Metrics::new()),
        node: "n1".into(),
        publications: None,
        authorise: None,
        credentials,
        tls: None,
        openapi: None,
        tracer: None,
        pages: Vec::new(),
        feeds: None,
    };
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = serve_calls(listener, config, calls).unwrap();
        (server.address(), server)
    })
}

struct Measured {
    /// Requests a second.
    rate: f64,
    /// CPU time of the server threads for each request.
    cpu_us: f64,
}

fn measure(load: &Runtime, address: SocketAddr, duration: Duration) -> Measured {
    let (answered, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    load.block_on(async {
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|index| {
                tokio::spawn(client(address, index, Arc::clone(&answered), Arc::clone(&stop)))
            })
            .collect();
        let (start, cpu) = (Instant::now(), server_cpu());
        tokio::time::sleep(duration).await;
        stop.store(true, Ordering::Relaxed);
        let count = answered.load(Ordering::Relaxed) as f64;
        let rate = count / start.elapsed().as_secs_f64();
        let cpu_us = (server_cpu() - cpu).as_secs_f64() * 1e6 / count;
        for client in clients {
            client.await.unwrap();
        }
        Measured { rate, cpu_us }
    })
}

async fn client(
    address: SocketAddr,
    index: usize,
    answered: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut buffer = [0; 1024];
    let mut key = index;
    while !stop.load(Ordering::Relaxed) {
        key = (key * 31 + 7) % KEYS;
        let request = format!(
            "POST /v1/counter/{key}/add HTTP/1.1\r\nhost: 127.0.0.1:7070\r\n\
             user-agent: http_ratio\r\naccept: */*\r\ncontent-type: application/json\r\n\
             x-api-key: {API_KEY}\r\norigin: {ORIGIN}\r\ncontent-length: 1\r\n\r\n1"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut length = 0;
        // Both servers write a whole response at once; it ends with the body's digits.
        loop {
            length += stream.read(&mut buffer[length..]).await.unwrap();
            let text = &buffer[..length];
            assert!(text.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(text));
            let head = text.windows(4).position(|window| window == b"\r\n\r\n");
            if head.is_some_and(|head| length > head + 4) {
                break;
            }
        }
        answered.fetch_add(1, Ordering::Relaxed);
    }
}

/// CPU time of all server threads so far, as Linux counts it.
fn server_cpu() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let nanos = tasks.map(|task| task.unwrap().path()).filter_map(|task| {
        let name = std::fs::read_to_string(task.join("comm")).ok()?;
        let schedule = std::fs::read_to_string(task.join("schedstat")).ok()?;
        let running = schedule.split(' ').next()?.parse::<u64>().ok()?;
        (name.trim() == SERVER_THREAD).then_some(running)
    });
    Duration::from_nanos(nanos.sum())
}
