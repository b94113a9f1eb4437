//! Bounds on size, time and number.

use std::time::Duration;

use tenure_gateway::{GatewayConfig, ServerLimits};

use crate::world::{World, get, post, wait_until};

fn server(server: ServerLimits) -> GatewayConfig {
    GatewayConfig { server, ..GatewayConfig::default() }
}

#[test]
fn a_body_over_the_bound_is_413_before_it_is_sent() {
    let world = World::with(GatewayConfig { body_bytes_max: 100, ..GatewayConfig::default() });
    let exact = format!("\"{}\"", "x".repeat(98));
    assert_eq!(world.ask(&post("/v1/counter/42/sum", &exact)).status, 200);
    let mut client = world.client();
    client.write(b"POST /v1/counter/42/sum HTTP/1.1\r\nhost: t\r\ncontent-length: 101\r\n\r\n");
    let reply = client.response();
    let detail = reply.problem(413, "too_large");
    assert_eq!(detail, "the body has 101 bytes, and at most 100 are accepted");
    assert_eq!(reply.header("connection"), Some("close"));
    client.write(&[b'x'; 101]);
    assert!(client.is_closed());
}

#[test]
fn a_body_over_the_bound_is_413_without_a_length_too() {
    let world = World::with(GatewayConfig { body_bytes_max: 100, ..GatewayConfig::default() });
    let mut client = world.client();
    client.write(
        b"POST /v1/counter/42/sum HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n",
    );
    for _ in 0..6 {
        if !client.try_write(b"14\r\nxxxxxxxxxxxxxxxxxxxx\r\n") {
            break;
        }
    }
    let detail = client.response().problem(413, "too_large");
    assert_eq!(detail, "the body has more than the 100 bytes that are accepted");
    assert!(client.is_closed());
}

#[test]
fn the_answer_arrives_although_a_large_body_is_on_its_way() {
    let world = World::with(GatewayConfig { body_bytes_max: 100, ..GatewayConfig::default() });
    let mut client = world.client();
    let body = "x".repeat(4_000_000);
    assert!(client.try_write(post("/v1/counter/42/sum", &body).as_bytes()));
    client.response().problem(413, "too_large");
}

#[test]
fn bodies_together_are_bounded() {
    let config = GatewayConfig { body_bytes_in_flight_max: 100_000, ..GatewayConfig::default() };
    let world = World::with(config);
    let mut slow = world.client();
    slow.write(b"POST /v1/counter/42/sum HTTP/1.1\r\nhost: t\r\ncontent-length: 90002\r\n\r\n\"");
    slow.write(&[b'x'; 60_000]);
    let body = format!("\"{}\"", "y".repeat(50_000));
    wait_until("the first body has been read as far as it goes", || {
        world.metrics.render().contains("tenure_http_body_bytes 60001.0\n")
    });
    let reply = world.ask(&post("/v1/counter/42/sum", &body));
    assert!(reply.problem(503, "overloaded").contains("bytes of bodies"));
    slow.write(&[b'x'; 30_000]);
    slow.write(b"\"");
    assert_eq!(slow.response().status, 200);
    assert_eq!(world.ask(&post("/v1/counter/42/sum", &body)).status, 200);
}

#[test]
fn a_slow_body_is_408() {
    let config =
        GatewayConfig { body_timeout: Duration::from_millis(100), ..GatewayConfig::default() };
    let world = World::with(config);
    let mut client = world.client();
    client.write(b"POST /v1/counter/42/add HTTP/1.1\r\nhost: t\r\ncontent-length: 10\r\n\r\n5");
    let reply = client.response();
    reply.problem(408, "request_timeout");
    assert_eq!(reply.header("connection"), Some("close"));
    client.finish();
    assert!(client.is_closed());
}

#[test]
fn a_body_that_breaks_off_is_no_call() {
    let world = World::new();
    let mut client = world.client();
    client.write(b"POST /v1/counter/42/add HTTP/1.1\r\nhost: t\r\ncontent-length: 2\r\n\r\n5");
    client.finish();
    client.rest();
    assert_eq!(world.ask(&get("/v1/counter/42/get")).body, "0");
}

