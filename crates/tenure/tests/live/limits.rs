use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::node::{Node, wait_until};
use crate::socket::{Socket, event, events};
use crate::stream::Stream;
use crate::tokens::{self, SECRET};

#[test]
fn topics_sessions_and_presence_are_bounded() {
    let node = Node::start(&[
        ("TENURE_SESSIONS__TOPICS_MAX", "2"),
        ("TENURE_SESSIONS__CLIENTS_MAX", "2"),
        ("TENURE_SESSIONS__PRESENCE_MAX", "1"),
    ]);
    let (mut a, mut b) = (Socket::connected(&node), Socket::connected(&node));
    for topic in ["through:a", "through:b"] {
        a.subscribe(topic);
        b.subscribe(topic);
    }
    let refused = a.ask("subscribe", &json!({ "channel": "through:c" }));
    assert_eq!(refused["error"]["code"], 106, "{refused}");
    a.ask("unsubscribe", &json!({ "channel": "through:b" }));
    a.subscribe("through:c");
    let here = a.ask("presence", &json!({ "channel": "through:a" }))["presence"].clone();
    assert_eq!(here["presence"].as_object().map(serde_json::Map::len), Some(1), "{here}");
    let count = a.ask("presence_stats", &json!({ "channel": "through:a" }));
    assert_eq!(count["presence_stats"]["num_clients"], 2, "{count}");

    let third = Socket::open_with(&node, &[]).err().expect("it is refused");
    assert_eq!(
        (third.status().as_u16(), third.headers()["retry-after"].as_bytes()),
        (503, &b"1"[..])
    );
    let (status, told) = Stream::try_open(&node, "GET /v1/room/a/events").err().expect("none");
    assert!(status == 503 && told.contains("retry-after: 1"), "{told}");
    drop(b);
    wait_until("room for another", || Socket::open_with(&node, &[]).is_ok());
    a.is_well();
}

#[test]
fn one_user_has_so_many_sessions_and_commands() {
    let node = Node::start(&[
        ("TENURE_AUTH__JWT_SECRET", SECRET),
        ("TENURE_SESSIONS__CLIENTS_OF_USER_MAX", "2"),
        ("TENURE_SESSIONS__USER_COMMANDS_PER_SECOND", "1"),
        ("TENURE_SESSIONS__USER_COMMANDS_BURST", "20"),
    ]);
    let alice = tokens::of("alice", 600);
    let mut first = Socket::connected_as(&node, &alice);
    let mut second = Socket::connected_as(&node, &alice);
    let mut bob = Socket::connected_as(&node, &tokens::of("bob", 600));
    let mut third = Socket::open(&node);
    third.send("connect", &json!({ "token": alice }));
    assert_eq!(third.end(), 3504);
    let head = format!("GET /v1/room/a/events\nauthorization: Bearer {alice}");
    let (status, told) = Stream::try_open(&node, &head).err().expect("it is refused");
    assert!(status == 429 && told.contains("retry-after"), "{status} {told}");

    let mut refused = 0;
    for _ in 0..15 {
        for socket in [&mut first, &mut second] {
            let reply = socket.ask("ping", &json!({}));
            let error = &reply["error"];
            if error.is_object() {
                assert_eq!((&error["code"], &error["temporary"]), (&json!(111), &json!(true)));
                refused += 1;
            }
        }
    }
    assert!((1..=15).contains(&refused), "{refused} of 30 with a burst of 20");
    bob.is_well();
}

#[test]
fn a_socket_that_floods_is_told_and_then_closed() {
    let node = Node::start(&[
        ("TENURE_SESSIONS__COMMANDS_PER_SECOND", "1"),
        ("TENURE_SESSIONS__COMMANDS_BURST", "5"),
    ]);
    let mut other = Socket::connected(&node);
    let mut floods = Socket::connected(&node);
    for _ in 0..4 {
        floods.is_well();
    }
    let refused = floods.ask("rpc", &json!({ "method": "through/a/open", "data": 1 }));
    assert_eq!(refused["error"]["code"], 111, "{refused}");
    let line = "{\"id\":9,\"ping\":{}}\n";
    for _ in 0..11 {
        floods.text(&line.repeat(100));
    }
    assert_eq!(floods.end(), 3013);
    other.is_well();
}

