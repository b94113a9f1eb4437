#![allow(warnings)]
use std::io::{Read, Write};
use std::sync::Arc;
#[path = "../tests/gateway/world/counter.rs"] mod counter;
#[path = "../tests/gateway/world/host.rs"] mod host;
use tenure_gateway::*;
fn main() {
    let rt = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let h = Arc::new(host::MapHost::new(rt.handle().clone()));
    let calls = Calls { host: tenure_actor::host::HostHandle::new(h), types: vec![tenure_actor::ActorType::of::<counter::Counter>().unwrap()], metrics: Default::default(), node: "n1".into(), authorise: None };
    let server = rt.block_on(async { let l = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap(); serve_calls(l, GatewayConfig::default(), calls).unwrap() });
    let rss = || tenure_observe::resident_bytes().unwrap();
    let b = rss();
    let n = 4000;
    let mut v: Vec<_> = (0..n).map(|_| std::net::TcpStream::connect(server.address()).unwrap()).collect();
    while server.connections() < n {}
    println!("open, no request: {} bytes each", (rss() - b) / n as u64);
    let mut buf = [0; 1024];
    for s in &mut v { s.write_all(b"POST /v1/counter/1/add HTTP/1.1\r\nhost: t\r\ncontent-length: 1\r\n\r\n5").unwrap(); s.read(&mut buf).unwrap(); }
    println!("idle after a request: {} bytes each", (rss() - b) / n as u64);
}
