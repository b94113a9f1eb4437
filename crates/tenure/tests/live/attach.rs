use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::node::{Node, wait_until};
use crate::socket::{Socket, event, events};
use crate::stream::Stream;

fn here(node: &Node) -> u64 {
    node.get("/v1/room/a/here").as_u64().expect("a number")
}

#[test]
fn a_client_begins_with_what_the_actor_answers_or_is_refused() {
    let node = Node::start(&[]);
    let mut socket = Socket::connected(&node);
    node.say("room/a", 3);
    let began = socket.subscribe("room:a");
    assert_eq!(began["data"], json!({ "n": 3, "user": null, "role": null }));
    assert_eq!(began["offset"], 3);

    let mut other = Socket::connected(&node);
    let wish = json!({ "channel": "room:a", "data": { "refused": true } });
    let refused = other.ask("subscribe", &wish)["error"].clone();
    assert_eq!((&refused["code"], &refused["temporary"]), (&json!(403), &json!(null)));
    assert_eq!(refused["message"], "nobody may not come in");
    assert_eq!(refused["problem"]["outcome"], "executed", "{refused}");
    let history = other.ask("history", &json!({ "channel": "room:a", "limit": 1 }));
    assert_eq!(history["error"]["code"], 103, "it does not follow");
    node.say("room/a", 1);
    assert_eq!(socket.event("room:a"), (4, 4));
    other.is_well();
    // Refused is not for ever.
    assert_eq!(other.subscribe("room:a")["offset"], 4);
    assert_eq!(here(&node), 2);
}

#[test]
fn the_actor_is_told_when_a_client_leaves_in_whatever_way() {
    let node = Node::start(&[]);
    let mut socket = Socket::connected(&node);
    socket.subscribe("room:a");
    assert_eq!(here(&node), 1);
    socket.ask("unsubscribe", &json!({ "channel": "room:a" }));
    wait_until("#[detach] of unsubscribe", || here(&node) == 0);
    socket.subscribe("room:a");
    let mut stream = Stream::open(&node, "room/a");
    stream.heard();
    assert_eq!(here(&node), 2);
    drop(socket);
    drop(stream);
    wait_until("#[detach] of those who left", || here(&node) == 0);
    // One that closes properly.
    let mut socket = Socket::connected(&node);
    socket.subscribe("room:a");
    socket.message(tokio_tungstenite::tungstenite::Message::Close(None));
    wait_until("#[detach] of a closed socket", || here(&node) == 0);
}

#[test]
fn a_client_that_leaves_before_it_was_let_in_is_not_kept() {
    let node = Node::start(&[]);
    let wish = json!({ "channel": "room:a", "data": { "waits": true } });
    let mut leaves = Socket::connected(&node);
    leaves.send("subscribe", &wish);
    leaves.is_well();
    drop(leaves);
    wait_until("its end", || {
        let page = node.ask(node.admin, "GET /admin/v1/sessions", "").body;
        page.contains("\"sessions\":[]")
    });
    // Its turn has begun, and ends now. Another follows it.
    let mut stays = Socket::connected(&node);
    stays.send("subscribe", &json!({ "channel": "room:a" }));
    node.open_gate(1);
    let began = stays.reply(2);
    assert!(began["subscribe"].is_object(), "{began}");
    wait_until("#[detach] of the one that left", || here(&node) == 1);

    // One that takes its wish back while it waits.
    let id = stays.send("subscribe", &json!({ "channel": "room:b", "data": { "waits": true } }));
    stays.ask("unsubscribe", &json!({ "channel": "room:b" }));
    node.open_gate(1);
    stays.reply(id);
    wait_until("#[detach] of the wish that was taken back", || {
        node.get("/v1/room/b/here") == json!(0)
    });
}

#[test]
fn between_the_first_value_and_the_events_none_is_missed_and_none_is_doubled() {
    const ROUNDS: usize = 60;
    let node = Node::start(&[]);
    let ends = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _ends = Ends(&ends);
        for _ in 0..2 {
            scope.spawn(|| {
                while !ends.load(Ordering::Relaxed) {
                    node.say("room/a", 3);
                }
            });
        }
        let mut socket = Socket::connected(&node);
        for round in 0..ROUNDS {
            let began = socket.subscribe("room:a");
            let mut next = began["data"]["n"].as_u64().expect("a number") + 1;
            // What came while it was let in is in the answer.
            for (at, n) in events(&began) {
                assert_eq!((at, n), (next, next), "round {round}");
                next += 1;
            }
            assert_eq!(began["offset"], next - 1, "round {round}");
            for _ in 0..10 {
                assert_eq!(socket.event("room:a"), (next, next), "round {round}");
                next += 1;
            }
            let id = socket.send("unsubscribe", &json!({ "channel": "room:a" }));
            // Until it has left, events still come, and in order.
            loop {
                let said = socket.read().expect("it stays open");
                if said["id"] == id {
                    break;
                }
                assert_eq!(event(&said["push"]["pub"]), (next, next), "round {round}");
                next += 1;
            }
        }
    });
}

/// Tells it to others when this is dropped, by a panic too.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_client_sees_its_own_writes() {
    let node = Node::start(&[]);
    let mut socket = Socket::connected(&node);
    for kind in ["through", "sourced", "behind", "fleeting", "room"] {
        let (topic, method) = (format!("{kind}:a"), format!("{kind}/a/say"));
        let one = json!({ "times": 1, "bytes": 0 });
        assert_eq!(socket.rpc(&method, &one), 1);
        let began = socket.subscribe(&topic);
        assert_eq!(began["offset"], 1, "{kind}: what it wrote before is behind it");
        assert_eq!(socket.rpc(&method, &one), 2);
        assert_eq!(socket.event(&topic), (2, 2), "{kind}");
    }
}