#[test]
fn slow_heads_and_idle_connections_are_closed() {
    let limits = ServerLimits {
        head_timeout: Duration::from_millis(500),
        idle_timeout: Duration::from_millis(1_000),
        ..ServerLimits::default()
    };
    let world = World::with(server(limits));
    let mut silent = world.client();
    let mut slow = world.client();
    slow.write(b"POST /v1/counter/42/add HTTP/1.1\r\nho");
    let mut idle = world.client();
    assert_eq!(idle.ask(&post("/v1/counter/42/add", "5")).body, "5");
    let mut second = world.client();
    assert_eq!(second.ask(&post("/v1/counter/42/add", "5")).body, "10");
    second.write(b"POST /v1/counter/42/add HTTP/1.1\r\nho");
    for client in [&mut silent, &mut slow, &mut idle, &mut second] {
        assert!(client.is_closed());
    }
    wait_until("all are gone", || world.connections() == 0);
}

#[test]
fn a_trickling_head_is_closed_all_the_same() {
    let limits =
        ServerLimits { head_timeout: Duration::from_millis(100), ..ServerLimits::default() };
    let world = World::with(server(limits));
    let mut client = world.client();
    client.write(b"GET / HTTP/1.1\r\nx: ");
    wait_until("the connection is gone", || {
        let _ = client.try_write(b"x");
        world.connections() == 0
    });
}

#[test]
fn a_call_may_take_longer_than_a_connection_may_be_idle() {
    let limits = ServerLimits {
        head_timeout: Duration::from_millis(300),
        idle_timeout: Duration::from_millis(300),
        ..ServerLimits::default()
    };
    let world = World::with(server(limits));
    let mut client = world.client();
    client.write(post("/v1/counter/busy/add", "5").as_bytes());
    let mut other = world.client();
    assert!(other.is_closed(), "the time has passed for a connection that is idle");
    let mut other = world.client();
    assert!(other.is_closed(), "and passed again");
    world.host.release();
    assert_eq!(client.response().body, "5");
}

#[test]
fn a_head_over_the_bound_is_431() {
    let limits = ServerLimits { head_bytes_max: 2_048, ..ServerLimits::default() };
    let world = World::with(server(limits));
    let padded = |length: usize| {
        let padding = "x".repeat(length);
        format!("GET /v1/counter/42/get HTTP/1.1\r\nhost: t\r\nx: {padding}\r\n\r\n")
    };
    assert_eq!(world.ask(&padded(1_900)).status, 200);
    let mut client = world.client();
    client.try_write(padded(100_000).as_bytes());
    assert_eq!(client.response().status, 431);
    assert!(client.is_closed());
    let many = "a: b\r\n".repeat(101);
    let reply = world.ask(&format!("GET / HTTP/1.1\r\nhost: t\r\n{many}\r\n"));
    assert_eq!(reply.status, 431);
}

#[test]
fn connections_over_the_bound_are_told_so() {
    let limits = ServerLimits { connections_max: 2, ..ServerLimits::default() };
    let world = World::with(server(limits));
    let mut first = world.client();
    let mut second = world.client();
    first.ask(&get("/v1/counter/42/get"));
    second.ask(&get("/v1/counter/42/get"));
    let mut third = world.client();
    assert!(third.try_write(get("/v1/counter/42/get").as_bytes()));
    let reply = third.response();
    reply.problem(503, "overloaded");
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert!(third.is_closed());
    assert!(world.metrics.render().contains("tenure_http_connections_refused_total 1\n"));
    drop(first);
    wait_until("there is room again", || world.connections() < 2);
    assert_eq!(world.ask(&get("/v1/counter/42/get")).status, 200);
}

#[test]
fn requests_in_flight_are_bounded() {
    let world =
        World::with(GatewayConfig { requests_in_flight_max: 1, ..GatewayConfig::default() });
    let mut waiting = world.client();
    waiting.write(post("/v1/counter/busy/add", "5").as_bytes());
    wait_until("the call is in the mailbox", || world.host.waiting() == 1);
    let reply = world.ask(&get("/v1/counter/42/get"));
    assert!(reply.problem(503, "overloaded").contains("requests are in flight"));
    assert_eq!(reply.json()["retryable"], true);
    world.host.release();
    assert_eq!(waiting.response().body, "5");
    assert_eq!(world.ask(&get("/v1/counter/42/get")).status, 200);
}
