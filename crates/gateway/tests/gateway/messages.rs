//! Messages, sent at once and later.

use std::time::Duration;

use tenure_actor::host::Host;
use tenure_gateway::GatewayConfig;

use crate::world::{World, get, post};

#[test]
fn a_message_is_accepted_and_delivered() {
    let world = World::new();
    let mut client = world.client();
    let reply = client.ask(&post("/v1/counter/42/add/send", "5"));
    assert_eq!((reply.status, reply.body.as_str()), (202, ""));
    assert_eq!(reply.header("content-type"), None);
    assert_eq!(client.ask(&get("/v1/counter/42/get")).body, "5");
    // It is in the mailbox although nobody waits for its turn.
    assert_eq!(client.ask(&post("/v1/counter/busy/add/send", "5")).status, 202);
    assert_eq!(world.host.waiting(), 1);
}

#[test]
fn a_delayed_message_is_accepted_and_kept_until_its_time() {
    let world = World::new();
    let mut client = world.client();
    let half_a_minute = Duration::from_secs(30);
    let before = world.host.clock().now() + half_a_minute;
    let reply = client.ask(&post("/v1/counter/42/add/send?delay=30s", "5"));
    let after = world.host.clock().now() + half_a_minute;
    assert_eq!((reply.status, reply.body.as_str()), (202, ""));
    assert_eq!(reply.header("content-type"), None);
    assert_eq!(reply.header("x-durability"), None, "nothing of it is stored");
    let due = world.host.due();
    assert!(due.len() == 1 && before <= due[0] && due[0] <= after, "{before:?} {due:?}");
    assert_eq!(client.ask(&get("/v1/counter/42/get")).body, "0");
    world.host.send_delayed();
    assert_eq!(client.ask(&get("/v1/counter/42/get")).body, "5");
}

#[test]
fn a_message_without_a_delay_is_sent_at_once() {
    let world = World::new();
    assert_eq!(world.ask(&post("/v1/counter/42/add/send?delay=0s", "5")).status, 202);
    assert_eq!(world.host.due(), []);
    assert_eq!(world.ask(&get("/v1/counter/42/get")).body, "5");
}

#[test]
fn a_delay_that_is_none_or_too_long_is_400() {
    let delay_max = Duration::from_secs(3_600);
    let world = World::with(GatewayConfig { delay_max, ..GatewayConfig::default() });
    assert_eq!(world.ask(&post("/v1/counter/42/add/send?delay=1h", "5")).status, 202);
    for (query, part) in [
        ("delay=3601s", "delayed by at most 3600s, this one by 3601s"),
        ("delay=soon", "as in 200ms, 30s or 5m; this one is \"soon\""),
        ("delay=1s&by=5", "this one has `by`"),
    ] {
        let reply = world.ask(&post(&format!("/v1/counter/42/add/send?{query}"), "5"));
        let detail = reply.problem(400, "bad_request");
        assert!(detail.contains(part), "{query}: {detail}");
        assert_eq!(reply.json()["outcome"], "not-executed");
    }
    let detail = world.ask(&post("/v1/counter/42/add?delay=1s", "5")).problem(400, "bad_request");
    assert!(detail.contains("belongs to POST ../send"), "{detail}");
    assert_eq!(world.host.due().len(), 1);
    let config = GatewayConfig::default();
    assert_eq!(config.delay_max, Duration::from_secs(86_400), "what the documentation says");
}

#[test]
fn what_is_wrong_with_a_delayed_message_is_told_at_once() {
    let world = World::new();
    let path = |key| format!("/v1/counter/{key}/add/send?delay=30s");
    world.ask(&post(&path("42"), "five")).problem(400, "bad_request");
    let reply = world.ask(&post(&path("crowded"), "5"));
    reply.problem(503, "overloaded");
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert_eq!(world.host.due(), []);
}
