//! Stopping.

use std::net::TcpStream;
use std::time::Duration;

use tenure_gateway::{Drained, GatewayConfig, ServerLimits};

use crate::world::{PATIENCE, World, get, post, wait_until};

fn no_linger() -> GatewayConfig {
    let server = ServerLimits { drain_linger: Duration::ZERO, ..ServerLimits::default() };
    GatewayConfig { server, ..GatewayConfig::default() }
}

#[test]
fn a_drain_lets_requests_end() {
    let mut world = World::with(no_linger());
    let mut busy = world.client();
    busy.write(post("/v1/counter/busy/add", "5").as_bytes());
    let mut idle = world.client();
    idle.ask(&get("/v1/counter/42/get"));
    wait_until("the call is in the mailbox", || world.host.waiting() == 1);
    let drained = world.drain(PATIENCE);
    assert!(idle.is_closed());
    wait_until("nothing is accepted", || TcpStream::connect(world.address).is_err());
    world.host.release();
    let reply = busy.response();
    assert_eq!((reply.body.as_str(), reply.header("connection")), ("5", Some("close")));
    assert!(busy.is_closed());
    assert_eq!(drained.recv_timeout(PATIENCE).unwrap(), Drained { cut: 0 });
}

#[test]
fn a_drain_ends_with_its_budget() {
    let mut world = World::with(no_linger());
    let mut busy = world.client();
    busy.write(post("/v1/counter/busy/add", "5").as_bytes());
    wait_until("the call is in the mailbox", || world.host.waiting() == 1);
    let drained = world.drain(Duration::from_millis(50));
    assert_eq!(drained.recv_timeout(PATIENCE).unwrap(), Drained { cut: 1 });
    assert!(busy.is_closed());
    wait_until("the call is taken back", || world.host.waiting() == 0);
}

#[test]
fn clients_that_go_on_asking_are_told_to_close_and_meet_no_closed_socket() {
    let server = ServerLimits { drain_linger: PATIENCE, ..ServerLimits::default() };
    let mut world = World::with(GatewayConfig { server, ..GatewayConfig::default() });
    let mut client = world.client();
    let drained = std::cell::OnceCell::new();
    for expected in 1.. {
        let reply = client.ask(&post("/v1/counter/42/add", "1"));
        assert_eq!(reply.body, expected.to_string());
        if reply.header("connection") == Some("close") {
            break;
        }
        drained.get_or_init(|| world.drain(PATIENCE));
    }
    assert!(client.is_closed());
    drop(client);
    let drained = drained.into_inner().unwrap();
    assert_eq!(drained.recv_timeout(PATIENCE).unwrap(), Drained { cut: 0 });
}

#[test]
fn dropping_the_server_closes_everything() {
    let mut world = World::new();
    let mut busy = world.client();
    busy.write(post("/v1/counter/busy/add", "5").as_bytes());
    wait_until("the call is in the mailbox", || world.host.waiting() == 1);
    drop(world.server.take());
    assert!(busy.is_closed());
    wait_until("nothing is accepted", || TcpStream::connect(world.address).is_err());
}