#[test]
fn a_message_that_is_too_large_ends_its_socket_and_nothing_else() {
    let node = Node::start(&[("TENURE_SESSIONS__MESSAGE_BYTES_MAX", "10KiB")]);
    let mut other = Socket::connected(&node);
    for size in [10 * 1024 + 1, 8 * 1024 * 1024] {
        let mut large = Socket::connected(&node);
        large.message(Message::text("x".repeat(size)));
        assert_eq!(large.end(), 1009, "{size}");
    }
    // In parts that are small.
    let mut parts = Socket::connected(&node);
    parts.raw(&masked(0x01, &[b'x'; 100]));
    for _ in 0..200 {
        parts.raw(&masked(0x00, &[b'x'; 100]));
    }
    assert_eq!(parts.end(), 1009);
    other.is_well();
}

/// A frame as clients send it, with a mask of zeros.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("a short frame");
    assert!(length < 126, "a short frame");
    [&[first, 0x80 | length, 0, 0, 0, 0], payload].concat()
}

#[test]
fn who_reads_slowly_is_told_to_come_back_and_misses_nothing() {
    const EVENTS: u64 = 900;
    let node = Node::start(&[("TENURE_SESSIONS__OUTBOX_MESSAGES_MAX", "20")]);
    let mut slow = Socket::connected(&node);
    let began = slow.subscribe("through:a");
    let mut other = Socket::connected(&node);
    other.subscribe("through:b");
    for _ in 0..EVENTS / 10 {
        node.say_at_length("through/a", 10, 16 * 1024);
    }
    let mut seen = 0;
    let code = loop {
        match slow.read() {
            Ok(said) => {
                assert_eq!(event(&said["push"]["pub"]), (seen + 1, seen + 1));
                seen += 1;
            }
            Err((code, _)) => break code,
        }
    };
    assert!(code == 3008 && seen < EVENTS, "{code} after {seen}");
    follow_to(&node, "through:a", &began["epoch"], seen, EVENTS);
    node.say("through/b", 1);
    assert_eq!(other.event("through:b"), (1, 1));
}

#[test]
fn a_long_journal_is_followed_in_pieces_if_need_be() {
    const EVENTS: u64 = 5_000;
    let node = Node::start(&[("TENURE_SESSIONS__OUTBOX_MESSAGES_MAX", "100")]);
    let mut socket = Socket::connected(&node);
    let epoch = socket.subscribe("sourced:a")["epoch"].clone();
    drop(socket);
    for _ in 0..5 {
        node.say("sourced/a", EVENTS / 5);
    }
    follow_to(&node, "sourced:a", &epoch, 0, EVENTS);
}

/// Follows a topic to an event, with as many sockets as it needs: each goes on where the last one was.
fn follow_to(node: &Node, topic: &str, epoch: &Value, mut seen: u64, last: u64) {
    let mut sockets = 0;
    while seen < last {
        sockets += 1;
        assert!(sockets <= 100, "it does not get on: {seen}");
        let mut socket = Socket::connected(node);
        let reply = socket.resume(topic, epoch, seen);
        assert_eq!(reply["recovered"], true);
        for (at, n) in events(&reply) {
            assert_eq!((at, n), (seen + 1, seen + 1));
            seen += 1;
        }
        while seen < last {
            let Ok(said) = socket.read() else { break };
            let (at, n) = event(&said["push"]["pub"]);
            assert_eq!((at, n), (seen + 1, seen + 1));
            seen += 1;
        }
    }
}

#[test]
fn who_says_nothing_is_closed_in_time() {
    let node = Node::start(&[
        ("TENURE_SESSIONS__PING_PERIOD", "100ms"),
        ("TENURE_SESSIONS__PONG_TIMEOUT", "300ms"),
    ]);
    assert_eq!(Socket::open(&node).end(), 3502);
    let mut mute = Socket::connected(&node);
    mute.answers = false;
    assert_eq!(mute.end(), 3012);
    assert!(mute.pings >= 2, "pings go on meanwhile, and give no more time");
    let mut other = Socket::connected(&node);
    other.until_pings(8);
    other.is_well();
}

#[test]
fn commands_in_flight_are_bounded_and_do_not_pass_for_silence() {
    const COMMANDS: u32 = 40;
    let node = Node::start(&[
        ("TENURE_SESSIONS__PING_PERIOD", "100ms"),
        ("TENURE_SESSIONS__PONG_TIMEOUT", "300ms"),
    ]);
    let mut busy = Socket::connected(&node);
    for n in 0..COMMANDS {
        busy.send("rpc", &json!({ "method": format!("through/k{n}/wait") }));
    }
    // It answers every ping, behind commands that are not read yet.
    busy.until_pings(8);
    node.open_gate(COMMANDS as usize);
    let mut replies = 0;
    while replies < COMMANDS {
        let said = busy.read().expect("it stays open");
        assert!(said["rpc"].is_object(), "{said}");
        replies += 1;
    }
    busy.is_well();
}
