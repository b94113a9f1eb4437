use serde_json::json;

use crate::node::Node;
use crate::socket::Socket;
use crate::stream::Stream;
use crate::tokens::{self, SECRET, Signer, now};

const JWT: (&str, &str) = ("TENURE_AUTH__JWT_SECRET", SECRET);

fn ends_with(node: &Node, token: &str) -> u16 {
    let mut socket = Socket::open(node);
    socket.send("connect", &json!({ "token": token }));
    socket.end()
}

#[test]
fn only_a_good_token_lets_a_client_in() {
    let node = Node::start(&[JWT]);
    for bad in ["", "x", "x.y.z", &tokens::of("alice", 60)[1..]] {
        assert_eq!(ends_with(&node, bad), 3500, "{bad}");
    }
    let foreign = Signer::new().token(&json!({ "sub": "alice", "exp": now() + 60 }));
    assert_eq!(ends_with(&node, &foreign), 3500);

    let mut expired = Socket::open(&node);
    let reply = expired.ask("connect", &json!({ "token": tokens::of("alice", -60) }));
    assert_eq!(reply["error"]["code"], 109, "{reply}");
    // Its client brings a new one over the same socket.
    let claims = json!({ "sub": "alice", "exp": now() + 60, "role": "guest" });
    let reply = expired.ask("connect", &json!({ "token": tokens::token(&claims) }));
    assert_eq!(reply["connect"]["expires"], true, "{reply}");
    assert!(reply["connect"]["ttl"].as_i64().is_some_and(|it| (50..=60).contains(&it)), "{reply}");
    let began = expired.subscribe("room:a");
    assert_eq!(began["data"], json!({ "n": 0, "user": "alice", "role": "guest" }));
    let here = expired.ask("presence", &json!({ "channel": "room:a" }));
    assert!(here.to_string().contains("\"user\":\"alice\""), "{here}");
    let forever = tokens::token(&json!({ "sub": "bob" }));
    assert_eq!(ends_with(&node, &forever), 3500, "a token says when it ends");

    let refused = Stream::try_open(&node, "GET /v1/room/a/events").err().expect("no key");
    assert_eq!(refused.0, 401, "{}", refused.1);
    let head = format!("GET /v1/room/a/events\nauthorization: Bearer {}", tokens::of("bob", 60));
    let mut stream = Stream::try_open(&node, &head).unwrap_or_else(|it| panic!("{it:?}"));
    assert!(stream.heard().data.contains("\"user\":\"bob\""));
}

#[test]
fn a_token_of_a_public_key_lets_a_client_in() {
    let signer = Signer::new();
    let keys = tempfile::tempdir().expect("a folder");
    let file = keys.path().join("public.pem");
    std::fs::write(&file, signer.pem()).expect("it is written");
    let file = file.display().to_string();
    let node = Node::start(&[("TENURE_AUTH__JWT_PUBLIC_KEY_FILE", &file)]);
    let claims = json!({ "sub": "alice", "exp": now() + 60 });
    Socket::connected_as(&node, &signer.token(&claims)).is_well();
    assert_eq!(ends_with(&node, &Signer::new().token(&claims)), 3500);
    assert_eq!(ends_with(&node, &tokens::token(&claims)), 3500);
}

#[test]
fn a_session_ends_with_its_token_unless_that_is_refreshed() {
    let node = Node::start(&[
        JWT,
        ("TENURE_SESSIONS__EXPIRY_GRACE", "200ms"),
        ("TENURE_SESSIONS__PING_PERIOD", "500ms"),
    ]);
    let mut ends = Socket::connected_as(&node, &tokens::of("alice", 1));
    let head = format!("GET /v1/room/a/events\nauthorization: Bearer {}", tokens::of("bob", 1));
    let mut stream = Stream::try_open(&node, &head).unwrap_or_else(|it| panic!("{it:?}"));
    let mut goes_on = Socket::connected_as(&node, &tokens::of("alice", 1));
    let refreshed = goes_on.ask("refresh", &json!({ "token": tokens::of("alice", 600) }));
    assert_eq!(refreshed["refresh"]["expires"], true, "{refreshed}");
    let late = goes_on.ask("refresh", &json!({ "token": tokens::of("alice", -60) }));
    assert_eq!(late["error"]["code"], 109, "{late}");
    assert_eq!(ends.end(), 3005);
    while stream.next().is_some() {}
    // Longer than the first token's time.
    goes_on.until_pings(6);
    goes_on.is_well();
    // Nobody becomes another.
    goes_on.send("refresh", &json!({ "token": tokens::of("bob", 600) }));
    assert_eq!(goes_on.end(), 3500);
}

#[test]
fn keys_come_with_the_upgrade_and_strangers_where_they_may() {
    let keys =
        ("TENURE_AUTH__API_KEYS", "alice alices-secret-key, bob bobs-other-secret-key read-only");
    let node = Node::start(&[keys]);
    let mut alice = Socket::open_with(&node, &[("x-api-key", "alices-secret-key")])
        .unwrap_or_else(|refused| panic!("{refused:?}"));
    assert!(alice.ask("connect", &json!({}))["connect"].is_object());
    assert_eq!(alice.subscribe("room:a")["data"]["user"], "alice");
    assert_eq!(alice.rpc("room/a/say", &json!({ "times": 1, "bytes": 0 })), 1);
    let mut bob = Socket::open_with(&node, &[("authorization", "Bearer bobs-other-secret-key")])
        .unwrap_or_else(|refused| panic!("{refused:?}"));
    assert!(bob.ask("connect", &json!({}))["connect"].is_object());
    assert_eq!(bob.rpc("room/a/here", &json!(null)), 1);
    let refused = bob.ask("rpc", &json!({ "method": "room/a/say", "data": {} }));
    assert_eq!(refused["error"]["code"], 103, "{refused}");
    let wrong = Socket::open_with(&node, &[("x-api-key", "alices-secret-kez")]).err();
    assert_eq!(wrong.expect("it is refused").status(), 401);
    assert_eq!(ends_with(&node, ""), 3500, "nobody");

    let node = Node::start(&[keys, ("TENURE_SESSIONS__ANONYMOUS", "true")]);
    let mut nobody = Socket::connected(&node);
    assert_eq!(nobody.subscribe("room:a")["data"]["user"], json!(null));
    assert_eq!(ends_with(&node, "wrong"), 3500);
}

#[test]
fn pages_of_other_sites_open_no_socket_unless_they_are_named() {
    let node = Node::start(&[("TENURE_SESSIONS__ORIGINS", "https://app.example")]);
    let own = format!("http://{}", node.calls);
    for (origin, may) in
        [(&*own, true), ("https://app.example", true), ("https://evil.example", false)]
    {
        let opened = Socket::open_with(&node, &[("origin", origin)]);
        assert_eq!(opened.is_ok(), may, "{origin}");
        if let Err(refused) = opened {
            assert_eq!(refused.status(), 403);
        }
    }
}

#[test]
fn the_hook_is_asked_for_events_and_calls() {
    let node = Node::start(&[("HOOK", "1")]);
    let mut socket = Socket::connected(&node);
    for (name, what, code, message) in [
        ("subscribe", json!({ "channel": "room:secret" }), 103, "no events here"),
        ("rpc", json!({ "method": "room/secret/here" }), 103, "no here here"),
        ("subscribe", json!({ "channel": "room:members" }), 101, "who is it?"),
        ("rpc", json!({ "method": "room/members/here" }), 101, "who is it?"),
    ] {
        let error = socket.ask(name, &what)["error"].clone();
        assert_eq!((&error["code"], &error["message"]), (&json!(code), &json!(message)), "{what}");
    }
    // The headers of the upgrade count for all that follows.
    let mut member = Socket::open_with(&node, &[("x-member", "1")])
        .unwrap_or_else(|refused| panic!("{refused:?}"));
    member.ask("connect", &json!({}));
    member.subscribe("room:members");
    assert_eq!(member.rpc("room/members/here", &json!(null)), 1);
    for (key, status) in [("secret", 403), ("members", 401)] {
        let refused = Stream::try_open(&node, &format!("GET /v1/room/{key}/events"));
        assert_eq!(refused.err().expect("it is refused").0, status, "{key}");
    }
    socket.is_well();
}
